"""A caller of the API or the console, as the room of cases wants to know them; their looks."""

from __future__ import annotations

from typing import Any

from usance.cases.work import Acting
from usance.core.rules import rule
from usance.identity.accesses import CASE
from usance.identity.machine import MachineClient
from usance.identity.staff import StaffSession
from usance.web.services import Services


def acting(caller: Any, key: str = "", request_hash: bytes = b"") -> Acting:
    """Who asks, what they may do, and the key of the request."""
    allowed: frozenset[str] = frozenset()
    if isinstance(caller, StaffSession):
        allowed = caller.permissions
    elif isinstance(caller, MachineClient):
        allowed = caller.scopes
    return Acting(caller.actor, allowed, key, request_hash)


@rule("R-ACCESS-03")
async def looked(
    services: Services, caller: Any, borrower_id: int, reason: str = "", what: str = CASE
) -> None:
    """Note that a caller is shown what a case of a borrower says; of nobody there is no look.

    ``what``: or what a decision was made of.

    A person reads a case in many pages, and is noted once for as long as a borrower stays open.
    """
    accesses = services.accesses
    if not borrower_id:
        return
    if isinstance(caller, MachineClient):
        seen = accesses.by_machine(caller.actor, caller.name, reason, what)
        await accesses.note(seen, borrower_id)
    elif isinstance(caller, StaffSession):
        seen = accesses.by_staff(caller, reason or CASE, what)
        await accesses.note(seen, borrower_id, each=False)
