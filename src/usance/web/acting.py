"""A caller of the API or the console, as the room of cases wants to know them."""

from __future__ import annotations

from typing import Any

from usance.cases.work import Acting
from usance.identity.machine import MachineClient
from usance.identity.staff import StaffSession


def acting(caller: Any, key: str = "", request_hash: bytes = b"") -> Acting:
    """Who asks, what they may do, and the key of the request."""
    allowed: frozenset[str] = frozenset()
    if isinstance(caller, StaffSession):
        allowed = caller.permissions
    elif isinstance(caller, MachineClient):
        allowed = caller.scopes
    return Acting(caller.actor, allowed, key, request_hash)
