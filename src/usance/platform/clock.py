"""The wall clock, for stamps and leases. The business date lives in the database, not here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970 in UTC."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_at(since: int) -> datetime:
    """The moment so many microseconds after the beginning of 1970, in UTC."""
    return EPOCH + timedelta(microseconds=since)


class Clock(Protocol):
    """Tells the present moment."""

    def now(self) -> datetime:
        """The moment, as an aware datetime in UTC."""
        ...


class SystemClock:
    """The clock of this machine: the one place that reads it."""

    def now(self) -> datetime:
        """The moment, as an aware datetime in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock for tests: it moves only when told to."""

    def __init__(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._moment = moment.astimezone(UTC)

    def now(self) -> datetime:
        """The moment this clock was last set to."""
        return self._moment

    def advance(self, by: timedelta) -> None:
        """Move forward; a clock never goes back."""
        if by < timedelta(0):
            raise ValueError("a clock does not go back")
        self._moment += by
