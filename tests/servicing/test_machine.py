"""Random lives of a book: any command in any order, days that close or do not, always right.

A step mostly finds what is ready for it, and at times (``wild``) anything at all: it either
succeeds or is refused with a rule. After each the contracts are proved (replay, exact accrual,
balances), after the last everything is. With the seed of the normal suite every kind of command
must have been accepted at least once, and at least half of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from tests.servicing.machine import Machine
from tests.servicing.targets import Limit, Target
from usance.core.identifiers import borrower_of, contract_of, parse, written
from usance.day import close
from usance.servicing import commands as asked
from usance.servicing.cases import CASES

SEED = os.environ.get("USANCE_SEED")
AMOUNTS = st.one_of(st.integers(1, 2_000), st.integers(1, 30_000), st.sampled_from([1, 90_000]))
PLACE = st.integers(0, 10**6)
WILD = st.sampled_from([False] * 5 + [True])
BACK = st.sampled_from([0, 0, 0, 1, 5, 20, 45])
OUTCOMES = {"paid", "already_paid", "failed", "returned", "duplicate", "unmatched"}
"""Of a bank file's rows; what else there may be (``refused``) is seldom."""


def can_buy(c: Target) -> bool:
    """An account that is not late, under an open line."""
    return c.account and c.line == 1 and c.late_from == 0


