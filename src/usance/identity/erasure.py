"""A person is erased: the key is destroyed, and what finds the person is taken out.

Ledger, contracts and audit stay as they are, about a number. Erasing again changes nothing. Who was
erased is also kept in a file beside the master key, because a backup that is restored knows the
person again: ``reapply`` forgets all of them anew.

``ACTS`` has what staff asks for as values, which can be kept, hashed, and done later.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from usance.core.identifiers import cell_of_borrower, parse, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import erasure_sql as sql
from usance.identity import retention, store
from usance.identity.borrowers import ERASED
from usance.identity.changing import Asking, Change, Making, once, rehearsed
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.personal import FORGET, LAST_USE, OBSTACLES

REASONS = ("request", "retention", "mistake")
"""The person asked for it; the time of keeping is over; registered by mistake."""
HOLD_REASONS = ("court", "authority", "dispute", "investigation")
"""Who or what keeps the data: words of a list, because free text could name the person."""


@rule("R-ERASE-04")
def checked_reason(reason: str, reasons: tuple[str, ...] = REASONS) -> str:
    """A reason of the list; raises ``Refused``."""
    if reason not in reasons:
        raise Refused("R-ERASE-04", f"reason must be one of {', '.join(reasons)}", "reason")
    return reason


class HeldAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something done to what is held of a person."""

    borrower_id: int


class EraseBorrower(HeldAct, frozen=True):
    """Erase the person for good; ``reason`` is one of ``REASONS``."""

    reason: str


class SetLegalHold(HeldAct, frozen=True):
    """Nobody may erase the person until it is lifted; ``reason`` is one of ``HOLD_REASONS``."""

    reason: str


class LiftLegalHold(HeldAct, frozen=True):
    """The hold stands no more."""


ACTS: dict[str, type[HeldAct]] = {
    each.__name__: each for each in (EraseBorrower, SetLegalHold, LiftLegalHold)
}


async def perform(pool: Pool, act: HeldAct, asking: Asking, list_file: Path) -> Answer:
    """Do it, once for the caller's key, with its audit event. Raises ``Refused``."""
    answer = await once(pool, asking, _making(act))
    if isinstance(act, EraseBorrower):
        await write_list(pool, list_file)
    return answer


async def rehearse(pool: Pool, act: HeldAct, actor: str) -> None:
    """Whether it could be done now. Raises ``Refused`` if not."""
    await rehearsed(pool, actor, _making(act))


def _making(act: HeldAct) -> Making:
    """How it is done."""

    async def make(change: Change) -> dict[str, Any]:
        row = await _checked(change.connection, act)
        if isinstance(act, EraseBorrower):
            await _emptied(change.connection, row, act.reason, change.actor, change.operation_id)
        elif isinstance(act, SetLegalHold):
            await _note_hold(change, act.borrower_id, "SetLegalHold", act.reason)
            await sql.insert_hold(
                change.connection, act.borrower_id, act.reason, change.on, change.operation_id
            )
        else:
            await sql.delete_hold(change.connection, act.borrower_id)
            await _note_hold(change, act.borrower_id, "LiftLegalHold", "lifted")
        return {}

    return make


@rule("R-ERASE-03", "R-ERASE-04", "R-ERASE-05")
async def _checked(connection: Connection, act: HeldAct) -> store.Row:
    """The borrower, alone, if the act can be done; raises ``Refused`` if not."""
    if isinstance(act, EraseBorrower | SetLegalHold):
        reasons = REASONS if isinstance(act, EraseBorrower) else HOLD_REASONS
        checked_reason(act.reason, reasons)
    row = await sql.borrower_alone(connection, act.borrower_id)
    if row is None:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    if isinstance(act, LiftLegalHold):
        if not await sql.hold(connection, act.borrower_id):
            raise Refused("R-ERASE-03", "no legal hold stands", "borrower_id")
        return row
    if row["status"] == ERASED:
        raise Refused("R-ERASE-05", "the borrower is erased", "borrower_id")
    if isinstance(act, EraseBorrower):
        await check_nothing_stands(connection, row)
    return row


async def erase(
    pool: Pool, borrower_id: int, reason: str, *, actor: str, list_file: Path
) -> int:
    """Erase a borrower for good; the operation's id, of whoever was erased already the first one.

    Raises ``Refused`` while something stands.
    """
    act = EraseBorrower(borrower_id, reason)
    try:
        operation_id = (await perform(pool, act, Asking(actor), list_file)).operation_id
    except Refused as refused:
        if refused.refusal.rule != "R-ERASE-05":
            raise
        async with transaction(pool) as connection:
            operation_id = await sql.operation_of(connection, borrower_id)
        await write_list(pool, list_file)
    return operation_id


