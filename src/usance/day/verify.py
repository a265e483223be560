"""Prove every invariant of the book, and name the first row that breaks one.

One read-only transaction sees one moment of the book, so the proof runs while the book is open.
Queries (``verify_sql``) prove what concerns tables, the kernel (``verify_replay``) what concerns
contracts, exact sums (``verify_accrual``) what runs into the ledger.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context

from usance.core.identifiers import CELLS
from usance.core.rules import rule
from usance.day import store as sql
from usance.day import verify_accrual
from usance.day.finish import digest_of
from usance.day.verify_replay import Facts, Finding, Proof, prove
from usance.day.verify_sql import CLEARING, INVARIANTS
from usance.ledger.chart import ACCOUNTS
from usance.platform.database import Connection, Pool
from usance.servicing import store
from usance.servicing.terms import digest_of as terms_digest

SMALL_BOOK = 1_500
"""Contracts up to which one process is done before two have started."""
PORTION = 400
"""Contracts handed to a process at a time."""

Progress = Callable[[str], None]


@rule("R-VERIFY-01")
async def run(
    pool: Pool, *, progress: Progress | None = None, sample: int | None = None
) -> list[Finding]:
    """All findings, at most one for each invariant of tables; none where the book is right.

    ``sample`` replays only about so many contracts; everything else is proved in full.
    """
    tell = progress or (lambda _: None)
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        return await check(connection, tell, sample)


async def check(connection: Connection, tell: Progress, sample: int | None) -> list[Finding]:
    """All findings of what the connection's transaction sees."""
    await connection.execute("SET LOCAL work_mem = '128MB'")
    found = await tables(connection, tell)
    found += await days(connection)
    found += await shared_terms(connection)
    proof = await contracts(connection, tell, sample)
    found += proof.findings
    replayed = sample is None and not proof.findings  # else the sums of replays mean nothing
    found += await verify_accrual.run(connection, proof, whole=replayed)
    for account, amount in await connection.fetch(CLEARING):
        tell(f"stands on {account} {ACCOUNTS[account][1]}: {amount}")
    return found


async def tables(connection: Connection, tell: Progress) -> list[Finding]:
    """The invariants that are queries."""
    found = []
    for invariant, sentence, table, query in INVARIANTS:
        row = await connection.fetchrow(query)
        if row is not None:
            key, expected, is_found = (shown(value) for value in row)
            found.append(Finding(invariant, sentence, table, key, expected, is_found))
        tell(f"{invariant} {'holds' if row is None else 'DOES NOT HOLD'}: {sentence}")
    return found


def shown(value: object) -> str:
    """A value of a row for a person: no exponent where the server sums large amounts."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


async def days(connection: Connection) -> list[Finding]:
    """Every finished day's digest is the hash of what was booked on it."""
    rows = await connection.fetch(sql.FINISHED_DIGESTS)
    for date, digest in rows:
        wanted, _ = await digest_of(connection, date)
        if wanted != digest:
            sentence = "A finished day's digest is the hash of what was booked on it."
            return [
                Finding("INV-DAY-02", sentence, "day_close", str(date), wanted.hex(), digest.hex())
            ]
    return []


async def shared_terms(connection: Connection) -> list[Finding]:
    """Terms are stored under the hash of themselves."""
    for terms_id, digest, numbers in await connection.fetch(sql.ALL_TERMS):
        wanted = terms_digest(store.terms_from(json.loads(numbers)))
        if wanted != digest:
            sentence = "Agreed terms are stored under their own hash."
            key = str(terms_id)
            return [Finding("INV-TERMS-01", sentence, "terms", key, wanted.hex(), digest.hex())]
    return []


async def contracts(connection: Connection, tell: Progress, sample: int | None) -> Proof:
    """The kernel's proof of every contract, by portions of cells."""
    count: int = await connection.fetchval(sql.COUNT_CONTRACTS)
    today: int = (await connection.fetchval(sql.BUSINESS_DATE)).toordinal()
    step = 1 if sample is None else max(count // max(sample, 1), 1)
    if count > SMALL_BOOK:
        proof = await shared(connection, count, step, today, tell)
    else:
        proof = Proof()
        async for portion in portions(connection, count, step):
            proof.add(prove(portion, store.TERMS, today))
    tell(f"{proof.replayed} of {count} contracts replayed")
    return proof


async def shared(
    connection: Connection, count: int, step: int, today: int, tell: Progress
) -> Proof:
    """Two processes prove while this one fetches; a few portions are under way at a time."""
    proof = Proof()
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Future[Proof]] = []
    done = 0
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        async for portion in portions(connection, count, step):
            terms = {row.contract[4] for row in portion} | {
                row.opening["terms_id"] for row in portion if row.opening is not None
            }
            known = {each: store.TERMS[each] for each in terms if each in store.TERMS}
            waiting.append(loop.run_in_executor(processes, prove, portion, known, today))
            done += len(portion)
            if len(waiting) > 4:
                proof.add(await waiting.pop(0))
                tell(f"{done} of {count} contracts")
        for future in waiting:
            proof.add(await future)
    return proof


async def portions(connection: Connection, count: int, step: int) -> AsyncIterator[list[Facts]]:
    """Contracts and what their proof needs, by ranges of cells; every ``step``-th with its past."""
    width = max(CELLS * PORTION // max(count, 1), 1)
    for low in range(0, CELLS, width):
        found = await facts_of(connection, low, min(low + width, CELLS) - 1, step)
        if found:
            yield found


async def facts_of(connection: Connection, low: int, high: int, step: int) -> list[Facts]:
    """The rows of the contracts of some cells."""
    found = {}
    for place, row in enumerate(await connection.fetch(sql.CONTRACTS_OF, low, high)):
        found[row[1]] = Facts(tuple(row), replayed=(low + place) % step == 0)
    await store.load_terms(connection, {each.contract[4] for each in found.values()})
    for row in await connection.fetch(sql.DUES_OF, low, high):
        found[row[1]].dues.append(tuple(row)[2:])
    wanted = [each for each, facts in found.items() if facts.replayed]
    for row in await connection.fetch(sql.OPENINGS_OF, low, high, wanted):
        found[row[0]].opening = json.loads(row[1])
    await store.load_terms(
        connection, {f.opening["terms_id"] for f in found.values() if f.opening is not None}
    )
    for row in await connection.fetch(sql.EVENTS_OF, low, high, wanted):
        found[row[0]].events.append(tuple(row)[1:])
    for row in await connection.fetch(sql.STATEMENTS_OF, low, high, wanted):
        found[row[0]].statements[row[1]] = said(tuple(row)[2:])
    for contract_id, debit, credit, amount in await connection.fetch(
        sql.PAIRS_OF, low, high, wanted
    ):
        found[contract_id].pairs[debit, credit] = amount
    return list(found.values())


def said(row: tuple[object, ...]) -> tuple[object, ...]:
    """A statement's row with its days as ordinals."""
    return tuple(v.toordinal() if hasattr(v, "toordinal") else v for v in row)
