"""Operation ids: 63 bits, unique across 1,024 processes, ordered by time.

Layout, from the top: milliseconds since 2024-01-01 UTC (41 bits, until 2093), the number of
the process (10 bits), a counter (12 bits). Ids of one process always rise, also when the
wall clock is set back: then the counter runs on from the last millisecond that was used.
"""

from __future__ import annotations

import os
import secrets
import threading
import time

EPOCH_MILLISECONDS = 1_704_067_200_000
WORKERS = 1 << 10
COUNTERS = 1 << 12


class IdentifierSource:
    """Makes ids for one process."""

    def __init__(self, worker: int) -> None:
        if not 0 <= worker < WORKERS:
            raise ValueError(f"a worker number is 0 to {WORKERS - 1}, not {worker}")
        self._worker = worker
        self._lock = threading.Lock()
        self._ticks = 0  # milliseconds * COUNTERS + counter: one number that only rises

    def next(self, milliseconds: int | None = None) -> int:
        """A new id; ``milliseconds`` of Unix time stands in for the clock in tests."""
        now = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
        with self._lock:
            self._ticks = max(self._ticks + 1, (now - EPOCH_MILLISECONDS) * COUNTERS)
            since_epoch, counter = divmod(self._ticks, COUNTERS)
        return since_epoch << 22 | self._worker << 12 | counter


_source: IdentifierSource


def _draw_worker() -> None:
    """Take a number by lot.

    Two processes with the same one may clash within a millisecond: the database refuses the second
    id, and its transaction is done again with the next one.
    """
    set_worker(secrets.randbelow(WORKERS))


def set_worker(worker: int) -> None:
    """Give this process its number; a process that is given none has drawn one."""
    global _source
    _source = IdentifierSource(worker)


_draw_worker()
os.register_at_fork(after_in_child=_draw_worker)


def new_operation_id() -> int:
    """A new time-ordered id, 0 < id < 2**63."""
    return _source.next()


def moment_of(operation_id: int) -> int:
    """Unix time in milliseconds at which an id was made."""
    return (operation_id >> 22) + EPOCH_MILLISECONDS


def number_at(milliseconds: int) -> int:
    """What every id is above that was made since a moment (Unix time in milliseconds)."""
    return max(milliseconds - EPOCH_MILLISECONDS, 0) << 22
