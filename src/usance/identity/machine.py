"""Machine clients: keys shown once and kept as hashes, and the scopes that they open.

A client has at most two keys that open: a second one is made while the first still opens, the
program moves to it, and the first is retired.

What makes a key (``CreateClient``, ``RotateClientKey``) is a value that can be kept and done later,
so that a second person can agree first. It holds the hash of a key that its author was shown; the
key opens nothing until the act is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.changing import Asking, Change, once, tried
from usance.identity.once import Answer
from usance.identity.permissions import SCOPES
from usance.ledger.digest import digest
from usance.platform.clock import Clock, SystemClock
from usance.platform.credentials import PREFIX_SHOWN, hash_machine_secret, new_machine_secret
from usance.platform.database import Connection, Pool

FRESH_SECONDS = 3
"""So long at most a key that was taken back still opens, and a new one is not yet known."""
KEYS_MAX = 2
VALID_DAYS_MAX, OVERLAP_HOURS_MAX = 730, 2160


@dataclass(frozen=True, slots=True)
class MachineClient:
    """A program that may use the API."""

    client_id: int
    name: str
    scopes: frozenset[str]
    actor: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key as people may see it."""

    key_id: int
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    retired_at: datetime | None
    last_used_on: date | None

    def opens(self, now: datetime) -> bool:
        """Whether it still does."""
        return self.retired_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class Listed:
    """A client with its keys, newest first."""

    client_id: int
    name: str
    scopes: list[str]
    active: bool
    created_at: datetime
    keys: list[Key]


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key. Its secret is shown once: who asks again under the same key gets none."""

    client_id: int
    key_id: int
    secret: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a new key opens, and the old one beside it; None: until it is retired."""

    new: timedelta | None = None
    old: timedelta | None = None


class ClientAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that gives somebody a key. ``secret_hash``: what is kept of it, in hexadecimal."""

    name: str
    secret_hash: str
    prefix: str


class CreateClient(ClientAct, frozen=True):
    """A new client with its first key."""

    scopes: tuple[str, ...]


class RotateClientKey(ClientAct, frozen=True):
    """A second key; None: it opens, or the old one does, until it is retired.

    ``scopes``: what it opens, for whoever agrees; they are the client's and never change.
    """

    scopes: tuple[str, ...] = ()
    valid_days: int | None = None
    overlap_hours: int | None = None

    @property
    def lifetimes(self) -> Lifetimes:
        """From when it is done; a number beyond any end is one too many, however large."""
        days, hours = self.valid_days, self.overlap_hours
        return Lifetimes(
            None if days is None else timedelta(days=min(days, VALID_DAYS_MAX + 1)),
            None if hours is None else timedelta(hours=min(hours, OVERLAP_HOURS_MAX + 1)),
        )


ACTS: dict[str, type[ClientAct]] = {each.__name__: each for each in (CreateClient, RotateClientKey)}
"""Every act by the name that the audit log gives it."""


def kept_of(secret: str) -> tuple[str, str]:
    """What an act holds of a key: its hash, and its first characters, to tell keys apart."""
    return hash_machine_secret(secret).hex(), secret[:PREFIX_SHOWN]


@dataclass(frozen=True, slots=True)
class _Known:
    key_id: int
    client: MachineClient
    expires_at: datetime | None
    last_used_on: date | None


class MachineClients:
    """The machine clients of a book; the table is read every few seconds, not every request."""

    def __init__(self, pool: Pool, clock: Clock | None = None) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()
        self._known: dict[bytes, _Known] = {}
        self._used: set[int] = set()
        self._fresh_until = 0
        self._reading = asyncio.Lock()

    async def identify(self, secret: str) -> MachineClient | None:
        """Whose key it is."""
        if time.monotonic_ns() >= self._fresh_until:
            await self._read()
        known = self._known.get(hash_machine_secret(secret))
        if known is None or (known.expires_at and known.expires_at <= self._clock.now()):
            return None
        self._used.add(known.key_id)
        return known.client

    async def create(self, name: str, scopes: Iterable[str], *, actor: str = "operator") -> str:
        """A new client; returns its key, which is not shown again. Raises ``Refused``."""
        return (await self.issue(name, scopes, Asking(actor))).secret

    async def issue(self, name: str, scopes: Iterable[str], asking: Asking) -> Issued:
        """A new client with its first key. Raises ``Refused``."""
        secret = new_machine_secret()
        act = CreateClient(name, *kept_of(secret), tuple(sorted(set(scopes))))
        return self._issued(secret, await self.perform(act, asking))

    async def perform(self, act: ClientAct, asking: Asking) -> Answer:
        """Do it, once for the caller's key, with its audit event. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            client_id, key_id = await self._done(change.connection, act)
            more = {"scopes": list(act.scopes)} if isinstance(act, CreateClient) else {}
            return await _noted(change, type(act).__name__, client_id, key_id, **more)

        return await self._change(asking, make)

    async def rehearse(self, act: ClientAct) -> None:
        """Whether it could be done now; nothing stays. Raises ``Refused`` if not."""
        await tried(self._pool, lambda connection: self._done(connection, act))

    async def _done(self, connection: Connection, act: ClientAct) -> tuple[int, int]:
        """The client and its new key."""
        if isinstance(act, CreateClient):
            return await self._created(connection, act)
        assert isinstance(act, RotateClientKey)
        return await self._rotated(connection, act)

    @rule("R-CLIENT-01", "R-CLIENT-02")
    async def _created(self, connection: Connection, act: CreateClient) -> tuple[int, int]:
        if not act.scopes or not SCOPES.issuperset(act.scopes):
            raise Refused("R-CLIENT-01", f"scopes are of {', '.join(sorted(SCOPES))}", "scope")
        if not (1 <= len(act.name) <= 60 and act.name.isprintable()):
            raise Refused("R-CLIENT-02", "a name has 1 to 60 printable characters", "name")
        client_id = await store.insert_client(connection, act.name, list(act.scopes))
        if client_id is None:
            raise Refused("R-CLIENT-02", "the name is taken", "name")
        return client_id, await self._insert_key(connection, client_id, act, None)

    @rule("R-CLIENT-04")
    async def _rotated(self, connection: Connection, act: RotateClientKey) -> tuple[int, int]:
        lives = act.lifetimes
        check_lifetimes(lives)
        now, client_id = self._clock.now(), await _taken(connection, act.name)
        open_keys = await store.open_keys(connection, client_id, now)
        if len(open_keys) >= KEYS_MAX:
            raise Refused("R-CLIENT-04", "two keys open already; retire one first", "name")
        if lives.old is not None:
            await store.limit_keys(connection, open_keys, now + lives.old)
        return client_id, await self._insert_key(connection, client_id, act, lives.new)

    async def renew(self, name: str, *, actor: str = "operator") -> str | None:
        """One new key in place of all others; None when there is no such active client."""
        secret = new_machine_secret()

        async def make(change: Change) -> dict[str, Any]:
            now, client_id = self._clock.now(), await _taken(change.connection, name)
            open_keys = await store.open_keys(change.connection, client_id, now)
            await store.retire_keys(change.connection, open_keys, now)
            act = ClientAct(name, *kept_of(secret))
            key_id = await self._insert_key(change.connection, client_id, act, None)
            return await _noted(change, "RenewClient", client_id, key_id)

        try:
            await self._change(Asking(actor), make)
        except Refused as refused:
            if refused.refusal.rule == "R-CLIENT-03":
                return None
            raise
        return secret

    async def rotate(self, name: str, asking: Asking, lifetimes: Lifetimes | None = None) -> Issued:
        """A second key while the first still opens; raises ``Refused``."""
        lives = lifetimes or Lifetimes()
        secret = new_machine_secret()
        days = None if lives.new is None else lives.new // timedelta(days=1)
        hours = None if lives.old is None else lives.old // timedelta(hours=1)
        act = RotateClientKey(name, *kept_of(secret), valid_days=days, overlap_hours=hours)
        return self._issued(secret, await self.perform(act, asking))

    @rule("R-CLIENT-05")
    async def retire_key(self, name: str, key_id: int, asking: Asking) -> Answer:
        """A key opens nothing any more; never the last one. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            now, client_id = self._clock.now(), await _taken(change.connection, name)
            open_keys = await store.open_keys(change.connection, client_id, now)
            if key_id not in open_keys:
                raise Refused("R-CLIENT-05", "the client has no such key that opens", "key")
            if len(open_keys) == 1:
                detail = "the last key is not retired: deactivate the client"
                raise Refused("R-CLIENT-05", detail, "key")
            await store.retire_keys(change.connection, [key_id], now)
            return await _noted(change, "RetireClientKey", client_id, key_id)

        return await self._change(asking, make)

    async def deactivate(self, name: str, *, actor: str = "operator") -> int:
        """Lock a client out for good; raises ``Refused`` when there is none."""
        answer = await self.lock_out(name, Asking(actor))
        return int(answer.document["client_id"])

    async def lock_out(self, name: str, asking: Asking) -> Answer:
        """The same, once for the caller's key."""

        async def make(change: Change) -> dict[str, Any]:
            client_id = await _taken(change.connection, name)
            await store.deactivate_client(change.connection, client_id)
            return await _noted(change, "DeactivateClient", client_id, 0)

        return await self._change(asking, make)

    async def all(self) -> list[Listed]:
        """Every client with its keys, active ones first."""
        keys: dict[int, list[Key]] = {}
        for row in await store.client_keys(self._pool):
            values = {name: value for name, value in row.items() if name != "client_id"}
            keys.setdefault(row["client_id"], []).append(Key(**values))
        return [
            Listed(row["client_id"], row["name"], msgspec.json.decode(row["scopes"]),
                   row["active"], row["created_at"], keys.get(row["client_id"], []))
            for row in await store.clients(self._pool)
        ]  # fmt: skip

    async def _insert_key(
        self, connection: Connection, client_id: int, act: ClientAct, lifetime: timedelta | None
    ) -> int:
        now = self._clock.now()
        ends = now + lifetime if lifetime else None
        hashed = bytes.fromhex(act.secret_hash)
        return await store.insert_key(connection, client_id, hashed, act.prefix, now, ends)

    async def _change(self, asking: Asking, make: Any) -> Answer:
        answer = await once(self._pool, asking, make)
        self._fresh_until = 0
        return answer

    def _issued(self, secret: str, answer: Answer) -> Issued:
        document = answer.document
        shown = "" if answer.replayed else secret
        return Issued(document["client_id"], document["key_id"], shown, answer)

    async def _read(self) -> None:
        async with self._reading:
            if time.monotonic_ns() < self._fresh_until:
                return
            await self._note_use()
            rows = await store.opening_keys(self._pool, self._clock.now())
            self._known = {row["secret_hash"]: _known(row) for row in rows}
            self._fresh_until = time.monotonic_ns() + FRESH_SECONDS * 10**9

    async def _note_use(self) -> None:
        """Write on which day keys were last used, unless it is known of them."""
        today, used, self._used = self._clock.now().date(), self._used, set()
        new = [
            each.key_id for each in self._known.values()
            if each.key_id in used and each.last_used_on != today
        ]  # fmt: skip
        if new:
            await store.note_use(self._pool, new, today)


