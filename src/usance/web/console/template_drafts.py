"""A version of a template is written: looked at as often as one likes, then proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.notices import store
from usance.notices.lints import findings
from usance.notices.previews import Preview
from usance.notices.templates import AdoptTemplate, version_of
from usance.web.console.actions import asking_of, form_of
from usance.web.console.deeds import ask_for, moved_on
from usance.web.console.notice_templates import (
    TEMPLATES,
    Looked,
    looked_at,
    previews_of,
    today_of,
)
from usance.web.console.notice_words import AUDIENCES, PURPOSES, SCOPES
from usance.web.console.render import Asked, services, show
from usance.web.console.template_forms import FIELDS, by_field, document_of, given_of
from usance.web.security import needs

DRAFTS = "/console/template-drafts"


@get("/template-drafts", opt=needs("notices:write"))
async def draft_page(request: Asked) -> Response[str]:
    """The form: the newest version of a template to go on from, or an empty one."""
    return await written(request, await begun(request, request.query_params.get("template", "")))


async def begun(request: Asked, template: str) -> dict[str, str]:
    """What the form begins with: the next version begins today, unless it is said otherwise."""
    row = await store.newest(services(request).pool, template)
    today = await today_of(request)
    if row is None:
        return {"id": template, "version": "1", "effective_on": today.isoformat()}
    document = version_of(row).document
    again = msgspec.structs.replace(
        document, version=document.version + 1, retired_on=None,
        effective_on=max(today, document.effective_on),
    )  # fmt: skip
    return given_of(again)


async def written(
    request: Asked, given: Mapping[str, str], refusals: list[Refusal] | None = None,
    previews: list[Preview] | None = None, looked: Looked | None = None,
) -> Response[str]:  # fmt: skip
    """The form, with what is wrong beside each field, and how it reads where that was asked."""
    found = refusals or []
    return await show(
        request, "template_draft.html", status=422 if found else 200, given=given,
        refusals=found, wrong=by_field(found), previews=previews, looked=looked or Looked(),
        first=given.get("version") == "1", fields=FIELDS, purposes=PURPOSES.items(),
        audiences=AUDIENCES.items(), scopes=SCOPES.items(),
        signature=services(request).templates.policy.signature,
    )  # fmt: skip


@post("/template-drafts/look", opt=needs("notices:write", changes=False))
async def look(request: Asked) -> Response[str]:
    """What is wrong with it, and how it reads; nothing is kept."""
    form = await form_of(request)
    try:
        document = document_of(form)
    except Refused as refused:
        return await written(request, form, [refused.refusal])
    looked = await looked_at(request, document, form.get("borrower", ""))
    found = findings(document, services(request).templates.policy)
    previews = previews_of(request, document, looked)
    return await written(request, form, found, previews, looked)


@post("/template-drafts", opt=needs("notices:write"))
async def propose(request: Asked) -> Response[Any]:
    """Propose it as it stands in the form: a second person agrees, or not."""
    form = await form_of(request)
    try:
        document = document_of(form)
        if found := findings(document, services(request).templates.policy):
            return await written(request, form, found)
        answer = await ask_for(request, AdoptTemplate(document), asking_of(request, form))
    except Refused as refused:
        return await written(request, form, [refused.refusal])
    return moved_on(answer, f"{TEMPLATES}/{document.id}")


HANDLERS = [draft_page, look, propose]
