"""Check an export (``export``) with nothing but its files: no database, no network.

Everything is recomputed and held against what was signed. The first row that does not hold ends
the check with its name.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from usance.audit import export as names
from usance.audit import merkle, outside
from usance.audit.documents import Shown, event_of, said, signed
from usance.audit.export import Manifest, Step, manifest_text, table, trial_balance
from usance.audit.merkle import Peaks
from usance.audit.note import Checkpoint, NotProven, PublicKey, opened
from usance.audit.sequencer import FINISH_DAY
from usance.core.rules import rule
from usance.ledger.digest import digest

Shape = TypeVar("Shape")
LINE_MAX = 10_000_000
Tell = Callable[[str], None]


@dataclass(slots=True)
class Checked:
    """What is known of an export so far."""

    place: Path
    manifest: Manifest
    keys: list[PublicKey]
    roots: dict[int, bytes] = field(default_factory=dict)
    days: dict[str, str] = field(default_factory=dict)  # hash of a day's turnover


@rule("R-PROOF-08")
def verify(place: Path, keys: list[PublicKey], kept: Sequence[str] = ()) -> Shown:
    """What an export proves; ``NotProven`` with the first row that does not hold.

    ``kept`` are checkpoints (notes) that the auditor had from before. With no ``keys`` the key in
    the manifest is believed, which proves no more than that the export agrees with itself.
    """
    manifest, key = manifest_of(place, keys)
    checked = Checked(place, manifest, keys or [key])
    found = checkpoints_of(checked)
    checkpoints = [checkpoint for _, checkpoint in found]
    earlier = [signed(note, checked.keys, "")[0] for note in kept]
    events_stand(checked, {each.size for each in [*checkpoints, *earlier]})
    for name, checkpoint in found:
        root_stands(checked, checkpoint, name)
    for checkpoint in earlier:
        root_stands(checked, checkpoint, f"the checkpoint of {checkpoint.size} events kept before")
    steps_stand(checked, checkpoints)
    days, unbound = ledger_stands(checked)
    files_stand(checked)
    return Shown(told(manifest, checkpoints, earlier, days, unbound), key)


def told(
    manifest: Manifest, checkpoints: list[Checkpoint], earlier: list[Checkpoint], days: int,
    unbound: int,
) -> list[str]:  # fmt: skip
    """In lines."""
    lines = [
        f"{manifest.size} events have the root that {said(checkpoints[-1])}",
        f"{len(checkpoints)} checkpoints, each extends the one before"
        + (f"; {len(earlier)} kept before" if earlier else ""),
        f"turnover of {days} closed days is what the end of each day signed; debits equal credits",
    ]
    if unbound:
        lines.append(f"{unbound} earlier days were closed before their turnover was signed")
    return lines


# -- the manifest ----------------------------------------------------------------------------------


@rule("R-PROOF-07")
def manifest_of(place: Path, keys: list[PublicKey]) -> tuple[Manifest, PublicKey]:
    """The manifest, and the key that signed it: one of those given, else its own."""
    content = read(place, names.MANIFEST)
    manifest = decoded(content, Manifest, names.MANIFEST)
    if manifest.format != names.FORMAT:
        raise NotProven(f"{names.MANIFEST}: {manifest.format[:60]!r} is no format of an export")
    note = text_of(place, names.SIGNATURE)
    errors = []
    for key in keys or [PublicKey.parse(manifest.public_key)]:
        try:
            if opened(note, key).text != manifest_text(content):
                raise NotProven(f"{names.MANIFEST} is not what was signed")
        except NotProven as error:
            errors.append(str(error))
        else:
            return manifest, key
    raise NotProven(f"{names.SIGNATURE}: {'; '.join(errors)}")


def files_stand(checked: Checked) -> None:
    """Every file is the one that was signed, and there is no other."""
    listed = checked.manifest.files
    for name, wanted in sorted(listed.items()):
        path = checked.place / name
        inside = path.resolve().is_relative_to(checked.place.resolve())
        if not inside or not path.is_file():
            raise NotProven(f"{name} is missing")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if (found, path.stat().st_size) != (wanted.sha256, wanted.size):
            raise NotProven(f"{name} is not the file that was signed")
    there = {
        path.relative_to(checked.place).as_posix()
        for path in checked.place.rglob("*") if path.is_file()
    }  # fmt: skip
    surplus = sorted(there - listed.keys() - {names.MANIFEST, names.SIGNATURE})
    if surplus:
        raise NotProven(f"{surplus[0]} is not part of the export")


# -- events ----------------------------------------------------------------------------------------


@rule("R-PROOF-02", "R-PROOF-08")
def events_stand(checked: Checked, sizes: set[int]) -> None:
    """Each event is its leaf; roots of the trees of ``sizes``, and what the ends of days signed."""
    peaks = Peaks()
    events = lines_of(checked.place / names.EVENTS)
    leaves = lines_of(checked.place / names.LEAVES)
    for number, (event, leaf) in enumerate(itertools.zip_longest(events, leaves), 1):
        row = f"{names.EVENTS} line {number}"
        if number > checked.manifest.size or event is None:
            missing = "is missing" if event is None else "is one too many"
            raise NotProven(f"{row} {missing}: there are {checked.manifest.size} events")
        hashed = merkle.leaf_hash(event)
        if leaf is None or leaf != hashed.hex().encode():
            shown_event = event[:200].decode("utf-8", "replace")
            raise NotProven(f"{row} is not the event of its leaf: {shown_event}")
        peaks.add(hashed)
        if peaks.size in sizes:
            checked.roots[peaks.size] = peaks.root()
        if b'"FinishDay"' in event:
            note_day(checked, event, row)
    if peaks.size != checked.manifest.size:
        raise NotProven(f"{names.EVENTS} line {peaks.size + 1} is missing")


def note_day(checked: Checked, line: bytes, row: str) -> None:
    """The end of a day signs the day's turnover."""
    event = event_of(line)
    if event.action != FINISH_DAY:
        return
    if event.business_date in checked.days:
        raise NotProven(f"{row}: {event.business_date} ends twice")
    checked.days[event.business_date] = str(event.detail.get("ledger"))


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file, without their ends."""
    if not path.is_file():
        raise NotProven(f"{path.name} is missing")
    with path.open("rb") as file:
        while line := file.readline(LINE_MAX):
            if not line.endswith(b"\n"):
                raise NotProven(f"{path.name}: its last line has no end")
            yield line[:-1]


# -- checkpoints -----------------------------------------------------------------------------------


def checkpoints_of(checked: Checked) -> list[tuple[str, Checkpoint]]:
    """(file, checkpoint), the smallest tree first; each is signed and named by its size."""
    found: list[tuple[str, Checkpoint]] = []
    for path in outside.files(checked.place / names.CHECKPOINTS):
        name = f"{names.CHECKPOINTS}/{path.name}"
        try:
            note = text_of(checked.place, name)
            checkpoint, _ = signed(note, checked.keys, checked.manifest.public_key)
        except NotProven as error:
            raise NotProven(f"{name}: {error}") from None
        if path.name != outside.name_of(checkpoint.size):
            raise NotProven(f"{name} is a checkpoint of {checkpoint.size} events")
        if found and checkpoint.origin != found[0][1].origin:
            raise NotProven(f"{name} is of another log: {checkpoint.origin}")
        found.append((name, checkpoint))
    if not found or found[-1][1].size != checked.manifest.size:
        raise NotProven(f"there is no checkpoint of {checked.manifest.size} events")
    return found


def root_stands(checked: Checked, checkpoint: Checkpoint, name: str) -> None:
    """The root of the first events is the one that was signed."""
    root = checked.roots.get(checkpoint.size)
    if root is None:
        raise NotProven(f"{name}: the export has only {checked.manifest.size} events")
    if root != checkpoint.root:
        before = max((size for size in checked.roots if size < checkpoint.size), default=0)
        raise NotProven(
            f"{name}: the root of {checkpoint.size} events is another; the first bad row is one of "
            f"{names.EVENTS} lines {before + 1} to {checkpoint.size}"
        )


@rule("R-PROOF-06")
def steps_stand(checked: Checked, checkpoints: list[Checkpoint]) -> None:
    """Each checkpoint extends the one before, by the proof that came along."""
    steps = decoded(read(checked.place, names.CONSISTENCY), list[Step], names.CONSISTENCY)
    pairs = list(itertools.pairwise(checkpoints))
    if [(each.old, each.new) for each in steps] != [(a.size, b.size) for a, b in pairs]:
        raise NotProven(f"{names.CONSISTENCY} does not name every two checkpoints that follow")
    for step, (old, new) in zip(steps, pairs, strict=True):
        path = [bytes.fromhex(each) for each in step.path]
        if not merkle.extends(old.size, old.root, new.size, new.root, path):
            raise NotProven(f"{names.CONSISTENCY}: {new.size} events do not extend {old.size}")


# -- the ledger ------------------------------------------------------------------------------------

Turnover = tuple[int, int, int, int, int]
"""Day (ordinal), product, account, debit, credit."""


@rule("R-PROOF-08", "R-PROOF-09")
def ledger_stands(checked: Checked) -> tuple[int, int]:
    """Turnover is what each day signed and balances; how many days, and how many earlier ones."""
    days: dict[str, list[Turnover]] = {}
    for number, (day, row) in enumerate(turnover(checked), 2):
        if days and day < max(days):
            raise NotProven(f"{names.LEDGER} line {number}: {day} is out of order")
        days.setdefault(day, []).append(row)
    first = min(checked.days, default="9999")
    line = 2
    for day, rows in days.items():
        where = f"{names.LEDGER} lines {line} to {line + len(rows) - 1} ({day})"
        line += len(rows)
        day_stands(checked, day, rows, where, bound=day >= first)
    for day, hashed in checked.days.items():
        if day not in days and hashed != digest([("ledger_day", [])]).hex():
            raise NotProven(f"{names.LEDGER}: the rows of {day} are missing")
    flat = [row for rows in days.values() for row in rows]
    wanted = table(names.BALANCE_COLUMNS, trial_balance((row[2], *row[3:]) for row in flat))
    if wanted != read(checked.place, names.BALANCE):
        raise NotProven(f"{first_difference(wanted, read(checked.place, names.BALANCE))}")
    return len(checked.days), sum(day < first for day in days)


def day_stands(
    checked: Checked, day: str, rows: list[Turnover], where: str, *, bound: bool
) -> None:
    """Debits equal credits, and the rows are those that the end of the day signed."""
    debit, credit = sum(row[3] for row in rows), sum(row[4] for row in rows)
    if debit != credit:
        raise NotProven(f"{where}: debits are {debit}, credits {credit}")
    if bound and checked.days.get(day) != digest([("ledger_day", rows)]).hex():
        raise NotProven(f"{where}: not what the end of the day signed")


def turnover(checked: Checked) -> Iterator[tuple[str, Turnover]]:
    """(day, row) of the ledger."""
    text = text_of(checked.place, names.LEDGER)
    reader = csv.reader(text.splitlines())
    if tuple(next(reader, [])) != names.LEDGER_COLUMNS:
        raise NotProven(f"{names.LEDGER} line 1: other columns")
    for number, row in enumerate(reader, 2):
        try:
            day, product, account, _, debit, credit = row
            ordinal = date.fromisoformat(day).toordinal()
            yield day, (ordinal, int(product), int(account), int(debit), int(credit))
        except ValueError:
            raise NotProven(f"{names.LEDGER} line {number} cannot be read") from None


def first_difference(wanted: bytes, found: bytes) -> str:
    """Where the trial balance is not the sum of the ledger."""
    both = itertools.zip_longest(wanted.splitlines(), found.splitlines(), fillvalue=b"nothing")
    for number, (one, other) in enumerate(both, 1):
        if one != other:
            said_here = other.decode("utf-8", "replace")
            return f"{names.BALANCE} line {number} is {said_here}, not {one.decode()}"
    return f"{names.BALANCE} has other line ends"


# -- files -----------------------------------------------------------------------------------------


def read(place: Path, name: str) -> bytes:
    """A file of the export."""
    path = place / name
    if not path.is_file():
        raise NotProven(f"{name} is missing")
    return path.read_bytes()


def text_of(place: Path, name: str) -> str:
    """A file of text."""
    try:
        return read(place, name).decode()
    except UnicodeDecodeError:
        raise NotProven(f"{name} is no text") from None


def decoded(content: bytes, shape: type[Shape], name: str) -> Shape:
    """A document in its shape."""
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotProven(f"{name} cannot be read: {error}") from None
