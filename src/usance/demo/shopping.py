"""What people buy: at once or held first, some of it sent back."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Any

from usance.core.identifiers import parse
from usance.demo.people import Inhabitant
from usance.demo.season import MERCHANTS, WEIGHTS, Merchant, appetite, purse
from usance.demo.store import Standing
from usance.demo.town import Act, Town
from usance.servicing.commands import Authorise, Capture, Purchase, Refund, Void

REFUNDED = 40  # per mille of purchases
VOIDED = 80  # per mille of holds
PARTLY_CAPTURED = 60  # per mille of captures: one article was sold out
DAYS_IN_MONTH = 30
LEAST = 5_00


def shop(town: Town) -> Iterator[Act]:
    """Everybody's purchases of today."""
    on, percent = date.fromordinal(town.today), appetite(town.today)
    for who in town.residents.values():
        if who.account and not (who.trouble or who.lost or who.leaving):
            chance = who.spends * percent * purse(on, who.salary_day)
            if town.rng.randrange(DAYS_IN_MONTH * 1000 * 100 * 100) < chance:
                yield buy(town, who)


def buy(town: Town, who: Inhabitant) -> Act:
    """One purchase, of a size that suits the shop and the purse."""
    (merchant,) = town.rng.choices(MERCHANTS, WEIGHTS)
    amount = price(town, who, merchant)
    if not merchant.held:
        return Act(Purchase(contract_id=who.account, amount=amount), partial(bought, town, who))
    hold = Authorise(
        borrower_id=who.borrower_id, product="pay_later", amount=amount, merchant=merchant.name
    )
    return Act(hold, partial(held, town, who, amount))


def price(town: Town, who: Inhabitant, merchant: Merchant) -> int:
    """An amount in minor units; richer people spend more in the same shop."""
    richer = min(max(who.income / 800_000, 0.5), 2.5)
    amount = merchant.usual * richer * town.rng.lognormvariate(0, 0.5)
    return max(round(amount / 10) * 10, LEAST)


def bought(town: Town, who: Inhabitant, answer: dict[str, Any]) -> None:
    """Some purchases go back: half of them before the statement, half long after."""
    if town.happens("refund", REFUNDED):
        seq = answer["event"]["seq"]
        amount = minor(answer["event"]["principal"]) or LEAST
        if not town.happens("whole refund", 750):
            amount = amount * town.rng.randrange(2, 9) // 10
        day = town.in_days(2, 9) if town.happens("early refund", 500) else town.in_days(15, 45)
        town.plan(day, who.account, partial(send_back, amount, seq))


def minor(text: str) -> int:
    """Minor units of an answer's amount."""
    return int(text.replace(".", ""))


def send_back(amount: int, seq: int, now: Standing) -> Iterator[Act]:
    """The merchant gives money back."""
    if now.status == 1:
        yield Act(Refund(contract_id=now.contract_id, amount=amount, of=seq))


def held(town: Town, who: Inhabitant, amount: int, answer: dict[str, Any]) -> None:
    """The goods leave in a few days, or the order is cancelled."""
    hold = parse("authorisation", answer["authorisation_id"])
    if town.happens("void", VOIDED):
        void = Void(borrower_id=who.borrower_id, authorisation_id=hold)
        town.plan(town.in_days(1, 3), who.account, lambda _: [Act(void)])
        return
    part = amount * 7 // 10 if town.happens("part", PARTLY_CAPTURED) else amount
    capture = Capture(borrower_id=who.borrower_id, authorisation_id=hold, amount=part)
    act = Act(capture, partial(bought, town, who))
    town.plan(town.in_days(1, 4), who.account, lambda _: [act])
