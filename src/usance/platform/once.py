"""What every change from outside writes beside its own rows: an audit event, and its first answer.

``once`` is the whole of it: a transaction in which a change is made for a caller's key, or the
first answer given again where the key was used before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import msgspec

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a change; under which key, and the SHA-256 of the request that it stands for."""

    actor: str
    key: str = ""
    request_hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a change was answered with; ``replayed``: the first answer again."""

    status: int
    document: dict[str, Any]
    operation_id: int
    replayed: bool = False


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
        await insert_operation(
            self.connection, self.operation_id, actor=self.actor, action=action, on=self.on,
            digest=digest, borrower_id=borrower_id, detail=detail,
        )  # fmt: skip


Act: TypeAlias = Callable[[Change], Awaitable[dict[str, Any]]]
"""Makes a change and writes its audit event; returns the document to answer with and to keep."""


class _Taken(Exception):
    """A twin of this request was committed first."""


async def once(pool: Pool, asking: Asking, act: Act) -> Answer:
    """Make a change, once for the caller's key (always, without one). Raises ``Refused``.

    The number of the audit event is added to the document. A refusal is not kept.
    """

    async def attempt() -> Answer:
        async with transaction(pool) as connection:
            first = await first_answer(connection, asking.actor, asking.key) if asking.key else None
            if first is not None:
                return again(first, asking.request_hash)
            return await _make(connection, asking, act)

    while True:
        try:
            return await retrying(attempt)
        except _Taken:
            continue
        except Refused:
            first = await first_answer(pool, asking.actor, asking.key) if asking.key else None
            if first is None:
                raise
            return again(first, asking.request_hash)  # what a twin did meanwhile is why it refused


@rule("R-IDEM-01")
def again(first: Row, request_hash: bytes) -> Answer:
    """The first answer to a key; refused if the key stood for another request."""
    if first["request_hash"] != request_hash:
        raise Refused("R-IDEM-01", "the Idempotency-Key was used with another request")
    document = msgspec.json.decode(first["answer"], type=dict[str, Any])
    return Answer(first["status"], document, first["operation_id"], replayed=True)


async def _make(connection: Connection, asking: Asking, act: Act) -> Answer:
    on = await connection.fetchval("SELECT business_date FROM book")
    if on is None:
        raise Refused("R-BOOK-01", "there is no book yet; make one first")
    operation_id = new_operation_id()
    document = await act(Change(connection, operation_id, asking.actor, on))
    document = document | {"operation_id": written("operation", operation_id)}
    if asking.key:
        text = msgspec.json.encode(document).decode()
        row = asking.actor, asking.key, asking.request_hash, 201, text, operation_id
        if not await keep_answer(connection, row):
            raise _Taken
    return Answer(201, document, operation_id)


async def insert_operation(
    connection: Connection,
    operation_id: int,
    *,
    actor: str,
    action: str,
    on: date,
    digest: bytes,
    borrower_id: int = 0,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The audit event of a mutation."""
    await connection.execute(
        "INSERT INTO operation (operation_id, actor, action, borrower_id, business_date, digest,"
        " detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *(operation_id, actor, action, borrower_id, on, digest),
        msgspec.json.encode(detail or {}).decode(),
    )


async def first_answer(connection: Connection | Pool, client: str, key: str) -> Row | None:
    """What a client's key was answered with the first time."""
    row: Row | None = await connection.fetchrow(
        "SELECT request_hash, status, answer, operation_id FROM idempotency"
        " WHERE client = $1 AND key = $2",
        client,
        key,
    )
    return row


async def keep_answer(connection: Connection, row: tuple[str, str, bytes, int, str, int]) -> bool:
    """Keep the first answer: client, key, request hash, status, answer, operation id.

    False when another request with the key was first.
    """
    tag: str = await connection.execute(
        "INSERT INTO idempotency (client, key, request_hash, status, answer, operation_id)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        *row,
    )
    return tag == "INSERT 0 1"
