"""Behaviour of a million contracts with a year behind them, and their tiers in the close of a day.

The yardstick of features is one read of the rows that they are made of; that of tiers the same day
without them.
"""

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.bench import seed
from usance.bench.common import Result, report
from usance.bench.day import CONTRACTS, TODAY, databases, due_today, live_a_day
from usance.bench.house import give_keys
from usance.contract import batch
from usance.contract import records as r
from usance.contract.replay import Opening
from usance.contract.schedule import Plan
from usance.core.days import add_months
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Connection, Pool, open_pool, transaction
from usance.platform.migrate import migrate
from usance.platform.pgcopy import copy_in
from usance.policy import shipped
from usance.risk.features import features_from
from usance.risk.features_sql import read_all
from usance.risk.registered import BookVersions
from usance.risk.snapshots import Snapshots
from usance.risk.tiering import Tiering
from usance.risk.tiering_sql import touched
from usance.servicing import bulk

FEATURES_SECONDS = 30.0
DAY_RATIO = 1.5
MONTHS = 12
Integers = NDArray[np.int64]


@dataclass(slots=True)
class Past:
    """What one contract did: (seq, kind, day, amount) and statements as rows without a head."""

    mould: seed.Mould
    events: list[tuple[int, ...]] = field(default_factory=list)
    statements: list[tuple[int, ...]] = field(default_factory=list)

    def do(self, kind: int, on: int, amount: int) -> None:
        """One event."""
        state = self.mould.state
        seq = state.contract.seq + 1
        assert state.do(r.Event(seq=seq, kind=kind, on=on, amount=amount)) == 0
        self.events.append((seq, kind, on, amount))

    def issue(self, on: int) -> None:
        """A statement."""
        state = self.mould.state
        seq = state.contract.seq + 1
        assert state.do(r.Event(seq=seq, kind=r.STATEMENT, on=on)) == 0
        said = state.issued[-1]
        self.events.append((seq, r.STATEMENT, on, 0))
        self.statements.append((
            said.on, said.due.due_on, said.required, said.balance, seq, len(self.statements) + 1
        ))  # fmt: skip


