"""How people pay: in full, in part, late because they forgot, or not at all because they cannot.

A bill is thought of shortly before it is due. Fortune turns by the month: with the first bill of a
month it shows whether a person can pay at all; whoever cannot misses every bill until a month in
which all is caught up, or until the lender writes the debt off.
"""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

from usance.core.days import month_of
from usance.demo.people import FULL, MINIMUM, Inhabitant
from usance.demo.store import Bill, Standing
from usance.demo.town import Act, Town
from usance.servicing.commands import (
    ChargeBack,
    Extend,
    Goodwill,
    PayOut,
    Repay,
    RepayBorrower,
    Reverse,
    Waive,
)

MISSES = 37  # per mille of people with a bill, a month: income is gone
ROLLS = {1: 300, 2: 560, 3: 720}  # per mille: by months missed, who misses the next one too
AFTER_FESTIVAL = 1250  # per mille: February and March are harder
FORGETS = 50  # per mille of statements
FORGETS_INSTALMENT = 20  # most are debited by themselves
PAYS_TWICE = 8
WRONG_PERSON = 5
BOUNCES = 5
ASKS_FOR_TIME = 150  # per mille of first missed instalments
COMPLAINS = 150  # per mille of those who paid a penalty
CENT, YUAN = 1, 100
WINDOW = 9  # days before the due day in which a statement is paid
DAILY_PENALTY = 6  # per 10,000: what a late payer expects


def first_of_month(day: int) -> int:
    """The first day of the month."""
    return date.fromordinal(day).replace(day=1).toordinal()


def receive(town: Town, bill: Bill) -> None:
    """A bill arrives: think of it within the month in which it is due."""
    earliest = first_of_month(bill.due_on)
    line = town.resident_of(bill.contract_id).account == bill.contract_id
    earliest = max(earliest, bill.due_on - WINDOW if line else bill.due_on - 2)
    town.plan(earliest, bill.contract_id, partial(consider, town, bill))


def consider(town: Town, bill: Bill, now: Standing) -> Iterator[Act]:
    """Decide when and how much; the fortune of the month shows here."""
    who = town.resident_of(bill.contract_id)
    meet_fate(town, who, bill.due_on)
    if who.trouble or who.lost or now.status != 1:
        yield from ask_for_time(town, who, now)
        return
    day = pay_day(town, who, bill)
    if forgets(town, who, bill):
        day = bill.due_on + town.rng.choice((1, 1, 2, 3, 3, 4, 7, 8))
    act = partial(pay, town, bill, how(town, who, bill))
    if day <= town.today:
        yield from act(now)
    else:
        town.plan(day, bill.contract_id, act)


def forgets(town: Town, who: Inhabitant, bill: Bill) -> bool:
    """Whether the due day passes unnoticed, until the notices come."""
    if bill.contract_id == who.account:
        return town.happens("forget", FORGETS)
    return town.happens("forget instalment", FORGETS_INSTALMENT)


def ask_for_time(town: Town, who: Inhabitant, now: Standing) -> Iterator[Act]:
    """A few who cannot pay a loan for the first time ask before it is late."""
    first = who.trouble == 1 and now.contract_id != who.account and now.status == 1
    if first and not now.days_late and town.happens("ask for time", ASKS_FOR_TIME):
        yield Act(Extend(contract_id=now.contract_id, days=town.rng.choice((10, 15, 30))))


def pay_day(town: Town, who: Inhabitant, bill: Bill) -> int:
    """On the due day, or once the salary is there, or when there is a moment."""
    if who.account != bill.contract_id:
        return bill.due_on
    salary = date.fromordinal(bill.due_on).replace(day=who.salary_day).toordinal()
    if salary <= bill.due_on and town.rng.random() < 0.5:
        return max(salary, town.today)
    return min(town.rng.randrange(town.today, bill.due_on + 3), bill.due_on)


def how(town: Town, who: Inhabitant, bill: Bill) -> str:
    """What is paid of it: an instalment always whole, a statement by habit."""
    if bill.contract_id != who.account:
        return FULL
    if town.happens("out of habit", 60):
        return MINIMUM if who.habit == FULL else FULL
    return who.habit


def meet_fate(town: Town, who: Inhabitant, due_on: int) -> None:
    """Once a month: whether a person who was well cannot pay."""
    month = month_of(due_on)
    if who.fate_of >= month:
        return
    who.fate_of = month
    who.good_months += 1
    if not who.trouble and town.happens("miss", hard(due_on)):
        who.trouble = 1
        who.good_months = 0


def hard(day: int) -> int:
    """Per mille of people who cannot pay in a month; spring is hard after the festival."""
    return MISSES * AFTER_FESTIVAL // 1000 if date.fromordinal(day).month in (2, 3) else MISSES


