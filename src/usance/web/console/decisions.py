"""Automated decisions as staff sees them: about a borrower, and one with its way and its reasons.

What a decision was made of is the person's: it is opened only for who has given a reason for this
borrower, as all details of a person are.
"""

from __future__ import annotations

from contextlib import suppress

from litestar import Response, get

from usance.core.identifiers import parse, written
from usance.core.rules import rule
from usance.risk import decision_store as store
from usance.web.console.access import person
from usance.web.console.render import Asked, Word, identifier, language_of, services, show
from usance.web.decisions import replayed, told, whole
from usance.web.security import needs

PAGE = 40
READ = "decisions:read"


@get("/borrowers/{borrower:str}/decisions", opt=needs(READ))
async def of_borrower(request: Asked, borrower: Word) -> Response[str]:
    """Decisions about a borrower, the newest first, without what they were made of."""
    borrower_id = identifier("borrower", borrower)
    await person(request, borrower_id)
    archive = services(request).decisions.archive
    rows = await store.of_borrower(archive.pool, borrower_id, before_of(request), PAGE + 1)
    return await show(
        request, "decisions.html", borrower=borrower,
        rows=await told(archive, rows[:PAGE], language_of(request)),
        next=written("decision", rows[PAGE - 1].decision_id) if len(rows) > PAGE else "",
    )  # fmt: skip


def before_of(request: Asked) -> int:
    """The decision before which the page begins; the newest if it cannot be read."""
    with suppress(ValueError):
        return parse("decision", request.query_params.get("before", ""))
    return store.LAST


@get("/decisions/{decision:str}", opt=needs(READ))
@rule("R-ACCESS-01", "R-DECIDE-01")
async def one(request: Asked, decision: Word) -> Response[str]:
    """One decision: each row that was tried, what failed, facts and sources, reasons, versions."""
    archive = services(request).decisions.archive
    opened = await archive.one(identifier("decision", decision))
    shown = await person(request, opened.stored.borrower_id)
    again = request.query_params.get("again") == "1" and opened.snapshot is not None
    return await show(
        request, "decision.html",
        found=await whole(
            archive, opened, language_of(request), in_clear=shown.until is not None
        ),
        until=shown.until, again=again,
        differences=await replayed(archive, opened) if again else [],
    )  # fmt: skip


HANDLERS = [of_borrower, one]
