"""How a provider of text messages or calls is asked over HTTP, and what its answers mean.

The contract stands in ``docs/integrating.md``: one request for a message under an
``Idempotency-Key``, one receipt for each thing that becomes of it. What nobody answered may yet
have been taken: it is asked for again under the same key, of the same provider, so that nobody is
told twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import httpx
import msgspec

from usance.core.rules import rule
from usance.platform.clock import Clock

TAKEN, REFUSED, LATER, UNKNOWN = "taken", "refused", "later", "unknown"
SECONDS = httpx.Timeout(10, connect=3)
ANSWER_MAX = 10_000
WAIT_MAX = 3_600
PERMANENT = frozenset({400, 403, 404, 410, 422})
"""This message will never be taken as it is: no use to ask again, here or elsewhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Order:
    """What a provider is asked to carry; never printed. ``key``: the same however often asked."""

    key: str
    channel: str
    to: str
    text: str
    language: str
    sender: str = ""
    title: str = ""
    about: tuple[int, int, str] = (0, 0, "")
    """Borrower, notice and template: not for a provider."""


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


class HttpProvider:
    """A provider at an address, asked with a token."""

    def __init__(
        self, name: str, url: str, token: str, clock: Clock, timeout: httpx.Timeout = SECONDS
    ) -> None:
        self.name = name
        self._clock = clock
        self._url = f"{url.rstrip('/')}/messages"
        self._client = httpx.AsyncClient(
            timeout=timeout, follow_redirects=False, trust_env=False,
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip

    async def carry(self, order: Order) -> Outcome:
        """Hand one message over."""
        asked: dict[str, Any] = asdict(order)
        for own in ("key", "about", "title"):
            del asked[own]
        try:
            answer = await self._client.post(
                self._url, json=asked, headers={"Idempotency-Key": order.key}
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return Outcome(LATER, error=type(error).__name__)  # it never left
        except httpx.HTTPError as error:
            return Outcome(UNKNOWN, error=type(error).__name__)
        wait = answer.headers.get("retry-after", "")
        return outcome_of(answer.status_code, wait, answer.content, self._clock.now())

    async def close(self) -> None:
        """No more."""
        await self._client.aclose()