@rule("R-ERASE-01", "R-ERASE-02", "R-ERASE-03")
async def check_nothing_stands(connection: Connection, borrower: store.Row) -> None:
    """Nothing is open or owed, no hold stands, and the time of keeping is over."""
    assert OBSTACLES and LAST_USE, "usance.web.personal has not entered the rooms"  # noqa: PT018
    borrower_id: int = borrower["borrower_id"]
    if hold := await sql.hold(connection, borrower_id):
        raise Refused("R-ERASE-03", f"a legal hold stands since {hold['since']}", "borrower_id")
    for obstacle in OBSTACLES:
        detail = await obstacle(connection, borrower_id)
        if detail is not None:
            raise Refused("R-ERASE-01", detail, "borrower_id")
    used = [await each(connection, borrower_id) for each in LAST_USE]
    if last := max((day for day in used if day is not None), default=None):
        on = borrower["business_date"]
        until = retention.kept_until(last, retention.in_force(borrower["currency"], on).years)
        if on < until:
            detail = f"the records must be kept until {until}"
            raise Refused("R-ERASE-02", detail, "borrower_id")


@rule("R-ERASE-05")
async def _emptied(
    connection: Connection, borrower: store.Row, reason: str, actor: str, operation_id: int, *,
    again: bool = False,
) -> None:  # fmt: skip
    borrower_id: int = borrower["borrower_id"]
    await sql.empty(connection, borrower_id)
    await sql.forget_requests(connection, borrower_id)
    for forget in FORGET:
        await forget(connection, borrower_id)
    await sql.insert_erasure(connection, borrower, reason, operation_id)
    await store.insert_operation(
        connection, operation_id, actor=actor, action="EraseBorrower",
        on=borrower["business_date"], borrower_id=borrower_id, digest=_digest(borrower_id),
        detail={"reason": reason} | ({"again": True} if again else {}),
    )  # fmt: skip


def _digest(borrower_id: int) -> bytes:
    return digest([("borrower", [(cell_of_borrower(borrower_id), borrower_id, ERASED)])])


# -- legal holds -----------------------------------------------------------------------------------


async def _note_hold(change: Change, borrower_id: int, action: str, reason: str) -> None:
    hashed = digest([("legal_hold", [(cell_of_borrower(borrower_id), borrower_id)])])
    await change.note(action, hashed, {"reason": reason}, borrower_id=borrower_id)


# -- the list beside the master key ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the list: who (and since when, so that nobody else is meant), and why."""

    borrower_id: int
    registered_at: datetime
    line: str

    @property
    def reason(self) -> str:
        """Why the person was erased."""
        return self.line.split()[3]


@dataclass(frozen=True, slots=True)
class Reapplied:
    """What came of forgetting everybody on the list again."""

    erased: int
    """People whom the restored book still knew."""
    already: int
    """People who were erased in it, or who are not in it at all."""


async def write_list(pool: Pool, path: Path) -> list[Listed]:
    """Add to the file whom the book has erased and the file does not name; all that it names."""
    rows = await sql.erasures(pool)
    lines = [
        f"{written('borrower', row['borrower_id'])} {row['registered_at'].isoformat()}"
        f" {row['erased_on']} {row['reason']}"
        for row in rows
    ]
    return await asyncio.to_thread(_added, path, lines)


def read_list(path: Path) -> list[Listed]:
    """The people on the list; none if there is no file. Raises ``Refused`` for a damaged line."""
    whole, _, _ = path.read_text("ascii").rpartition("\n") if path.exists() else ("", "", "")
    return _parsed(whole.splitlines())


async def reapply(pool: Pool, list_file: Path, *, actor: str) -> Reapplied:
    """Erase again whoever is on the list and whom this book, restored from a backup, still knows.

    What stands in the way of a new erasure was looked at the first time and is not asked again.
    Killed half-way, it is simply run again.
    """
    listed = await asyncio.to_thread(read_list, list_file)
    people = {(each.borrower_id, each.registered_at): each for each in listed}
    there = await sql.still_there(pool, list(people))
    for place in sorted(there):
        await _erase_again(pool, people[place], actor)
    await write_list(pool, list_file)
    return Reapplied(len(there), len(people) - len(there))


async def _erase_again(pool: Pool, who: Listed, actor: str) -> None:
    async with transaction(pool) as connection:
        row = await sql.borrower_alone(connection, who.borrower_id)
        if row is not None and row["status"] != ERASED:
            await _emptied(connection, row, who.reason, actor, new_operation_id(), again=True)


@rule("R-ERASE-06")
def _parsed(lines: Iterable[str]) -> list[Listed]:
    found = []
    for number, line in enumerate(lines, 1):
        try:
            who, registered_at, _, reason = line.split()
            moment = datetime.fromisoformat(registered_at)
            found.append(Listed(parse("borrower", who), moment, line))
            checked_reason(reason)
        except (ValueError, Refused) as error:
            detail = f"line {number} of the list of erasures cannot be read"
            raise Refused("R-ERASE-06", detail) from error
    return found


def _added(path: Path, lines: list[str]) -> list[Listed]:
    """Append what is missing, on the disk before it returns; writers take turns.

    A last line that a crash cut off is taken away first: the book still has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        whole, _, _ = file.read().rpartition("\n")
        file.truncate(len(whole) + 1 if whole else 0)
        there = whole.splitlines()
        known = {(each.borrower_id, each.registered_at) for each in _parsed(there)}
        fresh = [
            each for each in _parsed(lines) if (each.borrower_id, each.registered_at) not in known
        ]
        file.writelines(f"{each.line}\n" for each in fresh)
        file.flush()
        os.fsync(file.fileno())
        return _parsed(there) + fresh
