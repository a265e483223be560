"""What a credit bureau must be able to do, and one that is asked over HTTP.

The contract of ``docs/integrating.md``: one question with a name and the number of an identity
document, under a key of the question; asked again under the same key, a bureau answers the same and
counts one inquiry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import httpx
import msgspec
from msgspec import Struct

from usance.core.money import DECIMALS, parse_decimal
from usance.core.rules import rule
from usance.risk.facts_policy import Patience

PATH = "/reports"
LENDERS_MAX = 1000
SHARE_MAX = 100_000
WHOLE = 10_000
"""Hundredths of a percent in a whole."""

AWAY, BUSY, TIMEOUT, UNREADABLE = "away", "busy", "timeout", "unreadable"
REFUSED, NOBODY = "refused", "no_record"
AGAIN = (AWAY, BUSY, TIMEOUT)
"""What passes: the bureau is asked again."""


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """Whom a report is about; never printed."""

    name: str
    identity_number: str


class Report(Struct, frozen=True):
    """What a bureau says. ``monthly_payments`` as a decimal in ``currency``."""

    report_id: str
    as_of: datetime
    late: bool
    lenders: int
    monthly_payments: str
    currency: str

    def payments(self) -> int:
        """Minor units that go into debts in a month; ValueError where that is no amount."""
        if self.currency not in DECIMALS:
            raise ValueError("no such currency")
        found = parse_decimal(self.monthly_payments, DECIMALS[self.currency])
        if found < 0:
            raise ValueError("payments are not below nothing")
        return found


@dataclass(frozen=True, slots=True, repr=False)
class Answered:
    """What came of a question: a report with its text word for word, or what went wrong."""

    report: Report | None = None
    body: bytes = b""
    error: str = ""


class Bureau(Protocol):
    """A credit bureau."""

    name: str

    async def report(self, subject: Subject, key: str) -> Answered:
        """Its report on a person; never raises for what the other side does."""
        ...

    async def close(self) -> None:
        """Let go of what is held open."""
        ...


class HttpBureau:
    """A bureau over HTTP: bounded in time and bytes; no redirect, no proxy, no cookie."""

    def __init__(self, url: str, token: str, patience: Patience, name: str = "bureau") -> None:
        self.name = name
        self._url = url.rstrip("/") + PATH
        self._token = token
        self._patience = patience
        self._client: httpx.AsyncClient | None = None

    @rule("R-BUREAU-02")
    async def report(self, subject: Subject, key: str) -> Answered:
        """Its report on a person; never raises for what the other side does."""
        asked = {"name": subject.name, "identity_number": subject.identity_number}
        headers = {"authorization": f"Bearer {self._token}", "idempotency-key": key}
        try:
            status, body = await self._post(msgspec.json.encode(asked), headers)
        except (httpx.TimeoutException, TimeoutError):
            return Answered(error=TIMEOUT)
        except httpx.HTTPError:
            return Answered(error=AWAY)
        return answered(status, body, self._patience.answer_bytes)

    async def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body, read to one byte more than is taken."""
        import asyncio

        most, found = self._patience.answer_bytes, bytearray()
        kind = {"content-type": "application/json"}
        async with (
            asyncio.timeout(self._patience.answer_seconds),
            self._open().stream("POST", self._url, content=body, headers=headers | kind) as answer,
        ):
            async for piece in answer.aiter_bytes():
                found += piece
                if len(found) > most:
                    break
            return answer.status_code, bytes(found)

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                trust_env=False, timeout=self._patience.answer_seconds, follow_redirects=False
            )
        return self._client

    async def close(self) -> None:
        """Let go of what is held open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


@rule("R-BUREAU-02")
def answered(status: int, body: bytes, most: int) -> Answered:
    """What an answer means."""
    if status == 404:
        return Answered(error=NOBODY, body=body[:most])
    if status == 429:
        return Answered(error=BUSY)
    if status >= 500:
        return Answered(error=AWAY)
    if status != 200:
        return Answered(error=REFUSED)
    report = read(body) if len(body) <= most else None
    return Answered(report, body) if report else Answered(error=UNREADABLE)


@rule("R-BUREAU-03")
def read(body: bytes) -> Report | None:
    """A report, if it is a whole one: nothing is guessed from half of it."""
    try:
        report = msgspec.json.decode(body, type=Report)
        report.payments()
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None
    sound = report.as_of.tzinfo is not None and 0 <= report.lenders <= LENDERS_MAX
    return report if sound and 0 < len(report.report_id) <= 100 else None


@rule("R-BUREAU-03")
def features_of(report: Report, income: int | None, currency: str) -> dict[str, int]:
    """What a report makes known, by feature; the share of income only where income is known."""
    found = {"bureau_late": int(report.late), "bureau_lenders": report.lenders}
    if income and report.currency == currency:
        found["debt_service"] = min(report.payments() * WHOLE // income, SHARE_MAX)
    return found
