"""Finish a day when every contract has been woken: accrual, turnover, digest."""

import hashlib

from usance.core.days import ACTUAL, ACTUAL_ACTUAL, THIRTY_360, serial
from usance.core.rules import rule
from usance.day import store
from usance.platform.database import Connection
from usance.servicing.store import day as as_date


class NotWokenError(RuntimeError):
    """A contract still has something to happen on the day."""


@rule("R-CLOSE-DAY-01", "R-ACCR-01", "R-ACCR-02")
async def finish(connection: Connection, day: int, woken: int) -> bool:
    """Add the day up, once; False if it was finished before."""
    date = as_date(day)
    state = await connection.fetchrow(
        "SELECT finished_at FROM day_close WHERE business_date = $1 FOR UPDATE", date
    )
    if state is None or state[0] is not None:
        return False
    late = await connection.fetchval(
        "SELECT contract_id FROM contract WHERE alarm <= $1 LIMIT 1", day
    )
    if late is not None:
        raise NotWokenError(f"contract {late} has not been brought up to {date}")
    await connection.execute(store.EXPIRE_HOLDS, date)
    await accrue(connection, day)
    await connection.execute(store.TURNOVER, date)
    await sign_off(connection, day, woken)
    return True


async def accrue(connection: Connection, day: int) -> None:
    """Book what has run on the day."""
    date = as_date(day)
    weights = [serial(count, day + 1) for count in (ACTUAL, ACTUAL_ACTUAL, THIRTY_360)]
    await connection.execute(store.FOLD, date, *weights)
    await connection.execute(store.TRUE_UP, date, *weights, day)


async def sign_off(connection: Connection, day: int, woken: int) -> None:
    """The digest does not depend on workers or their order: it adds up the hashes of rows."""
    date = as_date(day)
    transfers, hashes = await connection.fetchrow(store.DAY_DIGEST, date)
    events, event_hashes, statements = await connection.fetchrow(store.EVENT_DIGEST, date)
    notices = await connection.fetchval(
        "SELECT count(*) FROM notice_wanted WHERE send_on = $1", as_date(day + 1)
    )
    text = f"{date}|{transfers}|{hashes}|{events}|{event_hashes}|{notices}"
    await connection.execute(
        "UPDATE day_close SET finished_at = now(), digest = $2, woken = woken + $3, events = $4, "
        "statements = $5, notices = $6, transfers = $7 WHERE business_date = $1",
        date, hashlib.sha256(text.encode()).digest(), woken, events, statements, notices, transfers,
    )  # fmt: skip
