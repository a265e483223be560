"""Begin the close of a business date on somebody's request, once for their key."""

from __future__ import annotations

from datetime import date

import msgspec

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.day import store
from usance.day.close import note
from usance.identity import store as identity
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool, retrying, transaction


@rule("R-CLOSE-DAY-03", "R-CLOSE-DAY-05")
async def begin(pool: Pool, day: date, *, actor: str, key: str, request_hash: bytes) -> Answer:
    """The next business date begins; the audit event and the key's answer with it.

    The close itself goes on by ``close.run``.

    Raises ``Refused``: R-CLOSE-DAY-04 unless ``day`` is open (or its close broke off: then it may
    go on), R-IDEM-01 if the key stands for something else.
    """

    async def once() -> Answer:
        async with transaction(pool) as connection:
            await connection.execute(store.TAKE_ALONE)
            first = await identity.first_answer(connection, actor, key)
            if first is not None:
                return first.again(request_hash)
            action = await take(connection, day)
            operation_id = await note(connection, actor, action, day)
            return await kept(connection, day, operation_id, (actor, key, request_hash))

    return await retrying(once)


@rule("R-CLOSE-DAY-04")
async def take(connection: Connection, day: date) -> str:
    """Move the book's date on, one day at a time; what this is for the audit log."""
    under_way = [row[0] for row in await connection.fetch(store.UNFINISHED)]
    if day in under_way:
        return "ResumeClose"
    if under_way:
        raise Refused("R-CLOSE-DAY-04", f"{under_way[0]} is being closed", "business_date")
    if not await connection.fetchval(store.MOVE_DATE, day):
        raise Refused("R-CLOSE-DAY-04", "this day is not open", "business_date")
    await connection.execute(store.BEGIN_CLOSE, day)
    return "BeginClose"


async def kept(
    connection: Connection, day: date, operation_id: int, asked: tuple[str, str, bytes]
) -> Answer:
    """The answer, kept for actor, key and request hash."""
    document = {
        "operation_id": written("operation", operation_id), "business_date": day.isoformat(),
    }  # fmt: skip
    answer = msgspec.json.encode(document).decode()
    await identity.keep_answer(connection, (*asked, 201, answer, operation_id))
    return Answer(201, document, operation_id)
