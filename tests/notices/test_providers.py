"""What a provider's answers mean, and one asked over real HTTP that misbehaves in every way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from usance.notices.providers import (
    LATER,
    REFUSED,
    TAKEN,
    UNKNOWN,
    HttpProvider,
    Order,
    Outcome,
    outcome_of,
)
from usance.platform.clock import FixedClock

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
                         httpx.Timeout(0.5))  # fmt: skip
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
    found = HttpProvider("gone", "http://127.0.0.1:9", "t", FixedClock(NOW), httpx.Timeout(0.5))
    assert (await found.carry(ORDER)).said == LATER
    await found.close()


def test_an_order_is_never_printed() -> None:
    assert "138" not in repr(ORDER)
