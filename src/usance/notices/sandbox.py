"""The provider of the sandbox: what it does with messages, and its book of what it did.

It behaves as providers do: takes its time, is busy, breaks, takes a message and says nothing. How
it behaves toward a message follows from a seed, the message's key and how often it was asked for,
so the same messages fare alike however they come. What it did it tells by receipts, and shows in a
log: every effect in the order in which it happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from usance.core.rules import rule
from usance.notices.receipt_words import Receipt, State

THOUSAND = 1_000
Say: TypeAlias = Literal["answer", "silence", "hang_up"]
How: TypeAlias = Literal["refuse", "silence", "hang_up"]


class Manners(Struct, frozen=True, forbid_unknown_fields=True):
    """How it behaves. Shares are of a thousand; those of the answer lie side by side."""

    seed: int = 0
    delay_ms: tuple[int, int] = (0, 0)
    busy: int = 0
    """429 with ``Retry-After``, and not taken."""
    broken: int = 0
    """500; half of them after the message was taken."""
    hung_up: int = 0
    """The connection ends without an answer; half of them after the message was taken."""
    silent: int = 0
    """Taken, and nobody answers."""
    refused: int = 0
    """Such a number does not exist, however often it is asked."""
    retry_after: int = 1
    receipt_ms: tuple[int, int] = (20, 200)
    late: int = 0
    """Receipts that come later by ``late_seconds``."""
    late_seconds: int = 600
    twice: int = 0
    turned: int = 0
    """Messages whose ``sent`` comes after what follows it."""
    failed: int = 0
    bounced: int = 0
    complained: int = 0
    unanswered: int = 300
    """Of calls."""


CALM = Manners()
ROUGH = Manners(
    delay_ms=(1, 40), busy=30, broken=20, hung_up=20, silent=5, refused=10, late=50, twice=100,
    turned=200, failed=20, bounced=15, complained=5,
)  # fmt: skip


class Asked(Struct, frozen=True):
    """What it is asked to carry."""

    channel: Literal["sms", "email", "voice"]
    to: str
    text: str
    language: str = ""
    sender: str = ""
    subject: str = ""


class Effect(Struct):
    """What it did once. ``number``: its place among all effects."""

    number: int
    key: str
    id: str
    channel: str
    to: str
    text: str
    at: float
    asked: int = 1
    states: list[str] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reply:
    """What it says, or that it says nothing, and after how many seconds."""

    status: int = 0
    body: bytes = b""
    retry_after: int = 0
    say: Say = "answer"
    delay: float = 0.0


Later: TypeAlias = Callable[[float, Receipt], None]
"""Has a receipt sent after so many seconds."""


@dataclass(slots=True)
class Sandbox:
    """``now``: seconds on the sandbox's own clock; ``later`` sends receipts."""

    manners: Manners
    now: Callable[[], float]
    later: Later
    effects: list[Effect] = field(default_factory=list)
    down_until: float = 0.0
    down_how: How = "refuse"
    answers: dict[str, int] = field(default_factory=dict)
    _by_key: dict[str, Effect] = field(default_factory=dict)
    _tries: dict[str, int] = field(default_factory=dict)
    _asked: dict[str, Asked] = field(default_factory=dict)

    @property
    def is_down(self) -> bool:
        """Whether there is an outage."""
        return self.now() < self.down_until

    def outage(self, minutes: float, how: How) -> None:
        """Begin an outage; of no minutes, end one."""
        self.down_until, self.down_how = self.now() + minutes * 60, how

    @rule("R-DELIVERY-05")
    def ask(self, key: str, asked: Asked) -> Reply:
        """What a message is answered; its effect happens here, once for its key."""
        reply = self._replied(key, asked)
        name = str(reply.status) if reply.say == "answer" else reply.say
        self.answers[name] = self.answers.get(name, 0) + 1
        return reply

    def _replied(self, key: str, asked: Asked) -> Reply:
        if self.is_down:
            if self.down_how == "refuse":
                return Reply(503, retry_after=60)
            return Reply(say=self.down_how)
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        if self._asked.setdefault(key, asked) != asked:
            return Reply(422, b'{"error":"key_reused"}')
        low, high = self.manners.delay_ms
        delay = (low + (high - low) * self._draw("delay", key, tries) / THOUSAND) / THOUSAND
        if self._draw("number", key) < self.manners.refused:
            return Reply(422, b'{"error":"bad_number"}', delay=delay)
        return self._moody(key, asked, tries, delay)

    def _moody(self, key: str, asked: Asked, tries: int, delay: float) -> Reply:
        """As ``manners`` say; what was taken before is answered with the same id."""
        manners, point = self.manners, self._draw("answer", key, tries)
        if point < manners.busy:
            return Reply(429, retry_after=manners.retry_after, delay=delay)
        point -= manners.busy
        if point < manners.broken:
            if point % 2:
                self._take(key, asked)
            return Reply(500, b'{"error":"oops"}', delay=delay)
        point -= manners.broken
        if point < manners.hung_up:
            if point % 2:
                self._take(key, asked)
            return Reply(say="hang_up", delay=delay)
        effect = self._take(key, asked)
        if point - manners.hung_up < manners.silent:
            return Reply(say="silence")
        return Reply(202, msgspec.json.encode({"id": effect.id}), delay=delay)

    def _take(self, key: str, asked: Asked) -> Effect:
        """The effect of a message: only the first time."""
        effect = self._by_key.get(key)
        if effect is not None:
            effect.asked += 1
            return effect
        name = hashlib.blake2b(f"{self.manners.seed} {key}".encode(), digest_size=12).hexdigest()
        effect = Effect(
            len(self.effects) + 1, key, f"m-{name}", asked.channel, asked.to, asked.text, self.now()
        )
        self._by_key[key] = effect
        self.effects.append(effect)
        self._tell(effect)
        return effect

    def _tell(self, effect: Effect) -> None:
        """Receipts of an effect, with all that may go wrong with them."""
        manners, key = self.manners, effect.key
        states = [*self._becomes(effect)]
        effect.states.extend(states)
        low, high = manners.receipt_ms
        at = 0.0
        turned = self._draw("turned", key) < manners.turned
        for place, state in enumerate(reversed(states) if turned else states):
            at += (low + (high - low) * self._draw("receipt", key, place) / THOUSAND) / THOUSAND
            late = self._draw("late", key, place) < manners.late
            error = "unreachable" if state in ("failed", "bounced") else ""
            receipt = Receipt(effect.id, state, error)
            self.later(at + late * manners.late_seconds, receipt)
            if self._draw("twice", key, place) < manners.twice:
                self.later(2 * at + manners.late_seconds, receipt)

    def _becomes(self, effect: Effect) -> tuple[State, ...]:
        """What becomes of a message in the end."""
        manners, point = self.manners, self._draw("fate", effect.key)
        if effect.channel == "voice":
            return ("sent", "unanswered" if point < manners.unanswered else "answered")
        if point < manners.failed:
            return ("sent", "failed")
        point -= manners.failed
        if point < manners.bounced:
            return ("sent", "bounced")
        if point - manners.bounced < manners.complained:
            return ("sent", "delivered", "complained")
        return ("sent", "delivered")

    def _draw(self, what: str, key: str, number: int = 0) -> int:
        """A point from 0 to 999 that is always the same for the same."""
        text = f"{self.manners.seed} {what} {key} {number}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) % THOUSAND

    def effect(self, key: str) -> Effect | None:
        """What was done for a key."""
        return self._by_key.get(key)

    def tries(self, key: str) -> int:
        """How often a key was asked for, but for outages."""
        return self._tries.get(key, 0)

    def counts(self) -> dict[str, Any]:
        """How many keys, effects and answers there were."""
        return {"keys": len(self._asked), "effects": len(self.effects), "answers": self.answers}