def account(statement_day: int, pays: int, weight: int) -> Past:
    """A year of an account that buys twice a month and pays so many percent of its statements."""
    opened = add_months(seed.TODAY, -MONTHS)
    state = seed.begin(Opening(seed.ACCOUNT, None, opened, statement_day))
    past = Past(seed.Mould(state, 1, weight))
    for day in range(opened, seed.TODAY):
        on = date.fromordinal(day)
        if on.day in (2, 17):
            past.do(r.PURCHASE, day, 20_000 + 300 * on.month)
        issued = past.statements
        if issued and day == issued[-1][1] and issued[-1][3] > 0 and pays:
            past.do(r.REPAYMENT, day, max(issued[-1][3] * pays // 100, 1))
        if on.day == statement_day:
            past.issue(day)
    return finished(past)


def loan(due_day: int, missed: int, weight: int) -> Past:
    """A loan of nine months ago, paid until ``missed`` rows ago."""
    opened = add_months(date.fromordinal(seed.TODAY).replace(day=due_day).toordinal(), -9)
    plan = Plan(1_200_000, opened, seed.LOAN_ROWS)
    past = Past(seed.Mould(seed.begin(Opening(seed.LOAN, plan, opened)), 2, weight))
    rows = [row for row in past.mould.state.dues if row.due_on < seed.TODAY]
    for place, row in enumerate(rows):
        past.mould.state.advance(row.due_on)
        if place < len(rows) - missed:
            past.do(r.REPAYMENT, row.due_on, row.principal + row.interest)
    return finished(past)


def finished(past: Past) -> Past:
    """At the start of today, with its alarm."""
    past.mould.state.advance(seed.TODAY)
    seed.finish(past.mould)
    return past


def pasts() -> list[Past]:
    """Half accounts, half loans, over the days of a month; some pay little, some are late."""
    found = []
    for day in range(1, 29):
        for pays, weight in ((100, 8), (40, 5), (12, 3), (0, 1)):
            found.append(account(day, pays, weight))
        for missed, weight in ((0, 15), (1, 1), (3, 1)):
            found.append(loan(day, missed, weight))
    return found


async def stamp(pool: Pool, lives: list[Past], contracts: int) -> None:
    """The seeded book with everybody's past: events, statements, limits, what is late."""
    await seed.seed(pool, [each.mould for each in lives], contracts)
    async with transaction(pool) as connection:
        rows = await connection.fetch(
            "SELECT contract_id, (row_number() OVER (ORDER BY borrower_id >> 10) - 1)::int"
            " FROM contract ORDER BY borrower_id >> 10"
        )
        ids = np.array([row[0] for row in rows], np.int64)
        chosen = np.repeat(np.arange(len(lives)), [each.mould.weight for each in lives])
        which = np.resize(chosen, contracts)
        await connection.execute("ALTER TABLE event DROP CONSTRAINT event_pkey")
        await connection.execute("DROP INDEX event_booked")
        for low in range(0, contracts, 50_000):
            part = slice(low, low + 50_000)
            await copy_past(connection, lives, which[part], ids[part])
        await connection.execute("ALTER TABLE event ADD PRIMARY KEY (cell, contract_id, seq)")
        await connection.execute("CREATE INDEX event_booked ON event (booked_on, cell)")
        await connection.execute(LINES)
        await connection.execute(LATE)
    await pool.execute("VACUUM ANALYZE event, statement, line, lateness")


LINES = """
INSERT INTO line (cell, borrower_id, product_id, limit_amount, contract_id, opened_on, version)
SELECT cell, borrower_id, product_id, 2000000, 0, date '0001-01-01' + opened_on - 1, 1 FROM contract
"""
LATE = """
INSERT INTO lateness (cell, contract_id, number, booked_on, late_from)
SELECT cell, contract_id, 1, date '0001-01-01' + late_from - 1, late_from
FROM contract WHERE late_from <> 0
"""


async def copy_past(
    connection: Connection, lives: list[Past], which: Integers, ids: Integers
) -> None:
    """Events and statements of some contracts."""
    owner, rows = spread([each.events for each in lives], which, 4)
    zero = np.zeros(len(owner), np.int64)
    data = dict.fromkeys(bulk.EVENT_LAYOUT.names, zero) | {
        "cell": (ids[owner] >> 12) % 1024, "contract_id": ids[owner], "seq": rows[:, 0],
        "kind": rows[:, 1], "effective_on": rows[:, 2], "booked_on": rows[:, 2],
        "amount": rows[:, 3],
    }  # fmt: skip
    await copy_in(connection, "event", data, bulk.EVENT_LAYOUT)
    owner, rows = spread([each.statements for each in lives], which, 6)
    zero = np.zeros(len(owner), np.int64)
    data = dict.fromkeys(bulk.STATEMENT_LAYOUT.names, zero) | {
        "cell": (ids[owner] >> 12) % 1024, "contract_id": ids[owner], "number": rows[:, 5],
        "issued_on": rows[:, 0], "from_on": rows[:, 0], "due_on": rows[:, 1],
        "required": rows[:, 2], "balance": rows[:, 3], "event_seq": rows[:, 4],
    }  # fmt: skip
    await copy_in(connection, "statement", data, bulk.STATEMENT_LAYOUT)


def spread(
    tables: list[list[tuple[int, ...]]], which: Integers, width: int
) -> tuple[Integers, Integers]:
    """(contract of each row, rows): those of the mould of each contract."""
    lengths = np.array([len(each) for each in tables])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    table = np.array([row for each in tables for row in each], np.int64).reshape(-1, width)
    counts = lengths[which]
    first = np.repeat(starts[which], counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(which)), counts), table[first + offset]


async def made(make: Any, contracts: int) -> None:
    """The book as a template."""
    url = await make("seeded", None)
    await migrate(url)
    pool = await open_pool(url, 2)
    await stamp(pool, pasts(), contracts)
    await pool.execute("CHECKPOINT")
    await pool.close()


def run(*, as_json: bool = False, contracts: int = CONTRACTS) -> Result:
    """Features of everybody."""
    seconds, reading, rows = asyncio.run(measured(contracts))
    print(f"{rows} rows read", file=sys.stderr)
    return report(
        Result("features", round(seconds, 2), "s", round(reading, 2), round(seconds / reading, 2),
               f"<= {FEATURES_SECONDS:.0f} s for {contracts:,} contracts",
               seconds <= FEATURES_SECONDS),
        as_json=as_json,
    )  # fmt: skip


async def measured(contracts: int) -> tuple[float, float, int]:
    """(seconds in all, seconds of them to read, rows)."""
    async with databases() as make:
        await made(make, contracts)
        pool = await open_pool(await make("lived", "seeded"), 2)
        started = time.perf_counter()
        known = await read_all(pool, TODAY)
        reading = time.perf_counter() - started
        found = features_from(known)
        seconds = time.perf_counter() - started
        assert len(found.borrowers) == contracts
        assert 0 < (found.columns["days_late"] > 0).mean() < 0.3
        rows = sum(len(each) for each in (known.contracts, known.statements, known.events))
        await pool.close()
    return seconds, reading, rows


def run_tiers(*, as_json: bool = False, contracts: int = CONTRACTS) -> Result:
    """An ordinary day with the tiers of everybody whom it concerns; everybody stands already."""
    without, with_tiers, looked = asyncio.run(tiered(contracts))
    print(f"{looked}; the day without: {without:.2f} s", file=sys.stderr)
    ratio = with_tiers / without
    return report(
        Result("tiers", round(with_tiers, 2), "s", round(without, 2), round(ratio, 2),
               f"<= {DAY_RATIO} x the day without", ratio <= DAY_RATIO),
        as_json=as_json,
    )  # fmt: skip


async def tiered(contracts: int) -> tuple[float, float, str]:
    """(seconds of the day without, with tiers, how many were looked at)."""
    keys = LocalKeyService(secrets.token_bytes(32), {1: secrets.token_bytes(32)})
    async with databases() as make:
        await made(make, contracts)
        pool = await open_pool(await make("lived", "seeded"), 3)
        due = await due_today(pool)
        batch.compiled()
        await pool.execute("CHECKPOINT")
        without = await live_a_day(pool, due)
        async with pool.acquire() as connection:
            concerned = (await touched(connection, TODAY)).tolist()
        await pool.close()
        await make("lived", None)  # its pages would be in the way of those of the other
        pool = await open_pool(await make("tiered", "seeded"), 3)
        tiers = Tiering(pool, keys, BookVersions(), Snapshots((), shipped.dictionary()))
        await tiers.everybody(TODAY - timedelta(1))
        await give_keys(pool, keys, concerned)
        await pool.execute("VACUUM ANALYZE tier, tier_change")
        await pool.execute("CHECKPOINT")
        started = time.perf_counter()
        await live_a_day(pool, due, also=tiers.close)
        seconds = time.perf_counter() - started
        looked, stepped = await pool.fetchrow(
            "SELECT count(*), (SELECT count(*) FROM decision) FROM tier"
            " WHERE evaluated_on = $1::date - date '0001-01-01' + 1", TODAY
        )  # fmt: skip
        assert looked == len(concerned), (looked, len(concerned))
        await pool.close()
    return without, seconds, f"{looked} borrowers looked at, {stepped} decided"
