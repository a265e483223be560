"""Finish a day when every contract has been woken: accrual, turnover, digest."""

import hashlib
from datetime import date, timedelta

from usance.core.days import ACTUAL, ACTUAL_ACTUAL, THIRTY_360, serial
from usance.core.rules import rule
from usance.day import store
from usance.day.wake import ACTOR
from usance.identity.store import insert_operation
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.servicing.store import day as as_date


class NotWokenError(RuntimeError):
    """A contract still has something to happen on the day."""


@rule("R-CLOSE-DAY-01", "R-ACCR-01", "R-ACCR-02")
async def finish(connection: Connection, day: int, woken: int) -> bool:
    """Add the day up, once; False if it was finished before."""
    on = as_date(day)
    state = await connection.fetchrow(store.LOCK_CLOSE, on)
    if state is None or state[0] is not None:
        return False
    late = await connection.fetchval(store.NOT_WOKEN, day)
    if late is not None:
        raise NotWokenError(f"contract {late} has not been brought up to {on}")
    await connection.execute(store.EXPIRE_HOLDS, on)
    await accrue(connection, day)
    await connection.execute(store.TURNOVER, on)
    await sign_off(connection, day, woken)
    return True


async def accrue(connection: Connection, day: int) -> None:
    """Book what has run on the day."""
    on = as_date(day)
    weights = [serial(count, day + 1) for count in (ACTUAL, ACTUAL_ACTUAL, THIRTY_360)]
    await connection.execute(store.FOLD, on, *weights)
    await connection.execute(store.TRUE_UP, on, *weights, day)


async def digest_of(connection: Connection, on: date) -> tuple[bytes, list[int]]:
    """The hash of what was booked on a day; counts of transfers, events, statements, notices.

    It does not depend on workers or their order: it adds up the hashes of rows.
    """
    transfers, hashes = await connection.fetchrow(store.DAY_DIGEST, on)
    events, event_hashes, statements = await connection.fetchrow(store.EVENT_DIGEST, on)
    notices = await connection.fetchval(store.NOTICES_FOR, on + timedelta(days=1))
    text = f"{on}|{transfers}|{hashes}|{events}|{event_hashes}|{notices}"
    return hashlib.sha256(text.encode()).digest(), [transfers, events, statements, notices]


async def sign_off(connection: Connection, day: int, woken: int) -> None:
    """The day is finished: its digest and its counts."""
    on = as_date(day)
    digest, counts = await digest_of(connection, on)
    await connection.execute(store.SIGN_OFF, on, digest, woken, *counts)
    await bind(connection, on)


@rule("R-AUDIT-01", "R-PROOF-09")
async def bind(connection: Connection, on: date) -> None:
    """The audit event of a day's end: over the accrual, the turnover and the close of the day.

    Its detail has the hash of the turnover alone, by which an auditor who has no more than the
    general ledger can check it.
    """
    _, ledger, whole = await connection.fetchrow(store.FINISHED_DAY, on)
    await insert_operation(
        connection, new_operation_id(), actor=ACTOR, action="FinishDay", on=on, digest=whole,
        detail={"ledger": ledger.hex()},
    )  # fmt: skip
