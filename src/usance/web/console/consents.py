"""What a borrower agreed to, refused and took back, as staff sees it.

What was kept as evidence is the person's own words or papers: it is opened only for who has given a
reason for this borrower, as all details of a person are.
"""

from __future__ import annotations

from litestar import Response, get

from usance.consents import leaving
from usance.core.rules import rule
from usance.web.console.access import person
from usance.web.console.render import Asked, Word, identifier, services, show
from usance.web.security import needs


@get("/borrowers/{borrower:str}/consents", opt=needs("consents:read"))
@rule("R-ACCESS-01", "R-CONSENT-09")
async def of_borrower(request: Asked, borrower: Word) -> Response[str]:
    """Each agreement with its document, text, method and end, and everything that was said."""
    borrower_id = identifier("borrower", borrower)
    shown, known = await person(request, borrower_id), services(request)
    if shown.until:
        async with known.pool.acquire() as connection:
            found = await leaving.in_clear(
                connection, known.keys, borrower_id, known.clock.now()
            )
    else:
        found = await known.consents.of_borrower(borrower_id)
    return await show(
        request, "consents_of.html", borrower=borrower, rows=found[::-1], until=shown.until
    )


HANDLERS = [of_borrower]
