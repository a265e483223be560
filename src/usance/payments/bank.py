"""What a bank must be able to do, and how its notifications prove where they come from.

A notification is signed over its moment and its bytes; it is good for a few minutes and once. Two
keys may be valid at a time, so that a bank can change over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Connection
from usance.platform.signing import TOLERANCE, is_fresh, is_signed, seconds, sign

__all__ = ["TOLERANCE", "seconds", "sign"]

REMEMBERED = timedelta(hours=1)
"""How long a signature is remembered: longer than any is good for, on either side of the clock."""
KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER = "bank-key", "bank-timestamp", "bank-signature"


@dataclass(frozen=True, slots=True)
class Order:
    """A payment at the bank: its number there, and the page on which the payer confirms it."""

    reference: str
    page: str


class Bank(Protocol):
    """A bank at which borrowers pay."""

    async def order(
        self, connection: Connection, intent: str, amount: int, currency: str
    ) -> Order:
        """An order for an intent; the same one when it is asked for again."""
        ...

    async def keys(self) -> Mapping[str, bytes]:
        """The secrets that notifications may be signed with, by name."""
        ...


@rule("R-PAY-03")
def check_signature(
    keys: Mapping[str, bytes], headers: Mapping[str, str], body: bytes, now: datetime
) -> bytes:
    """The digest of the signature of a notification; raises ``Refused`` unless it is right."""
    secret = keys.get(headers.get(KEY_HEADER, ""))
    time, given = headers.get(TIME_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
    if not is_signed(secret, time, given, body):
        raise Refused("R-PAY-03", "the notification is not signed by the bank")
    if not is_fresh(time, now):
        raise Refused("R-PAY-03", "the notification is too old or from the future")
    return hashlib.sha256(given.encode()).digest()
