"""Policies: the list, one as its rows say it, its versions, what a version changed.

What is written and proposed stands in ``policy_drafts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import msgspec
from litestar import Response, get

from usance.approvals.proposal import Proposal
from usance.policy import shipped
from usance.policy.checks import Finding, findings
from usance.policy.documents import Policy
from usance.risk.register import AdoptPolicy, Version, in_force, numbered
from usance.web.console.names import names_of
from usance.web.console.notice_templates import number_of, today_of
from usance.web.console.policy_words import ChangeSaid, Speaker
from usance.web.console.render import Asked, Word, language_of, services, show, translated
from usance.web.problems import not_found
from usance.web.security import needs

POLICIES = "/console/policies"


def speaker_of(request: Asked) -> Speaker:
    """Says policies in the reader's language."""
    return Speaker(language_of(request), lambda message: translated(request, message))


async def versions_of(request: Asked, policy: str) -> list[Version]:
    """Versions of a policy, the newest first; ``ProblemError`` (404) if there is none."""
    found = await services(request).policies.versions(policy)
    if not found:
        raise not_found("policy")
    return found


async def waiting(request: Asked) -> list[tuple[Proposal, str, int]]:
    """What waits for a second person: the proposal, of which policy, and the version."""
    found = []
    for each in await services(request).approvals.waiting_of(["AdoptPolicy"]):
        says = msgspec.json.decode(each.body, type=AdoptPolicy).policy
        found.append((each, says.id, says.version))
    return found


def wrong_with(policy: Policy) -> list[Finding]:
    """What checks find today: a law may have changed since it was adopted."""
    return findings(policy, shipped.known())


@get("/policies", opt=needs("policies:read"))
async def policies(request: Asked) -> Response[str]:
    """Every policy with the version that decides today, and what waits."""
    today = await today_of(request)
    by_id: dict[str, list[Version]] = {}
    for each in await services(request).policies.versions():
        by_id.setdefault(each.policy.says.id, []).append(each)
    rows = [(found[0], in_force(found, today)) for found in by_id.values()]
    return await show(
        request, "policies.html", rows=rows, waiting=await waiting(request), today=today,
        names=await names_of(request),
    )  # fmt: skip


@get("/policies/{policy:str}", opt=needs("policies:read"))
async def policy_page(request: Asked, policy: Word) -> Response[str]:
    """A version row by row: the one that decides today unless another is asked for."""
    versions, today = await versions_of(request, policy), await today_of(request)
    now = in_force(versions, today)
    shown: Version | None = now or versions[0]
    if "version" in request.query_params:
        shown = numbered(versions, number_of(request, "version", 0))
    if shown is None:
        raise not_found("version")
    speaker = speaker_of(request)
    agreed = await services(request).approvals.carried_out([v.operation_id for v in versions])
    return await show(
        request, "policy.html", name=policy, version=shown, versions=versions, now=now,
        today=today, rows=speaker.rows(shown.policy), guards=speaker.guards(shown.policy),
        changed=changed_by(versions, speaker), wrong=wrong_with(shown.policy), agreed=agreed,
        sources=sources_of(shown.policy, today), names=await names_of(request),
        waiting=[each for each in await waiting(request) if each[1] == policy],
    )  # fmt: skip


def changed_by(versions: Sequence[Version], speaker: Speaker) -> dict[int, int]:
    """By its number in how many things a version differs from the one before."""
    return {
        new.number: len(speaker.changes(old.policy, new.policy))
        for new, old in pairwise(versions)
    }


def sources_of(policy: Policy, today: date) -> list[dict[str, Any]]:
    """The law that a policy rests on, and whether it holds today."""
    known = {each.id: each for each in shipped.register().sources}
    return [
        {"id": name, "source": known.get(name),
         "holds": name in known and known[name].holds_on(today)}
        for name in policy.says.sources
    ]  # fmt: skip


@get("/policies/{policy:str}/changes", opt=needs("policies:read"))
async def policy_changes(request: Asked, policy: Word) -> Response[str]:
    """What differs between two versions."""
    versions = await versions_of(request, policy)
    new = numbered(versions, number_of(request, "to", versions[0].number))
    if new is None:
        raise not_found("version")
    old = numbered(versions, number_of(request, "from", new.number - 1))
    if old is None and "from" in request.query_params:
        raise not_found("version")
    speaker = speaker_of(request)
    return await show(
        request, "policy_changes.html", name=policy, new=new, old=old,
        changes=speaker.changes(old.policy, new.policy) if old else [],
        rows=[] if old else speaker.rows(new.policy), numbers=[v.number for v in versions],
    )  # fmt: skip


async def proposed_changes(
    request: Asked, draft: Policy
) -> tuple[Version | None, list[ChangeSaid]]:
    """Of a proposed version: the newest that there is, and what differs from it."""
    found = await services(request).policies.versions(draft.says.id)
    if not found:
        return None, []
    return found[0], speaker_of(request).changes(found[0].policy, draft)


HANDLERS = [policies, policy_page, policy_changes]
