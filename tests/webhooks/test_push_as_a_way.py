"""The host application as a way of a notice, by a real endpoint."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.notices.house import PHONE, Hand
from tests.servicing.books import KEYS
from tests.webhooks.hooks import ACTOR, House
from tests.webhooks.receiver import Receiver
from usance.core.identifiers import cell_of_borrower, written
from usance.notices.deciding import House as Deciding
from usance.notices.delivery import Delivery
from usance.notices.documents import WAYS, WEBHOOK, speaks
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.notices.outbox import ARRIVED, FAILED, TAKEN, Telling, tell
from usance.notices.pushes import receipts_of_pushes
from usance.notices.receipts import ReceiptDesk
from usance.notices.sending import sending
from usance.notices.starting import starting_set
from usance.notices.webhook_carrier import WebhookCarrier
from usance.platform.database import transaction
from usance.webhooks.policy import default_policy
from usance.webhooks.worker import Worker

WAY = '["webhook", "sms"]'


class Pushing:
    """Who sends by the host application, else by text message."""

    def __init__(self, home: House) -> None:
        self.home, self.sms = home, Hand()
        now = home.clock.now()
        home.clock.advance(now.replace(hour=4, minute=0) + timedelta(days=1) - now)  # noon there
        self.desk = ReceiptDesk(home.pool, home.clock, {})
        home.worker = Worker(home.endpoints, settled=receipts_of_pushes(self.desk))
        carrier = WebhookCarrier(home.pool, home.clock)
        names = {"sms": ["one"], WEBHOOK: [carrier.name]}
        deciding = Deciding(KEYS, Gate(law()), "CN", PHONE, sending(), names)
        self.delivery = Delivery(
            home.pool, home.clock, deciding, {"sms": [self.sms], WEBHOOK: [carrier]}, 1
        )

    async def person(self, ways: str = WAY) -> int:
        """Somebody who wants to be told in the app."""
        who = await self.home.book.borrower()
        await self.home.pool.execute(
            "INSERT INTO notice_preference (cell, borrower_id, member_id, changed_at, ways)"
            " VALUES ($1, $2, 0, now(), $3)", cell_of_borrower(who), who, ways,
        )  # fmt: skip
        return who

    async def tells(self, who: int, template: str = "paid", **facts: Any) -> dict[str, Any]:
        """Tell, and send what is due; the row."""
        facts = {"amount": 5_000, "day": "2026-03-02"} | facts
        key = f"k{await self.home.pool.fetchval('SELECT count(*) FROM notice')}"
        async with transaction(self.home.pool) as connection:
            await tell(connection, [Telling(who, key, template, facts)], self.home.clock.now())
        await self.delivery.look()
        return await self.row(key)

    async def row(self, key: str) -> dict[str, Any]:
        return dict(await self.home.pool.fetchrow("SELECT * FROM notice WHERE key = $1", key))


@pytest_asyncio.fixture
async def pushing(home: House) -> Pushing:
    return Pushing(home)


async def test_the_app_is_told_and_what_it_took_has_arrived(
    home: House, pushing: Pushing, receiver: Receiver
) -> None:
    """R-DELIVERY-07, R-DELIVERY-08: a title without values; a 2xx is a receipt."""
    await home.register(receiver.url, ["notice.push"])
    who = await pushing.person()
    row = await pushing.tells(who)
    assert (row["state"], row["channel"], row["provider"]) == (TAKEN, "webhook", "webhooks")
    await home.told()
    (message,) = receiver.received
    assert message.document["data"] == {
        "notice": f"n-{who}-{row['notice_id']}", "borrower_id": written("borrower", who),
        "template": "paid", "purpose": "servicing", "language": "zh-CN",
        "title": "已收到您的还款",
    }  # fmt: skip
    assert "50.00" not in str(message.body)
    assert (await pushing.row(row["key"]))["state"] == ARRIVED
    kinds = await home.pool.fetch("SELECT kind, said, channel FROM notice_step ORDER BY number")
    assert [tuple(each) for each in kinds] == [
        ("send", "", "webhook"), ("taken", row["reference"], "webhook"),
        ("receipt", "delivered", "webhook"),
    ]  # fmt: skip
    assert pushing.sms.orders == []
    assert await home.pool.fetchval("SELECT count(*) FROM receipt_waiting") == 0


async def test_where_no_app_takes_it_the_next_way_does(
    home: House, pushing: Pushing, receiver: Receiver
) -> None:
    """R-DELIVERY-08, R-BREAKER-01: nobody listens, other types, stopped, or at rest; no failure."""
    who = await pushing.person()
    assert (await pushing.tells(who))["channel"] == "sms"
    await home.register(receiver.url, ["day.closed"])
    assert (await pushing.tells(who))["channel"] == "sms"
    endpoint = await home.register(receiver.url, ["notice.push"])
    await home.change(endpoint, home.client_id, ACTOR, active=False)
    home.clock.advance(timedelta(minutes=5))
    assert (await pushing.tells(who))["channel"] == "sms"
    await home.change(endpoint, home.client_id, ACTOR, active=True)
    await home.pool.execute("UPDATE webhook_endpoint SET resting_until = $1",
                            home.clock.now() + timedelta(minutes=1))  # fmt: skip
    assert (await pushing.tells(who))["channel"] == "sms"
    assert await home.pool.fetchval("SELECT coalesce(sum(failed), 0) FROM sending_slot") == 0


async def test_who_listened_and_does_not_any_more(home: House, pushing: Pushing) -> None:
    """R-SEND-01: refused at the last moment, it goes by the next way."""
    endpoint = await home.register("http://127.0.0.1:9/in", ["notice.push"])
    who = await pushing.person()

    class Late(WebhookCarrier):
        async def carry(self, order: Any) -> Any:
            await home.change(endpoint, home.client_id, ACTOR, active=False)
            return await super().carry(order)

    pushing.delivery._carriers[WEBHOOK, "webhooks"] = Late(home.pool, home.clock)
    assert (await pushing.tells(who))["channel"] == "sms"
    assert len(pushing.sms.orders) == 1


async def test_what_is_given_up_did_not_arrive(home: House, pushing: Pushing) -> None:
    """R-DELIVERY-08: until then it is as sent; one endpoint that took it is enough."""
    await home.register("http://127.0.0.1:9/in", ["notice.push"])
    row = await pushing.tells(await pushing.person())
    await home.told()
    assert (await pushing.row(row["key"]))["state"] == TAKEN
    for seconds in default_policy().retry_seconds:
        await home.after(seconds + 60)
    await home.worker._clear()
    assert (await pushing.row(row["key"]))["state"] == FAILED
    async with transaction(home.pool) as connection:
        data = {"type": "notice.push", "data": json.dumps({"notice": row["reference"]})}
        await receipts_of_pushes(pushing.desk)(connection, [(data, 1)], home.clock.now())
    assert (await pushing.row(row["key"]))["state"] == ARRIVED


async def test_an_answer_that_is_faster_than_we_waits(home: House, pushing: Pushing) -> None:
    """R-REPORT-05."""
    data = {"type": "notice.push", "data": json.dumps({"notice": "n-1-1"})}
    other = {"type": "day.closed", "data": "{}"}
    async with transaction(home.pool) as connection:
        await receipts_of_pushes(pushing.desk)(
            connection, [(data, 1), (other, 1)], home.clock.now()
        )
    waiting = await home.pool.fetch("SELECT provider, reference, word FROM receipt_waiting")
    assert [tuple(each) for each in waiting] == [("webhooks", "n-1-1", "delivered")]


@pytest.mark.parametrize("template", ["number-changed", "overdue-1"])
async def test_what_the_app_need_not_know(
    home: House, pushing: Pushing, receiver: Receiver, template: str
) -> None:
    """R-DELIVERY-08: neither what protects somebody nor what is late."""
    await home.register(receiver.url, ["notice.push"])
    row = await pushing.tells(await pushing.person(), template, days=1,
                              due_on="2026-03-01", product="Pay Later")  # fmt: skip
    assert row["channel"] == "sms"


async def test_nobody_is_pushed_who_did_not_choose_it(
    home: House, pushing: Pushing, receiver: Receiver
) -> None:
    """R-DELIVERY-08: an endpoint that listens to everything ends nobody's text messages."""
    await home.register(receiver.url)
    assert (await pushing.tells(await pushing.person("[]")))["channel"] == "sms"
    assert not any(WEBHOOK in ways for ways in sending().ways.values())


def test_a_title_with_a_value_is_no_title_for_an_app() -> None:
    """R-DELIVERY-07, R-DELIVERY-08."""
    documents = {each.id: each for each in starting_set()}
    assert speaks(documents["paid"], WEBHOOK)
    assert not speaks(documents["opened"], WEBHOOK)
    assert not speaks(documents["log-in-code"], WEBHOOK)
    assert not speaks(documents["family-ended"], "voice")
    assert not speaks(documents["family-plan"], WEBHOOK)


def test_hours_and_caps_hold_for_an_app_too() -> None:
    """R-GATE-05."""
    rows = {row.id: row for row in law().rows}
    assert WEBHOOK in rows["HOUSE.HOURS"].channels
    assert WEBHOOK in rows["HOUSE.SERVICING.DAY"].channels
    assert set().union(*(row.channels for row in rows.values())) <= set(WAYS)
