"""The SQL of the demo: what people read in the morning, and what is measured afterwards."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

from usance.core.identifiers import cell_of_borrower, cell_of_contract
from usance.identity import portal_store
from usance.ledger import chart
from usance.notices import sealing
from usance.notices.outbox import ARRIVED, DROPPED, FAILED, GOING, STOPPED, TAKEN, WAITS
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Pool

ACTOR = "system:demo"

UNPAID = (
    "d.principal + d.interest + d.fee + d.penalty"
    " - d.paid_principal - d.paid_interest - d.paid_fee - d.paid_penalty"
)
STANDINGS = f"""
SELECT c.contract_id, c.status,
    CASE WHEN c.late_from BETWEEN 1 AND $3::int THEN $3::int - c.late_from ELSE 0 END, c.credit,
    c.unpaid_principal, c.unpaid_penalty,
    c.unpaid_principal + c.unpaid_interest + c.unpaid_fee + c.unpaid_penalty,
    coalesce((SELECT sum({UNPAID}) FROM due d
        WHERE d.cell = c.cell AND d.contract_id = c.contract_id AND d.n >= c.first_open
        AND (d.n < c.running OR (c.kind = 1 AND d.due_on <= $3::int))), 0)::bigint
FROM unnest($1::smallint[], $2::bigint[]) AS wanted(cell, contract_id)
JOIN contract c ON c.cell = wanted.cell AND c.contract_id = wanted.contract_id
"""
STATEMENTS = """
SELECT contract_id, due_on, required - plans_due, balance FROM statement
WHERE issued_on = $1 AND balance > 0 ORDER BY contract_id
"""
INSTALMENTS = f"""
SELECT d.contract_id, sum({UNPAID})::bigint FROM due d
WHERE d.kind = 1 AND d.due_on = $1 AND {UNPAID} > 0 GROUP BY d.contract_id ORDER BY d.contract_id
"""
HOPELESS = """
SELECT contract_id FROM contract WHERE status = 1 AND late_from BETWEEN 1 AND $1
ORDER BY contract_id
"""
OPEN = """
SELECT contract_id, status, late_from, unpaid_principal FROM contract
WHERE status = 3 OR (status = 1 AND
    (unpaid_principal + unpaid_interest + unpaid_fee + unpaid_penalty > 0 OR late_from > 0))
"""


class Standing(NamedTuple):
    """A contract as its borrower sees it; amounts in minor units."""

    contract_id: int
    status: int = 0  # 0 unknown, 1 active, 2 closed, 3 charged off
    days_late: int = 0
    credit: int = 0
    principal: int = 0
    penalty: int = 0
    owed: int = 0  # asked or ahead, without the interest that has run since
    billed: int = 0  # asked, or an instalment of today


class Bill(NamedTuple):
    """A statement, or an instalment that comes due (``balance`` = ``required``)."""

    contract_id: int
    due_on: int
    required: int
    balance: int


async def business_date(pool: Pool) -> int:
    """The open day of the book."""
    today: date = await pool.fetchval("SELECT business_date FROM book")
    return today.toordinal()


async def standings(pool: Pool, contracts: Iterable[int], today: int) -> dict[int, Standing]:
    """Where contracts stand this morning."""
    wanted = sorted(set(contracts))
    cells = [cell_of_contract(each) for each in wanted]
    rows = await pool.fetch(STANDINGS, cells, wanted, today)
    return {row[0]: Standing(*row) for row in rows}


async def statements(pool: Pool, issued_on: int) -> list[Bill]:
    """Statements issued at the end of a day."""
    rows = await pool.fetch(STATEMENTS, date.fromordinal(issued_on))
    return [Bill(row[0], row[1].toordinal(), row[2], row[3]) for row in rows]


async def instalments(pool: Pool, due_on: int) -> list[Bill]:
    """Instalments due on a day and not yet paid."""
    rows = await pool.fetch(INSTALMENTS, due_on)
    return [Bill(row[0], due_on, row[1], row[1]) for row in rows]


async def hopeless(pool: Pool, late_since: int) -> list[int]:
    """Contracts late since a day or longer."""
    return [row[0] for row in await pool.fetch(HOPELESS, late_since)]


async def open_contracts(pool: Pool) -> list[tuple[int, int, int, int]]:
    """(contract, status, late from, principal) of what is owed, charged off or not."""
    return [tuple(row) for row in await pool.fetch(OPEN)]


LOSSES = f"""
SELECT coalesce(sum(amount), 0)::bigint FROM transfer
WHERE debit = {chart.LOSSES} AND credit = {chart.PRINCIPAL}
"""
REFUNDS = """
SELECT count(*) FILTER (WHERE kind = 4), count(*) FILTER (WHERE kind = 2) FROM event
WHERE kind IN (2, 4) AND reversed_by = 0
"""
PAID_STATEMENTS = """
SELECT style, count(*) FROM (
    SELECT CASE WHEN in_time >= balance THEN 'full'
        WHEN in_time < required - plans_due AND later >= required - plans_due THEN 'late'
        WHEN in_time < required - plans_due THEN 'unpaid'
        WHEN in_time <= (required - plans_due) * 1.02 THEN 'minimum'
        ELSE 'part' END AS style
    FROM statement s, LATERAL (
        SELECT coalesce(sum(amount) FILTER (WHERE booked_on <= s.due_on), 0) AS in_time,
            coalesce(sum(amount), 0) AS later
        FROM event e WHERE e.cell = s.cell AND e.contract_id = s.contract_id
            AND e.kind IN (3, 4, 7, 18) AND e.reversed_by = 0
            AND e.booked_on > s.issued_on AND e.booked_on <= s.due_on + 15
    ) AS paid
    WHERE balance > 0 AND due_on + 15 < (SELECT business_date FROM book)
) AS styled GROUP BY style
"""
"""How statements were paid: repayments, refunds, goodwill and conversions count."""


async def losses(pool: Pool) -> int:
    """Principal charged off so far."""
    amount: int = await pool.fetchval(LOSSES)
    return amount


async def refunds(pool: Pool) -> tuple[int, int]:
    """(refunds, purchases) that were not reversed."""
    row = await pool.fetchrow(REFUNDS)
    return row[0], row[1]


async def paid_statements(pool: Pool) -> Counter[str]:
    """How many statements were paid in full, with the minimum, in part, late, or not."""
    return Counter({row[0]: row[1] for row in await pool.fetch(PAID_STATEMENTS)})


async def interesting(pool: Pool) -> int | None:
    """A borrower to show: something a little late, an account with statements, loans and plans."""
    found: int | None = await pool.fetchval(
        "SELECT borrower_id FROM contract, book WHERE status = 1 GROUP BY borrower_id ORDER BY"
        " bool_or(late_from > 0 AND business_date - date '0001-01-01' + 1 - late_from"
        "         BETWEEN 1 AND 60) DESC,"
        " bool_or(kind = 2 AND statements > 2) DESC, count(*) FILTER (WHERE kind = 1) DESC,"
        " borrower_id LIMIT 1"
    )
    return found


async def shown(pool: Pool, count: int) -> list[tuple[int, str]]:
    """The borrower to show and some others, each with a language; nobody without a contract."""
    first = await interesting(pool)
    rows = await pool.fetch(
        "SELECT borrower_id, language FROM borrower b WHERE status = 1 AND EXISTS"
        " (SELECT FROM contract c WHERE c.cell = b.cell AND c.borrower_id = b.borrower_id)"
        " ORDER BY borrower_id <> $1, borrower_id LIMIT $2", first, count,
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows] if first else []


async def owing(pool: Pool, amount: int) -> int | None:
    """A contract that owes more than an amount, the latest first; None if there is none."""
    found: int | None = await pool.fetchval(
        "SELECT contract_id FROM contract WHERE status = 1 AND unpaid_principal > $1"
        " ORDER BY late_from = 0, late_from DESC, contract_id LIMIT 1", amount,
    )  # fmt: skip
    return found


# -- what the town is told -------------------------------------------------------------------------

WORDS = {ARRIVED: "arrived", TAKEN: "on their way", WAITS: "wait", GOING: "wait",
         FAILED: "failed", STOPPED: "stopped", DROPPED: "not sent"}  # fmt: skip
"""For the terminal."""
WITH_CODE = f"""
SELECT borrower_id, key, box FROM notice
WHERE code_hash <> '' AND digits_hash <> '' AND member_id = 0 AND channel = 'sms'
    AND state IN ({TAKEN}, {ARRIVED})
