"""Early money on a term contract (R-EARLY-01 .. 05). `contract` is the TermContract."""
from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Protocol

from .days import rounded
from .plan import Row, Span, over, share_out
from .reached import reached
from .terms import Terms


class Contract(Protocol):
    """What early money needs to see of a term contract."""

    terms: Terms
    today: date
    balance: int
    rows: list[Row]
    stopped: bool

    def ahead(self) -> list[Row]:
        """Rows with due day > today, in order."""

    def running(self) -> list[Row]:
        """Those of them that are not covered; the first is the running row."""


def pay_running(contract: Contract, money: int, parts: dict[str, int]) -> int:
    """R-EARLY-01: the charges of the running row, then the interest run to today."""
    for row in contract.running()[:1]:
        reached("R-EARLY-01")
        row.planned_fee = 0
        for component in ("penalty", "fee", "interest"):
            due = row.unpaid(component)
            if component == "interest":
                due = row.interest_to_pay() if money else 0
                row.asked_early = row.run() if money else row.asked_early
            part = min(money, due)
            row.paid[component] += part
            parts[component] += part
            money -= part
    return money


def pay_next_due(contract: Contract, money: int, parts: dict[str, int]) -> int:
    """R-EARLY-06: the running row comes first once its period has begun; returns what is beyond."""
    keeps = contract.terms.choice("early_repayment", "keep_instalment") == "keep_instalment"
    fills = keeps and contract.terms.order.get("future", "next") == "next"
    for row in contract.running()[:1] if money else []:
        room = row.principal + row.interest - row.run() - row.paid["principal"]
        begun = row.start is not None and row.start < contract.today
        if not begun or (fills if row.principal else money < room):
            continue
        reached("R-EARLY-06")
        part = min(money, room, contract.balance)
        row.paid["principal"] += part
        parts["principal"] += part
        contract.balance -= part
        money -= part
        if part == room and not row.interest_to_pay() and not row.charges() + row.planned_fee:
            cover(contract, row)
        replan(contract, principal_too=True)
    return money


def repay_ahead(contract: Contract, money: int, parts: dict[str, int]) -> int:
    """Repay principal that is not yet due, by the agreed effect; returns what is left over."""
    money, left = min(money, contract.balance), max(0, money - contract.balance)
    if not money:
        return left
    parts["principal"] += money
    contract.balance -= money
    effect = contract.terms.choice("early_repayment", "keep_instalment")
    if effect == "keep_instalment":
        FUTURE[contract.terms.order.get("future", "next")](contract, money)
    else:
        row = contract.running()[0]
        row.extra += money
        row.paid["principal"] += money
        reached("R-EARLY-03" if effect == "shorten" else "R-EARLY-04")
        if effect == "lower_instalment":
            share_out(contract.running(), contract.balance, contract.terms, contract.today)
            for other in contract.rows:
                other.share = row.share
    reached("R-EARLY-05")
    replan(contract, principal_too=True)
    return left


def repay_next(contract: Contract, money: int) -> None:
    """R-EARLY-02, next: fill the rows in turn; a filled row is covered and closes today.

    It is not while something else that it asks is unpaid: a fee, a penalty, interest run."""
    reached("R-EARLY-02")
    for row in contract.running():
        room = row.principal + row.interest - row.run() - row.paid["principal"]
        assert room >= 0
        if not row.principal or not money:
            continue
        part = min(money, room)
        row.paid["principal"] += part
        money -= part
        if part == room and not row.interest_to_pay() and not row.charges() + row.planned_fee:
            cover(contract, row)
    assert not money


def cover(contract: Contract, row: Row) -> None:
    """The row closes today; its nights from today on are counted in the next row."""
    row.covered, row.interest, row.principal = True, row.run(), row.paid["principal"]
    row.asked_early = row.run()
    kept, handed = split(row.spans, contract.today)
    row.spans = kept
    following = [other for other in contract.running() if other.due > row.due]
    if following:
        nights = following[0].spans[-1][2]
        following[0].spans = [(a, b, nights) for a, b, _ in handed] + following[0].spans


def split(spans: list[Span], today: date) -> tuple[list[Span], list[Span]]:
    """The nights before `today`, and those from it on."""
    before = [(a, min(b, today), n) for a, b, n in spans if a < today]
    after = [(max(a, today), b, n) for a, b, n in spans if b > today]
    return before, after


def repay_last(contract: Contract, money: int) -> None:
    """R-EARLY-02, last: from the last row backwards, each up to its unpaid principal."""
    reached("R-EARLY-02")
    for row in reversed(contract.ahead()):
        part = min(money, row.unpaid("principal"))
        row.paid["principal"] += part
        money -= part


def repay_spread(contract: Contract, money: int) -> None:
    """R-EARLY-02, spread: equal parts, the remainder 1 each to the last rows, until it is used."""
    reached("R-EARLY-02")
    while money:
        rows = [row for row in contract.ahead() if row.unpaid("principal")]
        part, extra = divmod(money, len(rows))
        for place, row in enumerate(rows):
            paid = min(part + (place >= len(rows) - extra), row.unpaid("principal"))
            row.paid["principal"] += paid
            money -= paid


FUTURE = {"next": repay_next, "last": repay_last, "spread": repay_spread}


def replan(contract: Contract, *, principal_too: bool) -> None:
    """R-EARLY-05 (and R-SCHED-02 .. 06 at the start): what each row ahead asks.

    `principal_too` false keeps the principals and only counts the interest anew."""
    planned: list[Row] = []
    left, running = contract.balance, contract.running()
    for row in contract.ahead():
        row.interest = future_interest(contract, row, planned)
        if principal_too and not row.covered:
            row.principal = principal_of(contract, row, left, last=row is running[-1])
        left -= row.unpaid("principal")
        planned.append(row)
    assert left == 0, "the rows ahead ask what is on the balance"


def principal_of(contract: Contract, row: Row, left: int, *, last: bool) -> int:
    """The principal of one row: the last takes the rest, others keep within paid .. rest."""
    paid = row.paid["principal"]
    if last:
        return paid + left
    instalment = contract.terms.choice("amortisation", "equal_instalment") == "equal_instalment"
    wanted = row.share + row.extra - (row.interest if instalment else 0)
    return min(max(wanted, paid), paid + left)


def future_interest(contract: Contract, row: Row, planned: list[Row]) -> int:
    """What has run of the row and what its nights ahead will add, rounded once."""
    exact = row.exact
    for start, end, nights in [] if contract.stopped else split(row.spans, contract.today)[1]:
        cuts = sorted({start, end} | {r.due for r in planned if start < r.due < end})
        for a, b in pairwise(cuts):
            gone = sum(r.unpaid("principal") for r in planned if r.due <= a)
            exact += bearing(contract.terms, contract.balance - gone) * over(
                contract.terms.rate, a, b, nights)
    return rounded(exact, contract.terms.rounding)


def bearing(terms: Terms, balance: int) -> int:
    """R-SCHED-06: flat interest is on the principal first lent while any is on the balance."""
    flat = terms.choice("interest_method", "declining") == "flat"
    return terms.principal if flat and balance else balance

