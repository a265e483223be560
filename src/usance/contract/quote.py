"""The quote document: JSON in, JSON out, the real kernel (``docs/decisions/0002``)."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from usance.contract import documents as shape
from usance.contract.records import (
    CHARGE_OFF,
    CHARGEBACK,
    DRAWING_RETURNED,
    EXTENSION,
    FEE_EVENT,
    GOODWILL,
    PAYOUT,
    PENALTY_EVENT,
    PURCHASE,
    RECOVERY,
    REFUND,
    REPAYMENT,
    RESTRUCTURE,
    REVERSAL,
    WAIVER,
    Event,
)
from usance.contract.rendering import render
from usance.contract.replay import History, Opening
from usance.contract.terms import (
    COMPONENTS,
    INSTALMENTS_MAX,
    Agreed,
    agree_line,
    agree_term,
    amount,
    between,
    check_restructuring,
    day,
    rate_of,
)
from usance.core.refusals import Refused, without_values
from usance.core.rules import rule

KINDS = {
    "repayment": REPAYMENT, "fee": FEE_EVENT, "penalty": PENALTY_EVENT, "refund": REFUND,
    "goodwill": GOODWILL, "chargeback": CHARGEBACK, "reversal": REVERSAL, "waiver": WAIVER,
    "purchase": PURCHASE, "extension": EXTENSION, "charge_off": CHARGE_OFF, "recovery": RECOVERY,
    "payout": PAYOUT, "restructuring": RESTRUCTURE, "drawing_returned": DRAWING_RETURNED,
}  # fmt: skip
WITHOUT_AMOUNT = (REVERSAL, EXTENSION, CHARGE_OFF, RESTRUCTURE, DRAWING_RETURNED)


@dataclass(frozen=True, slots=True)
class Known:
    """An event with the day on which it entered the book, and its place in the document."""

    event: Event
    recorded_on: int
    path: str


def quote(document: object) -> dict[str, Any]:
    """The answer to a quote document, or the problem document of its refusal."""
    try:
        return answer(document)
    except Refused as refused:
        return refused.refusal.document()


def answer(document: object) -> dict[str, Any]:
    """The answer; raises ``Refused``."""
    given = read(document)
    agreed = agree(given)
    known = events_of(given, agreed)
    as_of = as_of_day(given, agreed, known)
    history = History(Opening(agreed.terms, agreed.plan, agreed.opened_on, agreed.statement_day),
                      trace=True, limit=agreed.limit)  # fmt: skip
    present = [k for k in known if k.event.on <= as_of]
    check_relations(present)
    history.run([(min(k.recorded_on, as_of), k.event) for k in present], as_of)
    return render(agreed, history, [k.event for k in present], as_of)


@rule("R-DOC-01")
def read(document: object) -> shape.Document:
    """The document in its shape."""
    try:
        return msgspec.convert(document, shape.Document)
    except msgspec.ValidationError as error:
        detail, _, path = without_values(str(error)).partition(" - at `")
        raise Refused("R-DOC-01", detail, path.removeprefix("$.").rstrip("`")) from error


def agree(given: shape.Document) -> Agreed:
    """Terms of either kind."""
    if isinstance(given.terms, shape.TermTerms):
        return agree_term(given.terms)
    first = min((day(e.on, "events") for e in given.events), default=0)
    if not first and given.terms.opened_on is None:
        raise Refused("R-DOC-01", "opened_on is needed where there are no events", "terms")
    return agree_line(given.terms, first)


def as_of_day(given: shape.Document, agreed: Agreed, known: list[Known]) -> int:
    """The day of the view: given, or the latest day named."""
    if given.as_of is not None:
        as_of = day(given.as_of, "as_of")
        if as_of < agreed.opened_on:
            raise Refused("R-DATE-01", "as_of is before the contract opened", "as_of")
        return as_of
    return max([agreed.opened_on, *(k.event.on for k in known)])


def events_of(given: shape.Document, agreed: Agreed) -> list[Known]:
    """Events in the order of the document, each checked for itself."""
    return [
        event_of(each, agreed, f"events[{i}]") for i, each in enumerate(given.events)
    ]


def event_of(given: shape.EventIn, agreed: Agreed, path: str) -> Known:
    """One event as the kernel's integers."""
    kind = KINDS[given.type]
    on = day(given.on, f"{path}.on")
    recorded_on = on
    if given.recorded_on is not None:
        recorded_on = day(given.recorded_on, f"{path}.recorded_on")
    event = Event(seq=between(given.seq, 1, 2**31, f"{path}.seq"), kind=kind, on=on)
    if kind not in WITHOUT_AMOUNT:
        if given.amount is None:
            raise Refused("R-DOC-01", "the amount is missing", f"{path}.amount")
        event.amount = amount(given.amount, agreed.decimals, f"{path}.amount")
    if kind == EXTENSION:
        event.days = between(given.days or 0, 1, 3660, f"{path}.days")
    if kind == RESTRUCTURE:
        event.amount, event.days, event.component = new_plan(given, agreed, on, path)
    if kind == WAIVER:
        if given.component is None or given.component == "principal":
            raise Refused("R-DOC-01", "interest, fee or penalty can be waived", f"{path}.component")
        event.component = COMPONENTS[given.component]
    event.of = reference(given, path)
    if kind == PURCHASE:
        posted_before(event, recorded_on)
    if kind == DRAWING_RETURNED:
        check_return(agreed, on, path)
    if recorded_on < on and kind != REVERSAL:
        raise Refused("R-DATE-01", "recorded before it was effective", f"{path}.recorded_on")
    return Known(replace(event, booked_on=recorded_on), recorded_on, path)


