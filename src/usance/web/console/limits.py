"""Limits of a borrower as staff sees them: lines under the cap, offers, approved cuts, history."""

from __future__ import annotations

from litestar import Response, get

from usance.core.rules import rule
from usance.policy import shipped
from usance.web.console.access import person
from usance.web.console.render import Asked, Word, identifier, language_of, services, show
from usance.web.limits import limits_of
from usance.web.security import needs


@get("/borrowers/{borrower:str}/limits", opt=needs("lines:read"))
@rule("R-LIMIT-04")
async def of_borrower(request: Asked, borrower: Word) -> Response[str]:
    """Limits of a borrower, with why each is what it is."""
    borrower_id, known = identifier("borrower", borrower), services(request)
    await person(request, borrower_id)
    found = await limits_of(
        known.pool, known.decisions.archive, known.limits.policy, borrower_id,
        language_of(request),
    )  # fmt: skip
    return await show(
        request, "limits.html", borrower=borrower, found=found,
        tiers=shipped.dictionary()["tier"].of,
    )  # fmt: skip


HANDLERS = [of_borrower]
