"""The credit bureau of the sandbox: a real HTTP server that knows invented things of everybody.

What it says of somebody follows from a hash of the identity number, so it says the same whenever it
is asked. It is slow, busy or away as its manners say, by the key of the question and how often that
was asked.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import AsyncExitStack
from datetime import UTC
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.money import DECIMALS, format_decimal
from usance.notices.sandbox import Reply
from usance.notices.sandbox_receipts import Reporter
from usance.notices.sandbox_server import serving
from usance.platform.clock import Clock, SystemClock
from usance.risk.bureau import PATH, Answered, HttpBureau, Subject
from usance.risk.facts_policy import Patience

NAME = "sandbox-bureau"
THOUSAND = 1_000
PAYMENTS = (0, 0, 0, 400_00, 800_00, 1_500_00, 3_000_00, 6_000_00)
"""What people pay in a month, in the least unit of their money."""


class Manners(Struct, frozen=True, forbid_unknown_fields=True):
    """How it behaves. Shares are of a thousand; those of the answer lie side by side."""

    delay_ms: int = 0
    away: int = 0
    busy: int = 0
    silent: int = 0
    unknown: int = 20
    """Of people: nobody here knows them."""


CALM = Manners()
ROUGH = Manners(delay_ms=300, away=150, busy=100, silent=50)


class Asked(Struct):
    """What it is asked with."""

    name: str
    identity_number: str


class SandboxBureau:
    """Answers as a bureau does, and counts its inquiries by the key of each."""

    reporter: Reporter | None = None

    def __init__(
        self, token: str, manners: Manners = CALM, *, currency: str = "CNY",
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self._token = f"Bearer {token}".encode()
        self._clock = clock or SystemClock()
        self._currency = currency
        self.manners = manners
        self.tries: dict[str, int] = {}
        self._said: dict[str, bytes] = {}

    def is_known(self, authorization: bytes) -> bool:
        """Whether the token is right."""
        return hmac.compare_digest(authorization, self._token)

    def reply(self, method: bytes, url: bytes, key: str, body: bytes) -> Reply:
        """What a request is answered."""
        path = url.decode("latin-1").partition("?")[0]
        if (method, path) == (b"POST", "/sandbox/manners"):
            return self._behave(body)
        if (method, path) == (b"GET", "/sandbox/inquiries"):
            return Reply(200, msgspec.json.encode({"inquiries": len(self._said)}))
        if (method, path) != (b"POST", PATH):
            return Reply(404, b'{"error":"no_such_route"}')
        if not 1 <= len(key) <= 200:
            return Reply(400, b'{"error":"no_key"}')
        try:
            return self._asked(key, msgspec.json.decode(body, type=Asked))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Reply(400, b'{"error":"malformed"}')

    def _behave(self, body: bytes) -> Reply:
        try:
            self.manners = msgspec.json.decode(body, type=Manners)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Reply(400, b'{"error":"malformed"}')
        return Reply(200, msgspec.json.encode(self.manners))

    def _asked(self, key: str, asked: Asked) -> Reply:
        self.tries[key] = self.tries.get(key, 0) + 1
        manners, delay = self.manners, self.manners.delay_ms / THOUSAND
        luck = chance(f"{key} {self.tries[key]}")
        for share, reply in (
            (manners.away, Reply(503, b'{"error":"away"}', delay=delay)),
            (manners.busy, Reply(429, b'{"error":"busy"}', retry_after=1, delay=delay)),
            (manners.silent, Reply(say="silence")),
        ):
            if luck < share:
                return reply
            luck -= share
        if chance(f"known {asked.identity_number}") < manners.unknown:
            return Reply(404, b'{"error":"no_record"}', delay=delay)
        if key not in self._said:
            self._said[key] = msgspec.json.encode(self._report(key, asked.identity_number))
        return Reply(200, self._said[key], delay=delay)

    def _report(self, key: str, identity_number: str) -> dict[str, Any]:
        return {
            "report_id": hashlib.sha256(key.encode()).hexdigest()[:16],
            "as_of": self._clock.now().astimezone(UTC).isoformat(),
        } | invented(identity_number, self._currency)


def chance(text: str) -> int:
    """A number from 0 to 999 that follows from a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % THOUSAND


def invented(identity_number: str, currency: str) -> dict[str, Any]:
    """What is said of somebody, whoever asks."""
    lenders = chance(f"lenders {identity_number}") % 6
    monthly = PAYMENTS[chance(f"payments {identity_number}") % len(PAYMENTS)] if lenders else 0
    return {
        "late": bool(lenders) and chance(f"late {identity_number}") < 80,
        "lenders": lenders, "currency": currency,
        "monthly_payments": format_decimal(monthly, DECIMALS[currency]),
    }  # fmt: skip


class BureauInside:
    """The sandbox's bureau beside a serving process: its server is started at the first question.

    It is asked over a socket like any other, with a token that nobody else has.
    """

    name = NAME

    def __init__(self, patience: Patience, currency: str) -> None:
        self._patience = patience
        self._currency = currency
        self._held = AsyncExitStack()
        self._bureau: HttpBureau | None = None

    async def report(self, subject: Subject, key: str) -> Answered:
        """Its report on a person."""
        if self._bureau is None:
            token = secrets.token_urlsafe(24)
            server = SandboxBureau(token, currency=self._currency)
            address = await self._held.enter_async_context(serving(server))
            self._bureau = HttpBureau(address, token, self._patience, NAME)
        return await self._bureau.report(subject, key)

    async def close(self) -> None:
        """End the server."""
        if self._bureau is not None:
            await self._bureau.close()
            self._bureau = None
        await self._held.aclose()
        self._held = AsyncExitStack()
