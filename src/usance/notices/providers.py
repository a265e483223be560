"""How a provider of text messages or calls is asked over HTTP, and what its answers mean.

The contract stands in ``docs/integrating.md``: one request for a message under an
``Idempotency-Key``, one receipt for each thing that becomes of it. What nobody answered may yet
have been taken: it is asked for again under the same key, of the same provider, so that nobody is
told twice.
"""

from __future__ import annotations

import asyncio
import math
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from usance.core.rules import rule
from usance.platform.clock import Clock
from usance.platform.http_courier import NAME, PORTS, Limits, Line, Target

EMAIL = "email"
TAKEN, REFUSED, LATER, UNKNOWN = "taken", "refused", "later", "unknown"
ANSWER_MAX = 10_000
LIMITS = Limits(connect_seconds=3, answer_seconds=10, answer_bytes=ANSWER_MAX)
WIDTH = 32
"""Connections to a provider at most."""
ROUTE_SECONDS = 30
"""So long the addresses of a name are used before it is looked up again."""
WAIT_MAX = 3_600
PERMANENT = frozenset({400, 403, 404, 410, 422})
"""This message will never be taken as it is: no use to ask again, here or elsewhere."""
KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """What a provider is asked to carry; never printed. ``key``: the same however often asked.

    ``title`` and ``purpose`` matter to e-mail and to a host application.
    """

    key: str
    channel: str
    to: str
    text: str
    language: str
    sender: str = ""
    title: str = ""
    about: tuple[int, int, str] = (0, 0, "")
    """Borrower, notice and template: not for a provider."""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a provider said. ``wait``: seconds that it wants to be left in peace."""

    said: str
    reference: str = ""
    error: str = ""
    wait: int = 0


class Carrier(Protocol):
    """Whoever carries messages of a channel."""

    name: str

    async def carry(self, order: Order) -> Outcome:
        """Hand one message over. Raises nothing that the provider could be the cause of."""
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a provider is sent."""

    channel: str
    to: str
    text: str
    language: str
    sender: str
    subject: str = ""

    @classmethod
    def of(cls, order: Order) -> Message:
        """What of an order is for a provider."""
        subject = order.title if order.channel == EMAIL else ""
        return cls(order.channel, order.to, order.text, order.language, order.sender, subject)


class Reply(msgspec.Struct):
    """What of an answer's body matters."""

    id: str = ""
    error: str = ""


@rule("R-DELIVERY-02")
def outcome_of(status: int, wait: str, body: bytes, now: datetime) -> Outcome:
    """What an answer means; one that says nothing about the message leaves it unknown."""
    reply = reply_in(body)
    if status in (200, 201, 202):
        return Outcome(TAKEN, reply.id) if reply.id else Outcome(UNKNOWN, error="no id")
    if status in PERMANENT:
        return Outcome(REFUSED, error=reply.error or str(status))
    if status in (408, 425, 429, 503):
        return Outcome(LATER, error=reply.error or str(status), wait=seconds_of(wait, now))
    if 500 <= status <= 599:
        return Outcome(UNKNOWN, error=reply.error or str(status))
    return Outcome(LATER, error=str(status))


def reply_in(body: bytes) -> Reply:
    """The body, if it is one."""
    try:
        found = msgspec.json.decode(body[:ANSWER_MAX], type=Reply)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Reply()
    return Reply(found.id[:100], found.error[:100])


def seconds_of(text: str, now: datetime) -> int:
    """``Retry-After`` in seconds: a number, or a moment; 0 if it is neither."""
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), WAIT_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(min(int((aware - now).total_seconds()), WAIT_MAX), 0)


def provider_at(url: str) -> Target:
    """Where messages are posted to; ``ValueError`` for what is no address."""
    if not (url.isascii() and url.isprintable() and " " not in url and "\\" not in url):
        raise ValueError("not an address")
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.port == 0:
        raise ValueError("an address is https://host/path")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("an address has no user, query or fragment")
    path = f"{parts.path.rstrip('/')}/messages"
    return Target(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], path)


def safe(key: str) -> str:
    """A key that can stand in a header."""
    if not KEY.fullmatch(key):
        raise ValueError("a key has 1 to 200 visible ASCII characters")
    return key


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order of the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class HttpProvider:
    """A provider at an address, asked with a token, over a few connections that are kept open.

    The address is the operator's word: it may be of a private network.
    """

    def __init__(
        self, name: str, url: str, token: str, clock: Clock, *, limits: Limits = LIMITS,
        width: int = WIDTH, tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._clock = clock
        self._target = provider_at(url)
        self._authorization = f"Bearer {token}"
        self._limits = limits
        self._tls = tls or ssl.create_default_context()
        self._room = asyncio.Semaphore(width)
        self._idle: list[Line] = []
        self._addresses: list[str] = []
        self._looked_up = -math.inf

    @rule("R-DELIVERY-02", "R-DELIVERY-03")
    async def carry(self, order: Order) -> Outcome:
        """Hand one message over."""
        body = msgspec.json.encode(Message.of(order))
        headers = {"Authorization": self._authorization, "Idempotency-Key": safe(order.key)}
        async with self._room:
            try:
                line = await self._line()
            except OSError:  # TimeoutError is one
                return Outcome(LATER, error=NAME)
            answered = await line.post(headers, body)
            if line.is_open:
                self._idle.append(line)
        if answered.status:
            return outcome_of(
                answered.status, answered.retry_after, answered.body, self._clock.now()
            )
        self._looked_up = -math.inf  # it may have moved
        return Outcome(UNKNOWN if answered.reached else LATER, error=answered.error)

    async def _line(self) -> Line:
        """A way there: the one that was used last, or a new one to where the name leads now."""
        while self._idle:
            line = self._idle.pop()
            if line.is_open:
                return line
        now = asyncio.get_running_loop().time()
        if now - self._looked_up > ROUTE_SECONDS:
            async with asyncio.timeout(self._limits.connect_seconds):
                self._addresses = await look_up(self._target.host, self._target.port)
            self._looked_up = now
        return Line(self._target, self._addresses, self._limits, self._tls)

    async def close(self) -> None:
        """No more."""
        for each in self._idle:
            each.close()
        self._idle.clear()
