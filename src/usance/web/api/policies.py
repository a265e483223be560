"""Policies and scorecards: what is in force, every version, drafts checked and compared.

A version is adopted, and a scorecard registered, as the approvals say: by a second person.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.identity.once import Answer
from usance.policy import shipped
from usance.policy.checks import findings
from usance.policy.diff import in_words, row_said
from usance.policy.documents import Policy, PolicySays
from usance.policy.sources import Change, Source, touched
from usance.risk.backtesting import DAYS, Trial, tried_on
from usance.risk.register import (
    AdoptPolicy,
    Version,
    as_before,
    in_force,
    numbered,
    place_of,
)
from usance.risk.roles import Standing, standing
from usance.risk.scorecard import Scorecard
from usance.risk.scorecards import AdoptScorecard, Registered
from usance.servicing import read as models
from usance.web.api.endpoint import PROPOSAL, Asked, Empty, change, read
from usance.web.api.paging import Page
from usance.web.problems import not_found
from usance.web.rulebook import rule_texts


class DayQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """As of which day; the open business date if it is not said."""

    on: date | None = None


class PolicyView(Struct):
    """A policy. ``version`` is the one in force on the day; null where none is."""

    policy_id: str
    decides: str
    title: dict[str, str]
    version: int | None
    digest: str | None
    effective_on: date | None
    newest: int


class PolicyVersionView(Struct):
    """One version, word for word, with what it changed of the one before in words."""

    version: int
    in_force: bool
    document: PolicySays
    rows: list[str]
    digest: str
    effective_on: date
    adopted_by: str
    adopted_at: datetime
    operation_id: str
    changes: list[str]


class PolicyFindingView(Struct):
    """What is wrong, by which rule, and where in the document."""

    rule: str
    detail: str
    path: str


class PolicyCheckView(Struct):
    """All that is wrong with a draft, its rows in words, and what differs from the newest."""

    findings: list[PolicyFindingView]
    rows: list[str]
    changes: list[str]


class DiffBody(Struct, forbid_unknown_fields=True):
    """A draft, and against which version; the newest if none is named."""

    policy: PolicySays
    against: int | None = None
    since: datetime | None = None
    """Cases from this moment on; the last 90 days if it is not said."""


class DiffView(Struct):
    """What differs in words, and on what was decided."""

    against: int
    changes: list[str]
    trial: Trial


class AsBefore(Struct, forbid_unknown_fields=True):
    """Which version's words, and from when on."""

    version: int
    effective_on: date


class ScorecardView(Struct):
    """An entry of the register. ``stands``: whether it is the last word on its table that day."""

    name: str
    version: int
    role: str
    share: int
    stands: bool
    effective_on: date
    digest: str
    scorecard: Scorecard
    report: dict[str, Any] | None
    adopted_by: str
    adopted_at: datetime
    operation_id: str


class SourceView(Struct):
    """A source of law, which policies in force and which rules rest on it."""

    source: Source
    policies: list[str]
    rules: list[str]


class LawView(Struct):
    """The register of law, and how it changed."""

    sources: list[SourceView]
    changes: list[Change]


@read("/v1/policies", "policies:read")
async def policies(asked: Asked[DayQuery]) -> Page[PolicyView]:
    """Every policy with its version in force on a day."""
    on, by_id = await day_of(asked), grouped(await asked.services.policies.versions())
    return Page([policy_view(found, on) for found in by_id.values()], None)


@read("/v1/policies/{policy_id}", "policies:read")
async def policy(asked: Asked[DayQuery]) -> Page[PolicyVersionView]:
    """Every version of a policy, the newest first; which was in force on a day."""
    versions = await versions_of(asked)
    now = in_force(versions, await day_of(asked))
    older = [*versions[1:], None]
    return Page(
        [version_view(each, one, now) for each, one in zip(versions, older, strict=True)], None
    )


@change("POST", "/v1/policies", "policies:write", waiting=PROPOSAL)
async def adopt_policy(asked: Asked[Empty], body: PolicySays) -> Answer:
    """Propose a version of a policy: whole, the next one, without a finding."""
    return await asked.submitted(AdoptPolicy(body))


@change("POST", "/v1/policies/{policy_id}/as-before", "policies:write", waiting=PROPOSAL)
async def adopt_as_before(asked: Asked[Empty], body: AsBefore) -> Answer:
    """Propose to go back to what an earlier version said, as a further version."""
    versions = await versions_of(asked)
    earlier = numbered(versions, body.version)
    if earlier is None:
        raise Refused("R-POLICY-16", "there is no such version to go back to", "version")
    says = as_before(earlier.policy.says, versions[0].number + 1, body.effective_on)
    return await asked.submitted(AdoptPolicy(says))


@read("/v1/policies/check", "policies:read", method="POST")
async def check_policy(asked: Asked[Empty], body: PolicySays) -> PolicyCheckView:
    """Look at a draft without keeping it: all that is wrong, its rows, what it changes."""
    try:
        draft = shipped.policy_of(body)
    except Refused as refused:
        found = refused.refusal
        return PolicyCheckView([PolicyFindingView(found.rule, found.detail, found.path)], [], [])
    newest = next(iter(await asked.services.policies.versions(body.id)), None)
    changes = in_words(newest.policy, draft) if newest else []
    return PolicyCheckView(findings_of(draft), rows_of(draft), changes)


