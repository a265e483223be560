"""How often somebody may ask: leaky buckets, each of which is one moment.

So asking costs the same however much was asked. Pure, but for the limiter's memory of what it has
just refused.

A bucket is kept as the moment until which it is filled. An ask moves the moment on by a step, and
is refused, with nothing written, where that would be further ahead than the bucket is long.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol

from usance.core.rules import rule

REMEMBERED = 10_000
"""Networks of which a process remembers that they were refused."""
FOR_A_WHILE = timedelta(seconds=1)
"""So long it does not ask again."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """``within`` divided by ``step`` at once at most; one more for each step that passes."""

    within: timedelta
    step: timedelta


@rule("R-VERIFY-02")
def filled(
    until: datetime | None, now: datetime, bucket: Bucket, counts: int = 1
) -> datetime | None:
    """Until when a bucket is filled after one more ask; None if it is refused."""
    start = now if until is None or until < now else until
    moved = start + bucket.step * counts
    return moved if moved <= now + bucket.within else None


@rule("R-VERIFY-02")
def strained(until: datetime | None, now: datetime, bucket: Bucket, above: int) -> bool:
    """Whether a bucket is filled above so many hundredths."""
    return until is not None and (until - now) * 100 > bucket.within * above


@rule("R-VERIFY-02")
def network_of(address: str) -> str:
    """Who counts as one: the /24 of an IPv4 address, the /56 of an IPv6 one; else the words."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return str(ip_network((found, 56), strict=False))
        found = found.ipv4_mapped
    return str(ip_network((found, 24), strict=False))


@dataclass(frozen=True, slots=True)
class Ask:
    """What one ask is counted under: hashes of network and page, and of a code if there is one."""

    network: bytes
    page: bytes
    code: bytes = b""


@dataclass(frozen=True, slots=True)
class Taken:
    """Which buckets had room; the first that had none ended it."""

    network: bool
    page: bool
    code: bool

    @property
    def whole(self) -> bool:
        """Whether the ask goes through."""
        return self.network and self.page and self.code

    @property
    def full(self) -> str:
        """Which bucket had no room; empty if all had."""
        found = {"network": self.network, "page": self.page, "code": self.code}
        return next((name for name, had in found.items() if not had), "")


class Buckets(Protocol):
    """Where buckets are kept, for all processes together."""

    async def take(self, ask: Ask, now: datetime) -> Taken:
        """Count an ask in all of its buckets, network, page and code in this order."""
        ...


@dataclass(slots=True)
class Memory:
    """What a process has just been refused, so that a flood does not reach the database."""

    page_until: datetime | None = None
    networks: OrderedDict[bytes, datetime] = field(default_factory=OrderedDict)

    def knows(self, network: bytes, now: datetime) -> str:
        """Which bucket was full a moment ago; empty if none."""
        if self.page_until is not None and now < self.page_until:
            return "page"
        until = self.networks.get(network)
        return "network" if until is not None and now < until else ""

    def note(self, taken: Taken, ask: Ask, now: datetime, page: Bucket) -> None:
        """Remember a refusal: the page's until it has leaked by a step, a network's for a while."""
        if not taken.network:
            self.networks[ask.network] = now + FOR_A_WHILE
            self.networks.move_to_end(ask.network)
            while len(self.networks) > REMEMBERED:
                self.networks.popitem(last=False)
        elif not taken.page:
            self.page_until = now + page.step


class Limiter:
    """Lets asks through or not; cheap where it does not."""

    def __init__(self, buckets: Buckets, page: Bucket) -> None:
        self._buckets = buckets
        self._page = page
        self._memory = Memory()

    @rule("R-VERIFY-02")
    async def full(self, ask: Ask, now: datetime) -> str:
        """Which bucket is full: ``network``, ``page`` or ``code``; empty: the ask goes through."""
        known = self._memory.knows(ask.network, now)
        if known:
            return known
        taken = await self._buckets.take(ask, now)
        self._memory.note(taken, ask, now, self._page)
        return taken.full
