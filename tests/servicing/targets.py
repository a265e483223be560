"""What there is to act on in a book: contracts, events and lines that are ready for a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from usance.contract.records import (
    DAY,
    LINE,
    OPEN,
    PURCHASE,
    REPAYMENT,
    REVERSAL,
    STATEMENT,
)
from usance.platform.database import Pool

UNREVERSED = (DAY, OPEN, REVERSAL, STATEMENT)

CONTRACTS = """
SELECT c.contract_id, c.kind, c.status, c.parent_id, c.opened_on, c.late_from, c.seq, c.credit,
    c.unpaid_interest, c.unpaid_fee, c.unpaid_penalty, c.unpaid_principal,
    coalesce(sum(d.principal + d.interest + d.fee + d.penalty - d.paid_principal - d.paid_interest
        - d.paid_fee - d.paid_penalty) FILTER (WHERE d.n < c.running), 0)::bigint AS asked,
    coalesce(max(d.principal - d.paid_principal) FILTER (WHERE d.n = c.running - 1), 0)::bigint
        AS billed, coalesce(l.status, 0) AS line
FROM contract c JOIN due d ON d.cell = c.cell AND d.contract_id = c.contract_id
LEFT JOIN line l ON l.cell = c.cell AND l.contract_id = c.contract_id
GROUP BY c.cell, c.contract_id, l.status ORDER BY c.contract_id
"""
LINES = """
SELECT l.borrower_id, p.code, l.status = 1, l.limit_amount - l.held
    - coalesce(sum(c.unpaid_principal) FILTER (WHERE c.status = 1), 0)::bigint
FROM line l JOIN product p USING (product_id) LEFT JOIN contract c ON c.cell = l.cell
    AND c.borrower_id = l.borrower_id
    AND (c.product_id = l.product_id OR c.parent_id <> 0 AND c.parent_id = l.contract_id)
GROUP BY l.cell, l.borrower_id, p.code, l.status, l.limit_amount, l.held ORDER BY 1, 2
"""
RECEIPTS = "SELECT receipt_id FROM receipt WHERE status = 1 AND amount > 0 ORDER BY 1"
EVENTS = """
SELECT contract_id, seq, kind, amount FROM event WHERE reversed_by = 0 ORDER BY contract_id, seq
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A contract; amounts in minor units, days as ordinals, ``line`` the status of its line."""

    contract_id: int
    kind: int
    status: int
    parent_id: int
    opened_on: int
    late_from: int
    seq: int
    credit: int
    interest: int
    fee: int
    penalty: int
    principal: int
    asked: int
    billed: int
    line: int

    @property
    def account(self) -> bool:
        """An open pay-later account."""
        return self.kind == LINE and self.status == 1

    @property
    def loan(self) -> bool:
        """A running loan or plan with principal unpaid."""
        return self.kind != LINE and self.status == 1 and self.principal > 0

    @property
    def owes(self) -> bool:
        """Open, with something owed."""
        return self.status == 1 and self.principal + self.interest + self.fee + self.penalty > 0


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that counts."""

    contract_id: int
    seq: int
    kind: int
    amount: int


@dataclass(frozen=True, slots=True)
class Limit:
    """A line; what is available, about."""

    borrower_id: int
    product: str
    open: bool
    available: int


@dataclass(frozen=True, slots=True)
class Targets:
    """The book as it stands."""

    contracts: list[Target]
    events: list[Fact]
    lines: list[Limit]
    receipts: list[int]  # bank money that waits and came in

    def line(
        self, place: int, ready: Callable[[Limit], object], *, wild: bool = False
    ) -> Limit | None:
        """Some line that is ready (``wild``: any); None where there is none."""
        found = [each for each in self.lines if wild or ready(each)]
        return found[place % len(found)] if found else None

    def contract(
        self, place: int, ready: Callable[[Target], object], *, wild: bool = False
    ) -> Target | None:
        """Some contract that is ready (``wild``: any); None where there is none."""
        found = [each for each in self.contracts if wild or ready(each)]
        return found[place % len(found)] if found else None

    def event(
        self, place: int, ready: Callable[[Fact], object], *, wild: bool = False
    ) -> Fact | None:
        """Some event of that sort, late ones first (``wild``: any)."""
        found = [each for each in self.events if wild or ready(each)][::-1]
        return found[place % len(found)] if found else None

    def open(self, contract_id: int) -> bool:
        """Whether the contract is open."""
        return any(c.contract_id == contract_id and c.status == 1 for c in self.contracts)

    def reversible(self, fact: Fact) -> bool:
        """Whether an event may be reversed, as far as can be seen."""
        return fact.kind not in UNREVERSED and self.open(fact.contract_id)

    def repayment(self, fact: Fact) -> bool:
        """A repayment on an open contract."""
        return fact.kind == REPAYMENT and self.open(fact.contract_id)

    def purchase(self, fact: Fact) -> bool:
        """A purchase on an open account."""
        return fact.kind == PURCHASE and self.open(fact.contract_id)


async def look(pool: Pool) -> Targets:
    """The book as it stands now."""
    contracts = [Target(*row) for row in await pool.fetch(CONTRACTS)]
    events = [Fact(*row) for row in await pool.fetch(EVENTS)]
    lines = [Limit(*row) for row in await pool.fetch(LINES)]
    receipts = [row[0] for row in await pool.fetch(RECEIPTS)]
    return Targets(contracts, events, lines, receipts)
