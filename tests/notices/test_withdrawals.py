"""No notice leaves without a live consent, whoever takes one back at whatever moment."""

from __future__ import annotations

import asyncio
from random import Random

import msgspec
import pytest

from tests.notices.house import House, house
from tests.servicing.books import KEYS
from usance.consents import service
from usance.consents.records import Saying, borrower
from usance.consents.service import Consents
from usance.core.identifiers import parse
from usance.identity.changing import Asking
from usance.notices.outbox import Telling
from usance.notices.providers import Order
from usance.notices.sending import Sending
from usance.platform.database import Pool

PEOPLE = 60
SEEDS = (1, 2, 3)


async def agreed(consents: Consents, who: int) -> int:
    """Somebody wants to hear of offers; the number of the consent."""
    said = Saying(who, borrower(who), "notices-marketing", 1, "en", "portal")
    answer = await consents.grant(said, Asking(f"borrower:{who}"))
    return parse("consent", answer.document["record_id"])


async def raced(home: House, rng: Random) -> tuple[list[int], dict[int, str]]:
    """Offers go out while people take their consents back: who was told after they had been
    answered, and what became of each one's offer.
    """
    consents = Consents(home.pool, KEYS, home.clock)
    await consents.enter_shipped()
    people = await home.book.borrowers(PEOPLE)
    records = {who: await agreed(consents, who) for who in people}
    await home.pool.execute("DELETE FROM notice")
    await home.tell(*(
        Telling(who, "offer", "paid", {"amount": 5, "day": "2026-03-02"}) for who in people
    ))  # fmt: skip
    await home.pool.execute("UPDATE notice SET purpose = 'marketing'")
    answered, wronged = set[int](), list[int]()

    async def slowly(order: Order) -> None:
        await asyncio.sleep(rng.uniform(0, 0.03))
        who, _, template = order.about
        if who in answered and template == "paid":  # the very moment at which it leaves
            wronged.append(who)

    async def take_back(who: int) -> None:
        await asyncio.sleep(rng.uniform(0, 0.5))
        await consents.withdraw(who, records[who], "portal", "", Asking(f"borrower:{who}"))
        answered.add(who)

    home.sms.meanwhile = home.email.meanwhile = slowly
    some = [who for who in people if rng.random() < 0.8]
    await asyncio.gather(home.delivery(lanes=2).look(), *(take_back(who) for who in some))
    await home.sent()
    rows = await home.rows()
    return wronged, {row["borrower_id"]: row["because"] or row["channel"] for row in rows
                     if row["key"] == "offer"}  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
async def test_who_was_answered_is_told_nothing_any_more(pool: Pool, seed: int) -> None:
    """R-SEND-06, R-CONSENT-04, R-GATE-03."""
    print(f"seed {seed}")
    async with house(pool) as home:
        home.deciding.policy = narrow(home)
        wronged, became = await raced(home, Random(seed))
        assert wronged == []
        assert {"HOUSE.MARKETING"} < set(became.values()), "some were told, some were not"


async def test_the_race_is_a_race(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wait somebody would be told after the answer."""

    async def at_once(_: int) -> None:
        return

    monkeypatch.setattr(service, "settled_over", lambda *_: at_once)
    async with house(pool) as home:
        home.deciding.policy = narrow(home)
        for seed in range(1, 9):
            wronged, _ = await raced(home, Random(seed))
            if wronged:
                return
    raise AssertionError("in eight races nobody was told after the answer")


def narrow(home: House) -> Sending:
    """Few at a time, so that it takes as long as people take; offers by text message."""
    policy = home.deciding.policy
    ways = {**policy.ways, "marketing": ("sms",)}
    return msgspec.structs.replace(policy, batch=8, width=2, ways=ways)
