"""A drill: everything but the backup is gone, at this moment.

The newest backup and what had been received at the moment of the drill's start are restored beside
the live book, which goes on serving, and proved. Nothing that was received later is looked at.

The objectives it measures: RPO, how long before that moment the first operation was acknowledged
that the restored book has not got (0: it has all of them; the last one is the drill's own); and
RTO, from the start of the restore until the restored book answers and has been proved.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Pool, open_pool
from usance.recovery import store
from usance.recovery.directory import Directory
from usance.recovery.lay_out import planned
from usance.recovery.notes import note
from usance.recovery.proofs import Proof, Proved
from usance.recovery.restore import Recovered, discard, made_ours, recover
from usance.recovery.threads import to_its_end

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment at which, for the drill, everything is gone."""

    at: datetime
    """By the server's clock."""
    marker: int
    """The drill's own operation: the newest that was acknowledged."""
    acknowledged: store.Operations
    """The newest ones, the marker first."""
    received: int | None
    """All of the log before it (LSN) was safe in the backup directory; None: no log is kept."""


@dataclass(slots=True)
class Drilled:
    """What a drill found."""

    backup: str = ""
    newest: store.Newest | None = None
    replayed: int = 0
    """Bytes of the log."""
    lost: int = 0
    """Acknowledged operations that the restored book has not got."""
    rpo: float = 0.0
    rto: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds of: restored, answering, and each proof."""
    proofs: list[Proved] = field(default_factory=list)
    rpo_max: float = 0.0
    rto_max: float = 0.0

    @property
    @rule("R-BACKUP-12")
    def ok(self) -> bool:
        """Whether the objectives were reached and everything was proved."""
        in_time = self.rpo <= self.rpo_max and self.rto <= self.rto_max
        return in_time and all(each.ok for each in self.proofs)

    def document(self) -> dict[str, Any]:
        """For a program; seconds."""
        found = asdict(self) | {"ok": self.ok}
        return found | {"newest": asdict(self.newest) if self.newest else None}

    def sentences(self) -> str:
        """For a person."""
        lines = [
            f"restored from {self.backup} and {self.replayed / 2**20:.1f} MB of the log after it",
            f"RPO {self.rpo:.3f} s of at most {self.rpo_max:g}: {self.lost} operations lost",
            f"RTO {self.rto:.1f} s of at most {self.rto_max:g}: "
            + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.phases.items()),
        ]
        lines += [f"{each.name}: {each.detail}" for each in self.proofs]
        return "\n".join([*lines, "the drill succeeded" if self.ok else "THE DRILL FAILED"])


async def drill(
    pool: Pool, directory: Directory, *, folder: Path | None, proofs: Sequence[Proof],
    rpo_max: float, rto_max: float, actor: str, tell: Tell,
) -> Drilled:  # fmt: skip
    """Restore in ``folder`` (None: where temporary files go), measure, prove, clean up."""
    found = Drilled(rpo_max=rpo_max, rto_max=rto_max)
    moment = await gone_now(pool, actor)
    home = temporary_home(folder)
    try:
        await restored(found, pool, directory, home, moment, proofs, tell)
    finally:
        await to_its_end(discard, home)
    detail = {
        "backup": found.backup, "rpo_ms": round(found.rpo * 1000),
        "rto_ms": round(found.rto * 1000), "ok": found.ok,
    }  # fmt: skip
    await note(pool, "EndDrill", actor=actor, detail=detail)
    return found


async def gone_now(pool: Pool, actor: str) -> Moment:
    """Acknowledge an operation, and see what has been acknowledged and what has been received."""
    marker = await note(pool, "BeginDrill", actor=actor, detail={"drill": "backup"})
    if not marker:
        raise Refused("R-BOOK-01", "there is no book yet: `usance book create` makes one")
    acknowledged = await store.recent_operations(pool, 2**63 - 1)
    slot = await store.slot(pool)
    at = await store.now(pool)
    return Moment(at, marker, acknowledged, slot.received if slot else None)


async def restored(
    found: Drilled, pool: Pool, directory: Directory, home: Path, moment: Moment,
    proofs: Sequence[Proof], tell: Tell,
) -> None:  # fmt: skip
    """The timed part, and what was lost."""
    watch = Watch(found.phases)
    with directory.read():
        plan = await to_its_end(planned, directory, end=moment.received)
        recovered, cluster = await to_its_end(recover, directory, home, plan, tell)
    watch.lap("restored")
    there = await open_pool(await made_ours(cluster, plan.backup), 4)
    try:
        found.newest = await store.newest(there)
        watch.lap("answering")
        for proof in proofs:
            proved = await proof(there)
            found.proofs.append(proved)
            watch.lap(proved.name)
            tell(f"{proved.name}: {proved.detail}")
        found.rto = watch.total
        note_recovered(found, recovered)
        await count_lost(found, pool, there, moment)
    finally:
        await there.close()


def temporary_home(folder: Path | None) -> Path:
    """A folder that the server's user can pass through."""
    home = Path(tempfile.mkdtemp(prefix="usance-drill-", dir=folder))
    home.chmod(0o711)
    return home


class Watch:
    """Seconds, by what they were spent on."""

    def __init__(self, phases: dict[str, float]) -> None:
        self.phases = phases
        self.began = self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Since the last one."""
        now = time.perf_counter()
        self.phases[name] = round(now - self.last, 3)
        self.last = now

    @property
    def total(self) -> float:
        """Until the last lap."""
        return round(self.last - self.began, 3)


def note_recovered(found: Drilled, recovered: Recovered) -> None:
    """What it was restored from."""
    found.backup = recovered.backup.name
    found.replayed = recovered.replayed


async def count_lost(found: Drilled, live: Pool, there: Pool, moment: Moment) -> None:
    """Acknowledged operations that are not there: the newest first, until a whole chunk is there.

    What is lost is always the end of the log, and ids are in the order of time but for operations
    that were under way together, which are fewer than a chunk.
    """
    chunk = moment.acknowledged
    while chunk:
        known = await store.known_operations(there, [row["operation_id"] for row in chunk])
        lost = [row["recorded_at"] for row in chunk if row["operation_id"] not in known]
        if not lost:
            return
        found.lost += len(lost)
        found.rpo = round((moment.at - min(lost)).total_seconds(), 3)
        chunk = await store.recent_operations(live, chunk[-1]["operation_id"])
