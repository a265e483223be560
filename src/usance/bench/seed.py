"""A book of a million contracts in a minute.

A few hundred real contracts are run through the plain kernel day by day; each is stamped into
thousands of rows under other ids.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from usance.contract.batch import CONTRACT, DUE, as_array
from usance.contract.records import LINE, PURCHASE, REPAYMENT, Event, Out, Terms
from usance.contract.replay import Opening, State, open_contract
from usance.contract.schedule import Plan
from usance.core.days import add_months, serial
from usance.core.identifiers import CELLS
from usance.ledger.streams import Stream, streams_of
from usance.platform.database import Pool, transaction
from usance.platform.pgcopy import copy_in
from usance.servicing import bulk
from usance.servicing.setup import create_book
from usance.servicing.terms import intern

Integers = NDArray[np.int64]

TODAY = date(2026, 6, 15).toordinal()
LOAN_ROWS = 22
LOAN = Terms(
    rate=40_000, basis=1, penalty_count=1, penalty_from=(1, 0, 0, 0),
    penalty_rate=(60_000, 0, 0, 0), grace=3, reminders=2, reminder=(3, 0, 0, 0), overdue_steps=7,
    overdue_step=(1, 3, 7, 15, 30, 60, 90, 0),
)  # fmt: skip
ACCOUNT = Terms(
    kind=LINE, rate=40_000, basis=1, minimum_rate=10_000_000, due_after=20, penalty_count=1,
    penalty_from=(1, 0, 0, 0), penalty_rate=(60_000, 0, 0, 0), grace=3, reminders=2,
    reminder=(3, 0, 0, 0), overdue_steps=7, overdue_step=(1, 3, 7, 15, 30, 60, 90, 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mould:
    """One real contract to be stamped; ``weight``: its share of the book."""

    state: State
    product_id: int
    weight: int


def loan(due_day: int, months_ago: int, missed: int, weight: int) -> Mould:
    """A loan due on ``due_day`` each month, paid until ``missed`` rows ago."""
    first = TODAY - months_ago * 30
    opened = add_months(date(date.fromordinal(first).year, 1, due_day).toordinal(), 0)
    while opened < first:
        opened = add_months(opened, 1)
    state = begin(Opening(LOAN, Plan(1_200_000, opened, LOAN_ROWS), opened))
    rows = [row for row in state.dues if row.due_on < TODAY]
    for place, row in enumerate(rows):
        state.advance(row.due_on)
        if place < len(rows) - missed:
            asked = row.principal + row.interest
            pay(state, asked, row.due_on)
    state.advance(TODAY)
    return finish(Mould(state, 2, weight))


def account(statement_day: int, weight: int, *, missed: bool) -> Mould:
    """A pay-later account opened some 45 days ago: one statement issued, one cycle open."""
    opened = TODAY - 32 - (TODAY - statement_day) % 3
    state = begin(Opening(ACCOUNT, None, opened, statement_day))
    state.do(Event(seq=2, kind=PURCHASE, on=opened, amount=80_000))
    live_through(state, TODAY, pays=not missed)
    state.do(Event(seq=9, kind=PURCHASE, on=TODAY - 1, amount=20_000))
    state.advance(TODAY)
    return finish(Mould(state, 1, weight))


def live_through(state: State, until: int, *, pays: bool) -> None:
    """Days closed one by one; what is asked is paid on the due day by those who pay."""
    while state.contract.alarm < until:
        day = state.contract.alarm
        asked = sum(
            d.principal - d.paid_principal + d.interest - d.paid_interest
            for d in state.dues
            if d.n < state.contract.running and d.due_on == day
        )
        if pays and asked:
            pay(state, asked, day)
        bulk_wake(state, day)


def bulk_wake(state: State, day: int) -> None:
    """Close one day on a contract in the hand."""
    from usance.contract.records import DAY
    from usance.contract.step import wake

    wake(state.terms, state.contract, state.dues, Event(kind=DAY, on=day), day, Out())


def begin(opening: Opening) -> State:
    """A new contract."""
    contract, dues = open_contract(opening, Out())
    contract.seq = 1
    return State(opening.terms, contract, dues)


def pay(state: State, amount: int, day: int) -> None:
    """A repayment."""
    state.do(Event(seq=state.contract.seq + 1, kind=REPAYMENT, on=day, amount=amount))


def finish(mould: Mould) -> Mould:
    """Its alarm, as it stands today."""
    from usance.contract.standing import next_alarm

    state = mould.state
    state.contract.alarm = next_alarm(state.terms, state.contract, state.dues)
    return mould


def ordinary_moulds() -> list[Mould]:
    """Half loans of 22 rows, half accounts of 2 cycles; 3 % late; days spread over the month."""
    moulds = []
    for day in range(1, 29):
        for months in (5, 9, 14):
            moulds.append(loan(day, months, 0, 162))
            moulds.append(loan(day, months, 1, 4))
        moulds.append(loan(day, 9, 3, 3))
        moulds.append(account(day, missed=False, weight=486))
        moulds.append(account(day, missed=True, weight=15))
    return moulds


def peak_moulds() -> list[Mould]:
    """Accounts whose statements all fall on today, each with twelve cycles behind or before it."""
    statement_day = date.fromordinal(TODAY).day
    opened = add_months(TODAY, -11)
    moulds = []
    for purchases in (1, 2, 3):
        state = begin(Opening(ACCOUNT, None, opened, statement_day))
        for _ in range(11):
            buy_and_live(state, purchases)
        state.advance(TODAY)
        moulds.append(finish(Mould(state, 1, 1)))
    return moulds


def buy_and_live(state: State, purchases: int) -> None:
    """A month of an account."""
    day = state.contract.on
    for i in range(purchases):
        seq = state.contract.seq + 1
        state.do(Event(seq=seq, kind=PURCHASE, on=day + i, amount=30_000 + 1_000 * i))
    live_through(state, min(add_months(day, 1), TODAY), pays=True)
    state.advance(min(add_months(day, 1), TODAY))


async def seed(pool: Pool, moulds: list[Mould], contracts: int) -> None:
    """Stamp the moulds into ``contracts`` contracts of as many borrowers."""
    opened = date.fromordinal(TODAY)
    await create_book(pool, name="bench", opened_on=opened)
    numbers = np.array([await intern(pool, m.state.terms) for m in moulds], np.int64)
    chosen = np.repeat(np.arange(len(moulds)), [m.weight for m in moulds])
    which = np.resize(chosen, contracts)
    borrower = np.arange(1, contracts + 1, dtype=np.int64)
    cell = (borrower * 2_654_435_761 >> 12) % CELLS
    borrower = borrower << 10 | cell
    heads = {
        "cell": cell, "contract_id": borrower << 12 | 1, "borrower_id": borrower,
        "product_id": np.array([m.product_id for m in moulds])[which],
        "terms_id": numbers[which],
    }  # fmt: skip
    async with transaction(pool) as connection:
        await connection.execute("ALTER TABLE due DROP CONSTRAINT due_pkey")
        await copy_contracts(connection, moulds, which, heads)
        await copy_dues(connection, moulds, which, heads)
        await connection.execute("ALTER TABLE due ADD PRIMARY KEY (cell, contract_id, n)")
        await seed_accrual(connection, moulds, which, cell)
    await pool.execute("VACUUM ANALYZE contract, due")


async def copy_contracts(connection, moulds, which, heads) -> None:  # type: ignore[no-untyped-def]
    """Contract rows."""
    states = as_array(CONTRACT, [m.state.contract for m in moulds])[which]
    zero = np.zeros(len(which), np.int64)
    data = heads | {"parent_id": zero, "version": zero}
    data |= {column: states[name] for name, column in bulk.STATE}
    await copy_in(connection, "contract", data, bulk.CONTRACT_LAYOUT)


async def copy_dues(connection, moulds, which, heads) -> None:  # type: ignore[no-untyped-def]
    """Due rows, a slice of contracts at a time."""
    tables = [as_array(DUE, m.state.dues) for m in moulds]
    lengths = np.array([len(t) for t in tables])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    table = np.concatenate(tables)
    for low in range(0, len(which), 50_000):
        part = slice(low, low + 50_000)
        counts = lengths[which[part]]
        begin_at = np.repeat(starts[which[part]], counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = table[begin_at + offset]
        data = {
            "cell": np.repeat(heads["cell"][part], counts),
            "contract_id": np.repeat(heads["contract_id"][part], counts),
        }
        data |= {column: rows[name] for name, column in bulk.DUE_STATE}
        await copy_in(connection, "due", data, bulk.DUE_LAYOUT)


async def seed_accrual(connection, moulds, which, cell) -> None:  # type: ignore[no-untyped-def]
    """The accrual of all contracts, as if every earlier day had been closed."""
    streams = [streams_of(m.state.terms, m.state.contract, m.state.dues) for m in moulds]
    counts = np.zeros((CELLS, len(moulds)), np.int64)
    np.add.at(counts, (cell, which), 1)
    totals: dict[tuple[int, ...], list[int]] = {}
    for place, (mould, pair) in enumerate(zip(moulds, streams, strict=True)):
        for stream in pair:
            add_stream(totals, mould.product_id, stream, counts[:, place])
    rows = [(*key, *values) for key, values in totals.items()]
    await connection.executemany(
        "INSERT INTO accrual_total VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", rows
    )
    await connection.execute(
        "INSERT INTO accrual_posted (cell, product_id, stream, posted, rounding, rounded) "
        "SELECT cell, product_id, stream, round(sum(whole + rest / denominator)), 0, 0 "
        "FROM accrual_total GROUP BY 1, 2, 3"
    )


def add_stream(
    totals: dict[tuple[int, ...], list[int]], product_id: int, stream: Stream, counts: Integers
) -> None:
    """Add a stream, as often as each cell has it."""
    weight = serial(stream.day_count, TODAY)
    assert weight == stream.weight
    for cell in np.flatnonzero(counts).tolist():
        key = (cell, product_id, stream.stream, stream.day_count, stream.denominator, weight)
        sums = totals.setdefault(key, [0, 0, 0, 0])
        values = (stream.whole, stream.rest, stream.slope, stream.slope_rest)
        for i, value in enumerate(values):
            sums[i] += value * int(counts[cell])
