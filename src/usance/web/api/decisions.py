"""Automated decisions: made, explained, made again, reviewed by a person; acts decided first."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from usance.cases import rules
from usance.cases.intake import Opening
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.accesses import DECISION
from usance.identity.machine import MachineClient
from usance.identity.once import Answer
from usance.policy import shipped
from usance.policy.dictionary import MONEY
from usance.policy.documents import value_of
from usance.risk import decision_store as store
from usance.risk import telling
from usance.risk.deciding import Wanted
from usance.risk.opening import Opened
from usance.risk.stored import Stored
from usance.servicing import commands as ask
from usance.web.acting import acting, looked
from usance.web.api.bodies import Body
from usance.web.api.cases import Words, spelled_id
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import Amount, Text

READ, WRITE = "decisions:read", "decisions:write"
Said = dict[str, bool | int | str]


# -- bodies ----------------------------------------------------------------------------------------


class AutomatedDecisionBody(Body, kw_only=True):
    """What is to be decided; ``declared`` is what only the request can say, with its units."""

    kind: Literal["open", "limit", "draw", "tier", "extension"]
    borrower_id: Annotated[str, Meta(min_length=3, max_length=20)]
    product: Annotated[str, Meta(max_length=40)] = ""
    contract_id: Annotated[str, Meta(max_length=20)] = ""
    asked_for: Amount | None = None
    declared: Said = field(default_factory=dict)


class DecidedLineBody(Body, kw_only=True):
    """A line of whatever limit is decided, or of one that is asked for."""

    product: Text
    limit: Amount | None = None
    statement_day: Annotated[int, Meta(ge=0, le=28, description="0: the product's")] = 0
    declared: Said = field(default_factory=dict)


class DecidedOfferBody(Body, kw_only=True):
    """A draw."""

    product: Text
    principal: Amount
    instalments: Annotated[int, Meta(ge=0, le=360)] = 0
    declared: Said = field(default_factory=dict)


class DecidedExtensionBody(Body, kw_only=True):
    """Days by which due days are moved."""

    days: Annotated[int, Meta(ge=1, le=90)]


class ReviewBody(Body, kw_only=True):
    """What the person is asked to look at."""

    text: Words


class DecisionsQuery(PageQuery, kw_only=True):
    """``shadows``: also what was decided beside, and acted on by nobody."""

    shadows: bool = False


# -- views -----------------------------------------------------------------------------------------


class AutomatedDecisionView(Struct, kw_only=True):
    """A decision without what it was made of."""

    decision_id: str
    borrower_id: str
    kind: str
    shadow: bool
    of_decision_id: str | None
    product: str | None
    contract_id: str | None
    policy_id: str
    policy_version: int
    policy_digest: str
    scorecard_digest: str | None
    row: int
    reasons: list[str]
    score: int | None
    status: str
    case_id: str | None
    decided_by: str
    business_date: str
    decided_at: str
    latency_us: int
    fingerprint: str
    operation_id: str


class OutcomeView(Struct):
    """One thing that came out, in words."""

    name: str
    meaning: str
    value: str


class ReasonView(Struct):
    """A reason, and what somebody can do about it; empty where nobody can."""

    id: str
    says: str
    helps: str


class ToldView(Struct):
    """A decision in plain words."""

    policy: str
    outcome: list[OutcomeView]
    reasons: list[ReasonView]


class DecisionConditionView(Struct):
    """A condition of a row."""

    name: str
    says: str
    failed: bool


class DecisionRowView(Struct):
    """A row that was tried: what failed, and the value there; of the row that was taken nothing."""

    row: int
    taken: bool
    conditions: list[DecisionConditionView]
    failed: str
    value: str


class DecisionFactView(Struct):
    """What was known of something that was asked for, and from where."""

    name: str
    meaning: str
    value: str
    source: str
    at: str
    fact: str


class LostView(Struct):
    """By how many points a feature was below its best."""

    name: str
    points: int


class DecisionReviewView(Struct):
    """What became of a decision."""

    number: int
    state: str
    case_id: str
    by: str
    at: str
    operation_id: str


class RightsView(Struct):
    """What a borrower is told of being decided upon by a machine, and by which source of law."""

    source: str
    en: str
    zh: str


class WholeDecisionView(Struct, kw_only=True):
    """A decision with everything that it takes to understand it and to make it again."""

    decision: AutomatedDecisionView
    en: ToldView
    zh: ToldView
    path: list[DecisionRowView]
    facts: list[DecisionFactView]
    lost: list[LostView]
    reviews: list[DecisionReviewView]
    beside: list[AutomatedDecisionView]
    rights: RightsView
    forgotten: bool


class DifferenceView(Struct):
    """What came out otherwise."""

    decision_id: str
    what: str
    stored: str
    found: str


class ReplayView(Struct):
    """A decision, made again of what it kept."""

    decision_id: str
    same: bool
    differences: list[DifferenceView]


# -- making ----------------------------------------------------------------------------------------


@change("POST", "/v1/decisions", WRITE)
async def decide(asked: Asked[Empty], body: AutomatedDecisionBody) -> Answer:
    """Decide by the policy and the scorecard in force, and store it whole."""
    wanted = Wanted(
        kind=body.kind, borrower_id=spelled_id("borrower", body.borrower_id, "borrower_id"),
        product=body.product, contract_id=spelled_id("contract", body.contract_id, "contract_id"),
        declared=declared_in(asked, body.declared, body.asked_for),
    )  # fmt: skip
    return await asked.services.decisions.deciding.decide(wanted, asked.asking)


@rule("R-DECIDE-05")
def declared_in(asked: Asked[Any], said: Said, amount: str | None = None) -> dict[str, int]:
    """What is said with a request as whole numbers; raises ``Refused``."""
    known, currency, found = shipped.dictionary(), asked.money.currency, dict[str, int]()
    for name, given in said.items():
        if name not in known:
            raise Refused("R-DECIDE-05", "a request cannot say that of a borrower", name)
        text = f"{given} {currency}" if known[name].unit == MONEY else given
        found[name] = value_of(text, known[name], currency, "declared")
    if amount is not None:
        found["asked_for"] = asked.money.read(amount, path="asked_for")
    return found


@change("POST", "/v1/borrowers/{borrower_id}/decided-lines", "lines:write", waiting="Proposal")
async def open_decided_line(asked: Asked[Empty], body: DecidedLineBody) -> Answer:
    """Decide whether a line is opened and how large it may be, and open it if so."""
    limit = asked.money.read(body.limit, path="limit") if body.limit is not None else 0
    command = ask.OpenLine(
        borrower_id=asked.at["borrower_id"], product=body.product, limit=limit,
        statement_day=body.statement_day,
    )  # fmt: skip
    return await decided(asked, command, body.declared)


@change("POST", "/v1/borrowers/{borrower_id}/decided-offers", "offers:write", waiting="Proposal")
async def make_decided_offer(asked: Asked[Empty], body: DecidedOfferBody) -> Answer:
    """Decide whether something may be drawn now, and quote it if so."""
    command = ask.MakeOffer(
        borrower_id=asked.at["borrower_id"], product=body.product,
        principal=asked.money.read(body.principal, path="principal"), instalments=body.instalments,
    )  # fmt: skip
    return await decided(asked, command, body.declared)


@change(
    "POST", "/v1/contracts/{contract_id}/decided-extensions", "contracts:change", waiting="Proposal"
)
async def extend_decided(asked: Asked[Empty], body: DecidedExtensionBody) -> Answer:
    """Decide whether payments may be put off and for how long, and do it if so."""
    command = ask.Extend(contract_id=asked.at["contract_id"], days=body.days)
    return await decided(asked, command, {})


async def decided(asked: Asked[Any], command: ask.Command, said: Said) -> Answer:
    """An act, decided first."""
    return await asked.services.decided.decided(command, asked.asking, declared_in(asked, said))


# -- reading ---------------------------------------------------------------------------------------


@read("/v1/decisions/{decision_id}", READ, shows_people=True)
async def decision(asked: Asked[Empty]) -> WholeDecisionView:
    """One decision: what came out, why, by which way through the table, and of what it was made."""
    archive = asked.services.decisions.archive
    opened = await archive.one(asked.at["decision_id"])
    await looked(asked.services, asked.caller, opened.stored.borrower_id, asked.reason, DECISION)
    return await whole(asked, opened)


async def whole(asked: Asked[Any], opened: Opened) -> WholeDecisionView:
    """A decision with everything."""
    stored, snapshot = opened
    archive, deciding = asked.services.decisions.archive, asked.services.decisions.deciding
    async with archive.pool.acquire() as connection:
        decider = await archive.decider(connection, stored)
        reviews = await store.reviews(connection, stored)
        beside = await store.shadows(connection, stored)
    policy, known = decider.policy, shipped.dictionary()
    facts = telling.facts(snapshot, policy, known, "en") if snapshot else []
    rights = deciding.policy.rights_in(asked.money.currency)
    return WholeDecisionView(
        decision=view(stored), en=told_view(telling.told(stored, decider, "en")),
        zh=told_view(telling.told(stored, decider, "zh")),
        path=[row_view(each) for each in telling.path(stored, snapshot, policy, "en")],
        facts=[DecisionFactView(**each) for each in facts],
        lost=[LostView(*each) for each in (snapshot.lost if snapshot else ())],
        reviews=[review_view(row) for row in reviews], beside=[view(each) for each in beside],
        rights=RightsView(**rights), forgotten=snapshot is None,
    )  # fmt: skip


def view(stored: Stored) -> AutomatedDecisionView:
    """A decision."""
    return AutomatedDecisionView(**telling.summary(stored))


def told_view(told: dict[str, Any]) -> ToldView:
    """Plain words."""
    return ToldView(
        told["policy"], [OutcomeView(**each) for each in told["outcome"]],
        [ReasonView(**each) for each in told["reasons"]],
    )  # fmt: skip


def row_view(row: dict[str, Any]) -> DecisionRowView:
    """A row that was tried."""
    conditions = [DecisionConditionView(**each) for each in row["conditions"]]
    return DecisionRowView(**row | {"conditions": conditions})


def review_view(row: store.Row) -> DecisionReviewView:
    """A step of a review."""
    return DecisionReviewView(
        row["number"], telling.REVIEWS[row["state"]], written("case", row["case_id"]),
        row["actor"], row["at"].isoformat(), written("operation", row["operation_id"]),
    )  # fmt: skip


@read("/v1/borrowers/{borrower_id}/decisions", READ)
async def decisions_of_borrower(asked: Asked[DecisionsQuery]) -> Page[AutomatedDecisionView]:
    """Decisions about a borrower without what they were made of, the newest first."""
    query = asked.query
    found = await store.of_borrower(
        asked.services.pool, asked.at["borrower_id"], position(query, store.LAST), query.limit,
        shadows=query.shadows,
    )  # fmt: skip
    return page([view(each) for each in found], query, found[-1].decision_id if found else 0)


@read("/v1/decisions/{decision_id}/replay", READ, method="POST")
async def replay_decision(asked: Asked[Empty], _body: Empty) -> ReplayView:
    """Make a decision again of what it kept, by the versions that made it; nothing is changed."""
    archive = asked.services.decisions.archive
    opened = await archive.one(asked.at["decision_id"])
    if opened.snapshot is None:
        raise Refused("R-DECIDE-04", "the person was forgotten, and with them what it was made of")
    async with archive.pool.acquire() as connection:
        found = await archive.again(connection, opened)
    differences = [DifferenceView(**each.document()) for each in found]
    number = written("decision", opened.stored.decision_id)
    return ReplayView(number, not differences, differences)


# -- a person --------------------------------------------------------------------------------------


@change("POST", "/v1/decisions/{decision_id}/review", "cases:write")
@rule("R-DECIDE-06")
async def review_decision(asked: Asked[Empty], body: ReviewBody) -> Answer:
    """Ask for a person: the automated outcome is paused, and a case of human review is opened."""
    opened = await asked.services.decisions.archive.one(asked.at["decision_id"])
    opening = review_of(opened.stored, body.text)
    channel = rules.API if isinstance(asked.caller, MachineClient) else rules.CONSOLE
    who = acting(asked.caller, asked.key, asked.request_hash)
    return await asked.services.cases.work.open(opening, channel, who)


@rule("R-DECIDE-06")
def review_of(stored: Stored, text: str) -> Opening:
    """The case that asks for it; raises ``Refused`` for what nobody acts on."""
    if stored.shadow:
        raise Refused("R-DECIDE-07", "nobody acts on what is decided in the shadow")
    return Opening(
        kind="human_review", text=text, borrower_id=stored.borrower_id, subject="operation",
        subject_id=stored.operation_id,
    )  # fmt: skip