@rule("R-CLIENT-06")
def check_lifetimes(lives: Lifetimes) -> None:
    """A new key may be given an end, and the old one at its side."""
    days, hours = timedelta(days=1), timedelta(hours=1)
    if lives.new is not None and not days <= lives.new <= VALID_DAYS_MAX * days:
        raise Refused("R-CLIENT-06", f"a key is valid for 1 to {VALID_DAYS_MAX} days", "valid_days")
    if lives.old is not None and not hours <= lives.old <= OVERLAP_HOURS_MAX * hours:
        detail = f"an old key opens for 1 to {OVERLAP_HOURS_MAX} more hours"
        raise Refused("R-CLIENT-06", detail, "overlap_hours")


@rule("R-CLIENT-03")
async def _taken(connection: Connection, name: str) -> int:
    """The active client of a name, locked."""
    client_id = await store.take_client(connection, name)
    if client_id is None:
        raise Refused("R-CLIENT-03", "there is no active client of this name", "name")
    return client_id


async def _noted(
    change: Change, action: str, client_id: int, key_id: int, **more: object
) -> dict[str, Any]:
    """The audit event, and what is answered: no secret, because the answer is kept."""
    rows = [("machine_client", [(client_id,)]), ("machine_key", [(key_id,)] if key_id else [])]
    detail = {"client_id": client_id} | ({"key_id": key_id} if key_id else {}) | more
    await change.note(action, digest(rows), detail)
    return {"client_id": client_id, "key_id": key_id}


def _known(row: store.Row) -> _Known:
    scopes = frozenset(msgspec.json.decode(row["scopes"], type=list[str]))
    client_id = row["client_id"]
    client = MachineClient(client_id, row["name"], scopes, f"machine:{client_id}")
    return _Known(row["key_id"], client, row["expires_at"], row["last_used_on"])
