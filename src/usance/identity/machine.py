"""Machine clients: a key shown once and kept as a hash, and the scopes it opens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.permissions import SCOPES
from usance.ledger.digest import digest
from usance.platform.credentials import hash_machine_secret, new_machine_secret
from usance.platform.database import Pool, transaction
from usance.platform.identifiers import new_operation_id

FRESH_SECONDS = 3
"""So long at most a key that was taken back still opens, and a new one is not yet known."""


@dataclass(frozen=True, slots=True)
class MachineClient:
    """A program that may use the API."""

    client_id: int
    name: str
    scopes: frozenset[str]
    actor: str


class MachineClients:
    """The machine clients of a book; the table is read every few seconds, not every request."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[bytes, MachineClient] = {}
        self._fresh_until = 0
        self._reading = asyncio.Lock()

    async def identify(self, secret: str) -> MachineClient | None:
        """Whose key it is."""
        if time.monotonic_ns() >= self._fresh_until:
            await self._read()
        return self._known.get(hash_machine_secret(secret))

    @rule("R-CLIENT-01", "R-CLIENT-02")
    async def create(self, name: str, scopes: Iterable[str], *, actor: str = "operator") -> str:
        """A new client; returns its key, which is not shown again. Raises ``Refused``."""
        wanted = sorted(set(scopes))
        if not wanted or not SCOPES.issuperset(wanted):
            raise Refused("R-CLIENT-01", f"scopes are of {', '.join(sorted(SCOPES))}", "scope")
        if not (1 <= len(name) <= 60 and name.isprintable()):
            raise Refused("R-CLIENT-02", "a name has 1 to 60 printable characters", "name")
        secret = new_machine_secret()
        async with transaction(self._pool) as connection:
            on = await store.business_date(connection)
            if on is None:
                raise Refused("R-BOOK-01", "there is no book yet; make one first")
            hashed = hash_machine_secret(secret)
            client_id = await store.insert_client(connection, name, hashed, wanted)
            if client_id is None:
                raise Refused("R-CLIENT-02", "the name is taken", "name")
            await store.insert_operation(
                connection, new_operation_id(), actor=actor, action="CreateClient", on=on,
                digest=digest([("machine_client", [(client_id,)])]),
                detail={"client_id": client_id, "scopes": wanted},
            )  # fmt: skip
        self._fresh_until = 0
        return secret

    async def renew(self, name: str, *, actor: str = "operator") -> str | None:
        """A new key in place of the old one; None when there is no such active client."""
        secret = new_machine_secret()
        async with transaction(self._pool) as connection:
            hashed = hash_machine_secret(secret)
            client_id = await store.replace_secret(connection, name, hashed)
            on = await store.business_date(connection)
            if client_id is None or on is None:
                return None
            await store.insert_operation(
                connection, new_operation_id(), actor=actor, action="RenewClient", on=on,
                digest=digest([("machine_client", [(client_id,)])]),
                detail={"client_id": client_id},
            )  # fmt: skip
        self._fresh_until = 0
        return secret

    @rule("R-CLIENT-03")
    async def deactivate(self, name: str, *, actor: str = "operator") -> int:
        """Lock a client out for good; raises ``Refused`` when there is none."""
        async with transaction(self._pool) as connection:
            client_id = await store.deactivate_client(connection, name)
            on = await store.business_date(connection)
            if client_id is None or on is None:
                raise Refused("R-CLIENT-03", "there is no active client of this name", "name")
            await store.insert_operation(
                connection, new_operation_id(), actor=actor, action="DeactivateClient", on=on,
                digest=digest([("machine_client", [(client_id,)])]),
                detail={"client_id": client_id},
            )  # fmt: skip
        self._fresh_until = 0
        return client_id

    async def _read(self) -> None:
        async with self._reading:
            if time.monotonic_ns() < self._fresh_until:
                return
            rows = await store.active_clients(self._pool)
            self._known = {row["secret_hash"]: _client(row) for row in rows}
            self._fresh_until = time.monotonic_ns() + FRESH_SECONDS * 10**9


def _client(row: store.Row) -> MachineClient:
    scopes = frozenset(msgspec.json.decode(row["scopes"], type=list[str]))
    return MachineClient(row["client_id"], row["name"], scopes, f"machine:{row['client_id']}")
