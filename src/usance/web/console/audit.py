"""The audit tree: who did what, whether it has its place in the tree, and the proof of it."""

from contextlib import suppress
from typing import Any

import msgspec
from litestar import Response, get

from usance.audit import proofs, store
from usance.audit.store import Wanted
from usance.core.identifiers import parse, written
from usance.core.refusals import Refusal
from usance.servicing import read
from usance.web.console.borrowers import operation_cursor
from usance.web.console.labels import ACTIONS
from usance.web.console.render import Asked, Word, identifier, services, show
from usance.web.problems import not_found
from usance.web.security import needs

PAGE = 50
FIELDS = ("actor", "action", "borrower")


@get("/audit", opt=needs("audit:read"))
async def audit(request: Asked) -> Response[str]:
    """The newest events, all or those of an actor, an action, a borrower; the last checkpoint."""
    given = {name: request.query_params.get(name, "").strip()[:200] for name in FIELDS}
    wanted, refusal = wanted_of(given)
    pool = services(request).pool
    rows, following = await store.events(pool, wanted, operation_cursor(request), PAGE)
    return await show(
        request, "audit.html", rows=rows, given=given, refusal=refusal, actions=sorted(ACTIONS),
        checkpoint=await store.newest_checkpoint(pool), key=str(services(request).audit_key),
        next=written("operation", following) if following else "",
    )  # fmt: skip


def wanted_of(given: dict[str, str]) -> tuple[Wanted, Refusal | None]:
    """What is looked for; a borrower that cannot be is refused, and nobody is found."""
    wanted = Wanted(given["actor"], given["action"])
    if not given["borrower"]:
        return wanted, None
    with suppress(ValueError):
        borrower_id = parse("borrower", given["borrower"])
        return Wanted(wanted.actor, wanted.action, borrower_id), None
    return Wanted(borrower_id=-1), Refusal("R-FOUND-01", "there is no such borrower", "borrower")


@get("/audit/{operation:str}/proof", opt=needs("audit:read"))
async def proof(request: Asked, operation: Word) -> Response[Any]:
    """The proof of an event, as a file to hand on."""
    operation_id = identifier("operation", operation)
    known = services(request)
    if await read.operation(known.pool, operation_id) is None:
        raise not_found("operation")
    document = await proofs.inclusion(known.pool, operation_id, known.audit_key)
    name = f"{written('operation', operation_id)}.proof.json"
    return Response(
        msgspec.json.format(msgspec.json.encode(document), indent=1),
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


HANDLERS = [audit, proof]
