"""How whoever tells us something proves who they are: an HMAC over the moment and the bytes."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""So far the moment of what is signed may lie from now, either way."""


def sign(secret: bytes, moment: datetime, body: bytes) -> str:
    """The signature: HMAC-SHA256 over seconds, a dot, and the body, in hex."""
    return hmac.digest(secret, signed_text(str(seconds(moment)), body), hashlib.sha256).hex()


def seconds(moment: datetime) -> int:
    """Unix time."""
    return int(moment.timestamp())


def signed_text(time: str, body: bytes) -> bytes:
    """What is signed."""
    return f"{time}.".encode() + body


def is_signed(secret: bytes | None, time: str, given: str, body: bytes) -> bool:
    """Whether the signature is right; as long in all cases, also where there is no secret."""
    plain = time.isascii() and time.isdigit() and len(time) <= 12
    wanted = hmac.digest(secret or b"-", signed_text(time, body), hashlib.sha256).hex()
    right = hmac.compare_digest(wanted.encode(), given.encode(errors="replace"))
    return secret is not None and plain and right


def is_fresh(time: str, now: datetime) -> bool:
    """Whether what is signed is of about now."""
    return abs(now - datetime.fromtimestamp(int(time), UTC)) <= TOLERANCE
