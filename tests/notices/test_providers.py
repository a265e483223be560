"""What a provider's answers mean, and one asked over real HTTP that misbehaves in every way."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.webhooks.test_addresses import certificate
from usance.notices.providers import (
    LATER,
    REFUSED,
    TAKEN,
    UNKNOWN,
    HttpProvider,
    Order,
    Outcome,
    outcome_of,
    provider_at,
)
from usance.platform.clock import FixedClock
from usance.platform.http_courier import Limits

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ORDER = Order("k-1", "sms", "+8613812345678", "【有期】您好", "zh-CN", "有期")
TAKEN_BODY = b'{"id":"m-1"}'


@pytest.mark.parametrize(("status", "wait", "body", "wanted"), [
    (202, "", TAKEN_BODY, Outcome(TAKEN, "m-1")),
    (200, "", TAKEN_BODY, Outcome(TAKEN, "m-1")),
    (202, "", b"", Outcome(UNKNOWN, error="no id")),
    (202, "", b"<html>", Outcome(UNKNOWN, error="no id")),
    (202, "", b"[" * 50_000, Outcome(UNKNOWN, error="no id")),
    (202, "", b'{"id":7}', Outcome(UNKNOWN, error="no id")),
    (422, "", b'{"error":"bad_number"}', Outcome(REFUSED, error="bad_number")),
    (400, "", b"\xff", Outcome(REFUSED, error="400")),
    (429, "7", b"", Outcome(LATER, error="429", wait=7)),
    (429, "99999999999", b"", Outcome(LATER, error="429", wait=3_600)),
    (503, "Fri, 27 Nov 2026 12:01:00 GMT", b"", Outcome(LATER, error="503", wait=60)),
    (503, "Fri, 27 Nov 2026 11:01:00 GMT", b"", Outcome(LATER, error="503", wait=0)),
    (503, "soon", b"", Outcome(LATER, error="503")),
    (503, "-5", b"", Outcome(LATER, error="503")),
    (500, "", b'{"error":"oops"}', Outcome(UNKNOWN, error="oops")),
    (502, "", TAKEN_BODY, Outcome(UNKNOWN, error="502")),
    (401, "", b"", Outcome(LATER, error="401")),
    (302, "", b"", Outcome(LATER, error="302")),
])  # fmt: skip
def test_what_an_answer_means(status: int, wait: str, body: bytes, wanted: Outcome) -> None:
    """R-DELIVERY-02."""
    assert outcome_of(status, wait, body, NOW) == wanted


SHORT = Limits(0.5, 0.5, 10_000)


class Misbehaving:
    """A server that answers as it is told, and keeps what came."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.answer: bytes | None = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        self.heads.append(head)
        self.bodies.append(json.loads(await reader.readexactly(length)))
        if self.answer is None:
            await asyncio.sleep(5)
        else:
            writer.write(self.answer)
            await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[tuple[HttpProvider, Misbehaving]]:
    there = Misbehaving()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = HttpProvider("one", f"http://127.0.0.1:{port}/v1/", "t0ken", FixedClock(NOW),
                         limits=SHORT)  # fmt: skip
    yield found, there
    await found.close()
    server.close()


def answered(status: str, body: bytes = b"", head: str = "") -> bytes:
    """An answer in bytes."""
    length = f"Content-Length: {len(body)}\r\nConnection: close\r\n{head}\r\n"
    return f"HTTP/1.1 {status}\r\n{length}".encode() + body


async def test_a_message_is_asked_for_under_its_key(
    provider: tuple[HttpProvider, Misbehaving]
) -> None:
    """R-DELIVERY-02: the contract of ``docs/integrating.md``."""
    found, there = provider
    there.answer = answered("202 Accepted", TAKEN_BODY)
    assert await found.carry(ORDER) == Outcome(TAKEN, "m-1")
    head = there.heads[0].lower()
    assert head.startswith("post /v1/messages http/1.1")
    assert "idempotency-key: k-1\r\n" in head
    assert "authorization: bearer t0ken\r\n" in head
    assert there.bodies == [{
        "channel": "sms", "to": ORDER.to, "text": ORDER.text, "language": "zh-CN",
        "sender": "有期",
    }]  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), [
    (answered("429 Too Many", head="Retry-After: 3\r\n"), LATER),
    (answered("500 Oops"), UNKNOWN), (answered("422 No", b'{"error":"bad_number"}'), REFUSED),
    (b"", UNKNOWN), (b"HTTP/1.1 202", UNKNOWN), (b"not http at all\r\n\r\n", UNKNOWN),
    (answered("301 Moved", head="Location: http://127.0.0.1:1/\r\n"), LATER), (None, UNKNOWN),
])  # fmt: skip
async def test_whatever_comes_back_is_an_outcome(
    provider: tuple[HttpProvider, Misbehaving], answer: bytes | None, said: str
) -> None:
    """R-DELIVERY-02: nothing is raised, and nobody is asked elsewhere."""
    found, there = provider
    there.answer = answer
    assert (await found.carry(ORDER)).said == said
    assert len(there.bodies) == 1


