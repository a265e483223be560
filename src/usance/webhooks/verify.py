"""For receivers of webhooks: whether a message is authentic, fresh, and new.

Needs nothing but the standard library, so the file may be copied into any program. The rule is
R-HOOK-10, the recipe in words stands in docs/integrating.md.

    memory = Memory()
    ...
    try:
        message = verify(request.headers, body, [SECRET], now=time.time(), memory=memory)
    except NotGenuineError:
        return 400
    if not message.repeated:
        handle(json.loads(body))      # where this fails: memory.forget(message.message_id)
    return 204

A repeated message is answered as a good one: it was handled when it came first. ``Memory`` lives in
one process; with several, or to be safe over a restart, keep the ids in a table, in the transaction
that does what the message asks for.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

TOLERANCE = 300
"""Seconds by which the sender's clock and the receiver's may differ, both ways."""
ID, TIMESTAMP, SIGNATURE = (
    "usance-webhook-id", "usance-webhook-timestamp", "usance-webhook-signature",
)  # fmt: skip
VERSION = "v1="
CLEARED_EVERY = 60
"""Seconds after which ``Memory`` looks for ids that it need not keep any longer."""
SECONDS = re.compile(r"[0-9]{1,12}")


class NotGenuineError(Exception):
    """The message is not to be trusted; nothing of it may be used."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A message from who knows the secret. ``repeated``: it has come before."""

    message_id: str
    timestamp: int
    repeated: bool


class Remembers(Protocol):
    """Which messages have come."""

    def is_new(self, message_id: str, until: int, now: float) -> bool:
        """Note an id, at least until a moment (Unix time); False if it was noted before."""
        ...


class Memory:
    """Ids in memory, each for as long as its message would pass as fresh."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}
        self._clear_at = 0.0

    def is_new(self, message_id: str, until: int, now: float) -> bool:
        """Note an id; False if it was noted before."""
        if now >= self._clear_at:
            self._until = {each: end for each, end in self._until.items() if end >= now}
            self._clear_at = now + CLEARED_EVERY
        before = self._until.get(message_id)
        self._until[message_id] = max(until, before or 0)
        return before is None

    def forget(self, message_id: str) -> None:
        """Handling it failed: it may come again."""
        self._until.pop(message_id, None)


def signature(secret: str, timestamp: int, message_id: str, body: bytes) -> str:
    """HMAC-SHA256 in hex over ``timestamp.id.`` and the body as it is sent."""
    signed = f"{timestamp}.{message_id}.".encode() + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Iterable[str], *, now: float,
    memory: Remembers, tolerance: int = TOLERANCE,
) -> Verified:  # fmt: skip
    """Check a message; raises ``NotGenuineError``.

    ``body`` is what came, byte for byte. ``secrets`` are those in use, two while they are rotated.
    The memory keeps an id until the message's own time plus the tolerance: a message from a clock
    that runs ahead is fresh for longer than the tolerance, and must not be forgotten before.
    """
    named = {name.lower(): value for name, value in headers.items()}
    message_id, sent = named.get(ID, ""), named.get(TIMESTAMP, "")
    if not message_id or not SECONDS.fullmatch(sent):
        raise NotGenuineError("the headers are not those of a webhook")
    timestamp = int(sent)
    if not is_signed(named.get(SIGNATURE, ""), secrets, timestamp, message_id, body):
        raise NotGenuineError("no signature is by a known secret")
    if abs(now - timestamp) > tolerance:
        raise NotGenuineError("the message is too old, or from the future")
    repeated = not memory.is_new(message_id, timestamp + tolerance, now)
    return Verified(message_id, timestamp, repeated)


def is_signed(
    header: str, secrets: Iterable[str], timestamp: int, message_id: str, body: bytes
) -> bool:
    """Whether any signature is by any of the secrets; all are compared, each in constant time."""
    given = [each.strip().removeprefix(VERSION) for each in header.split(",")[:8]]
    found = False
    for secret in secrets:
        right = signature(secret, timestamp, message_id, body)
        for each in given:
            found |= hmac.compare_digest(right.encode(), each.encode())
    return found
