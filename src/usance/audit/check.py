"""Proof of the tree itself, from the rows of the database.

Every operation has its leaf, every stored hash is what it should be, and the root extends every
checkpoint, also those that are kept outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from usance.audit import outside, store
from usance.audit.merkle import EMPTY_ROOT, HASH_BYTES, Peaks
from usance.audit.note import (
    Checkpoint,
    NotProven,
    PublicKey,
    checkpoint_of,
    unproven_checkpoint,
)
from usance.audit.store import Head, Kept
from usance.core.identifiers import written
from usance.core.rules import rule
from usance.platform.database import Connection

SENTENCES = {
    "INV-PROOF-01": "Every operation has its leaf.",
    "INV-PROOF-02": "Every leaf has its operation, and is its hash.",
    "INV-PROOF-03": "Leaves are numbered without a gap, and complete their subtrees.",
    "INV-PROOF-04": "What the sequencer knows of the tree is so.",
    "INV-PROOF-05": "A checkpoint is signed, and its root is that of its leaves.",
    "INV-PROOF-06": "The tree extends every checkpoint that is kept outside.",
}


class Flaw(NamedTuple):
    """What does not hold: the invariant in words, the row, what it should be and what it is."""

    invariant: str
    sentence: str
    table: str
    key: str
    expected: str
    found: str


def flaw(invariant: str, table: str, key: str, expected: object, found: object) -> Flaw:
    """A flaw with the invariant's sentence."""
    return Flaw(invariant, SENTENCES[invariant], table, key, shown(expected), shown(found))


