"""Cases: opened for a borrower or about the house, worked on, decided by somebody else, counted."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from usance.cases import clocks, files, rules, statistics, store, view
from usance.cases import read as models
from usance.cases.deciding import Finding
from usance.cases.intake import Opening
from usance.cases.records import Case
from usance.cases.remedies import Remedy
from usance.cases.sealing import Seal, seal_of
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.colleagues import colleagues
from usance.identity.machine import MachineClient
from usance.identity.once import Answer
from usance.web.acting import acting, looked
from usance.web.api.bodies import Body
from usance.web.api.endpoint import Asked, Empty, Reply, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import Amount, Day
from usance.web.services import CaseRoom

Words = Annotated[str, Meta(min_length=1, max_length=rules.TEXT_MOST)]
Id = Annotated[str, Meta(min_length=3, max_length=20)]
Kind = Literal["complaint", "appeal", "dispute", "correction", "incident", "human_review"]
Way = Literal["from_borrower", "to_borrower", "note"]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]


# -- bodies and queries ----------------------------------------------------------------------------


class SubjectBody(Body, kw_only=True):
    """What a case is about; ``number`` is that of an event, or of a notice's due."""

    kind: Literal["contract", "event", "operation", "case", "notice", "fact"]
    id: Id
    number: Number | None = None


class CaseBody(Body, kw_only=True):
    """A case to open; an incident may be without a borrower."""

    kind: Kind
    text: Words
    borrower_id: Id | None = None
    subject: SubjectBody | None = None
    jurisdiction: Annotated[str, Meta(max_length=10, description="empty: the book's")] = ""


class MessageBody(Body, kw_only=True):
    """A message; ``wait``: the borrower is asked, and the case waits for the answer."""

    way: Way
    text: Words
    wait: bool = False


class AssignmentBody(Body, kw_only=True):
    """Whom the case is given to."""

    staff_id: Number


class RemedyBody(Body, kw_only=True):
    """What is to be done; each kind names what it needs, and nothing else."""

    kind: Literal["goodwill", "waiver", "refund", "reversal", "correction", "fact"]
    contract_id: Id | None = None
    amount: Amount | None = None
    component: Literal["", "interest", "fee", "penalty"] = ""
    of: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    detail: Literal["", "name", "email"] = ""
    value: Annotated[str, Meta(max_length=254)] = ""


class ProposalBody(Body, kw_only=True):
    """What the handler found, and what is to be done."""

    result: Literal["upheld", "partly", "not_upheld"]
    reasons: Words
    remedy: RemedyBody | None = None


class DecisionBody(Body, kw_only=True):
    """Follow a proposal, or send it back with a note for staff."""

    proposal: Number
    follow: bool
    note: Annotated[str, Meta(max_length=rules.TEXT_MOST)] = ""


class ReasonsBody(Body, kw_only=True):
    """Why."""

    reasons: Words


class CasesQuery(PageQuery, kw_only=True):
    """Which cases; ``due`` lists the most urgent first, everything else the newest."""

    state: Literal["", "open", "waiting", "decided", "withdrawn", "closed"] = ""
    kind: Kind | Literal[""] = ""
    due: Literal["", "late", "soon"] = ""
    assignee: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    borrower_id: Annotated[str, Meta(max_length=20)] = ""
    contract_id: Annotated[str, Meta(max_length=20)] = ""
    operation_id: Annotated[str, Meta(max_length=20)] = ""


class UploadQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """The file's name as it came, and whose it is."""

    name: Annotated[str, Meta(min_length=1, max_length=files.NAME_MOST)]
    way: Way = "from_borrower"


class SpanQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Cases that came in within these days; without them, in the last year."""

    since: Day | None = None
    until: Day | None = None


class RulesQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """As of which day; today where none is named."""

    on: Day | None = None


# -- views -----------------------------------------------------------------------------------------


class CaseSubjectView(Struct):
    """What a case is about."""

    kind: str
    id: str
    number: int | None


class CaseView(Struct, kw_only=True):
    """A case without its words; ``days_left`` is below 0 once it is late."""

    case_id: str
    borrower_id: str | None
    kind: str
    state: str
    jurisdiction: str
    channel: str
    subject: CaseSubjectView | None
    opened_by: str
    opened_at: str
    assignee: str | None
    rule_id: str
    received_on: str
    acknowledge_by: str
    acknowledged_on: str | None
    acknowledged_late: bool
    decide_by: str
    decided_on: str | None
    decided_late: bool
    days_left: int
    clock: Literal["late", "soon", "fine", "stopped"]
    extensions: int
    result: str | None
    reopened: int
    ended_on: str | None
    messages: int
    attachments: int


class CaseOutcomeView(Struct, kw_only=True):
    """A proposal and what became of it."""

    number: int
    state: str
    result: str
    reasons: str
    remedy: dict[str, Any]
    value: str
    proposed_by: str
    proposed_at: str
    decided_by: str | None
    decided_at: str | None
    note: str
    approval_id: str | None
    refused_by: str | None
    operation_id: str | None


class ClockRuleView(Struct, kw_only=True):
    """A row of the policy document."""

    id: str
    jurisdiction: str
    kind: str
    effective_on: str
    acknowledge: dict[str, Any]
    decide: dict[str, Any]
    extensions: list[dict[str, Any]]
    routes: list[dict[str, str]]
    source: str
    checked_on: str
    note: str


class WholeCaseView(Struct, kw_only=True):
    """A case with its words, its outcomes, and the rule that it is kept under."""

    case: CaseView
    text: str
    rule: ClockRuleView
    outcomes: list[CaseOutcomeView]


class CaseMessageView(Struct):
    """A message or a note."""

    number: int
    way: str
    by: str
    at: str
    text: str


class CaseAttachmentView(Struct):
    """A file without its content."""

    number: int
    way: str
    by: str
    at: str
    name: str
    media_type: str
    size: int


class CaseEventView(Struct):
    """Something that was done to a case."""

    number: int
    kind: str
    by: str
    at: str
    detail: dict[str, Any]
    operation_id: str


class CaseHandlerView(Struct):
    """Somebody to whom a case can be given."""

    staff_id: int
    name: str


class CaseSumsView(Struct, kw_only=True):
    """Cases of a kind, or of all. Shares are decimals of one; null where nothing was decided."""

    kind: str
    cases: int
    states: dict[str, int]
    results: dict[str, int]
    open_by_age: list[int]
    decided: int
    in_time: int
    in_time_share: str | None
    upheld_share: str | None
    median_days: int | None


class CaseStatisticsView(Struct):
    """Cases that came in within days; ``ages`` are the bounds of ``open_by_age``, in days."""

    since: str
    until: str
    ages: list[str]
    kinds: list[CaseSumsView]
    total: CaseSumsView


def room(asked: Asked[Any]) -> CaseRoom:
    """The room of cases."""
    return asked.services.cases


def who(asked: Asked[Any]) -> Any:
    """Who asks, for a change."""
    return acting(asked.caller, asked.key, asked.request_hash)


@rule("R-FOUND-01")
def spelled_id(kind: str, text: str | None, path: str) -> int:
    """An id in a body, 0 for none; what cannot be one is not there."""
    if not text:
        return 0
    with suppress(ValueError):
        return parse(kind, text)
    raise Refused("R-FOUND-01", f"there is no such {kind}", path)


@rule("R-DOC-01")
def wanted(kind: str, text: str) -> int:
    """An id to look for, 0 for any; raises ``Refused`` for what cannot be one."""
    if not text:
        return 0
    with suppress(ValueError):
        return parse(kind, text)
    raise Refused("R-DOC-01", f"not the id of a {kind}", f"{kind}_id")


# -- opening and reading ---------------------------------------------------------------------------


@change("POST", "/v1/cases", "cases:write")
async def open_case(asked: Asked[Empty], body: CaseBody) -> Answer:
    """Open a case: its number, and until when it is acknowledged and decided."""
    subject = body.subject
    kinds = {"operation": "operation", "case": "case", "fact": "fact"}
    opening = Opening(
        kind=body.kind, text=body.text, jurisdiction=body.jurisdiction,
        borrower_id=spelled_id("borrower", body.borrower_id, "borrower_id"),
        subject=subject.kind if subject else "nothing",
        subject_id=subject_of(subject, kinds) if subject else 0,
        subject_number=(subject.number or 0) if subject else 0,
    )  # fmt: skip
    channel = rules.API if isinstance(asked.caller, MachineClient) else rules.CONSOLE
    return await room(asked).work.open(opening, channel, who(asked))


@rule("R-CASE-04")
def subject_of(subject: SubjectBody, kinds: dict[str, str]) -> int:
    """The id of what a case is about; what cannot be one is about nobody."""
    try:
        return parse(kinds.get(subject.kind, "contract"), subject.id)
    except ValueError as error:
        detail = "there is nothing like that about this borrower"
        raise Refused("R-CASE-04", detail, "subject") from error


@read("/v1/cases", "cases:read")
async def cases(asked: Asked[CasesQuery]) -> Page[CaseView]:
    """Cases without their words."""
    query, desk = asked.query, room(asked).desk
    if query.due:
        found = await models.by_clock(desk, query.due, due_position(query), query.limit)
        items = [case_view(asked, each) for each in found]
        last = f"{found[-1].decide_by}.{found[-1].case_id}" if len(found) == query.limit else None
        return Page(items, last)
    found = await models.listed(
        desk, position(query, store.LAST), query.limit, state=query.state, kind=query.kind,
        assignee=query.assignee,
        borrower_id=wanted("borrower", query.borrower_id),
        contract_id=wanted("contract", query.contract_id),
        operation_id=wanted("operation", query.operation_id),
    )  # fmt: skip
    items = [case_view(asked, each) for each in found]
    return page(items, query, found[-1].case_id if found else 0)


@rule("R-DOC-01")
def due_position(query: CasesQuery) -> tuple[date, int]:
    """Where the page before of the most urgent ended: day and number of the last case."""
    if not query.cursor:
        return date.min, 0
    day, _, number = query.cursor.partition(".")
    with suppress(ValueError):
        if number.isascii() and number.isdigit() and int(number) <= store.LAST:
            return date.fromisoformat(day), int(number)
    raise Refused("R-DOC-01", "not a cursor of this list", "cursor")


@read("/v1/cases/{case_id}", "cases:read")
async def case(asked: Asked[Empty]) -> WholeCaseView:
    """One case with its words and outcomes."""
    desk = room(asked).desk
    found = await models.one(desk, asked.at["case_id"])
    seal = await shown(asked, found)
    outcomes = await store.outcomes(desk.pool, found)
    return WholeCaseView(
        case=case_view(asked, found), text=seal.text_of(found), rule=rule_view(found.clock_rule),
        outcomes=[CaseOutcomeView(**view.outcome_document(each, seal)) for each in outcomes],
    )


async def shown(asked: Asked[Any], found: Case) -> Seal:
    """What opens the words of a case, once it is noted who reads them."""
    await looked(asked.services, asked.caller, found.borrower_id, asked.reason)
    return await seal_of(room(asked).desk.pool, room(asked).desk.keys, found)


def case_view(asked: Asked[Any], each: Any) -> CaseView:
    """A case."""
    ends = models.clock(room(asked).desk, each)
    document = view.summary(each)
    if document["subject"]:
        document["subject"] = CaseSubjectView(**document["subject"])
    return CaseView(**document, days_left=ends.days, clock=ends.tone)  # type: ignore[arg-type]


def rule_view(found: clocks.ClockRule) -> ClockRuleView:
    """A rule."""
    return ClockRuleView(**found.document())


@read("/v1/cases/{case_id}/events", "cases:read")
async def case_events(asked: Asked[PageQuery]) -> Page[CaseEventView]:
    """What was done to a case, oldest first."""
    desk = room(asked).desk
    found = await models.one(desk, asked.at["case_id"])
    after = position(asked.query, 0, 2**31 - 1)
    rows = await store.events(desk.pool, found, after, asked.query.limit)
    items = [CaseEventView(**view.event_document(row)) for row in rows]
    return page(items, asked.query, items[-1].number if items else 0)


@read("/v1/cases/handlers", "cases:read")
async def case_handlers(asked: Asked[Empty]) -> list[CaseHandlerView]:
    """Members of staff to whom a case can be given."""
    found = await colleagues(asked.services.pool, "cases:write")
    return [CaseHandlerView(each.staff_id, each.name) for each in found]


@read("/v1/cases/rules", "cases:read")
async def case_rules(asked: Asked[RulesQuery]) -> list[ClockRuleView]:
    """How soon cases are acknowledged and decided, as it was on a day."""
    desk = room(asked).desk
    on = desk.policy.jurisdiction(desk.home).day_of(desk.clock.now())
    if asked.query.on is not None:
        on = as_date(asked.query.on, "on")
    return [rule_view(each) for each in desk.policy.rules if each.effective_on <= on]


@rule("R-DOC-01")
def as_date(text: str, path: str) -> date:
    """A day; raises ``Refused``."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("R-DOC-01", f"not a day (YYYY-MM-DD): {text}", path) from error