@rule("R-DRAW-01")
def check_return(agreed: Agreed, on: int, path: str) -> None:
    """Only a loan is paid out; what was paid out comes back afterwards."""
    if agreed.plan is None:
        raise Refused("R-KIND-01", "this kind of contract has no such event", path)
    if on < agreed.opened_on:
        raise Refused("R-DATE-01", "the event is before the contract opened", path)


@rule("R-SEQ-01")
def reference(given: shape.EventIn, path: str) -> int:
    """The event that another refers to; 0 where it refers to none."""
    if given.of is None:
        return 0
    if given.of < 1:
        raise Refused("R-SEQ-01", "the event that it refers to is not there", f"{path}.of")
    return given.of


@rule("R-RESTR-01")
def new_plan(given: shape.EventIn, agreed: Agreed, on: int, path: str) -> tuple[int, int, int]:
    """Instalments, rate (-1: as agreed) and days to the first due day (0: one step)."""
    if given.instalments is None:
        raise Refused("R-DOC-01", "the instalments are missing", f"{path}.instalments")
    instalments = between(given.instalments, 1, INSTALMENTS_MAX, f"{path}.instalments")
    rate = -1
    if given.rate is not None:
        chosen, rate = rate_of(given.rate, f"{path}.rate")
        if agreed.plan is not None and chosen != agreed.rate_form:
            raise Refused("R-RANGE-01", "the rate has the form agreed", f"{path}.rate.{chosen}")
    first = 0
    if given.first_due_on is not None:
        where = f"{path}.first_due_on"
        first = between(day(given.first_due_on, where) - on, 1, 3660, where)
    if agreed.plan is not None:
        check_restructuring(agreed.terms, agreed.plan, instalments, rate, first, path)
    return instalments, rate, first


@rule("R-LINE-01")
def posted_before(event: Event, recorded_on: int) -> None:
    """A purchase never changes the past: it stands on its recorded day, its interest earlier."""
    if recorded_on > event.on:
        event.days = recorded_on - event.on
        event.on = recorded_on


def check_relations(known: list[Known]) -> None:
    """What events say of one another: R-SEQ-01, R-KIND-01, R-DATE-01, R-REV-02."""
    by_seq: dict[int, Known] = {}
    reversed_once: set[int] = set()
    for each in known:
        if each.event.seq in by_seq:
            raise Refused("R-SEQ-01", "the seq is used twice", each.path)
        by_seq[each.event.seq] = each
    for each in sorted(known, key=lambda k: (k.event.on, k.event.seq)):
        event = each.event
        needs = event.kind in (REVERSAL, CHARGEBACK)
        if not needs and not (event.kind == REFUND and event.of):
            continue
        target = by_seq.get(event.of)
        if target is None or event.of >= event.seq:
            raise Refused("R-SEQ-01", "the event that it refers to is not there", f"{each.path}.of")
        check_target(each, target.event)
        if event.kind == REVERSAL:
            if event.of in reversed_once:
                raise Refused("R-REV-02", "reversed twice", each.path)
            reversed_once.add(event.of)
    check_returned_once([k for k in known if k.event.seq not in reversed_once])


@rule("R-DRAW-02")
def check_returned_once(known: list[Known]) -> None:
    """A pay-out comes back once."""
    for each in [k for k in known if k.event.kind == DRAWING_RETURNED][1:]:
        raise Refused("R-DRAW-02", "the drawing has come back already", each.path)


def check_target(each: Known, target: Event) -> None:
    """Whether one event may refer to the other."""
    event = each.event
    wanted = {CHARGEBACK: (REPAYMENT,), REFUND: (PURCHASE,)}.get(event.kind)
    if (wanted and target.kind not in wanted) or target.kind == REVERSAL:
        raise Refused("R-KIND-01", "the event does not fit the one it refers to", each.path)
    if event.on < target.on:
        raise Refused("R-DATE-01", "the event is before the one it refers to", each.path)