async def test_who_cannot_be_reached_has_not_taken_it() -> None:
    """R-DELIVERY-02: so another may be asked."""
    for url, error in (("http://127.0.0.1:9", "connection"), ("http://no.invalid", "name")):
        found = HttpProvider("gone", url, "t", FixedClock(NOW), limits=SHORT)
        assert await found.carry(ORDER) == Outcome(LATER, error=error)
        await found.close()


async def test_who_is_not_who_they_say_has_not_taken_it(tmp_path: Path) -> None:
    """R-DELIVERY-03: TLS holds a provider to its name, and nothing was said before it does."""
    server, client = certificate(tmp_path, "localhost")
    there = Misbehaving()
    there.answer = answered("202 Accepted", TAKEN_BODY)
    there_at = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=server)
    port = there_at.sockets[0].getsockname()[1]
    for host, tls, wanted in (
        ("localhost", client, Outcome(TAKEN, "m-1")),
        ("127.0.0.1", client, Outcome(LATER, "", "tls")),
        ("localhost", None, Outcome(LATER, "", "tls")),
    ):  # fmt: skip
        found = HttpProvider("tls", f"https://{host}:{port}", "t", FixedClock(NOW), tls=tls)
        assert await found.carry(ORDER) == wanted
        await found.close()
    assert len(there.bodies) == 1
    there_at.close()


class Keeping:
    """A server that keeps connections open and counts them; ``then`` says what comes after."""

    def __init__(self, then: str = "", slow: float = 0) -> None:
        self.connections = 0
        self.asked: list[str] = []
        self.then = then
        self.slow = slow

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
                await reader.readexactly(length)
                key = head.lower().split("idempotency-key: ")[1].split("\r\n")[0]
                self.asked.append(key)
                await asyncio.sleep(self.slow)
                body = json.dumps({"id": f"m-{key}"}).encode()
                whole = f"HTTP/1.1 202 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
                writer.write(whole * (2 if self.then == "twice" else 1))
                await writer.drain()
                if self.then == "closes":
                    writer.close()
                    return


@contextlib.asynccontextmanager
async def keeping(there: Keeping, **more: Any) -> AsyncIterator[HttpProvider]:
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    found = HttpProvider("one", f"http://127.0.0.1:{port}", "t", FixedClock(NOW), **more)
    yield found
    await found.close()
    server.close()


def order(key: str) -> Order:
    return Order(key, "sms", "+8613812345678", "x", "en", "x")


async def test_a_few_connections_are_kept_open() -> None:
    """R-DELIVERY-03: never more than so many, and each answer is that of its own question."""
    there = Keeping(slow=0.005)
    async with keeping(there, width=4) as found:
        keys = [f"k-{number}" for number in range(100)]
        said = await asyncio.gather(*(found.carry(order(key)) for key in keys))
    assert [each.reference for each in said] == [f"m-{key}" for key in keys]
    assert there.connections == 4


@pytest.mark.parametrize("then", ["closes", "twice"])
async def test_a_connection_that_was_spoilt_is_not_used_again(then: str) -> None:
    """R-DELIVERY-03: neither a dead one, nor one on which an answer came that nobody asked for."""
    there = Keeping(then)
    async with keeping(there) as found:
        for number in range(5):
            assert await found.carry(order(f"k-{number}")) == Outcome(TAKEN, f"m-k-{number}")
            await asyncio.sleep(0.01)
    assert (there.connections, len(there.asked)) == (5, 5)


async def test_who_gives_up_waiting_leaves_no_answer_behind() -> None:
    """R-DELIVERY-03: what was broken off is not answered by the next answer."""
    there = Keeping(slow=0.05)
    async with keeping(there) as found:
        first = asyncio.create_task(found.carry(order("k-1")))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert await found.carry(order("k-2")) == Outcome(TAKEN, "m-k-2")


@pytest.mark.parametrize("url", [
    "", "one.example", "ftp://one.example", "https://", "https://u:p@one.example",
    "https://one.example?a=b", "https://one.example/#x", "https://one.example:0",
    "https://one.example/\r\nX: y", "https://one .example",
])  # fmt: skip
def test_what_is_no_address_of_a_provider(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        provider_at(url)


async def test_a_key_never_breaks_a_header() -> None:
    found = HttpProvider("one", "http://127.0.0.1:9", "t", FixedClock(NOW))
    with pytest.raises(ValueError, match="visible"):
        await found.carry(order("k\r\nX: y"))


def test_an_order_is_never_printed() -> None:
    assert "138" not in repr(ORDER)
