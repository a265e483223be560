"""Contracts in the hand: kernel state, brought up to the business date, and what is to be written.

Nothing here does I/O: use cases work on a ``BorrowerBook`` that the poster loaded and will write.
"""

from collections.abc import Iterable, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from usance.contract.records import (
    DAY,
    LINE,
    NOTICE,
    Contract,
    Due,
    Effect,
    Event,
    Out,
    Terms,
    names,
)
from usance.contract.replay import (
    History,
    Issued,
    Parts,
    State,
    note_issue,
    parts_of,
    statement_event,
)
from usance.contract.standing import next_alarm
from usance.contract.step import REFUSALS, advance, step, wake
from usance.core.identifiers import cell_of_contract
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.ledger.streams import Change, Stream, change, rounding_of, streams_of
from usance.ledger.transfers import Pair, pairs_of, transfers_of

DUE_FIELDS = attrgetter(*names(Due))
ENDED = 2


@dataclass(slots=True)
class Booked:
    """One event as it will be written, with its transfers."""

    event: Event
    parts: Parts
    transfers: list[tuple[int, int, int]]


@dataclass(slots=True)
class Notice:
    """A notice that day close asks for (``kind`` is the component slot of the kernel's effect)."""

    n: int
    kind: int
    days: int
    send_on: int