@read("/v1/cases/statistics", "cases:read")
async def case_statistics(asked: Asked[SpanQuery]) -> CaseStatisticsView:
    """Cases in sums: how many, how old, decided in time, upheld, after how many days."""
    since, until = (
        None if text is None else as_date(text, name)
        for name, text in (("since", asked.query.since), ("until", asked.query.until))
    )
    found = await statistics.statistics(room(asked).desk, since, until)
    kinds = [sums_view(name, each) for name, each in found.kinds.items()]
    return CaseStatisticsView(
        found.since.isoformat(), found.until.isoformat(), list(statistics.AGES), kinds,
        sums_view("any", found.total),
    )  # fmt: skip


def sums_view(kind: str, sums: statistics.Sums) -> CaseSumsView:
    """Sums."""
    return CaseSumsView(
        kind=kind, cases=sums.cases, states=sums.states, results=sums.results,
        open_by_age=sums.ages, decided=sums.decided, in_time=sums.in_time,
        in_time_share=sums.in_time_share, upheld_share=sums.upheld_share,
        median_days=sums.median_days,
    )  # fmt: skip


# -- words and files -------------------------------------------------------------------------------


@read("/v1/cases/{case_id}/messages", "cases:read")
async def case_messages(asked: Asked[PageQuery]) -> Page[CaseMessageView]:
    """Messages and notes, oldest first."""
    desk = room(asked).desk
    found = await models.one(desk, asked.at["case_id"])
    after = position(asked.query, 0, 2**31 - 1)
    seal = await shown(asked, found)
    rows = await store.messages(desk.pool, found, models.EVERY_WAY, after, asked.query.limit)
    items = [CaseMessageView(**view.message_document(each, seal)) for each in rows]
    return page(items, asked.query, items[-1].number if items else 0)


