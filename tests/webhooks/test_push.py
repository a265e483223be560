"""The host application is told of a notice (``notice.push``), and learns no more than it must."""

from __future__ import annotations

from dataclasses import replace

from tests.webhooks.hooks import ACTOR, House
from tests.webhooks.receiver import Receiver
from usance.core.identifiers import written
from usance.notices.providers import REFUSED, TAKEN, Order, Outcome
from usance.notices.webhook_carrier import WebhookCarrier

ORDER = Order(
    "n-1", "webhook", "", "您的账单 1,234.50 元", "zh-CN", "有期", title="账单到期提醒",
    purpose="servicing", about=(7, 1, "due-today"),
)  # fmt: skip
DATA = {
    "notice": "n-1", "borrower_id": written("borrower", 7), "template": "due-today",
    "purpose": "servicing", "language": "zh-CN", "title": "账单到期提醒",
}  # fmt: skip


async def test_who_listens_is_told_and_nobody_else(home: House, receiver: Receiver) -> None:
    """R-DELIVERY-07: also again under the same key, after an answer that was lost."""
    carrier = WebhookCarrier(home.pool, home.clock)
    await home.register(receiver.url, ["notice.push"])
    await home.register(receiver.url, ["day.closed"])
    assert await carrier.carry(ORDER) == Outcome(TAKEN, "n-1")
    await carrier.carry(replace(ORDER, key="n-2"))
    await carrier.carry(ORDER)
    await home.worker.drain()
    assert receiver.types() == ["notice.push"] * 3
    first = min(receiver.received, key=lambda each: each.document["sequence"]).document
    assert first["data"] == DATA
    assert first["operation_id"] is None
    assert sorted(each.document["data"]["notice"] for each in receiver.received) == [
        "n-1", "n-1", "n-2",
    ]  # fmt: skip
    assert "1,234.50" not in str([each.body for each in receiver.received])
    await carrier.close()


async def test_where_nobody_listens_it_is_refused(home: House) -> None:
    """R-DELIVERY-07: another way is tried; an endpoint that was stopped does not listen."""
    carrier = WebhookCarrier(home.pool, home.clock)
    refused = Outcome(REFUSED, error="nobody listens")
    assert await carrier.carry(ORDER) == refused
    endpoint = await home.register("http://127.0.0.1:9/in", ["notice.push"])
    assert (await carrier.carry(ORDER)).said == TAKEN
    await home.change(endpoint, home.client_id, ACTOR, active=False)
    assert await carrier.carry(ORDER) == refused