ORDER BY borrower_id <> coalesce($1, 0), notice_id DESC LIMIT 1
"""
NEWEST = """
SELECT borrower_id, key, box FROM notice
WHERE cell = $1 AND borrower_id = $2 AND template_id = $3 AND $4::bigint IN (0, member_id)
ORDER BY notice_id DESC LIMIT 1
"""


async def everybody(pool: Pool) -> list[int]:
    """All borrowers, in the order in which they came."""
    rows = await pool.fetch("SELECT borrower_id FROM borrower WHERE status = 1 ORDER BY 1")
    return [row[0] for row in rows]


async def told(pool: Pool) -> Counter[str]:
    """How many notices there are, by what came of them."""
    found = Counter[str]()
    for state, count in await pool.fetch("SELECT state, count(*) FROM notice GROUP BY state"):
        found[WORDS[state]] += count
    return found


async def with_code(pool: Pool) -> Mapping[str, Any] | None:
    """A notice with a code that went out; of the borrower who is shown, if there is one."""
    row: Mapping[str, Any] | None = await pool.fetchrow(WITH_CODE, await interesting(pool))
    return row


async def invitation(pool: Pool, borrower_id: int, member_id: int) -> Mapping[str, Any]:
    """What a relative was sent to be invited."""
    return await newest(pool, borrower_id, "family-invitation", member_id)


async def family_code(pool: Pool, borrower_id: int) -> Mapping[str, Any]:
    """What a relative was sent to show the number."""
    return await newest(pool, borrower_id, "family-code", 0)


async def newest(
    pool: Pool, borrower_id: int, template_id: str, member_id: int
) -> Mapping[str, Any]:
    """The last notice by a template; there must be one."""
    row: Mapping[str, Any] = await pool.fetchrow(
        NEWEST, cell_of_borrower(borrower_id), borrower_id, template_id, member_id
    )
    return row


async def secrets_of(pool: Pool, keys: KeyService, row: Mapping[str, Any]) -> dict[str, str]:
    """What is secret of a notice, as its reader knows it."""
    borrower_id, box = row["borrower_id"], row["box"]
    who = await portal_store.active_borrower(pool, borrower_id)
    assert who is not None
    data_key = await beside(keys, lambda: keys.unwrap(who["data_key"], borrower_id))
    return sealing.opened(data_key, borrower_id, row["key"], box)
