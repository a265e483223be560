"""One attempt over HTTP: to an address that was checked, bounded in time and in bytes.

No proxy, no redirect, no cookie, no name looked up a second time: a connection is made to the very
address that the rules allowed, and TLS holds it to the name of the endpoint.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.http_courier import (
    CONNECTION,
    EARLY,
    NAME,
    NOT_HTTP,
    TIMEOUT,
    TLS,
    Limits,
    Line,
    Target,
)
from usance.webhooks.policy import Policy, Reach
from usance.webhooks.rules import allowed, target_of

__all__ = ["ADDRESS", "CONNECTION", "EARLY", "NAME", "NOT_HTTP", "STATUS", "TIMEOUT", "TLS"]

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]

ADDRESS, STATUS = "address", "status"
"""What goes wrong beside what a connection knows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: the status of the answer (0 without one), or what went wrong."""

    status: int
    error: str
    answer: str
    milliseconds: int

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has it."""
        return 200 <= self.status <= 299

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more."""
        return self.status == 410


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with the addresses that its name had when it was looked up."""

    target: Target
    addresses: list[str]


class UnreachableError(Exception):
    """The endpoint cannot be sent anything; ``error`` is the class of what went wrong."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order of the system."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Sender:
    """Knows where messages may go and how long they may take."""

    def __init__(
        self, policy: Policy, reach: Reach, *, resolve: Resolve = look_up,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.policy = policy
        self.reach = reach
        self._resolve = resolve
        self.tls = tls or ssl.create_default_context()

    @rule("R-HOOK-02")
    async def find(self, url: str) -> Route:
        """Look the endpoint's name up and check its addresses; raises ``UnreachableError``."""
        try:
            target = target_of(url, self.reach)
            async with asyncio.timeout(self.policy.connect_seconds):
                addresses = await self._resolve(target.host, target.port)
            return Route(target, allowed(addresses, self.reach))
        except Refused as refused:
            raise UnreachableError(ADDRESS, refused.refusal.detail) from refused
        except TimeoutError as error:
            raise UnreachableError(TIMEOUT, "the name was not found in time") from error
        except OSError as error:
            raise UnreachableError(NAME, "the name is not known") from error


class Courier:
    """One connection to an endpoint, kept open from message to message while all goes well."""

    def __init__(self, sender: Sender, route: Route) -> None:
        policy = sender.policy
        limits = Limits(policy.connect_seconds, policy.answer_seconds, policy.answer_bytes)
        self._kept = policy.answer_kept
        self._line = Line(route.target, route.addresses, limits, sender.tls)

    async def post(self, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one message; never raises for what the other side does."""
        came = await self._line.post(headers, body)
        error = STATUS if came.status and not 200 <= came.status <= 299 else came.error
        return Outcome(came.status, error, printable(came.body, self._kept), came.milliseconds)

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def printable(raw: bytes, most: int) -> str:
    """The beginning of an answer as text that can be shown."""
    text = raw[: most * 4].decode("utf-8", "replace")
    return "".join(each if each.isprintable() else " " for each in text)[:most]
