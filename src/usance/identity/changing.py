"""A change from outside: made once for its caller's key, with its audit event, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import msgspec

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a change; under which key, and the SHA-256 of the request that it stands for."""

    actor: str
    key: str = ""
    request_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Change:
    """A change under way: its transaction, its audit event's number, and the open business date."""

    connection: Connection
    operation_id: int
    actor: str
    on: date

    async def note(
        self, action: str, digest: bytes, detail: Mapping[str, Any], *, borrower_id: int = 0
    ) -> None:
        """Write the audit event; ``detail`` holds no personal data."""
        await store.insert_operation(
            self.connection, self.operation_id, actor=self.actor, action=action, on=self.on,
            digest=digest, borrower_id=borrower_id, detail=detail,
        )  # fmt: skip


Making: TypeAlias = Callable[[Change], Awaitable[dict[str, Any]]]
"""Makes a change and writes its audit event; returns the document to answer with and to keep."""


async def tried(pool: Pool, work: Callable[[Connection], Awaitable[object]]) -> None:
    """Whether it could be done now: done, and taken back. Raises ``Refused`` if not."""
    with suppress(_TakenBack):
        async with transaction(pool) as connection:
            await work(connection)
            raise _TakenBack


async def complete(pool: Pool, adopt: Callable[[Connection, date], Awaitable[int]]) -> None:
    """A book of before adopts what it lacks; of several processes that start, one does it."""
    with suppress(Refused):  # a twin was first
        async with transaction(pool) as connection:
            on = await store.business_date(connection)
            if on is not None:
                await adopt(connection, on)


async def rehearsed(pool: Pool, actor: str, make: Making) -> None:
    """Whether a change could be made now: made, and taken back. Raises ``Refused`` if not."""

    async def work(connection: Connection) -> None:
        on = await store.business_date(connection)
        assert on is not None, "there is no book yet"
        await make(Change(connection, new_operation_id(), actor, on))

    await tried(pool, work)


class _TakenBack(Exception):
    """Ends a rehearsal, so that nothing of it stays."""


@rule("R-IDEM-01")
async def answered(where: Connection | Pool, asking: Asking) -> Answer | None:
    """What the caller's key was answered with; None without one. Raises ``Refused`` (R-IDEM-01)."""
    if not asking.key:
        return None
    first = await store.first_answer(where, asking.actor, asking.key)
    return first.again(asking.request_hash) if first else None


class _Taken(Exception):
    """A twin of this request was committed first."""


@rule("R-IDEM-01")
async def once(
    pool: Pool, asking: Asking, make: Making, first: str = "SELECT", status: int = 201
) -> Answer:
    """Make a change, once for the caller's key (always, without one). Raises ``Refused``.

    The number of the audit event is added to the document. A refusal is not kept. The transaction
    begins with ``first``; ``status`` is 202 where a part of the change waits for somebody.
    """

    async def attempt() -> Answer:
        async with transaction(pool, first) as connection:
            on, before = await store.begun(connection, asking.actor, asking.key)
            if before is not None:
                return before.again(asking.request_hash)
            return await _made(connection, asking, on, make, status)

    while True:
        with suppress(_Taken):
            return await or_its_twin(pool, asking, lambda: retrying(attempt))


async def or_its_twin(
    pool: Pool, asking: Asking, work: Callable[[], Awaitable[Answer]]
) -> Answer:
    """What the work answers; where it refuses, what a twin of the request was answered meanwhile.

    What the twin did is then why it refused. Raises ``Refused`` if there was none.
    """
    try:
        return await work()
    except Refused:
        twin = await answered(pool, asking)
        if twin is None:
            raise
        return twin


async def _made(
    connection: Connection, asking: Asking, on: date | None, make: Making, status: int
) -> Answer:
    if on is None:
        raise Refused("R-BOOK-01", "there is no book yet; make one first")
    operation_id = new_operation_id()
    document = await make(Change(connection, operation_id, asking.actor, on))
    document = document | {"operation_id": written("operation", operation_id)}
    if asking.key:
        text = msgspec.json.encode(document).decode()
        row = asking.actor, asking.key, asking.request_hash, status, text, operation_id
        if not await store.keep_answer(connection, row):
            raise _Taken
    return Answer(status, document, operation_id)
