"""``usance borrowers ...``: a person is erased, kept by a legal hold, or told everything."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from usance.cli.house import opened, operator, run

if TYPE_CHECKING:
    from usance.identity.erasure import HeldAct


def erase(borrower: str, *, reason: str) -> None:
    """Erase a person for good by destroying the person's key; ledger and audit stay as they are.

    Refused while anything is open or owed, while a legal hold stands, or before the time that
    records must be kept is over.

    Parameters
    ----------
    borrower
        The borrower's id, b-...
    reason
        request (the person asked for it), retention (the time is over) or mistake.
    """
    run(_erase(borrower, reason))


async def _erase(borrower: str, reason: str) -> None:
    from usance.identity import erasure
    from usance.web import personal  # noqa: F401 (enters what stands in the way)

    borrower_id = borrower_of(borrower)
    async with opened() as (settings, pool):
        await erasure.erase(
            pool, borrower_id, reason, actor=operator(), list_file=settings.erasures_file
        )
    print(f"{borrower} is erased; backups from before still hold the person's wrapped key")


def set_hold(borrower: str, *, reason: str) -> None:
    """Forbid a person's erasure until the hold is lifted.

    Parameters
    ----------
    borrower
        The borrower's id, b-...
    reason
        court, authority, dispute or investigation.
    """
    run(_set_hold(borrower, reason))


async def _set_hold(borrower: str, reason: str) -> None:
    from usance.identity.erasure import SetLegalHold

    await _hold(SetLegalHold(borrower_of(borrower), reason))
    print(f"{borrower} cannot be erased until the hold is lifted")


def lift_hold(borrower: str) -> None:
    """Lift the legal hold on a person.

    Parameters
    ----------
    borrower
        The borrower's id, b-...
    """
    run(_lift_hold(borrower))


async def _lift_hold(borrower: str) -> None:
    from usance.identity.erasure import LiftLegalHold

    await _hold(LiftLegalHold(borrower_of(borrower)))
    print(f"the legal hold on {borrower} is lifted")


async def _hold(act: HeldAct) -> None:
    from usance.identity import erasure
    from usance.identity.changing import Asking

    async with opened() as (settings, pool):
        await erasure.perform(pool, act, Asking(operator()), settings.erasures_file)


def export(borrower: str, *, out: Path) -> None:
    """Write everything held about a person as JSON into a new file that only its owner can read.

    Parameters
    ----------
    borrower
        The borrower's id, b-...
    out
        The file; one that is there is not overwritten.
    """
    run(_export(borrower, out))


async def _export(borrower: str, out: Path) -> None:
    import msgspec

    from usance.core.refusals import Refused
    from usance.identity.accesses import EXPORT, by_operator
    from usance.platform.clock import SystemClock
    from usance.platform.key_client import open_keys
    from usance.web import personal

    borrower_id = borrower_of(borrower)
    async with opened() as (settings, pool):
        seen = by_operator(operator(), EXPORT, SystemClock())
        found = await personal.export(pool, open_keys(settings), borrower_id, seen)
    if found is None:
        raise Refused("R-FOUND-01", "there is no such borrower", "ID")
    content = msgspec.json.format(msgspec.json.encode(found), indent=2)
    await asyncio.to_thread(write_new, out, content + b"\n")
    print(f"everything held about {borrower} is in {out}")


def borrower_of(text: str) -> int:
    """A borrower's number; what cannot be one is not there."""
    from usance.core.identifiers import parse
    from usance.core.refusals import Refused

    try:
        return parse("borrower", text)
    except ValueError as error:
        raise Refused("R-FOUND-01", "there is no such borrower", "ID") from error


def write_new(path: Path, content: bytes) -> None:
    """A file that was not there, for its owner alone."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
