"""A random life of a book that can be led again in another one, by another way of writing.

What is random is drawn once, from the state of the first book; every step is kept with its answers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.reading import read_costs
from tests.servicing.books import ACTOR, TestBook
from usance.core.identifiers import parse
from usance.day import close
from usance.identity.once import Answer
from usance.servicing import commands as asked
from usance.servicing.products import products

Row = dict[str, Any]
Step = Callable[["Way"], Awaitable[list[Answer]]]
Payments = dict[int, int]
Pay = Callable[[TestBook, Payments], Awaitable[None]]
CloseDay = Callable[[TestBook, date], Awaitable[None]]
OWN_IDS = re.compile(r'"(operation_id|offer_id|authorisation_id)": "[^"]*"')

CONTRACTS = """
SELECT c.contract_id, c.borrower_id, c.kind, c.status, c.credit, c.seq, c.parent_id, c.late_from,
    coalesce(sum(d.principal + d.interest + d.fee + d.penalty - d.paid_principal - d.paid_interest
        - d.paid_fee - d.paid_penalty) FILTER (WHERE d.due_on <= $1 AND d.due_on > 0), 0)::bigint
        AS asked,
    coalesce(bool_or(d.due_on = $1), false) AS due_today
FROM contract c JOIN due d ON d.cell = c.cell AND d.contract_id = c.contract_id
WHERE c.status <> 2 GROUP BY c.cell, c.contract_id ORDER BY c.contract_id
"""
TARGETS = """
SELECT contract_id, seq, kind, amount FROM event
WHERE kind IN (2, 3) AND reversed_by = 0 ORDER BY contract_id, seq
"""


@dataclass(slots=True)
class Way:
    """A book, and how repayments are posted and days are closed in it."""

    book: TestBook
    pay: Pay
    close: CloseDay


async def ask(way: Way, *commands: asked.Command) -> list[Answer]:
    """Commands, in one portion."""
    return await way.book.book.submit_many(list(commands), actor=ACTOR)


async def accept(way: Way, who: int, offer: asked.Command, **terms: Any) -> list[Answer]:
    """Ask for an offer (of a loan with these terms) and take it."""
    with offered(terms):
        (made,) = await ask(way, offer)
    if made.status != 201:
        return [made]
    offer_id = parse("offer", made.document["offer_id"])

    async def do(command: asked.Command) -> dict[str, Any]:
        return (await ask(way, command))[0].document

    await read_costs(do, who, offer_id)
    return [made, *await ask(way, asked.AcceptOffer(borrower_id=who, offer_id=offer_id))]


@contextmanager
def offered(terms: dict[str, Any]) -> Iterator[None]:
    """Loans are offered on these terms instead of the product's."""
    settings = products()["cash_loan"].settings
    usual = settings["terms"]
    settings["terms"] = usual | terms
    try:
        yield
    finally:
        settings["terms"] = usual


async def pay(way: Way, payments: Payments) -> list[Answer]:
    """The bank's debits of the day."""
    await way.pay(way.book, payments)
    return []


async def turn(way: Way, day: date) -> list[Answer]:
    """The date moves on; nobody has been woken yet."""
    await close.move_date(way.book.pool, day)
    return []


async def close_day(way: Way, day: date) -> list[Answer]:
    """The end of the business day."""
    await way.close(way.book, day)
    return []


def said(answers: list[Answer]) -> list[str]:
    """Answers without the numbers that only one book gives."""
    return [OWN_IDS.sub("", json.dumps([each.status, each.document])) for each in answers]


def able(row: Row) -> bool:
    """Four in five can pay."""
    return int(row["borrower_id"]) // 1024 % 5 > 0