def turn_month(town: Town) -> None:
    """On the first: who was in trouble sinks deeper or finds a day to catch up."""
    for who in town.residents.values():
        if who.trouble and not who.lost:
            who.fate_of = month_of(town.today)
            if who.trouble not in ROLLS or town.happens(f"roll {who.trouble}", ROLLS[who.trouble]):
                who.trouble += 1
            else:
                day = town.in_days(1, 25)
                town.plan(day, town.anchor(who), partial(recover, town, who))


def recover(town: Town, who: Inhabitant, _: Standing) -> Iterator[Act]:
    """There is income again; everything is caught up tomorrow, contract by contract or at once."""
    fortune_returns(who)
    for contract_id in town.contracts_of(who):
        town.plan(town.today + 1, contract_id, partial(catch_up, town, who))
    return iter(())


def fortune_returns(who: Inhabitant) -> None:
    """From now on bills are paid again."""
    who.trouble = 0


def catch_up(town: Town, who: Inhabitant, now: Standing) -> Iterator[Act]:
    """Pay what is billed and what the days since may have cost, in whole yuan."""
    if now.status != 1 or now.billed <= 0:
        return
    amount = now.billed + now.billed * DAILY_PENALTY * now.days_late // 10_000
    amount = -(-amount // YUAN) * YUAN
    others = [each for each in who.loans if each != now.contract_id]
    if who.account == now.contract_id and not others:
        yield Act(RepayBorrower(borrower_id=who.borrower_id, amount=amount))
    else:
        yield Act(Repay(contract_id=now.contract_id, amount=amount))
    if now.penalty and town.happens("complain", COMPLAINS):
        town.plan(town.in_days(2, 9), now.contract_id, complain)


def complain(now: Standing) -> Iterator[Act]:
    """A penalty is forgiven, or a small apology is paid by the lender."""
    if now.status != 1:
        return
    if now.penalty:
        waived = Waive(contract_id=now.contract_id, component="penalty", amount=now.penalty)
        yield Act(waived)
    elif now.principal > 20_00:
        yield Act(Goodwill(contract_id=now.contract_id, amount=10_00))


def pay(town: Town, bill: Bill, style: str, now: Standing) -> Iterator[Act]:
    """The payment itself, and now and then what goes wrong with it."""
    who = town.resident_of(bill.contract_id)
    if now.status != 1 or who.trouble or who.lost or now.billed <= 0:
        return
    if now.days_late:
        yield from catch_up(town, who, now)
        return
    amount = sum_of(town, bill, style, now)
    if town.happens("wrong person", WRONG_PERSON):
        yield from misbook(town, who, amount)
    elif town.happens("pays twice", PAYS_TWICE) and who.account == bill.contract_id:
        yield Act(Repay(contract_id=now.contract_id, amount=amount))
        yield Act(Repay(contract_id=now.contract_id, amount=now.principal + 100_00))
        town.plan(town.in_days(2, 6), now.contract_id, take_out)
    else:
        repaid = partial(repaid_by, town, bill, amount)
        yield Act(Repay(contract_id=now.contract_id, amount=amount), repaid)


def sum_of(town: Town, bill: Bill, style: str, now: Standing) -> int:
    """How much of what is billed; never less than is required."""
    if style == FULL:
        return now.billed
    required = max(min(bill.required, now.billed), CENT)
    if style == MINIMUM:
        return required
    part = now.billed * town.rng.randrange(25, 80) // 100 // YUAN * YUAN
    return min(max(part, required), now.billed)


def take_out(now: Standing) -> Iterator[Act]:
    """Ask for what was paid too much."""
    if now.credit > 0:
        yield Act(PayOut(contract_id=now.contract_id))


def misbook(town: Town, who: Inhabitant, amount: int) -> Iterator[Act]:
    """A clerk books the money to somebody else; it is put right tomorrow, from today's day on."""
    others = [x for x in town.residents.values() if x.account and x is not who and not x.lost]
    if not others or not who.account:
        return
    other, paid_on = town.rng.choice(others), town.today

    def put_right(answer: dict[str, Any]) -> None:
        undo = Act(Reverse(contract_id=other.account, of=answer["event"]["seq"]))
        right = Act(Repay(contract_id=who.account, amount=amount, effective_on=paid_on))
        town.plan(town.today + 1, who.account, lambda _: [undo, right])

    yield Act(Repay(contract_id=other.account, amount=amount), put_right)


def repaid_by(town: Town, bill: Bill, amount: int, answer: dict[str, Any]) -> None:
    """A few payments bounce at the bank; the person pays again when told."""
    if town.happens("bounce", BOUNCES):
        seq = answer["event"]["seq"]
        town.plan(town.in_days(1, 3), bill.contract_id, partial(bounce, town, seq, amount))


def bounce(town: Town, seq: int, amount: int, now: Standing) -> Iterator[Act]:
    """The bank takes the money back; three days later it comes from another account."""
    if now.status == 1:
        yield Act(ChargeBack(contract_id=now.contract_id, of=seq))
        again = Act(Repay(contract_id=now.contract_id, amount=amount))
        town.plan(town.in_days(2, 4), now.contract_id, lambda now: [again] * (now.status == 1))
