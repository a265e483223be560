"""Who among the staff may do something: whom work can be given to."""

from __future__ import annotations

from dataclasses import dataclass

from usance.identity import staff_sql as store
from usance.identity.roles import permissions_of
from usance.platform.database import Pool


@dataclass(frozen=True, slots=True)
class Colleague:
    """An active account."""

    staff_id: int
    name: str


async def colleagues(pool: Pool, permission: str) -> list[Colleague]:
    """Active accounts whose roles give the permission, by name."""
    return [
        Colleague(row["staff_id"], row["name"])
        for row in await store.staff_and_roles(pool)
        if permission in permissions_of(row["roles"])
    ]
