"""The provider of the sandbox: as bad as real ones, alike for one seed, honest in its log."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from tests.webhooks.receiver import Receiver, receiving, status
from usance.notices.providers import LATER, REFUSED, TAKEN, UNKNOWN, HttpProvider, Order, Outcome
from usance.notices.receipt_words import Receipt, Receipts
from usance.notices.sandbox import CALM, ROUGH, Asked, Manners, Sandbox
from usance.notices.sandbox_receipts import Reporter
from usance.notices.sandbox_server import Server, serving
from usance.platform.clock import FixedClock
from usance.platform.http_courier import Limits
from usance.platform.signing import is_signed

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
CLOCK = FixedClock(NOW)
SHORT = Limits(0.5, 0.2, 10_000)
ASKED = Asked("sms", "+8613812345678", "x")


class Now:
    """A clock in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def sandbox(manners: Manners, told: list[tuple[float, Receipt]] | None = None) -> Sandbox:
    told = [] if told is None else told
    return Sandbox(manners, Now(), lambda after, receipt: told.append((after, receipt)))


def order(key: str, channel: str = "sms") -> Order:
    return Order(key, channel, "+8613812345678", "x", "en", "x")


@asynccontextmanager
async def playing(manners: Manners, **more: Any) -> AsyncIterator[tuple[Server, HttpProvider, str]]:
    server = Server("t0ken", manners, **more)
    async with serving(server) as address:
        provider = HttpProvider("sandbox", address, "t0ken", CLOCK, limits=SHORT)
        yield server, provider, address
        await provider.close()


def fates(found: Sandbox, keys: list[str]) -> list[tuple[Any, ...]]:
    """What keys are answered, asked for three times each."""
    return [(key, *(found.ask(key, ASKED) for _ in range(3))) for key in keys]


def test_the_same_seed_treats_the_same_messages_alike() -> None:
    """R-DELIVERY-05: whatever the order in which they come."""
    keys = [f"k-{number}" for number in range(300)]
    one, other = sandbox(ROUGH), sandbox(ROUGH)
    assert sorted(fates(one, keys)) == sorted(fates(other, keys[::-1]))
    third = sandbox(msgspec.structs.replace(ROUGH, seed=7))
    assert sorted(fates(third, keys)) != sorted(fates(other, keys))


def test_a_key_has_one_effect_however_often_it_is_asked_for() -> None:
    """R-DELIVERY-05: also where it broke off after the message was taken."""
    told: list[tuple[float, Receipt]] = []
    found = sandbox(msgspec.structs.replace(ROUGH, broken=300, hung_up=200, silent=100), told)
    for _ in range(5):
        for number in range(200):
            found.ask(f"k-{number}", ASKED)
    counted = Counter(each.key for each in found.effects)
    assert set(counted.values()) == {1}
    assert len(counted) > 190
    assert [each.number for each in found.effects] == list(range(1, len(counted) + 1))
    assert max(each.asked for each in found.effects) > 1
    assert found.ask("k-1", Asked("sms", "+8613812345678", "another")).status == 422


def test_shares_are_what_was_asked_for() -> None:
    """R-DELIVERY-05: every way of going wrong is there."""
    told: list[tuple[float, Receipt]] = []
    found = sandbox(Manners(busy=100, broken=100, hung_up=100, silent=100, refused=100), told)
    replies = [found.ask(f"k-{number}", ASKED) for number in range(5_000)]
    counted = Counter(each.status or each.say for each in replies)
    for what in (429, 500, 422, "hang_up", "silence"):
        assert 380 < counted[what] < 620, what
    assert 2_600 < counted[202] < 3_200


def test_receipts_come_twice_late_and_turned_around() -> None:
    told: list[tuple[float, Receipt]] = []
    found = sandbox(msgspec.structs.replace(ROUGH, busy=0, refused=0, complained=50), told)
    for number in range(2_000):
        found.ask(f"k-{number}", ASKED)
        found.ask(f"v-{number}", Asked("voice", "+8613812345678", "x"))
    states = Counter(receipt.state for _, receipt in told)
    assert states.keys() == {
        "sent", "delivered", "failed", "bounced", "complained", "answered", "unanswered",
    }  # fmt: skip
    said = Counter((receipt.reference, receipt.state) for _, receipt in told)
    assert 1 in said.values()
    assert 2 in said.values()
    assert any(after > 500 for after, _ in told)
    by_message: dict[str, list[str]] = {}
    for _, receipt in sorted(told, key=lambda each: each[0]):
        by_message.setdefault(receipt.reference, []).append(receipt.state)
    assert any(states.index("sent") > 0 for states in by_message.values())


