"""A small book to test on: people, commands, days, proofs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

from tests.reading import Patient, read_costs
from usance.core.identifiers import parse
from usance.day import close, verify
from usance.day.verify import Finding
from usance.identity.borrowers import Borrowers
from usance.identity.once import Answer
from usance.identity.people import Person
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool
from usance.servicing import commands as asked
from usance.servicing import terms
from usance.servicing.service import Book
from usance.servicing.setup import create_book

OPENED_ON = date(2025, 1, 1)
ACTOR = "staff:1"
KEYS = LocalKeyService(b"i" * 32, {1: b"m" * 32})


class TestBook:
    """A book with people in it; commands are expected to succeed unless ``refused`` is called."""

    __test__ = False

    def __init__(self, pool: Pool, book: Book, keys: LocalKeyService = KEYS) -> None:
        self.pool = pool
        self.keys = keys
        self.book = book
        self.people = 0

    async def borrower(self) -> int:
        """A newly registered borrower."""
        return (await self.borrowers(1))[0]

    async def borrowers(self, count: int) -> list[int]:
        """Newly registered borrowers."""
        start = self.people
        self.people += count
        people = [
            Person(f"Li {n}", f"+861380000{n:04}", identity_number(n), "", "zh-CN")
            for n in range(start, start + count)
        ]
        return await Borrowers(self.pool, self.keys).register_many(people, actor=ACTOR)

    async def do(self, command: asked.Command, **how: Any) -> dict[str, Any]:
        """Carry out a command; its document."""
        answer = await self.submit(command, **how)
        assert answer.status == 201, answer.document
        return answer.document

    async def submit(self, command: asked.Command, **how: Any) -> Answer:
        """Any answer."""
        return await self.book.submit(command, actor=how.pop("actor", ACTOR), **how)

    async def refused(self, command: asked.Command, rule: str) -> None:
        """The command is refused with the rule, and no table changed."""
        before = await fingerprint(self.pool)
        answer = await self.submit(command)
        assert answer.status >= 400, answer.document
        assert answer.document["rule"] == rule, answer.document
        assert await fingerprint(self.pool) == before, f"{command} changed something"

    async def line(self, borrower_id: int, product: str, limit: int = 2_000_000) -> int:
        """A line; the contract of a pay-later account, 0 for a loan's line."""
        document = await self.do(
            asked.OpenLine(borrower_id=borrower_id, product=product, limit=limit)
        )
        written = document["contract_id"]
        return parse("contract", written) if written else 0

    async def loan(
        self, borrower_id: int, principal: int = 1_000_000, instalments: int = 12
    ) -> int:
        """A cash loan, drawn today; its contract."""
        offer = await self.do(
            asked.MakeOffer(
                borrower_id=borrower_id,
                product="cash_loan",
                principal=principal,
                instalments=instalments,
            )
        )
        offer_id = parse("offer", offer["offer_id"])
        return parse("contract", (await self.accept(borrower_id, offer_id))["contract_id"])

    async def accept(self, borrower_id: int, offer_id: int) -> dict[str, Any]:
        """The costs of an offer are shown, read and confirmed, and it is accepted."""
        await read_costs(self.do, borrower_id, offer_id)
        return await self.do(asked.AcceptOffer(borrower_id=borrower_id, offer_id=offer_id))

    async def close_through(self, day: date, workers: int = 1) -> None:
        """Close every day through ``day``."""
        await close.run(self.pool, through=day, workers=workers)

    async def close_days(self, count: int) -> None:
        """Close so many days."""
        await self.close_through(await self.today() + timedelta(days=count - 1))

    async def today(self) -> date:
        """The business date."""
        found: date = await self.pool.fetchval("SELECT business_date FROM book")
        return found

    async def contract(self, contract_id: int) -> dict[str, Any]:
        """The row of a contract."""
        row = await self.pool.fetchrow("SELECT * FROM contract WHERE contract_id = $1", contract_id)
        return dict(row)

    async def holds(self) -> None:
        """Every invariant holds."""
        found = await self.findings()
        assert found == [], found

    async def findings(self) -> list[Finding]:
        """What does not hold."""
        return await verify.run(self.pool)


def identity_number(n: int) -> str:
    """A made-up mainland identity number with its right check digit."""
    body = f"11010119900101{n % 1000:03}" if n < 1000 else f"110101{19000101 + n}{n % 1000:03}"[:17]
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11
    return body + "10X98765432"[check]


async def fingerprint(pool: Pool) -> dict[str, str]:
    """A digest of every table that holds the book (what is stamped by the clock included)."""
    names = await pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
        "AND tablename NOT IN ('alembic_version', 'terms') ORDER BY 1"
    )
    all_tables = " UNION ALL ".join(
        f"SELECT '{name}', string_agg(t::text, E'\\n' ORDER BY t::text) FROM {name} AS t"
        for (name,) in names
    )
    rows = await pool.fetch(all_tables)
    return {name: hashlib.sha256((text or "").encode()).hexdigest() for name, text in rows}


@asynccontextmanager
async def fresh(
    pool: Pool, opened_on: date = OPENED_ON, keys: LocalKeyService = KEYS
) -> AsyncIterator[TestBook]:
    """A new book on an empty database, served until the end."""
    terms.forget()
    await create_book(pool, name="test", opened_on=opened_on)
    book = Book(pool, clock=Patient())
    await book.start()
    yield TestBook(pool, book, keys)
    await book.stop()
