"""Begin the close of a business date on somebody's request, once for their key.

``BeginClose`` is the act that policy may hold back; to go on with a close that broke off is none.
"""

from __future__ import annotations

from datetime import date

import msgspec

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.day import store
from usance.day.close import note
from usance.identity import store as identity
from usance.identity.changing import Asking, tried
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool, retrying, transaction


class BeginClose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The close of the open business date, year-month-day."""

    business_date: str


async def perform(pool: Pool, act: BeginClose, asking: Asking) -> Answer:
    """Begin it, once for the caller's key. Raises ``Refused``, also where it has begun."""
    return await begin(pool, date.fromisoformat(act.business_date), asking, anew=True)


async def rehearse(pool: Pool, act: BeginClose) -> None:
    """Whether it could begin now. Raises ``Refused`` if not."""

    async def work(connection: Connection) -> None:
        await connection.execute(store.TAKE_ALONE)
        await take(connection, date.fromisoformat(act.business_date), anew=True)

    await tried(pool, work)


@rule("R-CLOSE-DAY-03", "R-CLOSE-DAY-05")
async def begin(pool: Pool, day: date, asking: Asking, *, anew: bool = False) -> Answer:
    """The next business date begins; the audit event and the key's answer with it.

    The close itself goes on by ``close.run``. ``anew``: one that has begun does not go on.

    Raises ``Refused``: R-CLOSE-DAY-04 unless ``day`` is open (or its close broke off: then it may
    go on), R-IDEM-01 if the key stands for something else.
    """

    async def once() -> Answer:
        async with transaction(pool) as connection:
            await connection.execute(store.TAKE_ALONE)
            first = await identity.first_answer(connection, asking.actor, asking.key)
            if first is not None:
                return first.again(asking.request_hash)
            action = await take(connection, day, anew=anew)
            operation_id = await note(connection, asking.actor, action, day)
            return await kept(connection, day, operation_id, asking)

    return await retrying(once)


@rule("R-CLOSE-DAY-04")
async def take(connection: Connection, day: date, *, anew: bool) -> str:
    """Move the book's date on, one day at a time; what this is for the audit log."""
    under_way = [row[0] for row in await connection.fetch(store.UNFINISHED)]
    if day in under_way and not anew:
        return "ResumeClose"
    if under_way:
        raise Refused("R-CLOSE-DAY-04", f"{under_way[0]} is being closed", "business_date")
    if not await connection.fetchval(store.MOVE_DATE, day):
        raise Refused("R-CLOSE-DAY-04", "this day is not open", "business_date")
    await connection.execute(store.BEGIN_CLOSE, day)
    return "BeginClose"


async def kept(
    connection: Connection, day: date, operation_id: int, asking: Asking
) -> Answer:
    """The answer, kept for whoever asks."""
    document = {
        "operation_id": written("operation", operation_id), "business_date": day.isoformat(),
    }  # fmt: skip
    answer = msgspec.json.encode(document).decode()
    who = asking.actor, asking.key, asking.request_hash
    await identity.keep_answer(connection, (*who, 201, answer, operation_id))
    return Answer(201, document, operation_id)
