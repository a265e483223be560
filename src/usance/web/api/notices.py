"""Templates of notices: what is in force, every version with what it changed, drafts checked.

A version is adopted, and a template retired, as the approvals say: by a second person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from usance.core.identifiers import written
from usance.identity.once import Answer
from usance.notices import store
from usance.notices.changes import Difference
from usance.notices.documents import TemplateDocument
from usance.notices.previews import Preview, checked
from usance.notices.templates import AdoptTemplate, RetireTemplate, Version, version_of
from usance.servicing import read as models
from usance.web.api.endpoint import PROPOSAL, Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.problems import not_found

LAST = 2**15 - 1


class TemplateView(Struct):
    """The newest version of a template. ``state``: to come, in force, or ended."""

    template_id: str
    version: int
    state: str
    event: str
    purpose: str
    audience: str
    scope: str
    channels: list[str]
    effective_on: date
    retired_on: date | None
    digest: str


class VersionView(Struct):
    """One version, whole, with what it changed of the one before."""

    version: int
    document: TemplateDocument
    digest: str
    effective_on: date
    retired_on: date | None
    adopted_by: str
    adopted_at: datetime
    retired_by: str | None
    operation_id: str
    changes: list[Difference]


class Retirement(Struct, forbid_unknown_fields=True):
    """The first day without it."""

    retired_on: date


class FindingView(Struct):
    """What is wrong, by which rule, and where."""

    rule: str
    detail: str
    path: str


class CheckView(Struct):
    """All that is wrong with a draft, and how it reads with made-up values."""

    findings: list[FindingView]
    previews: list[Preview]


@read("/v1/notice-templates", "notices:read")
async def notice_templates(asked: Asked[PageQuery]) -> Page[TemplateView]:
    """Templates in the order of their ids, each with its newest version."""
    after = position(asked.query, 0, 10**6)
    rows = await store.page(asked.services.pool, after, asked.query.limit)
    book = await models.book(asked.services.pool)
    assert book is not None
    views = [template_view(version_of(row), book.business_date) for row in rows]
    return page(views, asked.query, after + len(rows))


@read("/v1/notice-templates/{template_id}", "notices:read")
async def notice_template(asked: Asked[PageQuery]) -> Page[VersionView]:
    """Every version of a template, newest first."""
    before = position(asked.query, LAST, LAST)
    found = await versions_of(asked, before, asked.query.limit)
    if not found and before == LAST:
        raise not_found("template", "template_id")
    last = found[-1][0].document.version if found else 0
    return page([version_view(*each) for each in found], asked.query, last)


@change("POST", "/v1/notice-templates", "notices:write", waiting=PROPOSAL)
async def adopt_template(asked: Asked[Empty], body: TemplateDocument) -> Answer:
    """Propose a version of a template: whole, the next one, without a finding.

    It begins on the open business date or later. Nothing is ever written over.
    """
    return await asked.submitted(AdoptTemplate(body))


@change(
    "POST", "/v1/notice-templates/{template_id}/retirement", "notices:write", waiting=PROPOSAL
)
async def retire_template(asked: Asked[Empty], body: Retirement) -> Answer:
    """From a day on, nothing is sent by any version of this template."""
    template_id = asked.at["template_id"]
    if await store.newest(asked.services.pool, template_id) is None:
        raise not_found("template", "template_id")
    return await asked.submitted(RetireTemplate(template_id, body.retired_on))


@read("/v1/notice-templates/check", "notices:read", method="POST")
async def check_template(asked: Asked[Empty], body: TemplateDocument) -> CheckView:
    """Look at a draft without keeping it: findings, previews, parts of its text messages."""
    found = checked(body, asked.services.templates.policy)
    views = [FindingView(each.rule, each.detail, each.path) for each in found.findings]
    return CheckView(views, found.previews)


async def versions_of(
    asked: Asked[Any], before: int, count: int
) -> Sequence[tuple[Version, list[Difference]]]:
    """Versions of the template in the path."""
    return await asked.services.templates.versions(asked.at["template_id"], before, count)


def template_view(version: Version, today: date) -> TemplateView:
    """A template as the API shows it."""
    document = version.document
    state = "ended" if version.ended(today) else "in force"
    return TemplateView(
        document.id, document.version,
        state if document.effective_on <= today else "to come", document.event,
        document.purpose, document.audience, document.scope, list(document.channels),
        document.effective_on, version.retired_on, version.digest.hex(),
    )  # fmt: skip


def version_view(version: Version, changes: list[Difference]) -> VersionView:
    """A version as the API shows it."""
    document = version.document
    return VersionView(
        document.version, document, version.digest.hex(), document.effective_on,
        version.retired_on, version.adopted_by, version.adopted_at, version.retired_by or None,
        written("operation", version.operation_id), changes,
    )  # fmt: skip
