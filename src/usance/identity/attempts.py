"""Attempts to come in are counted before they are looked at, for all processes together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import staff_sql
from usance.platform.addresses import counted_as
from usance.platform.clock import Clock
from usance.platform.database import Pool

WITHIN = timedelta(minutes=15)
OF_A_NAME = 10
OF_AN_ADDRESS = 50
"""Many people may share an address; few need more than ten attempts for a name."""
OF_A_FACTOR = 10


class Attempts:
    """Counts under subjects, which are kept as hashes: people type passwords for names."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    @rule("R-AUTH-05")
    async def count(self, subjects: Mapping[bytes, int]) -> None:
        """One more attempt under each subject; ``Refused`` where that is more than its most."""
        now = self._clock.now()
        counts = await staff_sql.count_attempt(self._pool, subjects, now, now - WITHIN)
        if any(counts[subject] > most for subject, most in subjects.items()):
            raise Refused("R-AUTH-05", "too many attempts; try again in a quarter of an hour")

    async def forgive(self, subjects: Mapping[bytes, int]) -> None:
        """The attempt was good: it does not count."""
        await staff_sql.forgive_attempt(self._pool, subjects)


def of_log_in(name: str, address: str) -> dict[bytes, int]:
    """What an attempt to log in is counted under, with the most."""
    found, place = {hashed(f"name {name}"): OF_A_NAME}, counted_as(address)
    return found | ({hashed(f"address {place}"): OF_AN_ADDRESS} if address else {})


def of_factor(staff_id: int) -> dict[bytes, int]:
    """What an attempt at a second factor, or at showing it again, is counted under."""
    return {hashed(f"factor {staff_id}"): OF_A_FACTOR}


def hashed(text: str) -> bytes:
    """SHA-256 of a text, whatever it holds."""
    return hashlib.sha256(text.encode(errors="replace")).digest()