@dataclass(slots=True)
class Life:
    """What happens in a book; led once, with everything drawn by lot, it can be repeated."""

    way: Way
    rng: Random
    people: list[int] = field(default_factory=list)
    steps: list[tuple[Step, list[str]]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)

    async def repeat(self, way: Way) -> None:
        """The same steps in another book, which must be answered alike."""
        await way.book.close_days(1)
        await way.book.borrowers(len(self.people))
        for step, answers in self.steps:
            for wanted, found in zip(answers, said(await step(way)), strict=True):
                assert wanted == found, f"{wanted}\n{found}"

    async def take(self, function: Callable[..., Awaitable[list[Answer]]], *what: Any,
                   **more: Any) -> None:  # fmt: skip
        """One step."""

        async def step(way: Way) -> list[Answer]:
            return await function(way, *what, **more)

        answers = await step(self.way)
        self.steps.append((step, said(answers)))
        for each, command in zip(answers, what, strict=False):
            if each.status == 201 and isinstance(command, asked.Command):
                self.done[type(command).__name__] += 1
        self.done[function.__name__] += len(answers) == 2 and answers[1].status == 201

    async def begin(self, people: int) -> None:
        """The first day: borrowers with both lines."""
        await self.way.book.close_days(1)
        self.people = await self.way.book.borrowers(people)
        for who in self.people:
            day = self.rng.choice((1, 5, 12, 20, 28))
            await self.take(
                ask,
                asked.OpenLine(borrower_id=who, product="pay_later", limit=900_000,
                               statement_day=day),
                asked.OpenLine(borrower_id=who, product="cash_loan", limit=2_000_000),
            )  # fmt: skip

    async def live_day(self, today: date) -> None:
        """What people do, the bank's debits, the close; at times people are faster than it."""
        found = await self.way.book.pool.fetch(CONTRACTS, today.toordinal())
        rows = [dict(row) for row in found]
        for _ in range(2):
            await self.draw()
        await self.take(ask, *self.wishes(rows, today))
        await self.take(ask, *await self.corrections())
        for row in rows:
            if row["kind"] == 2 and row["asked"] and self.rng.random() < 0.02:
                instalments = self.rng.choice((3, 6))
                plan = asked.OfferPlan(contract_id=row["contract_id"], instalments=instalments)
                await self.take(accept, row["borrower_id"], plan)
        await self.take(pay, self.payments(rows))
        if self.rng.random() < 0.2:
            await self.take(turn, today)
            await self.take(ask, *self.wishes(rows, today + timedelta(days=1)))
        await self.take(close_day, today)

    async def draw(self) -> None:
        """A loan, of any amortisation and day count."""
        count = self.rng.choice(("actual/365", "30/360", "actual/actual"))
        kinds = ("equal_instalment", "equal_principal", "interest_first", "bullet")
        who = self.rng.choice(self.people)
        offer = asked.MakeOffer(
            borrower_id=who, product="cash_loan", instalments=self.rng.choice((3, 6, 12)),
            principal=self.rng.randrange(60_000, 300_000), amortisation=self.rng.choice(kinds),
        )
        await self.take(accept, who, offer, day_count=count, rate={"annual": "0.146"})

    def payments(self, rows: list[Row]) -> Payments:
        """What the bank collects today: on due days mostly all, else now and then something."""
        found = {}
        for row in rows:
            pays = 0.8 * able(row) if row["due_today"] else 0.04 * able(row)
            if row["status"] != 1 or self.rng.random() > pays:
                continue
            amount = row["asked"] or self.rng.randrange(1, 40_000)
            if self.rng.random() < 0.25:
                amount = self.rng.randrange(1, amount * 2)
            found[row["contract_id"]] = amount
        return found

    def wishes(self, rows: list[Row], today: date) -> list[asked.Command]:
        """What people and staff ask for, each seldom."""
        found: list[asked.Command] = []
        for row in rows:
            contract = row["contract_id"]
            late = today.toordinal() - row["late_from"] if row["late_from"] else 0
            for chance, command in (
                (0.10 * (row["kind"] == 2), asked.Purchase(
                    contract_id=contract, amount=self.rng.randrange(100, 60_000))),
                (0.003 * able(row), asked.Extend(
                    contract_id=contract, days=self.rng.randrange(1, 20))),
                (0.004, asked.Charge(contract_id=contract, component="fee", amount=500)),
                (0.02 * (late > 5), asked.Waive(
                    contract_id=contract, component="penalty", amount=3)),
                (0.004, asked.Goodwill(contract_id=contract, amount=77)),
                (0.002 * able(row), asked.Settle(contract_id=contract)),
                (0.001 * (row["kind"] == 1), asked.Restructure(
                    contract_id=contract, instalments=9)),
                (0.01 * (row["kind"] == 2), asked.ChangeStatementDay(
                    contract_id=contract, day=self.rng.randrange(1, 28))),
                (0.01 * able(row), asked.Repay(
                    contract_id=contract, amount=self.rng.randrange(1, 50_000),
                    effective_on=today.toordinal() - self.rng.randrange(1, 9))),
                (0.04 * (late > 60), asked.ChargeOff(contract_id=contract)),
                (0.1 * (row["status"] == 3), asked.Recover(contract_id=contract, amount=1_000)),
                (0.3 * (row["credit"] > 0), asked.PayOut(contract_id=contract)),
            ):  # fmt: skip
                if self.rng.random() < chance:
                    found.append(command)
        return found

    async def corrections(self) -> list[asked.Command]:
        """Refunds of purchases; repayments charged back or reversed."""
        targets = await self.way.book.pool.fetch(TARGETS)
        found: list[asked.Command] = []
        for contract, seq, kind, amount in self.rng.sample(targets, min(2, len(targets))):
            if kind == 2:
                found.append(asked.Refund(contract_id=contract, amount=-(-amount // 2), of=seq))
            elif seq % 2:
                found.append(asked.ChargeBack(contract_id=contract, of=seq))
            else:
                found.append(asked.Reverse(contract_id=contract, of=seq))
        return found
