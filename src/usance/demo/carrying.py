"""Providers of an invented town: they take most, refuse some, are busy, and tell what arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

import msgspec

from usance.demo.people import Deck
from usance.notices.providers import LATER, REFUSED, TAKEN, Order, Outcome
from usance.notices.receipt_words import (
    AT_ONCE,
    PROVIDER_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Receipt,
    Receipts,
    State,
)
from usance.notices.receipts import ReceiptDesk
from usance.platform.signing import seconds, sign

PROVIDER = "sandbox"
"""What it is called, as where a demo serves: it is the same one that goes on."""
SECRET = b"of an invented provider"
SHARES = {"refused": 12, "busy": 25, "lost": 20, "bounced": 30, "silent": 25}
"""Per mille: numbers that do not exist, no answer now, not arrived, sent back (of e-mail), and of
which nothing is heard any more."""
BROKEN = 950
"""Per mille that a provider refuses on its bad day."""


@dataclass
class Post:
    """A carrier that keeps what it will tell of what it took."""

    rng: Random
    name: str = PROVIDER
    is_broken: bool = False
    told: list[Receipt] = field(default_factory=list)
    decks: dict[str, Deck] = field(default_factory=dict)

    async def carry(self, order: Order) -> Outcome:
        """By lot, in exact shares."""
        if self.is_broken and self._happens("broken", BROKEN):
            return Outcome(REFUSED, error="no_service")
        if self._happens("busy"):
            return Outcome(LATER, error="429", wait=5)
        if not self.is_broken and self._happens("refused"):
            return Outcome(REFUSED, error="bad_number")
        reference = f"m-{order.key}"
        self.told += [Receipt(reference, *each) for each in self._becomes(order.channel)]
        return Outcome(TAKEN, reference)

    def _becomes(self, channel: str) -> Sequence[tuple[State, str]]:
        """What becomes of a message; nothing is a word, too."""
        if self._happens("silent"):
            return ()
        if channel == "email" and self._happens("bounced"):
            return ("sent", ""), ("bounced", "unreachable")
        if channel != "email" and self._happens("lost"):
            return ("sent", ""), ("failed", "switched_off")
        return ("sent", ""), ("delivered", "")

    def _happens(self, what: str, per_mille: int = 0) -> bool:
        if what not in self.decks:
            self.decks[what] = Deck(self.rng, per_mille or SHARES[what])
        return self.decks[what].draw()

    async def close(self) -> None:
        """Nothing is open."""


async def tell(desk: ReceiptDesk, posts: Sequence[Post], now: datetime) -> None:
    """Everything that providers have to tell, signed as it is over the network."""
    for post in posts:
        while post.told:
            some, post.told = post.told[:AT_ONCE], post.told[AT_ONCE:]
            body = msgspec.json.encode(Receipts(some))
            await desk.receive(headers_of(post, now, body), body)


def headers_of(post: Post, now: datetime, body: bytes) -> Mapping[str, str]:
    """Who tells it."""
    return {
        PROVIDER_HEADER: post.name, TIME_HEADER: str(seconds(now)),
        SIGNATURE_HEADER: sign(SECRET, now, body),
    }  # fmt: skip
