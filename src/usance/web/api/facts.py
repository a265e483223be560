"""Facts of a borrower, as of any moment; reports of a credit bureau."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from usance.core.rules import rule
from usance.identity.accesses import FACTS
from usance.identity.once import Answer
from usance.policy.cells import MISSING, value_said
from usance.risk.bureau_pulls import Pull
from usance.risk.fact_keeping import Told
from usance.risk.facts import Given
from usance.web.api.bodies import Body
from usance.web.api.borrowers import seen_by
from usance.web.api.cases import spelled_id
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page
from usance.web.api.values import spelled
from usance.web.problems import not_found

Name = Annotated[str, Meta(min_length=1, max_length=60, pattern="^[a-z0-9_]+$")]
Id = Annotated[str, Meta(min_length=3, max_length=20)]
Moment = Annotated[datetime, Meta(tz=True, description="A moment with its offset.")]


class FactBody(Body, kw_only=True):
    """A fact to record.

    ``value``: true or false, a choice, or a number written with its unit as policies have it:
    ``"8000.00 CNY"``, ``"35.5 %"``, ``"3"``. ``other_id``: of a household, its other side.
    ``corrects``: a fact of that name in whose place this one stands; its value may be
    ``"missing"``.
    """

    name: Name
    source: Literal["identity", "declared", "income", "bureau", "household"]
    value: Annotated[str, Meta(max_length=60)] | bool
    observed_at: Moment
    reference: Annotated[str, Meta(max_length=200)] = ""
    other_id: Id | None = None
    corrects: Id | None = None


class FactsQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """As of which moment; now where none is named."""

    at: Moment | None = None


class FactView(Struct, kw_only=True):
    """A fact, and how it stood at the moment that was asked about.

    ``fact_id`` is null where the book reckons it from its own rows. ``value`` is null where nothing
    is known after all, and where ``is_masked`` says that no reason was given.
    """

    fact_id: str | None
    name: str
    meaning: dict[str, str]
    type: str
    unit: str
    value: str | None
    is_masked: bool
    source: str
    reference: str
    state: Literal["current", "replaced", "expired", "ended"]
    observed_at: str
    recorded_at: str | None
    valid_until: str | None
    corrects: str | None
    consent_id: str | None
    pull_id: str | None
    operation_id: str | None


class PullView(Struct, kw_only=True):
    """A report that was asked for; ``because``: why it failed, or is asked for again."""

    pull_id: str
    bureau: str
    state: Literal["under_way", "answered", "failed"]
    because: str
    attempts: int
    asked_at: str
    ended_at: str | None
    operation_id: str
    ended_by: str | None


@change("POST", "/v1/borrowers/{borrower_id}/facts", "facts:write")
async def record_fact(asked: Asked[Empty], body: FactBody) -> Answer:
    """Record what a source tells of a borrower; nothing that was recorded is ever changed."""
    given = Given(
        body.name, body.source, body.value, body.observed_at, body.reference,
        other_id=spelled_id("borrower", body.other_id, "other_id"),
        corrects=spelled_id("fact", body.corrects, "corrects"),
    )  # fmt: skip
    return await asked.services.facts.record(asked.at["borrower_id"], given, asked.asking)


@read("/v1/borrowers/{borrower_id}/facts", "facts:read", shows_people=True)
@rule("R-ACCESS-01", "R-FACT-06")
async def facts(asked: Asked[FactsQuery]) -> Page[FactView]:
    """Everything recorded of a borrower by a moment, and how it stood then; the newest first.

    What the book reckons from its own rows comes first. Values are for whom the look is noted.
    """
    services, borrower_id = asked.services, asked.at["borrower_id"]
    found = await services.facts.history(borrower_id, asked.query.at)
    seen = seen_by(asked, FACTS)
    if seen is not None:
        await services.accesses.note(seen, borrower_id)
    return Page([fact_view(each, asked, is_masked=seen is None) for each in found], None)


def fact_view(fact: Told, asked: Asked[Any], *, is_masked: bool) -> FactView:
    """A fact as the API says it."""
    feature = fact.feature
    return FactView(
        fact_id=spelled("fact", fact.fact_id), name=feature.name, meaning=feature.meaning,
        type=feature.type, unit=feature.unit, is_masked=is_masked,
        value=None if is_masked else said(fact, asked.money.currency),
        source=fact.source, reference="" if is_masked else fact.reference, state=fact.state,
        observed_at=fact.observed_at.isoformat(), recorded_at=moment(fact.recorded_at),
        valid_until=moment(fact.valid_until), corrects=spelled("fact", fact.corrects),
        consent_id=spelled("consent", fact.consent_id), pull_id=spelled("pull", fact.pull_id),
        operation_id=spelled("operation", fact.operation_id),
    )  # fmt: skip


def said(fact: Told, currency: str) -> str | None:
    """A value with its unit, as it would be written."""
    if fact.value is None or fact.value == MISSING:
        return None
    return value_said(fact.value, fact.feature, currency)


def moment(at: datetime | None) -> str | None:
    """A moment as the API says it."""
    return at.isoformat() if at else None


@change("POST", "/v1/borrowers/{borrower_id}/bureau-pulls", "facts:write")
async def ask_bureau(asked: Asked[Empty]) -> Answer:
    """Ask the credit bureau for a report, which comes by itself; answered at once."""
    return await asked.services.bureau.ask(asked.at["borrower_id"], asked.asking)


@read("/v1/borrowers/{borrower_id}/bureau-pulls", "facts:read")
async def bureau_pulls(asked: Asked[Empty]) -> Page[PullView]:
    """Reports of a borrower that were asked for, the newest first."""
    borrower_id = asked.at["borrower_id"]
    if not await asked.services.borrowers.exists(borrower_id):
        raise not_found("borrower", "borrower_id")
    return Page([pull_view(each) for each in await asked.services.bureau.of(borrower_id)], None)


@read("/v1/borrowers/{borrower_id}/bureau-pulls/{pull_id}", "facts:read")
async def bureau_pull(asked: Asked[Empty]) -> PullView:
    """One of them."""
    found = await asked.services.bureau.one(asked.at["borrower_id"], asked.at["pull_id"])
    if found is None:
        raise not_found("bureau pull", "pull_id")
    return pull_view(found)


def pull_view(pull: Pull) -> PullView:
    """A report that was asked for, as the API says it."""
    operation = spelled("operation", pull.operation_id)
    assert operation is not None
    return PullView(
        pull_id=spelled("pull", pull.pull_id) or "", bureau=pull.bureau, state=pull.state,
        because=pull.because, attempts=pull.attempts, asked_at=pull.asked_at.isoformat(),
        ended_at=moment(pull.ended_at), operation_id=operation,
        ended_by=spelled("operation", pull.ended_by),
    )  # fmt: skip
