"""``usance audit``: sequence, prove, verify, export and check the tree over the audit events."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from usance.cli.house import opened, run

if TYPE_CHECKING:
    from usance.audit.check import Trust
    from usance.audit.documents import Shown
    from usance.audit.note import PublicKey
    from usance.audit.sequencer import Sequencer
    from usance.platform.config import Settings
    from usance.platform.database import Pool

NOT_PROVEN = 1


def sequence(*, once: bool = False) -> None:
    """Give audit events their places in the tree and sign its root; `usance serve` does so too.

    Parameters
    ----------
    once
        Sequence what there is, sign, and end.
    """
    run(_sequence(once=once))


async def _sequence(*, once: bool) -> None:
    async with opened() as (settings, pool):
        sequencer = sequencer_of(settings, pool)
        if once:
            print(f"{await sequencer.catch_up()} events sequenced")
        else:
            await sequencer.run()


def sequencer_of(settings: Settings, pool: Pool) -> Sequencer:
    """A sequencer with the key and the directory of the settings."""
    from usance.audit.key import open_key
    from usance.audit.sequencer import Sequencer

    return Sequencer(pool, open_key(settings.audit_key_file), settings.checkpoint_directory)


def key() -> None:
    """Print the public key that signs checkpoints: give it to whoever is to verify them."""
    from usance.audit.key import open_key
    from usance.platform.config import Settings

    print(open_key(Settings.from_environment().audit_key_file).public)


def prove(identifier: str, *, out: Path | None = None) -> None:
    """Prove that an event is in the signed tree; the proof needs no database to be verified.

    Parameters
    ----------
    identifier
        The event, such as p-1x2y3z.
    out
        A file for the proof, instead of standard output.
    """
    run(_prove(identifier, out))


async def _prove(identifier: str, out: Path | None) -> None:
    from usance.audit import proofs
    from usance.audit.key import open_key
    from usance.core.identifiers import parse
    from usance.core.refusals import Refused

    try:
        operation_id = parse("operation", identifier)
    except ValueError:
        raise Refused("R-FOUND-01", "there is no such operation", "ID") from None
    async with opened() as (settings, pool):
        await sequencer_of(settings, pool).catch_up()
        public = open_key(settings.audit_key_file).public
        await write(await proofs.inclusion(pool, operation_id, public), out)


def consistency(old: int, new: int, *, out: Path | None = None) -> None:
    """Prove that the tree of one checkpoint begins with the tree of an earlier one.

    Parameters
    ----------
    old
        How many events the earlier checkpoint covers.
    new
        How many the later one covers.
    out
        A file for the proof, instead of standard output.
    """
    run(_consistency(old, new, out))


async def _consistency(old: int, new: int, out: Path | None) -> None:
    from usance.audit import proofs
    from usance.audit.key import open_key

    async with opened() as (settings, pool):
        public = open_key(settings.audit_key_file).public
        await write(await proofs.consistency(pool, old, new, public), out)


async def write(document: Any, out: Path | None) -> None:
    """A document to a file, or to standard output."""
    import msgspec

    content = msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
    if out is None:
        sys.stdout.write(content.decode())
    else:
        await asyncio.to_thread(out.write_bytes, content)


def verify(
    path: Path, *, key: Annotated[list[str] | None, Parameter()] = None,
    checkpoint: Path | None = None,
) -> None:  # fmt: skip
    """Verify a proof or an export, with no database; exit status 1 if it does not hold.

    Parameters
    ----------
    path
        The file of a proof, or the directory of an export.
    key
        A public key that is believed, as `usance audit key` prints it (may be repeated).
        Without one: the key inside is believed, and named.
    checkpoint
        A checkpoint that was kept from before, or a directory of them: an export must extend it.
    """
    from usance.audit.note import NotProven, PublicKey

    try:
        pinned = [PublicKey.parse(each) for each in key or []]
        found = verified(path, pinned, checkpoint)
    except NotProven as error:
        print(f"NOT PROVEN: {error}")
        sys.exit(NOT_PROVEN)
    print("\n".join(found.lines))
    believed = "signed by the key given" if pinned else "believed the key inside (--key pins one)"
    print(f"{believed}: {found.believed}")


def verified(path: Path, pinned: list[PublicKey], checkpoint: Path | None) -> Shown:
    """What is proven; raises ``NotProven``."""
    from usance.audit.documents import DOCUMENT_MAX, shown
    from usance.audit.verify_export import verify as verify_export
    from usance.core.refusals import Refused

    if path.is_dir():
        return verify_export(path, pinned, notes(checkpoint))
    if checkpoint is not None:
        raise Refused("R-PROOF-08", "a checkpoint from before is held against an export",
                      "--checkpoint")  # fmt: skip
    with path.open("rb") as file:
        return shown(file.read(DOCUMENT_MAX + 1), pinned)


def notes(place: Path | None) -> list[str]:
    """Checkpoints that somebody kept: one file, or all of a directory."""
    from usance.audit import outside

    if place is None:
        return []
    paths = outside.files(place) if place.is_dir() else [place]
    return [path.read_text("utf-8") for path in paths]


def export(directory: Path) -> None:
    """Write all that an external auditor needs: events, checkpoints, trial balance, policies.

    Parameters
    ----------
    directory
        A new or empty directory.
    """
    run(_export(directory))


async def _export(directory: Path) -> None:
    from usance.audit.export import export as write_export
    from usance.audit.key import open_key
    from usance.platform.clock import SystemClock

    async with opened() as (settings, pool):
        await sequencer_of(settings, pool).catch_up()
        signs = open_key(settings.audit_key_file)
        manifest = await write_export(pool, signs, directory, SystemClock().now())
    print(f"{manifest.size} events, ledger through {manifest.ledger_through}: {directory}")
    print(f"verify with --key {signs.public}")


def check() -> None:
    """Prove the tree from the rows of the database; exit status 1 with the first bad row named."""
    sys.exit(run(_check()))


async def _check() -> int:
    from usance.audit.check import SENTENCES
    from usance.audit.check import run as run_check
    from usance.platform.database import one_moment

    async with opened() as (settings, pool):
        await sequencer_of(settings, pool).catch_up()
        async with one_moment(pool) as connection:
            checked = await run_check(connection, trust_of(settings))
    broken = {each.invariant for each in checked.flaws}
    for name, sentence in SENTENCES.items():
        print(f"{name} {'DOES NOT HOLD' if name in broken else 'holds'}: {sentence}")
    print("\n".join([*checked.told, *map(str, checked.flaws)]))
    print(f"{len(checked.flaws)} flaws" if checked.flaws else "the tree holds")
    return NOT_PROVEN if checked.flaws else 0


def trust_of(settings: Settings) -> Trust:
    """What the tree is held against: our own key, if there is one, and what is kept outside."""
    from usance.audit.check import Trust
    from usance.audit.key import open_key

    path = settings.audit_key_file
    keys = [open_key(path).public] if path.exists() else []
    return Trust(keys, settings.checkpoint_directory)