class BookMachine(Machine):
    """The steps."""

    # -- spending and drawing ------------------------------------------------------------------

    @rule(place=PLACE, amount=AMOUNTS, back=BACK, wild=WILD)
    def purchase(self, place: int, amount: int, back: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, can_buy, wild=wild):
            day = self.day(back, target, wild=wild)
            self.ask(asked.Purchase(
                contract_id=target.contract_id, amount=amount, effective_on=day
            ))  # fmt: skip

    @rule(place=PLACE, amount=st.integers(50_000, 120_000), accept=st.booleans(), wild=WILD)
    def draw(self, place: int, amount: int, *, accept: bool, wild: bool) -> None:
        def ready(line: Limit) -> bool:
            return line.open and line.product == "cash_loan" and line.available >= amount

        line = self.targets.line(place, ready, wild=wild)
        if line is not None:
            self.take(line.borrower_id, self.ask(asked.MakeOffer(
                borrower_id=line.borrower_id, product="cash_loan", principal=amount,
                instalments=3 + place % 4 * 3,
            )), accept=accept)  # fmt: skip

    @rule(place=PLACE, one=st.booleans(), accept=st.sampled_from([True, True, False]), wild=WILD)
    def plan(self, place: int, *, one: bool, accept: bool, wild: bool) -> None:
        """What is unpaid of a statement, or one purchase."""
        account = self.targets.contract(
            place, lambda c: c.account and (c.principal if one else c.billed) >= 10_000, wild=wild
        )
        if account is None:
            return
        bought = self.targets.event(
            place, lambda e: e.contract_id == account.contract_id and e.amount >= 10_000
            and self.targets.purchase(e), wild=wild,
        )  # fmt: skip
        offer = asked.OfferPlan(
            contract_id=account.contract_id, instalments=3,
            purchase=bought.seq if one and bought else 0,
        )  # fmt: skip
        self.take(account.contract_id >> 12, self.ask(offer), accept=accept)

    def take(self, who: int, offer: dict[str, Any], *, accept: bool) -> None:
        """Accept an offer now, or keep it for later."""
        if offer:
            self.offers.append((who, parse("offer", offer["offer_id"])))
            if accept:
                self.accept(len(self.offers) - 1)

    @rule(place=PLACE)
    def accept(self, place: int) -> None:
        """An offer that may be old, or taken already."""
        if self.offers:
            who, offer_id = self.offers[place % len(self.offers)]
            shown = self.ask(asked.ShowCosts(borrower_id=who, offer_id=offer_id))
            if shown:
                self.ask(asked.ConfirmCosts(
                    borrower_id=who, offer_id=offer_id, digest=shown["digest"],
                    nonce=shown["nonce"], how="desk",
                ))  # fmt: skip
            self.ask(asked.AcceptOffer(borrower_id=who, offer_id=offer_id))

    @rule(place=PLACE, amount=AMOUNTS, use=st.booleans(), wild=WILD)
    def authorise(self, place: int, amount: int, *, use: bool, wild: bool) -> None:
        if target := self.targets.contract(place, can_buy, wild=wild):
            who = target.contract_id >> 12
            found = self.ask(asked.Authorise(
                borrower_id=who, product="pay_later", amount=amount, merchant="m"
            ))  # fmt: skip
            if found:
                hold = parse("authorisation", found["authorisation_id"])
                self.holds.append((who, hold, amount))
            if use:
                self.use_hold(place)

    @rule(place=PLACE)
    def use_hold(self, place: int) -> None:
        """Void it, capture all of it, or part of it and leave the rest or not."""
        if not self.holds:
            return
        who, hold, amount = self.holds[-1 - place // 7 % len(self.holds)]
        if place % 7 < 2:
            self.ask(asked.Void(borrower_id=who, authorisation_id=hold))
        else:
            self.ask(asked.Capture(
                borrower_id=who, authorisation_id=hold, amount=-(-amount // (place % 3 + 1)),
                final=place % 2 == 0,
            ))  # fmt: skip

    # -- money -----------------------------------------------------------------------------------

    @rule(place=PLACE, amount=AMOUNTS, back=BACK, wild=WILD)
    def repay(self, place: int, amount: int, back: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.owes, wild=wild):
            day = self.day(back, target, wild=wild)
            self.ask(asked.Repay(contract_id=target.contract_id, amount=amount, effective_on=day))

    @rule(place=PLACE, wild=WILD)
    def repay_what_is_asked(self, place: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.owes and c.asked, wild=wild):
            self.ask(asked.Repay(contract_id=target.contract_id, amount=target.asked))

    @rule(place=PLACE, amount=AMOUNTS)
    def repay_all(self, place: int, amount: int) -> None:
        self.ask(asked.RepayBorrower(borrower_id=self.who(place), amount=amount))

    @rule(place=PLACE, wild=WILD)
    def settle(self, place: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.owes, wild=wild):
            self.ask(asked.Settle(contract_id=target.contract_id))

    @rule(place=PLACE, chance=st.integers(0, 2), wild=WILD)
    def settle_and_close(self, place: int, chance: int, *, wild: bool) -> None:
        """An account and its line, or a loan; not so often, that lives go on."""
        if chance == 0 and (target := self.targets.contract(place, lambda c: c.owes, wild=wild)):
            self.ask(asked.SettleAndClose(contract_id=target.contract_id))

    @rule(place=PLACE, wild=WILD)
    def close_line(self, place: int, *, wild: bool) -> None:
        """Of loans: mostly after all of them have been settled."""
        line = self.targets.line(place, lambda x: x.open and x.product == "cash_loan", wild=wild)
        if line is None:
            return
        for target in self.targets.contracts if not wild else ():
            if target.contract_id >> 12 == line.borrower_id and target.loan:
                self.ask(asked.Settle(contract_id=target.contract_id))
        self.ask(asked.CloseLine(borrower_id=line.borrower_id, product=line.product))

    @rule(place=PLACE, day=st.integers(1, 28), wild=WILD)
    def open_line(self, place: int, day: int, *, wild: bool) -> None:
        """Again, where it was closed."""
        if line := self.targets.line(place, lambda x: not x.open, wild=wild):
            self.ask(asked.OpenLine(
                borrower_id=line.borrower_id, product=line.product, limit=500_000,
                statement_day=day,
            ))  # fmt: skip

    @rule(place=PLACE, amount=AMOUNTS, back=st.sampled_from([0, 0, 2]), wild=WILD)
    def refund(self, place: int, amount: int, back: int, *, wild: bool) -> None:
        """Of a purchase, or of none in particular."""
        bought = self.targets.event(place, self.targets.purchase, wild=wild)
        target = self.targets.contract(
            place, lambda c: bought and c.contract_id == bought.contract_id, wild=wild
        )
        if bought and target:
            self.ask(asked.Refund(
                contract_id=target.contract_id, amount=min(amount, bought.amount),
                of=bought.seq if place % 2 else 0, effective_on=self.day(back, target, wild=wild),
            ))  # fmt: skip

    @rule(place=PLACE, more=st.integers(1, 5_000), wild=WILD)
    def pay_out(self, place: int, more: int, *, wild: bool) -> None:
        """What somebody has paid too much."""
        if account := self.targets.contract(place, lambda c: c.account):
            too_much = account.principal + account.interest + account.fee + account.penalty + more
            self.ask(asked.Repay(contract_id=account.contract_id, amount=too_much))
        if target := self.targets.contract(place, lambda c: c.credit > 0, wild=wild):
            self.ask(asked.PayOut(contract_id=target.contract_id))

    @rule(place=PLACE, back=st.booleans(), wild=WILD)
    def receipt(self, place: int, *, back: bool, wild: bool) -> None:
        """Bank money that no contract took is allocated to one, or goes back."""
        waiting = self.targets.receipts or ([place % 9] if wild else [])
        target = self.targets.contract(place, lambda c: c.owes, wild=wild)
        for number in waiting[:1]:
            if back:
                self.ask(asked.ReturnReceipt(receipt_id=number))
            elif target is not None:
                self.ask(asked.AllocateReceipt(
                    contract_id=target.contract_id, receipt_id=number
                ))  # fmt: skip

    # -- corrections -----------------------------------------------------------------------------

    @rule(place=PLACE, wild=WILD)
    def reverse(self, place: int, *, wild: bool) -> None:
        if fact := self.targets.event(place % 6, self.targets.reversible, wild=wild):
            self.ask(asked.Reverse(contract_id=fact.contract_id, of=fact.seq))

    @rule(place=PLACE, amount=st.one_of(st.just(0), AMOUNTS), wild=WILD)
    def charge_back(self, place: int, amount: int, *, wild: bool) -> None:
        if fact := self.targets.event(place, self.targets.repayment, wild=wild):
            part = amount if wild else min(amount, fact.amount)
            self.ask(asked.ChargeBack(contract_id=fact.contract_id, of=fact.seq, amount=part))

    @rule(place=PLACE, chance=st.integers(0, 2), wild=WILD)
    def return_drawing(self, place: int, chance: int, *, wild: bool) -> None:
        """The bank says that a loan was never paid out."""
        def ready(c: Target) -> bool:
            return c.loan and c.parent_id == 0

        if chance == 0 and (target := self.targets.contract(place, ready, wild=wild)):
            reason = ("failed", "returned")[place % 2]
            self.ask(asked.ReturnDrawing(contract_id=target.contract_id, reason=reason))

    @rule(place=PLACE, part=st.integers(1, 4), component=st.sampled_from(
        ["interest", "fee", "penalty"]), wild=WILD)  # fmt: skip
    def waive(self, place: int, part: int, component: str, *, wild: bool) -> None:
        def ready(c: Target) -> bool:
            return c.status == 1 and getattr(c, component) > 0

        if target := self.targets.contract(place, ready, wild=wild):
            amount = max(getattr(target, component) // part, 1)
            self.ask(asked.Waive(
                contract_id=target.contract_id, component=component, amount=amount
            ))  # fmt: skip

    @rule(place=PLACE, amount=st.integers(1, 500), penalty=st.booleans(), wild=WILD)
    def charge(self, place: int, amount: int, *, penalty: bool, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.owes, wild=wild):
            component = "penalty" if penalty else "fee"
            self.ask(asked.Charge(
                contract_id=target.contract_id, component=component, amount=amount
            ))  # fmt: skip

    @rule(place=PLACE, amount=AMOUNTS, wild=WILD)
    def goodwill(self, place: int, amount: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.owes, wild=wild):
            self.ask(asked.Goodwill(contract_id=target.contract_id, amount=amount))

    # -- changes ---------------------------------------------------------------------------------

    @rule(place=PLACE, days=st.integers(1, 40), wild=WILD)
    def extend(self, place: int, days: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.loan, wild=wild):
            self.ask(asked.Extend(contract_id=target.contract_id, days=days))

    @rule(place=PLACE, instalments=st.integers(1, 24), wild=WILD)
    def restructure(self, place: int, instalments: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.loan, wild=wild):
            self.ask(asked.Restructure(contract_id=target.contract_id, instalments=instalments))

    @rule(place=PLACE, amount=AMOUNTS)
    def charge_off_and_recover(self, place: int, amount: int) -> None:
        """One contract at most in most lives; money may come on it for ever after."""
        lost = self.targets.contract(place, lambda c: c.status == 3)
        if lost is not None and place % 4:
            self.ask(asked.Recover(contract_id=lost.contract_id, amount=amount))
        elif target := self.targets.contract(place, lambda c: c.loan and place % 3 == 0):
            self.ask(asked.ChargeOff(contract_id=target.contract_id))

    @rule(place=PLACE, day=st.integers(1, 28), wild=WILD)
    def change_statement_day(self, place: int, day: int, *, wild: bool) -> None:
        if target := self.targets.contract(place, lambda c: c.account, wild=wild):
            self.ask(asked.ChangeStatementDay(contract_id=target.contract_id, day=day))

    @rule(place=PLACE, limit=st.integers(1, 900_000), wild=WILD)
    def change_limit(self, place: int, limit: int, *, wild: bool) -> None:
        if line := self.targets.line(place, lambda x: x.open, wild=wild):
            self.ask(asked.ChangeLimit(
                borrower_id=line.borrower_id, product=line.product,
                limit=limit if wild else max(limit, 500_000),
            ))  # fmt: skip

    # -- the bank, and time --------------------------------------------------------------------

    @rule(place=PLACE, amount=AMOUNTS, again=st.booleans())
    def bank_file(self, place: int, amount: int, *, again: bool) -> None:
        """Debits: of contracts and of a borrower, one that failed, one of nobody, an old one."""
        number, somebody = len(self.orders), written("borrower", self.who(place))
        nobody = written("contract", contract_of(borrower_of(999), 1))
        rows = [(f"F{number}", somebody, amount, "51"), (f"N{number}", nobody, amount, "00")]
        target = self.targets.contract(place, lambda c: c.owes and c.asked)
        if target is not None:
            party = written("contract", target.contract_id)
            self.orders.append((f"C{number}", party, target.asked))
        self.orders.append((f"B{number}", somebody, amount))
        rows += [(*order, "00") for order in self.orders[number:]]
        if again:
            rows.append((*self.orders[place % len(self.orders)], "R01" if place % 3 else "00"))
        self.load(rows)

    @rule(count=st.sampled_from([1, 1, 5, 20, 35]))
    def close_days(self, count: int) -> None:
        self.run(self.close_all())
        self.run(self.book.close_days(count))
        self.seen = None
        self.run(self.prove())

    @rule()
    def begin_a_close(self) -> None:
        """The date moves, nobody is woken: operations find contracts that are behind."""
        self.run(self.close_all())
        today = self.run(self.book.today())
        self.run(close.move_date(self.pool, today))
        assert self.run(self.book.today()) == today + timedelta(days=1)
        self.seen = None
        self.run(self.prove())


def explore(new_database: Callable[[], str], examples: int, steps: int, place: int = 0) -> None:
    """Random lives; a failing one prints what repeats it."""
    BookMachine.new_database = staticmethod(new_database)  # type: ignore[assignment]
    machine = seed(f"{SEED}:{place}")(BookMachine) if SEED else BookMachine
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, print_blob=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
            database=None,
        ),
    )  # fmt: skip


def never_accepted() -> set[str]:
    """Kinds of command and outcomes of bank files that no life has had yet."""
    wanted = {kind.__name__ for kind in CASES} | {f"bank file: {outcome}" for outcome in OUTCOMES}
    return wanted - BookMachine.accepted.keys()


def test_random_lives(new_database: Callable[[], str]) -> None:
    """A life has only some kinds of steps (others come to their right so): as many as it needs."""
    BookMachine.forget()
    for place in range(10):
        if place < 3 or never_accepted():
            explore(new_database, 4, 50, place)
    print(BookMachine.table())
    done = sum(BookMachine.accepted[kind.__name__] for kind in CASES)
    assert done > BookMachine.refused.total(), BookMachine.table()
    if SEED == "house":
        assert not never_accepted(), BookMachine.table()


@pytest.mark.soak
def test_many_random_lives(new_database: Callable[[], str]) -> None:
    BookMachine.forget()
    explore(new_database, 600, 80)
    print(BookMachine.table())
    assert not never_accepted()
