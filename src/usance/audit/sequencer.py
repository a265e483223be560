"""The sequencer: gives every committed audit event its place in the tree, and signs the root.

Commits come in another order than ids, so what is new is asked of PostgreSQL's snapshots: whatever
is committed now and was not when it last looked. Each transaction counts once, however late it
commits, and no open transaction holds up the others. Any number of processes may run one; an
advisory lock lets one of them work at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from usance.audit import outside, store
from usance.audit.merkle import Peaks
from usance.audit.note import NotProven, PrivateKey, signed_checkpoint, unproven_checkpoint
from usance.audit.store import Found, Head
from usance.core.rules import rule
from usance.platform import metrics
from usance.platform.clock import Clock, SystemClock
from usance.platform.database import CONNECTION_LOST, Connection, Pool, transaction
from usance.platform.logs import get_logger

logger = get_logger(__name__)

MAX_DELAY = 5.0
"""Seconds after its commit by which an event has its place."""
LOOK_EVERY = 0.25
OUTAGE_SECONDS = 1.0
CHECKPOINT_EVERY = timedelta(seconds=60)
PORTION = 10_000
"""Leaves written in one transaction."""
FINISH_DAY = "FinishDay"
"""The last event of a closed day: a checkpoint follows it at once."""
START = "0", -1


class TreeEditedError(Exception):
    """Somebody else wrote to the tree: it is not carried on before a person has looked."""


@dataclass(slots=True)
class Look:
    """One look at what is new, which may take several portions."""

    until: str
    cluster: str
    anew: bool  # the snapshot means nothing here: everything without a leaf
    place: tuple[str, int] = START
    found: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """What one transaction did."""

    leaves: int
    more: bool
    signed: bool = False


class Sequencer:
    """Sequences one book; without a key it signs nothing."""

    def __init__(
        self, pool: Pool, key: PrivateKey | None, directory: Path | None = None,
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._key = key
        self._directory = directory
        self._clock = clock or SystemClock()
        self._peaks = Peaks()
        self._look: Look | None = None
        self._closed = False  # a day was, since the last checkpoint
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Sequence in the background until ``stop``."""
        self._task = asyncio.create_task(self.run())

    async def stop(self) -> None:
        """Finish what is under way; what is new meanwhile is found at the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def run(self) -> None:
        """For ever; ends by cancellation."""
        while True:
            try:
                await self._publish()
                while True:
                    done = await self.advance()
                    if done is not None and done.signed:
                        await self._publish()
                    if done is None or not done.more:
                        await asyncio.sleep(LOOK_EVERY)
            except CONNECTION_LOST as error:
                if self._pool.is_closing():
                    return
                logger.warning("database not reachable", extra={"reason": str(error)})
            except Exception:
                logger.exception("the sequencer stumbled")
            await asyncio.sleep(OUTAGE_SECONDS)

    async def catch_up(self, *, sign: bool = True) -> int:
        """Everything that is committed, and a checkpoint over it; how many leaves were new.

        Waits for its turn where another process is at it.
        """
        found = 0
        while True:
            done = await self.advance(sign=sign)
            if done is None:
                await asyncio.sleep(LOOK_EVERY / 10)
                continue
            found += done.leaves
            if not done.more:
                break
        if sign:
            await self._publish()
        return found

    async def advance(self, *, sign: bool = False) -> Pass | None:
        """One portion, in one transaction; None where another process has the turn."""
        try:
            return await self._advance(sign=sign)
        except BaseException:
            self._peaks, self._look = Peaks(), None  # they may be ahead of what was committed
            raise

    @rule("R-PROOF-01")
    async def _advance(self, *, sign: bool) -> Pass | None:
        async with transaction(self._pool) as connection:
            if not await store.take_turn(connection):
                self._look = None
                return None
            head, sealed = await store.head_of(connection)
            if not sealed:
                raise TreeEditedError("audit_tree is not what the sequencer wrote")
            if self._peaks.size != head.size:  # another process went on from where we were
                self._peaks, self._look = await store.peaks(connection, head.size), None
            look = self._look = self._look or await self._begin(connection, head)
            found = await self._find(connection, head, look)
            more = len(found) == PORTION
            head, before = await self._append(connection, head, look, found, more=more), head
            signed = not more and await self._sign(connection, head, now=sign)
            if signed:
                head = replace(head, checkpoints=head.checkpoints + 1)
            if head != before:
                await store.write_head(connection, head)
        self._look = look if more else None
        self._closed = self._closed and not signed
        metrics.audit_leaves.set(head.size)
        return Pass(len(found), more, signed)

    @rule("R-PROOF-01")
    async def _begin(self, connection: Connection, head: Head) -> Look:
        """Look anew where the book was restored: numbers of transactions are of one cluster."""
        here = await store.here(connection, head.snapshot)
        anew = not here.follows or here.cluster != head.cluster
        if anew and head.snapshot:
            logger.warning("the book is in another cluster now: looking for events without a leaf")
        return Look(here.snapshot, here.cluster, anew)

    async def _find(self, connection: Connection, head: Head, look: Look) -> list[Found]:
        """The next portion of what has no leaf yet."""
        if look.anew:
            found = await store.operations_without_leaf(connection, look.place[1], PORTION)
        else:
            found = await store.new_operations(
                connection, head.snapshot, look.until, look.place, PORTION
            )
        if found:
            look.place, look.found = (found[-1].xid, found[-1].operation_id), True
        return found

    async def _append(
        self, connection: Connection, head: Head, look: Look, found: list[Found], *, more: bool
    ) -> Head:
        """The leaves, with the inner nodes that they complete."""
        size, add = head.size, self._peaks.add
        rows = [
            (size + n, each.operation_id, each.hash, add(each.hash)) for n, each in enumerate(found)
        ]
        self._closed = self._closed or any(each.action == FINISH_DAY for each in found)
        if rows:
            await store.insert_leaves(connection, rows)
            oldest = min(each.recorded_at for each in found)
            metrics.audit_delay_seconds.set((self._clock.now() - oldest).total_seconds())
        if more or not (look.found or look.anew):
            return replace(head, size=size + len(rows))
        return Head(size + len(rows), head.checkpoints, look.until, look.cluster)

    @rule("R-PROOF-03")
    async def _sign(self, connection: Connection, head: Head, *, now: bool) -> bool:
        """A checkpoint, if it is time for one; never one that does not extend the last."""
        if self._key is None or head.size == 0:
            return False
        last = await store.newest_checkpoint(connection)
        moment = self._clock.now()
        if last is not None and last.size == head.size:
            return False
        waits = last is not None and moment - last.made_at < CHECKPOINT_EVERY
        if waits and not self._closed and not now:
            return False
        if not await self._may_sign(connection, head):
            return False
        origin = self._key.public.name
        if last is not None:
            origin = unproven_checkpoint(last.note).origin
        made = signed_checkpoint(self._key, origin, head.size, self._peaks.root(), moment)
        await store.insert_checkpoint(connection, head.checkpoints + 1, made)
        return True

    @rule("R-PROOF-03")
    async def _may_sign(self, connection: Connection, head: Head) -> bool:
        """A log signs nothing that contradicts what it has signed: here, or kept outside."""
        kept = [
            (each.size, each.root) for each in [await store.newest_checkpoint(connection)] if each
        ]
        try:
            if self._directory is not None:
                found = await asyncio.to_thread(outside.newest, self._directory)
                kept += [(found.size, found.root)] if found is not None else []
            for size, root in kept:
                edge = await store.peaks(connection, min(size, head.size))
                if size > head.size or edge.root() != root:
                    raise NotProven(f"the tree does not extend the checkpoint of {size} leaves")
        except (NotProven, KeyError, ValueError) as error:
            metrics.audit_refusals.inc()
            logger.error("no checkpoint is signed", extra={"reason": str(error)})
            return False
        return True

    @rule("R-PROOF-04")
    async def _publish(self) -> None:
        """Write what the directory does not have yet."""
        if self._directory is None:
            return
        try:
            newest = await asyncio.to_thread(outside.newest, self._directory)
            for each in await store.checkpoints_after(self._pool, newest.size if newest else 0):
                await asyncio.to_thread(outside.keep, self._directory, each.size, each.note)
        except (OSError, ValueError, NotProven, outside.OtherContentError) as error:
            logger.error("a checkpoint is not kept outside", extra={"reason": str(error)})
