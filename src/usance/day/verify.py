"""Prove every invariant of the book, and name the first row that breaks one.

One read-only transaction sees one moment of the book, so the proof runs while the book is open.
Queries (``verify_sql``) prove what concerns tables, the kernel (``verify_replay``) what concerns
contracts, exact sums (``verify_accrual``) what runs into the ledger.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context

from usance.approvals.store import proposal_of
from usance.audit import check as tree_check
from usance.audit.check import Trust
from usance.core.rules import rule
from usance.day import store as sql
from usance.day import verify_accrual
from usance.day.finish import digest_of
from usance.day.verify_facts import portions
from usance.day.verify_replay import Finding, Proof, prove
from usance.day.verify_rows import name_accrual, name_rows
from usance.day.verify_sql import ALL_PROPOSALS, BY_DIGEST, CLEARING, END_BY_DIGEST, INVARIANTS
from usance.ledger.chart import ACCOUNTS
from usance.platform.database import Connection, Pool, one_moment
from usance.servicing import store
from usance.servicing.terms import digest_of as terms_digest

SMALL_BOOK = 1_500
"""Contracts up to which one process is done before two have started."""

Progress = Callable[[str], None]
ANYTHING = Trust()
"""No key is known, and events may wait for their leaves."""


@rule("R-VERIFY-01")
async def run(
    pool: Pool, *, progress: Progress | None = None, sample: int | None = None,
    trust: Trust = ANYTHING,
) -> list[Finding]:  # fmt: skip
    """All findings, at most one for each invariant of tables; none where the book is right.

    ``sample`` replays only about so many contracts; everything else is proved in full. ``trust``
    is what the tree over the audit events is held against.
    """
    tell = progress or (lambda _: None)
    async with one_moment(pool) as connection:
        return await check(connection, tell, sample, trust)


async def check(
    connection: Connection, tell: Progress, sample: int | None, trust: Trust = ANYTHING
) -> list[Finding]:
    """All findings of what the connection's transaction sees."""
    await connection.execute("SET LOCAL work_mem = '128MB'")
    found = await tables(connection, tell)
    found += await tree(connection, tell, trust)
    found += await days(connection)
    found += await shared_terms(connection)
    found += await proposals(connection)
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
            if invariant in (BY_DIGEST, END_BY_DIGEST):
                key += await named(connection, invariant, key)
            found.append(Finding(invariant, sentence, table, key, expected, is_found))
        tell(f"{invariant} {'holds' if row is None else 'DOES NOT HOLD'}: {sentence}")
    return found


async def named(connection: Connection, invariant: str, key: str) -> str:
    """Which row of an operation is wrong, as far as it can be told."""
    if invariant == BY_DIGEST:
        found = await name_rows(connection, int(key.partition(" ")[0]))
    else:
        found = await name_accrual(connection, key)
    return f": {found}" if found else ""


async def tree(connection: Connection, tell: Progress, trust: Trust) -> list[Finding]:
    """The proof of the tree over the audit events."""
    checked = await tree_check.run(connection, trust)
    broken = {each.invariant for each in checked.flaws}
    for invariant, sentence in tree_check.SENTENCES.items():
        tell(f"{invariant} {'DOES NOT HOLD' if invariant in broken else 'holds'}: {sentence}")
    for line in checked.told:
        tell(line)
    return [Finding(*each) for each in checked.flaws]


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


async def proposals(connection: Connection) -> list[Finding]:
    """What waits, or waited, for a second person is stored under the hash of its words."""
    for row in await connection.fetch(ALL_PROPOSALS):
        proposal = proposal_of(row)
        wanted = proposal.recomputed()
        if wanted != proposal.digest:
            sentence = "A proposal's digest is the hash of what was asked for."
            key, is_found = str(proposal.proposal_id), proposal.digest.hex()
            return [Finding("INV-APPR-01", sentence, "proposal", key, wanted.hex(), is_found)]
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
