"""Consent documents: the list, one word for word, its versions, what a version changed."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from litestar import Response, get

from usance.consents.acts import ACTS, RetireConsentDocument
from usance.consents.documents import ConsentDocument
from usance.consents.service import Version
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.notices.changes import Difference, compared
from usance.web.console.deeds import Deed, Place, ask_for, routes_of
from usance.web.console.forms import Field
from usance.web.console.names import names_of
from usance.web.console.notice_templates import number_of
from usance.web.console.render import Asked, Word, services, show
from usance.web.problems import not_found
from usance.web.security import needs

DOCUMENTS = "/console/consent-documents"


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


RETIRE = Deed(
    "retire", _("Retire the version"),
    _("From this day on nobody agrees to it, and who has agreed has agreed to nothing."
      " A second person agrees first."),
    (Field("retired_on", _("First day without it"), "day", hint=_("Today or later.")),),
    grave=True,
)  # fmt: skip


async def versions_of(request: Asked, name: str = "") -> list[Version]:
    """Versions of one document or of all, the newest of each first."""
    return await services(request).consents.versions(name)


def differences(old: ConsentDocument | None, new: ConsentDocument) -> list[Difference]:
    """What differs between two versions; every paragraph stands on a line of its own."""
    found = compared(spread(old) if old else None, spread(new))
    return [each for each in found if each.where != "document_id"]


def spread(document: ConsentDocument) -> dict[str, Any]:
    """A document with its paragraphs as lines."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    for text in plain["texts"].values():
        text["paragraphs"] = "\n".join(text["paragraphs"])
        text["risks"] = "\n".join(text["risks"])
    return plain


@get("/consent-documents", opt=needs("consents:read"))
async def documents(request: Asked) -> Response[str]:
    """Every document with the version that can be agreed to, and what waits."""
    by_name: dict[str, list[Version]] = {}
    for each in await versions_of(request):
        by_name.setdefault(each.document.document_id, []).append(each)
    rows = [next((v for v in found if v.in_force), found[0]) for found in by_name.values()]
    return await show(
        request, "consent_documents.html", rows=rows, newest=by_name,
        waiting=await waiting(request), today=services(request).clock.now().date(),
        names=await names_of(request),
    )  # fmt: skip


async def waiting(request: Asked) -> list[Any]:
    """Proposals about documents, each with the document and version that it is about."""
    found = []
    for each in await services(request).approvals.waiting_of(list(ACTS)):
        body = msgspec.json.decode(each.body)
        about = body.get("document", body)
        kind = "document" if "document" in body else "end"
        found.append((each, about["document_id"], about["version"], kind))
    return found


@get("/consent-documents/{document:str}", opt=needs("consents:read"))
async def document_page(request: Asked, document: Word) -> Response[str]:
    """A version word for word in both languages: the one in force unless another is asked for."""
    versions = await versions_of(request, document)
    if not versions:
        raise not_found("consent document")
    stands = next((each for each in versions if each.in_force), versions[0])
    shown = stands
    if "version" in request.query_params:
        shown = numbered(versions, number_of(request, "version", 0))
    agreed = await services(request).approvals.carried_out([v.operation_id for v in versions])
    return await show(
        request, "consent_document.html", name=document, version=shown, versions=versions,
        agreed=agreed, waiting=[each for each in await waiting(request) if each[1] == document],
        today=services(request).clock.now().date(), names=await names_of(request),
    )  # fmt: skip


def numbered(versions: list[Version], number: int) -> Version:
    """The version of a number; ``ProblemError`` (404) if there is none."""
    found = next((each for each in versions if each.document.version == number), None)
    if found is None:
        raise not_found("version")
    return found


@get("/consent-documents/{document:str}/changes", opt=needs("consents:read"))
async def document_changes(request: Asked, document: Word) -> Response[str]:
    """What differs between two versions, line by line."""
    versions = await versions_of(request, document)
    if not versions:
        raise not_found("consent document")
    last = versions[0].document.version
    new = numbered(versions, number_of(request, "to", last)).document
    before = number_of(request, "from", new.version - 1)
    old = numbered(versions, before).document if "from" in request.query_params else next(
        (each.document for each in versions if each.document.version == before), None
    )  # fmt: skip
    return await show(
        request, "consent_changes.html", name=document, new=new, old=old,
        changes=differences(old, new), numbers=[v.document.version for v in versions],
    )  # fmt: skip


async def proposed_changes(
    request: Asked, document: ConsentDocument
) -> tuple[int, list[Difference]]:
    """Of a proposed version: against which it is compared (0: none), and what differs."""
    found = [each.document for each in await versions_of(request, document.document_id)]
    old = next((each for each in found if each.version == document.version - 1), None)
    return (old.version if old else 0), differences(old, document)


async def the_version(request: Asked) -> Place:
    """Which version the address means."""
    name, number = request.path_params["document"], request.path_params["version"]
    numbered(await versions_of(request, name), number)
    known = {"document_id": name, "version": number}
    return Place(f"{name} · {number}", f"{DOCUMENTS}/{name}", known)


async def retire(request: Asked, place: Place, values: dict[str, Any], asking: Asking) -> Answer:
    """Propose its end."""
    retired_on = date.fromordinal(values["retired_on"])
    return await ask_for(request, RetireConsentDocument(**place.known, retired_on=retired_on),
                         asking)  # fmt: skip


ADDRESS = "/consent-documents/{document:str}/versions/{version:int}/do/retire"
HANDLERS = [
    documents, document_page, document_changes,
    *routes_of(ADDRESS, "consents:adopt", RETIRE, the_version, retire),
]  # fmt: skip
