"""Templates of notices: the list, one as its readers see it, its versions, what a version changed.

What is written and proposed stands in ``template_drafts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from litestar import Response, get

from usance.approvals.proposal import Proposal
from usance.core.identifiers import parse
from usance.core.refusals import Refusal
from usance.core.rules import rule
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.notices import store
from usance.notices.changes import Difference, differences
from usance.notices.documents import TemplateDocument
from usance.notices.previews import Preview, checked
from usance.notices.templates import ACTS, RetireTemplate, Version, version_of
from usance.servicing import read
from usance.web.console.deeds import Deed, Place, ask_for, routes_of
from usance.web.console.forms import Field
from usance.web.console.names import names_of
from usance.web.console.render import Asked, Word, services, show
from usance.web.problems import not_found
from usance.web.security import needs

TEMPLATES = "/console/templates"
PAGE, LAST = 50, 2**15 - 1


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


RETIRE = Deed(
    "retire", _("Retire the template"),
    _("From this day on nothing is said by any version of it. A second person agrees first."),
    (Field("retired_on", _("First day without it"), "day", hint=_("Today or later.")),),
    grave=True,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """Whose data fill a preview: nobody's, or a borrower's whom the reader has in clear."""

    borrower: str = ""
    values: Mapping[str, Mapping[str, Any]] | None = None
    real: tuple[str, ...] = ()
    refusal: Refusal | None = None
    closed: bool = False
    """The reader may see people, and has given no reason for this one yet."""


async def today_of(request: Asked) -> date:
    """The open business date: days of templates are counted in it."""
    book = await read.book(services(request).pool)
    assert book is not None  # the application does not start without one
    return book.business_date


def number_of(request: Asked, name: str, otherwise: int) -> int:
    """A number of the query; ``otherwise`` if it cannot be read."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else otherwise


@get("/templates", opt=needs("notices:read"))
async def templates(request: Asked) -> Response[str]:
    """Every template with its newest version, what is in force, and what waits."""
    known, after = services(request), number_of(request, "after", 0)
    rows = await store.page(known.pool, after, PAGE + 1)
    newest = [version_of(row) for row in rows[:PAGE]]
    today = await today_of(request)
    in_force = await known.templates.in_force_of([v.document.id for v in newest], today)
    waiting = await known.approvals.waiting_of(list(ACTS))
    return await show(
        request, "templates.html", rows=newest, in_force=in_force, today=today,
        waiting=[(each, *named_in(each)) for each in waiting], names=await names_of(request),
        next=after + PAGE if len(rows) > PAGE else 0,
    )  # fmt: skip


def named_in(proposal: Proposal) -> tuple[str, int]:
    """Which template a proposal is about, and which version of it; 0 for a retirement."""
    body = msgspec.json.decode(proposal.body)
    document = body.get("document", {})
    return document.get("id") or body.get("template_id", ""), document.get("version", 0)


@get("/templates/{template:str}", opt=needs("notices:read"))
async def template_page(request: Asked, template: Word) -> Response[str]:
    """A version as its readers see it, the one in force unless another is asked for."""
    known, today = services(request), await today_of(request)
    before = number_of(request, "before", LAST)
    versions = await known.templates.versions(template, min(before, LAST), PAGE + 1)
    if not versions and before == LAST:
        raise not_found("template")
    in_force = (await known.templates.in_force_of([template], today)).get(template)
    version = await chosen(request, template, in_force)
    looked = await looked_at(request, version.document, request.query_params.get("borrower", ""))
    agreed = await known.approvals.carried_out([each.operation_id for each, _ in versions])
    waiting = [(each, *named_in(each)) for each in await known.approvals.waiting_of(list(ACTS))]
    return await show(
        request, "template.html", name=template, version=version, in_force=in_force,
        today=today, versions=versions[:PAGE], looked=looked, agreed=agreed,
        previews=previews_of(request, version.document, looked),
        signature=known.templates.policy.signature,
        waiting=[each for each in waiting if each[1] == template], names=await names_of(request),
        next=versions[PAGE - 1][0].document.version if len(versions) > PAGE else 0,
    )  # fmt: skip


async def chosen(request: Asked, template: str, in_force: Version | None) -> Version:
    """The version that the address asks for, else the one in force, else the newest."""
    templates = services(request).templates
    if "version" in request.query_params:
        found = await templates.one(template, number_of(request, "version", 0))
        if found is None:
            raise not_found("version")
        return found
    newest = await templates.versions(template, LAST, 1)
    if not newest:
        raise not_found("template")
    return in_force or newest[0][0]


@rule("R-ACCESS-01", "R-TEMPLATE-21")
async def looked_at(request: Asked, document: TemplateDocument, borrower: str) -> Looked:
    """A borrower's values for a template, if the reader has opened that borrower for a reason."""
    borrower = borrower.strip().lower()
    if not borrower:
        return Looked()
    try:
        borrower_id = parse("borrower", borrower)
    except ValueError:
        return Looked(borrower, refusal=nobody())
    known = services(request)
    if not await known.borrowers.exists(borrower_id):
        return Looked(borrower, refusal=nobody())
    if not await known.accesses.opened(request.user, [borrower_id]):
        return Looked(borrower, closed=True)
    fitted = await known.notices.own.fitted(document, borrower_id)
    if fitted is None:
        return Looked(borrower, refusal=nobody())
    return Looked(borrower, fitted.values, fitted.real)


def nobody() -> Refusal:
    """There is no borrower of that number, or nothing of them can be read any more."""
    return Refusal("R-FOUND-01", "there is no such borrower", "borrower")


def previews_of(request: Asked, document: TemplateDocument, looked: Looked) -> list[Preview]:
    """Every text that can be said, with a borrower's values or made-up ones."""
    return checked(document, services(request).templates.policy, looked.values).previews


@get("/templates/{template:str}/changes", opt=needs("notices:read"))
async def changes_page(request: Asked, template: Word) -> Response[str]:
    """What differs between two versions, line by line."""
    templates = services(request).templates
    newest = await templates.versions(template, LAST, PAGE)
    if not newest:
        raise not_found("template")
    last = newest[0][0].document.version
    to = number_of(request, "to", last)
    new = await templates.one(template, to)
    old = await templates.one(template, number_of(request, "from", to - 1))
    if new is None or (old is None and "from" in request.query_params):
        raise not_found("version")
    return await show(
        request, "template_changes.html", name=template, new=new, old=old,
        changes=differences(old.document if old else None, new.document),
        numbers=[each.document.version for each, _ in newest],
    )  # fmt: skip


@rule("R-TEMPLATE-17")
async def proposed_changes(
    request: Asked, document: TemplateDocument
) -> tuple[int, Sequence[Difference], list[Preview]]:
    """Of a proposed version: against which it is compared (0: none), what differs, how it reads."""
    old = await services(request).templates.one(document.id, document.version - 1)
    found = differences(old.document if old else None, document)
    return (old.document.version if old else 0), found, previews_of(request, document, Looked())


async def the_template(request: Asked) -> Place:
    """Which template the address means."""
    template = request.path_params["template"]
    if await store.newest(services(request).pool, template) is None:
        raise not_found("template")
    return Place(template, f"{TEMPLATES}/{template}", {"template": template})


async def retire(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """Propose its end."""
    act = RetireTemplate(place.known["template"], date.fromordinal(values["retired_on"]))
    return await ask_for(request, act, asking)


HANDLERS = [
    templates, template_page, changes_page,
    *routes_of("/templates/{template:str}/do/retire", "notices:write", RETIRE, the_template,
               retire),
]  # fmt: skip