@change("POST", "/v1/cases/{case_id}/messages", "cases:write")
async def write_in_case(asked: Asked[Empty], body: MessageBody) -> Answer:
    """Write to the borrower, for the borrower, or a note that the borrower never sees."""
    way = rules.WAYS[body.way]
    return await room(asked).work.say(
        asked.at["case_id"], way, body.text, who(asked), wait=body.wait
    )


@read("/v1/cases/{case_id}/attachments", "cases:read")
async def case_attachments(asked: Asked[Empty]) -> list[CaseAttachmentView]:
    """Files without their content."""
    desk = room(asked).desk
    found = await models.one(desk, asked.at["case_id"])
    seal = await shown(asked, found)
    rows = await store.attachments(desk.pool, found, models.EVERY_WAY)
    return [CaseAttachmentView(**view.attachment_document(each, seal)) for each in rows]


@change(
    "POST", "/v1/cases/{case_id}/attachments", "cases:write",
    media_type="application/octet-stream", body_max=files.FILE_MOST,
)  # fmt: skip
async def attach_to_case(asked: Asked[UploadQuery]) -> Answer:
    """Add a file, as it is: a PNG or JPEG picture, a PDF document or plain text."""
    way = rules.WAYS[asked.query.way]
    return await room(asked).work.attach(
        asked.at["case_id"], way, asked.query.name, asked.raw, who(asked)
    )


