"""Random lives of a book: any command in any order, days that close or do not, always right.

A step either succeeds or is refused with a rule; after each the contracts are proved (replay, exact
accrual, balances), after the last everything is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.servicing.books import TestBook, fresh
from usance.core.identifiers import parse
from usance.day import close, verify
from usance.day.verify_sql import INVARIANTS
from usance.platform.database import open_pool
from usance.servicing import commands as asked

EACH_STEP = {
    "INV-STATE-01", "INV-STATE-02", "INV-OFF-01", "INV-LINE-01", "INV-CLEAR-01", "INV-EVENT-01",
}  # fmt: skip
AMOUNTS = st.one_of(
    st.integers(1, 2_000), st.integers(1, 150_000), st.sampled_from([1, 10_000, 50_000])
)
PLACE = st.integers(0, 10**6)


class BookMachine(RuleBasedStateMachine):
    """Two borrowers with both products; ``new_database`` is set by the test."""

    new_database: Callable[[], str]
    reached: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.contracts: list[int] = []
        self.offers: list[tuple[int, int]] = []
        self.holds: list[tuple[int, int]] = []
        self.done = self.refused = 0
        self.log: Counter[str] = Counter()

    def run(self, coroutine: Any) -> Any:
        """Something asynchronous, to its end."""
        return self.loop.run_until_complete(coroutine)

    @initialize()
    def begin(self) -> None:
        self.pool = self.run(open_pool(type(self).new_database(), 4))
        self.context = fresh(self.pool)
        self.book: TestBook = self.run(self.context.__aenter__())
        self.run(self.book.close_days(1))
        self.people = self.run(self.book.borrowers(2))
        for who in self.people:
            self.contracts.append(self.run(self.book.line(who, "pay_later", 400_000)))
            self.run(self.book.line(who, "cash_loan", 600_000))
            self.contracts.append(self.run(self.book.loan(who, 200_000, 3)))

    def teardown(self) -> None:
        if hasattr(self, "book"):
            self.run(self.close_all())
            found = self.run(self.book.findings())
            self.run(self.context.__aexit__(None, None, None))
            self.run(self.pool.close())
            self.loop.close()
            note(f"{self.done} done, {self.refused} refused")
            self.reached.update(self.log)
            assert found == []

    async def close_all(self) -> None:
        """Finish days that were only begun."""
        for day in await close.unfinished(self.pool):
            await close.close_one(self.pool, day, 1, lambda _: None)

    def ask(self, command: asked.Command) -> dict[str, Any]:
        """Done, or refused with a rule; then the contracts are proved."""
        answer = self.run(self.book.submit(command))
        assert answer.status in (201, 404, 422), answer.document
        if answer.status == 201:
            self.done += 1
            self.log[type(command).__name__] += 1
        else:
            self.refused += 1
            self.log[answer.document["rule"]] += 1
            assert answer.document["rule"].startswith("R-")
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

    def contract(self, place: int) -> int:
        return self.contracts[place % len(self.contracts)]

    def who(self, place: int) -> int:
        return self.people[place % len(self.people)]

    def event(self, contract_id: int, place: int) -> int:
        """The number of some event of the contract."""
        last = self.run(self.book.contract(contract_id))["seq"]
        return 1 + place % (last + 1)

    def day(self, back: int) -> int:
        """An ordinal so many days ago, 0 for today."""
        return self.run(self.book.today()).toordinal() - back if back else 0

    @rule(place=PLACE, amount=AMOUNTS, back=st.integers(0, 3))
    def purchase(self, place: int, amount: int, back: int) -> None:
        command = asked.Purchase(
            contract_id=self.contract(place), amount=amount, effective_on=self.day(back)
        )
        self.ask(command)

    @rule(place=PLACE, amount=AMOUNTS, back=st.sampled_from([0, 0, 0, 1, 5, 20, 45]))
    def repay(self, place: int, amount: int, back: int) -> None:
        command = asked.Repay(
            contract_id=self.contract(place), amount=amount, effective_on=self.day(back)
        )
        self.ask(command)

    @rule(place=PLACE, amount=AMOUNTS)
    def repay_all(self, place: int, amount: int) -> None:
        self.ask(asked.RepayBorrower(borrower_id=self.who(place), amount=amount))

    @rule(place=PLACE)
    def settle(self, place: int) -> None:
        self.ask(asked.Settle(contract_id=self.contract(place)))

    @rule(place=PLACE, amount=st.integers(50_000, 200_000), accept=st.booleans())
    def draw(self, place: int, amount: int, *, accept: bool) -> None:
        who = self.who(place)
        offer = asked.MakeOffer(
            borrower_id=who, product="cash_loan", principal=amount, instalments=3 + place % 4 * 3
        )
        self.take(who, self.ask(offer), accept=accept)

    @rule(place=PLACE, one=st.integers(0, 20), accept=st.booleans())
    def plan(self, place: int, one: int, *, accept: bool) -> None:
        account = self.contract(place)
        purchase = self.event(account, one) if one else 0
        offer = asked.OfferPlan(contract_id=account, instalments=3, purchase=purchase)
        self.take(account >> 12, self.ask(offer), accept=accept)

    def take(self, who: int, offer: dict[str, Any], *, accept: bool) -> None:
        """Accept an offer now, or keep it for later."""
        if offer:
            self.offers.append((who, parse("offer", offer["offer_id"])))
            if accept:
                self.accept(len(self.offers) - 1)

    @rule(place=PLACE)
    def accept(self, place: int) -> None:
        if self.offers:
            who, offer_id = self.offers[place % len(self.offers)]
            found = self.ask(asked.AcceptOffer(borrower_id=who, offer_id=offer_id))
            if found:
                self.contracts.append(parse("contract", found["contract_id"]))

    @rule(place=PLACE, amount=AMOUNTS)
    def authorise(self, place: int, amount: int) -> None:
        who = self.who(place)
        command = asked.Authorise(borrower_id=who, product="pay_later", amount=amount, merchant="m")
        found = self.ask(command)
        if found:
            self.holds.append((who, parse("authorisation", found["authorisation_id"])))

    @rule(place=PLACE, amount=AMOUNTS, final=st.booleans(), void=st.booleans())
    def use_hold(self, place: int, amount: int, *, final: bool, void: bool) -> None:
        if self.holds:
            who, hold = self.holds[place % len(self.holds)]
            if void:
                self.ask(asked.Void(borrower_id=who, authorisation_id=hold))
            else:
                self.ask(asked.Capture(
                    borrower_id=who, authorisation_id=hold, amount=amount, final=final
                ))  # fmt: skip

    @rule(place=PLACE, of=st.integers(0, 30), amount=AMOUNTS, back=st.sampled_from([0, 0, 2]))
    def refund(self, place: int, of: int, amount: int, back: int) -> None:
        contract_id = self.contract(place)
        number = self.event(contract_id, of) if of else 0
        self.ask(asked.Refund(
            contract_id=contract_id, amount=amount, of=number, effective_on=self.day(back)
        ))  # fmt: skip

    @rule(place=PLACE, of=PLACE)
    def reverse(self, place: int, of: int) -> None:
        contract_id = self.contract(place)
        self.ask(asked.Reverse(contract_id=contract_id, of=self.event(contract_id, of)))

    @rule(place=PLACE, of=PLACE, amount=st.one_of(st.just(0), AMOUNTS))
    def charge_back(self, place: int, of: int, amount: int) -> None:
        contract_id = self.contract(place)
        number = self.event(contract_id, of)
        self.ask(asked.ChargeBack(contract_id=contract_id, of=number, amount=amount))

    @rule(place=PLACE, amount=AMOUNTS, component=st.sampled_from(["interest", "fee", "penalty"]))
    def waive_or_charge(self, place: int, amount: int, component: str) -> None:
        kind = asked.Charge if place % 3 == 0 else asked.Waive
        self.ask(kind(contract_id=self.contract(place), component=component, amount=amount % 500))

    @rule(place=PLACE, amount=AMOUNTS)
    def goodwill_or_recover(self, place: int, amount: int) -> None:
        kind = asked.Goodwill if place % 2 else asked.Recover
        self.ask(kind(contract_id=self.contract(place), amount=amount))

    @rule(place=PLACE)
    def pay_out(self, place: int) -> None:
        self.ask(asked.PayOut(contract_id=self.contract(place)))

    @rule(place=PLACE, days=st.integers(1, 40))
    def extend(self, place: int, days: int) -> None:
        self.ask(asked.Extend(contract_id=self.contract(place), days=days))

    @rule(place=PLACE, one_in=st.integers(0, 9))
    def charge_off(self, place: int, one_in: int) -> None:
        if one_in == 0:
            self.ask(asked.ChargeOff(contract_id=self.contract(place)))

    @rule(place=PLACE, day=st.integers(1, 28))
    def change_statement_day(self, place: int, day: int) -> None:
        self.ask(asked.ChangeStatementDay(contract_id=self.contract(place), day=day))

    @rule(place=PLACE, limit=st.integers(1, 500_000))
    def change_limit(self, place: int, limit: int) -> None:
        product = ("pay_later", "cash_loan")[place // 2 % 2]
        command = asked.ChangeLimit(borrower_id=self.who(place), product=product, limit=limit)
        self.ask(command)

    @rule(count=st.sampled_from([1, 1, 5, 20, 35]))
    def close_days(self, count: int) -> None:
        self.run(self.close_all())
        self.run(self.book.close_days(count))
        self.run(self.prove())

    @rule()
    def begin_a_close(self) -> None:
        """The date moves, nobody is woken: operations find contracts that are behind."""
        self.run(self.close_all())
        today = self.run(self.book.today())
        self.run(close.move_date(self.pool, today))
        assert self.run(self.book.today()) == today + timedelta(days=1)
        self.run(self.prove())


def explore(new_database: Callable[[], str], examples: int, steps: int) -> None:
    """Random lives; a failing one prints the seed that repeats it."""
    BookMachine.new_database = staticmethod(new_database)  # type: ignore[assignment]
    run_state_machine_as_test(
        BookMachine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
            database=None,
        ),
    )  # fmt: skip
    print("done or refused:", dict(sorted(BookMachine.reached.items())))


def test_random_lives(new_database: Callable[[], str]) -> None:
    explore(new_database, 12, 40)


@pytest.mark.soak
def test_many_random_lives(new_database: Callable[[], str]) -> None:
    explore(new_database, 600, 80)
