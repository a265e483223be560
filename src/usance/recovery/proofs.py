"""What a drill asks of the restored book before it says that the backup is one."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from usance.audit import outside
from usance.audit import proofs as audit
from usance.audit.check import Trust
from usance.audit.documents import shown
from usance.audit.note import NotProven, PublicKey
from usance.audit.store import newest_checkpoint
from usance.core.refusals import Refused
from usance.day import verify
from usance.platform.database import Pool
from usance.recovery import store

INCLUSIONS = 1_000
"""Events whose place in the signed tree is proved, drawn by lot."""


@dataclass(frozen=True, slots=True)
class Proved:
    """One question and its answer."""

    name: str
    ok: bool
    detail: str


Proof = Callable[[Pool], Awaitable[Proved]]
"""Looks at the restored book, which nobody else uses."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Checkpoints as they lay outside of the book at the moment when everything was lost."""

    files: Sequence[tuple[str, str]]
    """Name and content, the smallest tree first."""

    @classmethod
    def at(cls, directory: Path | None) -> Kept:
        """Look now."""
        paths = outside.files(directory) if directory is not None and directory.is_dir() else []
        return cls([(path.name, path.read_text("utf-8")) for path in paths])

    def within(self, size: int) -> tuple[list[tuple[str, str]], int]:
        """Those that a tree of so many leaves can be held against, and how many go beyond it."""
        found = [each for each in self.files if each[0] <= outside.name_of(size)]
        return found, len(self.files) - len(found)


@dataclass(frozen=True, slots=True)
class Invariants:
    """Every invariant of the book and of its audit tree, as ``usance verify`` proves them.

    The tree is held against the checkpoints that lay outside when everything was lost. One that
    covers events which were lost, too, is told, and does not count against the rest.
    """

    keys: Sequence[PublicKey]
    kept: Kept

    async def __call__(self, pool: Pool) -> Proved:
        """Prove them."""
        files, beyond = self.kept.within(await store.leaves(pool))
        with laid_out(files) as folder:
            findings = await verify.run(pool, trust=Trust(self.keys, folder))
        if findings:
            return Proved("verify", ok=False, detail=str(findings[0]))
        return Proved("verify", ok=True, detail=f"every invariant holds; {said(files, beyond)}")


@contextmanager
def laid_out(files: Sequence[tuple[str, str]]) -> Iterator[Path | None]:
    """A folder with these checkpoints; None where there is none."""
    with TemporaryDirectory(prefix="usance-kept-") as folder:
        for name, text in files:
            Path(folder, name).write_text(text, "utf-8")
        yield Path(folder) if files else None


def said(files: Sequence[tuple[str, str]], beyond: int) -> str:
    """What the root was held against."""
    later = f", {beyond} later ones cover events that were lost" if beyond else ""
    if not files:
        return f"no checkpoint is kept outside (USANCE_CHECKPOINT_DIR){later}"
    return f"the root extends {len(files)} checkpoints kept outside, the last {files[-1][0]}{later}"


@dataclass(frozen=True, slots=True)
class Inclusions:
    """Proofs that events are in the signed tree, each looked at as if there were no book."""

    key: PublicKey
    count: int = INCLUSIONS

    async def __call__(self, pool: Pool) -> Proved:
        """Draw events by lot and prove each."""
        covered = await newest_checkpoint(pool)
        if covered is None:
            return Proved("inclusion", ok=False, detail="no checkpoint is signed")
        size = covered.size
        chosen = random.sample(range(size), min(self.count, size))
        for operation in await store.operations_at(pool, chosen):
            try:
                proof = await audit.inclusion(pool, operation, self.key)
                shown(msgspec.json.encode(proof), [self.key])
            except (Refused, NotProven) as error:
                return Proved("inclusion", ok=False, detail=f"operation {operation}: {error}")
        detail = f"{len(chosen)} events proved to be among the {size} signed"
        return Proved("inclusion", ok=True, detail=detail)