@read("/v1/policies/diff", "policies:read", method="POST")
async def compare_policy(asked: Asked[Empty], body: DiffBody) -> DiffView:
    """A draft against a version: in words, and who of those decided would be decided otherwise."""
    known, draft = asked.services, shipped.policy_of(body.policy)
    versions = await known.policies.versions(body.policy.id)
    before = numbered(versions, body.against) if body.against else next(iter(versions), None)
    if before is None:
        raise Refused("R-FOUND-01", "there is no such version", "against")
    since = body.since or known.clock.now() - timedelta(days=DAYS)
    trial = await tried_on(known.history, before.policy, draft, since)
    return DiffView(before.number, in_words(before.policy, draft), trial)


@read("/v1/scorecards", "policies:read")
async def scorecards(asked: Asked[DayQuery]) -> Page[ScorecardView]:
    """Every entry of the register of scorecards, under each name the newest first."""
    on, found = await day_of(asked), await asked.services.scorecards.all()
    return Page([scorecard_view(each, is_standing=stands(found, each, on)) for each in found], None)


@change("POST", "/v1/scorecards", "policies:write", waiting=PROPOSAL)
async def adopt_scorecard(asked: Asked[Empty], body: AdoptScorecard) -> Answer:
    """Propose a scorecard, or another role for one, from a day on."""
    return await asked.submitted(body)


@read("/v1/legal-sources", "policies:read")
async def legal_sources(asked: Asked[DayQuery]) -> LawView:
    """The register of law: each source, what rests on it, and what changed."""
    on = await day_of(asked)
    by_id = grouped(await asked.services.policies.versions())
    current = [now.policy for found in by_id.values() if (now := in_force(found, on))]
    return LawView(
        [source_view(each, current) for each in shipped.register().sources],
        list(shipped.register().changes),
    )


async def day_of(asked: Asked[Any]) -> date:
    """The day of the query, or the open business date."""
    if asked.query is not None and asked.query.on is not None:
        found: date = asked.query.on
        return found
    book = await models.book(asked.services.pool)
    assert book is not None
    return book.business_date


async def versions_of(asked: Asked[Any]) -> list[Version]:
    """Versions of the policy in the path."""
    found = await asked.services.policies.versions(asked.at["policy_id"])
    if not found:
        raise not_found("policy", "policy_id")
    return found


def grouped(versions: list[Version]) -> dict[str, list[Version]]:
    """By their policies."""
    found: dict[str, list[Version]] = {}
    for each in versions:
        found.setdefault(each.policy.says.id, []).append(each)
    return found


def policy_view(versions: list[Version], on: date) -> PolicyView:
    """A policy as the API shows it."""
    now, newest = in_force(versions, on), versions[0]
    says = (now or newest).policy.says
    return PolicyView(
        says.id, says.decides, says.title, now.number if now else None,
        now.policy.digest if now else None, now.effective_on if now else None, newest.number,
    )  # fmt: skip


def version_view(
    version: Version, before: Version | None, now: Version | None
) -> PolicyVersionView:
    """A version as the API shows it."""
    policy = version.policy
    return PolicyVersionView(
        version.number, version == now, policy.says, rows_of(policy), policy.digest,
        version.effective_on, version.adopted_by, version.adopted_at,
        written("operation", version.operation_id),
        in_words(before.policy, policy) if before else [],
    )  # fmt: skip


def rows_of(policy: Policy) -> list[str]:
    """The rows of a policy in words."""
    return [row_said(policy, row) for row in policy.table.rows]


def findings_of(policy: Policy) -> list[PolicyFindingView]:
    """What is wrong with a draft."""
    return [
        PolicyFindingView(each.rule, each.detail, place_of(each.row))
        for each in findings(policy, shipped.known())
    ]


def stands(every: list[Registered], one: Registered, on: date) -> bool:
    """Whether an entry is the one by which its table has a role on a day."""
    entries = [e.entry for e in every if e.scorecard.name == one.scorecard.name]
    found: Standing = standing(entries, on)
    return one.entry in (found.champion, *found.challengers, *found.shadows)


def scorecard_view(found: Registered, *, is_standing: bool) -> ScorecardView:
    """An entry as the API shows it."""
    entry = found.entry
    return ScorecardView(
        found.scorecard.name, entry.number, entry.role, entry.share, is_standing,
        entry.effective_on, entry.digest, found.scorecard, found.report, found.adopted_by,
        found.adopted_at, written("operation", found.operation_id),
    )  # fmt: skip


def source_view(source: Source, current: list[Policy]) -> SourceView:
    """A source as the API shows it."""
    rules = {name: each.source for name, each in rule_texts().items()}
    return SourceView(source, touched(source, current, {}), touched(source, [], rules))
