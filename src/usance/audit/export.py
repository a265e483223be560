"""Everything an external auditor needs, as files: ``usance audit export DIR``.

One read-only transaction sees one moment. Files are written in full, then named with their hashes
in a manifest, and the manifest is signed. ``verify_export`` reads them; ``README.md`` in the
export says how to do it by hand.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from importlib.abc import Traversable
from pathlib import Path
from typing import IO, Any

import msgspec

from usance.audit import merkle, outside, proofs, store
from usance.audit.documents import Hash
from usance.audit.note import PrivateKey
from usance.audit.store import Kept
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.ledger.chart import ACCOUNTS
from usance.platform.database import Connection, Pool, one_moment

FORMAT = "usance audit export 1"
EVENTS, LEAVES, CONSISTENCY = "events.jsonl", "leaves.txt", "consistency.json"
LEDGER, BALANCE, PRODUCTS = "ledger.csv", "trial_balance.csv", "products.json"
CHECKPOINTS, POLICIES, README = "checkpoints", "policies", "README.md"
MANIFEST, SIGNATURE = "manifest.json", "manifest.note"
LEDGER_COLUMNS = ("booked_on", "product_id", "account", "name", "debit", "credit")
BALANCE_COLUMNS = ("account", "kind", "name", "debit", "credit", "balance")


class Listed(msgspec.Struct, forbid_unknown_fields=True):
    """A file of the export."""

    sha256: str
    size: int


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """The proof that one checkpoint extends the one before."""

    old: int
    new: int
    path: list[Hash]


class Manifest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the export holds; signed."""

    format: str
    book: str
    currency: str
    made_at: str
    business_date: str
    ledger_through: str | None
    size: int
    public_key: str
    files: dict[str, Listed]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the export goes."""

    path: Path

    def write(self, name: str, content: bytes) -> None:
        """One file at once."""
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def open(self, name: str) -> IO[bytes]:
        """A large file."""
        return (self.path / name).open("wb")

    def listed(self) -> dict[str, Listed]:
        """Every file with its hash."""
        found = {}
        for place in sorted(each for each in self.path.rglob("*") if each.is_file()):
            with place.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = place.relative_to(self.path).as_posix()
            found[name] = Listed(digest, place.stat().st_size)
        return found


@rule("R-PROOF-08")
async def export(pool: Pool, key: PrivateKey, directory: Path, made_at: datetime) -> Manifest:
    """Write the export of the newest checkpoint into a new or empty directory."""
    folder = await asyncio.to_thread(empty_folder, directory)
    async with one_moment(pool) as connection:
        kept = (await store.checkpoints(connection))[::-1]
        if not kept:
            raise Refused("R-PROOF-11", "there is no checkpoint yet")
        size = kept[-1].size
        await write_events(connection, folder, size)
        await write_checkpoints(connection, folder, kept)
        through = await write_ledger(connection, folder, size)
        await write_products(connection, folder)
        name, currency, business_date = await store.book(connection)
    await asyncio.to_thread(write_texts, folder)
    files = await asyncio.to_thread(folder.listed)
    manifest = Manifest(
        format=FORMAT, book=name, currency=currency, made_at=made_at.isoformat(),
        business_date=business_date.isoformat(), ledger_through=through, size=size,
        public_key=str(key.public), files=files,
    )  # fmt: skip
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    await asyncio.to_thread(folder.write, MANIFEST, content)
    note = key.sign(manifest_text(content), made_at)
    await asyncio.to_thread(folder.write, SIGNATURE, note.encode())
    return manifest


def manifest_text(content: bytes) -> str:
    """What is signed of a manifest; never to be mistaken for a checkpoint."""
    return f"{FORMAT}\nsha256 {hashlib.sha256(content).hexdigest()}\n"


def empty_folder(directory: Path) -> Folder:
    """The directory, made if it is not there; refused if something is in it."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise Refused("R-PROOF-08", "the directory is not empty", str(directory))
    return Folder(directory)


async def write_events(connection: Connection, folder: Folder, size: int) -> None:
    """Each event on its line, and the hash of its leaf on the same line of another file."""
    with (
        await asyncio.to_thread(folder.open, EVENTS) as events,
        await asyncio.to_thread(folder.open, LEAVES) as leaves,
    ):
        async for rows in store.event_texts(connection, size):
            lines = "".join(f"{text or ''}\n" for _, _, text in rows)
            await asyncio.to_thread(events.write, lines.encode())
            hashes = "".join(f"{hashed.hex()}\n" for _, hashed, _ in rows)
            await asyncio.to_thread(leaves.write, hashes.encode())


async def write_checkpoints(
    connection: Connection, folder: Folder, kept: Sequence[Kept]
) -> None:
    """All checkpoints, and the proof of each that it extends the one before."""
    found: list[Step] = []
    for old, new in zip([None, *kept[:-1]], kept, strict=True):
        name = f"{CHECKPOINTS}/{outside.name_of(new.size)}"
        await asyncio.to_thread(folder.write, name, new.note.encode())
        if old is not None:
            ranges = merkle.consistency_ranges(old.size, new.size)
            path = await proofs.hashes(connection, ranges)
            found.append(Step(old.size, new.size, [each.hex() for each in path]))
    content = msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    await asyncio.to_thread(folder.write, CONSISTENCY, content)


async def write_ledger(connection: Connection, folder: Folder, size: int) -> str | None:
    """Turnover of each closed day, and the trial balance that it adds up to; the last day."""
    rows = await store.turnover(connection, size)
    named = [[*row[:3], ACCOUNTS.get(row[2], ("", ""))[1], *row[3:]] for row in rows]
    await asyncio.to_thread(folder.write, LEDGER, table(LEDGER_COLUMNS, named))
    balances = table(BALANCE_COLUMNS, trial_balance((row[2], *row[3:]) for row in rows))
    await asyncio.to_thread(folder.write, BALANCE, balances)
    return rows[-1][0].isoformat() if rows else None


def trial_balance(rows: Iterable[tuple[int, int, int]]) -> Iterator[list[Any]]:
    """Accounts with all that moved: (account, debit, credit) added up."""
    sums: dict[int, list[int]] = {}
    for account, debit, credit in rows:
        found = sums.setdefault(account, [0, 0])
        found[0] += debit
        found[1] += credit
    for account, (debit, credit) in sorted(sums.items()):
        kind, name = ACCOUNTS.get(account, ("", ""))[:2]
        yield [account, kind, name, debit, credit, debit - credit]


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


async def write_products(connection: Connection, folder: Folder) -> None:
    """Products in force."""
    found = await store.products(connection)
    content = msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"
    await asyncio.to_thread(folder.write, PRODUCTS, content)


def write_texts(folder: Folder) -> None:
    """Policies in force, and how to check the export."""
    for name, content in policies(resources.files("usance.policies")):
        folder.write(f"{POLICIES}/{name}", content)
    folder.write(README, resources.files("usance.audit").joinpath("export.md").read_bytes())


def policies(folder: Traversable, path: str = "") -> Iterator[tuple[str, bytes]]:
    """(name, content) of every policy document."""
    for each in sorted(folder.iterdir(), key=lambda file: file.name):
        if each.is_dir():
            yield from policies(each, f"{path}{each.name}/")
        elif each.name.endswith((".yaml", ".yml")):
            yield f"{path}{each.name}", each.read_bytes()