def shown(value: object) -> str:
    """Hashes in hexadecimal."""
    return value.hex() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the tree is held against.

    Without ``keys`` signatures are not looked at. ``directory`` has the checkpoints that are kept
    outside. ``patience`` is how many seconds an operation may wait for its leaf (None: as long as
    it takes, where no sequencer may be running).
    """

    keys: Sequence[PublicKey] = ()
    directory: Path | None = None
    patience: float | None = None


@dataclass(slots=True)
class Checked:
    """Flaws, at most a few for each invariant, and what there is to be told."""

    flaws: list[Flaw] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    size: int = 0
    roots: dict[int, bytes] = field(default_factory=dict)


@rule("R-PROOF-10")
async def run(connection: Connection, trust: Trust) -> Checked:
    """Check all that the transaction of ``connection`` sees."""
    keys, directory = trust.keys, trust.directory
    checked = Checked()
    head, sealed = await store.head_of(connection)
    head = head if sealed else Head(head.size, head.checkpoints)  # its snapshot means nothing
    kept = (await store.checkpoints(connection))[::-1]
    told = await asyncio.to_thread(outside.all_of, directory) if directory else []
    apart = [each for _, each in told if isinstance(each, Checkpoint)]
    checked.flaws += await compared(connection, head, trust.patience, checked)
    sizes = {each.size for each in kept} | {each.size for each in apart}
    checked.flaws += await walked(connection, head, sizes, checked)
    checked.flaws += await head_stands(connection, kept, checked)
    checked.flaws += checkpoints_stand(kept, head, keys, checked)[:1]
    checked.flaws += outside_stands(told, kept, checked)[:1]
    checked.told.append(
        f"{checked.size} leaves, {len(kept)} checkpoints, {len(told)} kept outside; "
        + (f"signatures of {', '.join(each.name for each in keys)}" if keys else "no key given")
    )
    return checked


async def compared(
    connection: Connection, head: Head, patience: float | None, checked: Checked
) -> list[Flaw]:
    """Operations and leaves side by side."""
    found = []
    for what, operation, index, action, hashed, count in await store.side_by_side(
        connection, head.snapshot, patience
    ):
        key = f"{operation} {action}"
        if what == "waits":
            checked.told.append(f"{count} operations wait for their leaf")
        elif what == "no leaf":
            found.append(flaw("INV-PROOF-01", "operation", key, "a leaf", f"none ({count} such)"))
        elif what == "no operation":
            leaf, named = f"leaf {index} of {operation}", written("operation", max(operation, 0))
            wanted = f"operation {operation} ({named})"
            found.append(flaw("INV-PROOF-02", "audit_leaf", leaf, wanted, f"none ({count} such)"))
        else:
            wanted_hash = await store.hash_now(connection, operation)
            row = f"{key}, leaf {index}"
            found.append(flaw("INV-PROOF-02", "operation", row, hashed, wanted_hash))
    return found


async def walked(
    connection: Connection, head: Head, sizes: set[int], checked: Checked
) -> list[Flaw]:
    """All leaves in order: their numbers, their subtrees, and the roots of trees of ``sizes``."""
    found: list[Flaw] = []
    peaks = Peaks()
    checked.roots[0] = EMPTY_ROOT
    async for rows in store.leaves(connection):
        for index, hashed, subtrees in rows:
            if index != peaks.size or len(hashed) != HASH_BYTES:
                checked.size = peaks.size
                key = min(index, peaks.size) if peaks.size < head.size else index
                wanted = f"leaf {peaks.size}"
                return [*found, flaw("INV-PROOF-03", "audit_leaf", f"leaf {key}", wanted,
                                     f"leaf {index} of {len(hashed)} bytes")]  # fmt: skip
            wanted_trees = peaks.add(hashed)
            if wanted_trees != subtrees and not found:
                found.append(
                    flaw("INV-PROOF-03", "audit_leaf", f"leaf {index}", wanted_trees, subtrees)
                )
            if peaks.size in sizes:
                checked.roots[peaks.size] = peaks.root()
    checked.size = peaks.size
    if peaks.size < head.size and not found:
        missing = f"leaf {peaks.size}"
        found.append(flaw("INV-PROOF-03", "audit_leaf", missing, f"{head.size} leaves", "no leaf"))
    return found


async def head_stands(connection: Connection, kept: list[Kept], checked: Checked) -> list[Flaw]:
    """The row that says how large the tree is."""
    rows = await store.heads(connection)
    if not rows:
        there = checked.size or kept
        return [flaw("INV-PROOF-04", "audit_tree", "true", "a row", "none")] if there else []
    if len(rows) > 1 or not rows[0][5]:
        key = str(rows[-1][5]).lower()
        return [flaw("INV-PROOF-04", "audit_tree", key, "one row", f"{len(rows)} rows")]
    head, seal = Head(*rows[0][:4]), rows[0][4]
    wanted = (checked.size, len(kept), Head(*rows[0][:4]).seal)
    if wanted == (head.size, head.checkpoints, seal):
        return []
    expected = f"{checked.size} leaves, {len(kept)} checkpoints, seal {head.seal.hex()}"
    found = f"{head.size} leaves, {head.checkpoints} checkpoints, seal {shown(seal)}"
    return [flaw("INV-PROOF-04", "audit_tree", "true", expected, found)]


def checkpoints_stand(
    kept: list[Kept], head: Head, keys: Sequence[PublicKey], checked: Checked
) -> list[Flaw]:
    """Numbers and sizes rise; note and row say the same; the root is that of the leaves."""
    found: list[Flaw] = []
    size = 0
    for number, each in enumerate(kept, 1):
        key = f"checkpoint {number}"
        if each.number != number or each.size <= size:
            missing = number <= head.checkpoints and each.number > number
            key = f"checkpoint {number if missing else each.number}"
            wanted = f"checkpoint {number} of more than {size} leaves"
            told = f"checkpoint {each.number} of {each.size} leaves"
            return [*found, flaw("INV-PROOF-05", "audit_checkpoint", key, wanted, told)]
        size = each.size
        try:
            checkpoint_stands(each, keys, checked)
        except NotProven as error:
            found.append(
                flaw("INV-PROOF-05", "audit_checkpoint", key, "a signed root of the tree", error)
            )
    return found


def checkpoint_stands(kept: Kept, keys: Sequence[PublicKey], checked: Checked) -> None:
    """One of them; raises ``NotProven``."""
    said = signed_by_one(kept.note, keys) if keys else unproven_checkpoint(kept.note)
    if (said.size, said.root) != (kept.size, bytes(kept.root)):
        raise NotProven("the note says something else than the row")
    if keys and said.made_at != kept.made_at:
        raise NotProven(f"the note was signed at {said.made_at}, not at {kept.made_at}")
    root_stands(said, checked)


@rule("R-PROOF-07")
def signed_by_one(note: str, keys: Sequence[PublicKey]) -> Checkpoint:
    """The checkpoint, if one of the keys signed it."""
    errors = []
    for key in keys:
        try:
            return checkpoint_of(note, key)
        except NotProven as error:
            errors.append(str(error))
    raise NotProven("; ".join(errors))


def root_stands(said: Checkpoint, checked: Checked) -> None:
    """The tree's first leaves have the root that was signed."""
    root = checked.roots.get(said.size)
    if root is None:
        raise NotProven(f"it covers {said.size} leaves, the tree has {checked.size} in order")
    if root != said.root:
        raise NotProven(f"the root of {said.size} leaves is {root.hex()}, not {said.root.hex()}")


def outside_stands(
    told: Sequence[tuple[str, Checkpoint | NotProven]], kept: list[Kept], checked: Checked
) -> list[Flaw]:
    """Files kept outside: each is of a tree that this one extends, and still has its row."""
    found = []
    rows = {each.size: each.note for each in kept}
    for name, said in told:
        try:
            if isinstance(said, NotProven):
                raise said
            root_stands(said, checked)
            if rows.get(said.size) != said.note:
                raise NotProven("the database does not hold this checkpoint")
        except NotProven as error:
            wanted = "a checkpoint that the tree extends"
            found.append(flaw("INV-PROOF-06", "audit_checkpoint", name, wanted, error))
    return found
