"""Whose details a page shows in clear: those for whom the reader gave a reason just now."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Response, get, post

from usance.core.identifiers import parse, written
from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.accesses import NOTE_MAX, SEES
from usance.identity.borrowers import Borrower
from usance.servicing import read
from usance.web.console.actions import asking_of, form_of
from usance.web.console.render import (
    Asked,
    Word,
    identifier,
    language_of,
    moved,
    services,
    show,
)
from usance.web.problems import not_found
from usance.web.security import needs

PAGE = 50
PLACE = "/borrowers/{borrower:str}"


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """A borrower as the reader may see them; ``until``, how long in clear (None: masked)."""

    person: Borrower
    until: datetime | None


@rule("R-ACCESS-01")
async def people(request: Asked, borrowers: Sequence[int]) -> dict[int, Shown]:
    """Borrowers by their ids, masked but for those whom the reader has opened."""
    opened = await services(request).accesses.opened(request.user, borrowers)
    found = await services(request).borrowers.read_many(borrowers)
    return {
        each.borrower_id: Shown(each, opened[each.borrower_id].until)
        if each.borrower_id in opened else Shown(each.masked(), None)
        for each in found
    }  # fmt: skip


async def person(request: Asked, borrower_id: int) -> Shown:
    """One of them; ``ProblemError`` (404) if there is none."""
    found = (await people(request, [borrower_id])).get(borrower_id)
    if found is None:
        raise not_found("borrower")
    return found


@get(PLACE + "/open", opt=needs(SEES))
async def reason_page(request: Asked, borrower: Word) -> Response[str]:
    """The form that asks why."""
    return await reason_form(request, borrower, {})


async def reason_form(
    request: Asked, borrower: str, given: dict[str, str], refusal: Refusal | None = None
) -> Response[str]:
    """The form, with what was wrong."""
    known = services(request)
    if not await known.borrowers.exists(identifier("borrower", borrower)):
        raise not_found("borrower")
    language = language_of(request)
    choices = [(r.code, r.name(language)) for r in known.accesses.policy.reasons_of_people()]
    return await show(
        request, "reason.html", status=422 if refusal else 200, refusal=refusal, given=given,
        borrower=borrower, choices=choices, most=NOTE_MAX,
        minutes=int(known.accesses.policy.access.total_seconds()) // 60,
    )  # fmt: skip


@post(PLACE + "/open", opt=needs(SEES, changes=False))
async def open_person(request: Asked, borrower: Word) -> Response[Any]:
    """In clear from here on, for this session and a while; noted, and shown to the person."""
    form, borrower_id = await form_of(request), identifier("borrower", borrower)
    try:
        asking = asking_of(request, form)
        answer = await services(request).accesses.open(
            request.user, borrower_id, form.get("reason", ""), form.get("note", ""), asking
        )
    except Refused as refused:
        return await reason_form(request, borrower, form, refused.refusal)
    done = written("operation", answer.operation_id)
    return moved(f"/console/borrowers/{borrower}", done=done)


@get(PLACE + "/accesses", opt=needs("borrowers:read"))
async def accesses_page(request: Asked, borrower: Word) -> Response[str]:
    """Who was shown the details, and why, newest first."""
    borrower_id, before = identifier("borrower", borrower), read.LAST
    if not await services(request).borrowers.exists(borrower_id):
        raise not_found("borrower")
    with suppress(ValueError):
        before = parse("operation", request.query_params.get("before", ""))
    with_notes = SEES in request.user.permissions
    rows = await services(request).accesses.of_borrower(
        borrower_id, before, PAGE + 1, with_notes=with_notes
    )
    reasons, language = services(request).accesses.policy.reasons, language_of(request)
    return await show(
        request, "accesses.html", borrower=borrower, rows=rows[:PAGE], with_notes=with_notes,
        reasons={code: each.name(language) for code, each in reasons.items()},
        next=written("operation", rows[PAGE - 1].access_id) if len(rows) > PAGE else "",
    )  # fmt: skip


HANDLERS = [reason_page, open_person, accesses_page]
