"""The machine of the random lives: a book, what is asked of it, the proof after each step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.servicing.books import ACTOR, TestBook, fresh
from tests.servicing.targets import Target, Targets, look
from usance.core.money import format_decimal
from usance.day import close, verify
from usance.day.verify_sql import INVARIANTS
from usance.platform.database import open_pool
from usance.servicing import commands as asked
from usance.servicing import debit_file
from usance.servicing.debit_rows import HEADER

EACH_STEP = {
    "INV-STATE-01", "INV-STATE-02", "INV-OFF-01", "INV-LINE-01", "INV-CLEAR-01", "INV-EVENT-01",
}  # fmt: skip
DebitRow = tuple[str, str, int, str]
"""Reference, party, amount, result code."""


class Machine(RuleBasedStateMachine):
    """Two borrowers with both products; ``new_database`` is set by the test."""

    new_database: Callable[[], str]
    accepted: ClassVar[Counter[str]] = Counter()
    refused: ClassVar[Counter[str]] = Counter()
    rules_met: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.offers: list[tuple[int, int]] = []
        self.holds: list[tuple[int, int, int]] = []
        self.orders: list[tuple[str, str, int]] = []  # reference, party, amount of debits
        self.log: Counter[str] = Counter()
        self.seen: Targets | None = None

    def run(self, coroutine: Any) -> Any:
        """Something asynchronous, to its end."""
        return self.loop.run_until_complete(coroutine)

    @initialize(age=st.sampled_from([0, 33, 64]))
    def begin(self, age: int) -> None:
        """People with a purchase and a loan, some time ago."""
        self.pool = self.run(open_pool(type(self).new_database(), 4))
        self.context = fresh(self.pool)
        self.book: TestBook = self.run(self.context.__aenter__())
        self.run(self.book.close_days(1))
        self.people = self.run(self.book.borrowers(2))
        for who in self.people:
            account = self.run(self.book.line(who, "pay_later", 400_000))
            self.run(self.book.line(who, "cash_loan", 600_000))
            self.run(self.book.loan(who, 200_000, 3))
            self.run(self.book.do(asked.Purchase(contract_id=account, amount=40_000)))
        if age:
            self.run(self.book.close_days(age))

    def teardown(self) -> None:
        if hasattr(self, "book"):
            self.run(self.close_all())
            found = self.run(self.book.findings())
            self.run(self.context.__aexit__(None, None, None))
            self.run(self.pool.close())
            self.loop.close()
            note(str(self.log))
            assert found == []

    async def close_all(self) -> None:
        """Finish days that were only begun."""
        for day in await close.unfinished(self.pool):
            await close.close_one(self.pool, day, 1, lambda _: None)

    def ask(self, command: asked.Command) -> dict[str, Any]:
        """Done, or refused with a rule; then the contracts are proved."""
        name = type(command).__name__
        answer = self.run(self.book.submit(command))
        self.seen = None
        assert answer.status in (201, 404, 422), answer.document
        if answer.status == 201:
            self.accepted[name] += 1
        else:
            self.refused[name] += 1
            self.rules_met[answer.document["rule"]] += 1
            assert answer.document["rule"].startswith("R-")
        self.log[f"{name} {answer.status}"] += 1
        self.run(self.prove())
        return answer.document if answer.status == 201 else {}

    async def prove(self) -> None:
        """A fast part of the proof."""
        async with self.pool.acquire() as connection, connection.transaction():
            for invariant, _, _, query in INVARIANTS:
                if invariant in EACH_STEP:
                    row = await connection.fetchrow(query)
                    assert row is None, (invariant, tuple(row))
            proof = await verify.contracts(connection, lambda _: None, None)
            found = proof.findings
            found += await verify.verify_accrual.run(connection, proof, whole=not found)
            assert found == []

    @property
    def targets(self) -> Targets:
        """The book as it stands."""
        if self.seen is None:
            self.seen = self.run(look(self.pool))
        return self.seen

    def who(self, place: int) -> int:
        return self.people[place % len(self.people)]

    def today(self) -> int:
        """The business date as an ordinal."""
        return self.run(self.book.today()).toordinal()

    def day(self, back: int, target: Target, *, wild: bool) -> int:
        """An ordinal so many days ago, not before the opening (unless wild); 0 for today."""
        today = self.today()
        return today - back if wild else max(today - back, target.opened_on)

    def load(self, rows: list[DebitRow]) -> None:
        """Every row has an outcome; then the contracts are proved."""
        today = self.run(self.book.today())
        lines = [
            f"{reference},{party},{format_decimal(amount, 2)},{code},{today},"
            for reference, party, amount, code in rows
        ]
        content = "\n".join([",".join(HEADER), *lines, ""]).encode()
        loaded = self.run(debit_file.load(self.book.book, "bank.csv", content, ACTOR))
        self.seen = None
        assert len(loaded.rows) == len(rows)
        for (_, party, _, _), row in zip(rows, loaded.rows, strict=True):
            self.accepted[f"bank file: {row.outcome}"] += 1
            if row.outcome == "paid":
                self.accepted["Debit" if party.startswith("c") else "DebitBorrower"] += 1
        self.run(self.prove())

    @classmethod
    def forget(cls) -> None:
        """Count anew."""
        for counter in (cls.accepted, cls.refused, cls.rules_met):
            counter.clear()

    @classmethod
    def table(cls) -> str:
        """How often each kind of command was accepted and refused, and by which rules."""
        names = sorted(cls.accepted.keys() | cls.refused.keys())
        lines = [f"{name:26} {cls.accepted[name]:8} {cls.refused[name]:8}" for name in names]
        rules = " ".join(f"{rule} {n}" for rule, n in sorted(cls.rules_met.items()))
        return "\n".join(["", f"{'':26} accepted  refused", *lines, f"refused by: {rules}"])