async def test_it_keeps_the_contract_over_http() -> None:
    """R-DELIVERY-02: as ``HttpProvider`` asks and reads."""
    async with playing(CALM) as (server, provider, address):
        first = await provider.carry(order("k-1"))
        assert first.said == TAKEN
        assert await provider.carry(order("k-1")) == first
        assert [each.key for each in server.sandbox.effects] == ["k-1"]
        stranger = HttpProvider("sandbox", address, "wrong", CLOCK, limits=SHORT)
        assert (await stranger.carry(order("k-2"))).said == LATER
        await stranger.close()
    for manners, wanted in (
        (Manners(busy=1_000, retry_after=7), Outcome(LATER, error="429", wait=7)),
        (Manners(refused=1_000), Outcome(REFUSED, error="bad_number")),
        (Manners(broken=1_000), Outcome(UNKNOWN, error="oops")),
        (Manners(hung_up=1_000), Outcome(UNKNOWN, error="closed_early")),
        (Manners(silent=1_000), Outcome(UNKNOWN, error="timeout")),
    ):
        async with playing(manners) as (server, provider, _):
            assert await provider.carry(order("k-1")) == wanted


async def test_an_outage_begins_and_ends_on_its_own_clock() -> None:
    """R-DELIVERY-05: thirty minutes are over in a moment where its clock is fast."""
    known = httpx.AsyncClient(headers={"Authorization": "Bearer t0ken"})
    async with playing(CALM, speed=3_600) as (_, provider, address), known as client:
        for how, said in (("refuse", LATER), ("silence", UNKNOWN), ("hang_up", UNKNOWN)):
            await client.post(f"{address}/sandbox/outage", json={"minutes": 30, "how": how})
            assert (await provider.carry(order(f"k-{how}"))).said == said
            await asyncio.sleep(0.6)
            assert (await provider.carry(order(f"k-{how}"))).said == TAKEN


async def test_what_it_did_can_be_looked_at() -> None:
    async with playing(CALM) as (_, provider, address):
        for number in range(3):
            await provider.carry(order(f"k-{number}"))
        async with httpx.AsyncClient(headers={"Authorization": "Bearer t0ken"}) as client:
            log = (await client.get(f"{address}/sandbox/log?after=1")).json()["effects"]
            assert [(each["number"], each["key"]) for each in log] == [(2, "k-1"), (3, "k-2")]
            one = (await client.get(f"{address}/sandbox/message?key=k-0")).json()
            assert (one["tries"], one["effect"]["states"][0]) == (1, "sent")
            counts = (await client.get(f"{address}/sandbox/counts")).json()
            assert counts == {"keys": 3, "effects": 3, "answers": {"202": 3}}
            changed = await client.post(f"{address}/sandbox/manners", json={"refused": 1_000})
            assert changed.status_code == 200
            assert (await provider.carry(order("k-9"))).said == REFUSED
            for method, path, body, wanted in (
                ("POST", "/sandbox/manners", b"{", 400), ("GET", "/sandbox/log?after=x", b"", 400),
                ("POST", "/messages", b"{}", 400), ("GET", "/nothing", b"", 404),
                ("POST", "/sandbox/outage", b'{"how":"so"}', 400),
                ("POST", "/messages", b"x" * 70_000, 413),
            ):  # fmt: skip
                answer = await client.request(method, f"{address}{path}", content=body)
                assert answer.status_code == wanted, path
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{address}/sandbox/log")).status_code == 401


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 100_000])
async def test_who_speaks_no_http_is_hung_up(raw: bytes) -> None:
    async with playing(CALM) as (_, __, address):
        port = int(address.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw)
        writer.write_eof()
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def told(receiver: Receiver, count: int) -> list[Receipt]:
    """Receipts that came, once there are so many."""
    async with asyncio.timeout(10):
        while True:
            found = [
                each
                for request in receiver.received
                for each in msgspec.json.decode(request.body, type=Receipts).receipts
            ]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_receipts_are_signed_and_sent_until_they_are_taken() -> None:
    """R-REPORT-01: a portion that was not taken comes again, and nothing overtakes it for good."""
    async with receiving() as receiver:
        wrong = iter([status("503 No"), status("500 No")])
        receiver.answer = lambda *_: next(wrong, status("200 OK", b"{}"))
        reporter = Reporter(f"http://127.0.0.1:{receiver.port}", "one", "s3cret", CLOCK)
        async with playing(CALM, reporter=reporter) as (_, provider, __):
            for number in range(4):
                await provider.carry(order(f"k-{number}"))
            found = await told(receiver, 8)
            for _ in range(500):
                await asyncio.sleep(0.02 if reporter.taken < 8 else 0)
            assert (reporter.taken, reporter.waiting) == (8, 0)
        assert {each.state for each in found} == {"sent", "delivered"}
        first = receiver.received[0]
        assert first.path == "/v1/notices/receipts"
        assert first.headers["receipt-provider"] == "one"
        time, signature = first.headers["receipt-timestamp"], first.headers["receipt-signature"]
        assert is_signed(b"s3cret", time, signature, first.body)
        assert len(receiver.received) >= 3


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-c", "from usance.cli.main import main; main()", "sandbox",
               "messages", "--port", "0", "--token", "t", "--manners", "rough"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        headers = {"Authorization": "Bearer t"}
        assert httpx.get(f"{found[0]}/sandbox/counts", headers=headers).json()["effects"] == 0
        process.terminate()
        assert process.wait(10) == 0