@dataclass(slots=True)
class Hand:
    """One contract in the hand."""

    contract_id: int
    product_id: int
    terms_id: int  # 0: the poster stores the terms
    terms: Terms
    state: Contract
    dues: list[Due]
    parent_id: int = 0
    version: int = 0
    new: bool = False
    opening: dict[str, Any] | None = None  # written for a new contract
    history: History | None = None  # loaded for what refers to earlier events
    stored_pairs: dict[Pair, int] = field(default_factory=dict)  # with the history
    held_before: dict[int, tuple[int, ...]] = field(default_factory=dict)
    streams: tuple[Stream, Stream] | None = None
    booked: list[Booked] = field(default_factory=list)
    changes: list[tuple[int, Change]] = field(default_factory=list)  # (booked on, change)
    statements: list[tuple[int, Issued, int]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    known_late_from: int = 0
    lateness: list[tuple[int, int, int]] = field(default_factory=list)  # booked on, was, late from
    reversed_events: dict[int, int] = field(default_factory=dict)  # seq -> by seq
    plans_due: dict[int, int] = field(default_factory=dict)  # by the statement's event
    dirty: bool = False

    @property
    def cell(self) -> int:
        """The borrower's cell."""
        return cell_of_contract(self.contract_id)

    def copy(self) -> "Hand":
        """The same contract in another hand; what is booked is shared, it never changes."""
        other = copy(self)
        other.state = copy(self.state)
        other.dues = [copy(due) for due in self.dues]
        other.history = deepcopy(self.history)
        for name in ("booked", "changes", "statements", "notices", "lateness", "reversed_events",
                     "plans_due"):  # fmt: skip
            setattr(other, name, copy(getattr(self, name)))
        return other

    def hold(self, rows: Iterable[Sequence[int]]) -> None:
        """Dues as the database holds them, to write only what changes."""
        self.held_before = {row[0]: tuple(row) for row in rows}
        self.dues = [Due(*row) for row in self.held_before.values()]
        self.streams = streams_of(self.terms, self.state, self.dues)
        self.known_late_from = self.state.late_from

    @rule("R-RESTR-01")
    def take_terms(self, terms: Terms) -> None:
        """Terms by which the contract runs from now on; those that are new get their id later."""
        if terms != self.terms:
            self.terms, self.terms_id = terms, 0

    def changed_dues(self) -> list[tuple[int, ...]]:
        """Field values of dues that are new or differ from what the database holds."""
        held = self.held_before
        found = []
        for due in self.dues:
            values = DUE_FIELDS(due)
            if held.get(due.n) != values:
                found.append(values)
        return found

    @rule("R-CLOSE-DAY-02")
    def bring_up(self, business_date: int) -> None:
        """Close the days that a day close has not reached yet on this contract."""
        while self.state.alarm < business_date:
            self.close_day(self.state.alarm)

    def close_day(self, day: int) -> None:
        """One business day's end, booked on that day."""
        out = Out()
        event = Event(kind=DAY, on=day)
        n = self.state.running
        issued = wake(self.terms, self.state, self.dues, event, day, out)
        self.take_notices(out.effects, day + 1)
        if issued:
            said = note_issue(State(self.terms, self.state, self.dues), day, n)
            self.book(statement_event(said, self.state.seq), out.effects, day)
            self.statements.append((said.n, said, self.state.seq))
        else:
            self.book_if_moved(event, out.effects, day)
        self.dirty = True

    def book_if_moved(self, event: Event, effects: list[Effect], day: int) -> None:
        """A day that moved money is an event; a day that did not is not."""
        if pairs_of(effects):
            self.state.seq += 1
            self.book(replace(event, seq=self.state.seq, on=day), effects, day)
        else:
            self.note_change(effects, day)

    def book(
        self, event: Event, effects: list[Effect], booked_on: int, parts: Parts | None = None
    ) -> Booked:
        """Record an event with its transfers, and how it changed the accrual."""
        event.booked_on = booked_on
        entry = Booked(event, parts or Parts(), transfers_of(pairs_of(effects)))
        self.booked.append(entry)
        if self.history is not None:
            self.history.take(event)
        self.note_change(effects, booked_on)
        self.dirty = True
        return entry

    def note_change(self, effects: list[Effect], booked_on: int, rounding: int = 0) -> None:
        """How the contract's accrual differs from before; ``rounding`` comes on top."""
        after = streams_of(self.terms, self.state, self.dues)
        rounding += rounding_of(effects)
        for place, stream in enumerate(after):
            told = rounding if place == 0 else 0
            before = self.streams[place] if self.streams else empty(stream)
            self.changes.extend((booked_on, each) for each in change(before, stream, told))
        self.streams = after
        self.note_late(booked_on)

    @rule("R-LATE-02")
    def note_late(self, booked_on: int) -> None:
        """Something became late, or is so no longer: that the book knew it on this day."""
        if self.state.late_from != self.known_late_from:
            self.lateness.append((booked_on, self.known_late_from, self.state.late_from))
            self.known_late_from = self.state.late_from

    def take_notices(self, effects: list[Effect], send_on: int) -> None:
        """Notices among the effects."""
        for effect in effects:
            source, kind = divmod(effect.kind, 8)
            if source == NOTICE:
                self.notices.append(Notice(effect.n, kind, effect.amount, send_on))

    def apply(self, event: Event, business_date: int) -> Booked:
        """Step one event of today; raises ``Refused`` with the kernel's rule."""
        out = Out()
        event.seq = self.state.seq + 1
        event.on = event.on or business_date
        if event.on > self.state.on:
            advance(self.terms, self.state, self.dues, event.on, out)
        before = len(out.effects)
        code = step(self.terms, self.state, self.dues, event, out)
        if code:
            raise Refused(*REFUSALS[code])
        parts = parts_of(event, out.effects[before:])
        return self.book(event, out.effects, business_date, parts)

    def settle_alarm(self) -> None:
        """Set the alarm after a state was replaced."""
        self.state.alarm = next_alarm(self.terms, self.state, self.dues)


def empty(stream: Stream) -> Stream:
    """Nothing, in the measure of ``stream``: what a new contract changes from."""
    return stream._replace(whole=0, rest=0, slope=0, slope_rest=0)


@dataclass(slots=True)
class Line:
    """A borrower's limit on a product."""

    borrower_id: int
    product_id: int
    limit: int
    held: int
    status: int
    contract_id: int
    opened_on: int
    version: int = 0
    new: bool = False
    dirty: bool = False


@dataclass(slots=True)
class Offer:
    """A frozen quote."""

    offer_id: int
    borrower_id: int
    product_id: int
    document: dict[str, Any]
    cost: dict[str, Any]
    principal: int
    valid_until: int
    status: int = 1
    contract_id: int = 0
    parent_id: int = 0
    cycle: int = 0
    new: bool = False
    dirty: bool = False


@dataclass(slots=True)
class CostSheet:
    """A sheet with what became of it; of an offer it has the offer's id, of a line its own.

    ``text`` and ``digest`` are its words; moments are microseconds since 1970, 0 for never.
    """

    sheet_id: int
    borrower_id: int
    kind: int
    text: str
    digest: bytes
    contract_id: int = 0
    shown_at: int = 0
    language: str = ""
    nonce: str = ""
    confirmed_at: int = 0
    how: str = ""
    new: bool = False
    dirty: bool = False


@dataclass(slots=True)
class Authorisation:
    """A hold on a line."""

    authorisation_id: int
    borrower_id: int
    contract_id: int
    amount: int
    captured: int
    status: int
    merchant: str
    authorised_on: int
    expires_on: int
    new: bool = False
    dirty: bool = False


WAITS, ALLOCATED, RETURNED = 1, 2, 3


@dataclass(slots=True)
class Receipt:
    """Bank money that no contract took; below 0 what the bank took back."""

    receipt_id: int
    amount: int
    value_date: int
    status: int
    contract_id: int
    event_seq: int
    through: int = 0  # account to which the money moves when it is settled
    operation_id: int = 0

    def settle(self, status: int, through: int, contract_id: int = 0, event_seq: int = 0) -> None:
        """It waits no longer."""
        self.status, self.through = status, through
        self.contract_id, self.event_seq = contract_id, event_seq


@dataclass(slots=True)
class BorrowerBook:
    """Everything of one borrower that a command may touch."""

    borrower_id: int
    business_date: int
    hands: dict[int, Hand] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)
    offers: dict[int, Offer] = field(default_factory=dict)
    sheets: dict[int, CostSheet] = field(default_factory=dict)
    authorisations: dict[int, Authorisation] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    last_contract: int = 0
    whole: bool = False
    new_contracts: int = 0
    known: bool = True
    erased: bool = False
    currency: str = ""  # of the lender's book, where a contract may be opened
    said: dict[str, Any] = field(default_factory=dict)  # by the command under way: its detail

    def copy(self) -> "BorrowerBook":
        """The book as it stands, to return to when a command is refused half-way."""
        other = copy(self)
        other.hands = {key: hand.copy() for key, hand in self.hands.items()}
        for name in ("lines", "offers", "sheets", "authorisations", "receipts"):
            setattr(other, name, {key: copy(each) for key, each in getattr(self, name).items()})
        return other

    def hand(self, contract_id: int) -> Hand:
        """A contract of this borrower, brought up to the business date."""
        hand = self.hands.get(contract_id)
        if hand is None:
            raise Refused("R-FOUND-01", "there is no such contract", "contract_id")
        hand.bring_up(self.business_date)
        return hand

    def open_hands(self) -> Iterable[Hand]:
        """Contracts that are not closed, in the order of their ids."""
        for contract_id in sorted(self.hands):
            if self.hands[contract_id].state.status != ENDED:
                yield self.hand(contract_id)

    def line(self, product_id: int) -> Line:
        """The borrower's line on a product."""
        found = self.lines.get(product_id)
        if found is None:
            raise Refused("R-LINE-10", "the borrower has no line on this product", "product")
        return found

    @rule("R-LIMIT-01")
    def available(self, line: Line) -> int:
        """Limit less unpaid principal (of the account and its plans, or of all loans) and holds."""
        used = 0
        for hand in self.hands.values():
            belongs = hand.product_id == line.product_id or (
                line.contract_id and hand.parent_id == line.contract_id
            )
            if belongs and hand.state.status == 1:
                used += hand.state.unpaid_principal - hand.state.credit
        return line.limit - used - line.held


def accounts(hands: Iterable[Hand]) -> list[Hand]:
    """The pay-later accounts among them."""
    return [hand for hand in hands if hand.state.kind == LINE]