@read("/v1/cases/{case_id}/attachments/{number}", "cases:read")
async def case_attachment(asked: Asked[Empty]) -> Reply:
    """A file, to be kept and not to be shown in place."""
    found = await models.file(room(asked).desk, asked.at["case_id"], asked.at["number"])
    await looked(asked.services, asked.caller, found.borrower_id, asked.reason)
    headers = (
        (b"content-type", found.media_type.encode()),
        (b"content-disposition", found.disposition.encode()),
    )
    return Reply(200, found.content, headers)


# -- work ------------------------------------------------------------------------------------------


@change("POST", "/v1/cases/{case_id}/assignment", "cases:write")
async def assign_case(asked: Asked[Empty], body: AssignmentBody) -> Answer:
    """Give a case to a member of staff."""
    return await room(asked).work.assign(asked.at["case_id"], body.staff_id, who(asked))


@change("POST", "/v1/cases/{case_id}/extensions", "cases:write")
async def extend_case(asked: Asked[Empty], body: ReasonsBody) -> Answer:
    """Put the end of a case off, as far as its rule allows; the borrower is told the reasons."""
    return await room(asked).work.extend(asked.at["case_id"], body.reasons, who(asked))


@change("POST", "/v1/cases/{case_id}/proposals", "cases:write")
async def propose_outcome(asked: Asked[Empty], body: ProposalBody) -> Answer:
    """Propose an outcome; only who was given the case does."""
    given, remedy = body.remedy, Remedy()
    if given is not None:
        amount = asked.money.read(given.amount) if given.amount else 0
        contract_id = spelled_id("contract", given.contract_id, "contract_id")
        remedy = Remedy(given.kind, contract_id, amount, given.component, given.of, given.detail)
    finding = Finding(
        result=body.result, reasons=body.reasons, remedy=remedy, value=given.value if given else ""
    )
    return await room(asked).deciding.propose(asked.at["case_id"], finding, who(asked))


@change("POST", "/v1/cases/{case_id}/decision", "cases:decide", waiting="Operation")
async def decide_case(asked: Asked[Empty], body: DecisionBody) -> Answer:
    """Follow a proposal, which is carried out and told to the borrower, or send it back.

    202 where the remedy waits for approval. Only a member of staff who had no part in the case.
    """
    deciding, case_id = room(asked).deciding, asked.at["case_id"]
    if body.follow:
        return await deciding.decide(case_id, body.proposal, who(asked))
    return await deciding.send_back(case_id, body.proposal, body.note, who(asked))


@change("POST", "/v1/cases/{case_id}/withdrawal", "cases:write")
async def withdraw_case(asked: Asked[Empty], body: Empty) -> Answer:  # noqa: ARG001 - its shape
    """The borrower takes the case back."""
    return await room(asked).work.withdraw(asked.at["case_id"], who(asked))


@change("POST", "/v1/cases/{case_id}/reopening", "cases:write")
async def reopen_case(asked: Asked[Empty], body: ReasonsBody) -> Answer:
    """Take a case up again, with new clocks."""
    way = rules.FROM_BORROWER if isinstance(asked.caller, MachineClient) else rules.NOTE
    return await room(asked).work.reopen(asked.at["case_id"], way, body.reasons, who(asked))


@change("POST", "/v1/cases/{case_id}/closing", "cases:write")
async def close_case(asked: Asked[Empty], body: Empty) -> Answer:  # noqa: ARG001 - its shape
    """End a decided case: nothing more comes to it."""
    return await room(asked).work.close(asked.at["case_id"], who(asked))
