"""``usance book create``, ``usance client ...`` and ``usance staff ...``."""

from __future__ import annotations

import getpass
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from usance.cli.house import opened, operator, run


def create_book(*, name: str, opened_on: date) -> None:
    """Make the book: its name, its first business date, its products.

    Parameters
    ----------
    name
        The lender's name.
    opened_on
        The first business date (YYYY-MM-DD).
    """
    run(_create_book(name, opened_on))


async def _create_book(name: str, opened_on: date) -> None:
    from usance.core.refusals import Refused
    from usance.servicing import read, setup

    if not (1 <= len(name) <= 100 and name.isprintable()):
        raise Refused("R-BOOK-02", "a name has 1 to 100 printable characters", "--name")
    async with opened() as (_, pool):
        if await read.book(pool) is not None:
            raise Refused("R-BOOK-02", "there is a book already; one home holds one")
        await setup.create_book(pool, name=name, opened_on=opened_on)
    print(f"the book of {name} opens on {opened_on}")


def create_client(name: str, *, scope: Annotated[list[str], Parameter()]) -> None:
    """Make a machine client and print its key, once.

    Parameters
    ----------
    name
        What the client is called in the audit log.
    scope
        What it may do, such as payments:write; repeat it, or say all.
    """
    run(_create_client(name, scope))


async def _create_client(name: str, scopes: list[str]) -> None:
    from usance.identity.machine import MachineClients
    from usance.identity.permissions import SCOPES

    wanted = SCOPES if scopes == ["all"] else scopes
    async with opened() as (_, pool):
        print(await MachineClients(pool).create(name, wanted, actor=operator()))


def renew_client(name: str) -> None:
    """Give a machine client a new key and print it, once; the old one opens nothing any more.

    Parameters
    ----------
    name
        The client's name.
    """
    run(_renew_client(name))


async def _renew_client(name: str) -> None:
    from usance.core.refusals import Refused
    from usance.identity.machine import MachineClients

    async with opened() as (_, pool):
        secret = await MachineClients(pool).renew(name, actor=operator())
    if secret is None:
        raise Refused("R-CLIENT-03", "there is no active client of this name")
    print(secret)


def rotate_client(
    name: str, *, valid_days: int | None = None, overlap_hours: int | None = None
) -> None:
    """Give a machine client a second key and print it, once; the first one still opens.

    Parameters
    ----------
    name
        The client's name.
    valid_days
        For how many days the new key opens; without it, until it is retired.
    overlap_hours
        For how many more hours the old key opens; without it, until it is retired.
    """
    run(_rotate_client(name, valid_days, overlap_hours))


async def _rotate_client(name: str, valid_days: int | None, overlap_hours: int | None) -> None:
    from usance.identity.changing import Asking
    from usance.identity.machine import Lifetimes, MachineClients

    lifetimes = Lifetimes(
        None if valid_days is None else timedelta(days=valid_days),
        None if overlap_hours is None else timedelta(hours=overlap_hours),
    )
    async with opened() as (_, pool):
        issued = await MachineClients(pool).rotate(name, Asking(operator()), lifetimes)
    print(issued.secret)


def retire_key(name: str, number: int) -> None:
    """Retire one of a machine client's two keys: it opens nothing any more.

    Parameters
    ----------
    name
        The client's name.
    number
        The key's number, as `usance client keys` shows it.
    """
    run(_retire_key(name, number))


async def _retire_key(name: str, number: int) -> None:
    from usance.identity.changing import Asking
    from usance.identity.machine import MachineClients

    async with opened() as (_, pool):
        await MachineClients(pool).retire_key(name, number, Asking(operator()))
    print(f"key {number} of {name} opens nothing any more")


def show_keys(name: str) -> None:
    """List the keys of a machine client, newest first, by number and beginning.

    Parameters
    ----------
    name
        The client's name.
    """
    run(_show_keys(name))


async def _show_keys(name: str) -> None:
    from usance.core.refusals import Refused
    from usance.identity.machine import MachineClients
    from usance.platform.clock import SystemClock

    async with opened() as (_, pool):
        found = [each for each in await MachineClients(pool).all() if each.name == name]
    if not found:
        raise Refused("R-FOUND-01", f"there is no client {name!r}")
    now = SystemClock().now()
    for key in found[0].keys:
        state = "opens" if found[0].active and key.opens(now) else "closed"
        ends = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "-"
        print(f"{key.key_id}\t{key.prefix}...\t{state}\tuntil {ends}\tused {key.last_used_on}")


def deactivate_client(name: str) -> None:
    """Lock a machine client out for good.

    Parameters
    ----------
    name
        The client's name.
    """
    run(_deactivate_client(name))


async def _deactivate_client(name: str) -> None:
    from usance.identity.machine import MachineClients

    async with opened() as (_, pool):
        await MachineClients(pool).deactivate(name, actor=operator())
    print(f"{name} is locked out")


def create_staff(
    name: str, *, role: Annotated[list[str], Parameter()], password_file: Path | None = None
) -> None:
    """Make an account for a member of staff; asks for the password.

    Parameters
    ----------
    name
        The name to log in with.
    role
        What the account may do, such as service or supervisor; repeat it.
    password_file
        A file whose first line is the password, instead of being asked.
    """
    run(_create_staff(name, password_of(password_file), role))


async def _create_staff(name: str, password: str, roles: list[str]) -> None:
    from usance.identity.staff import Staff

    async with opened() as (_, pool):
        await Staff(pool).create(name, password, roles, actor=operator())
    print(f"{name} can log in")


def change_roles(
    name: str, *, grant: Annotated[list[str], Parameter()] | None = None,
    revoke: Annotated[list[str], Parameter()] | None = None,
) -> None:  # fmt: skip
    """Give roles to a member of staff, or take them; it holds at once.

    Parameters
    ----------
    name
        The account's name.
    grant
        A role to give; repeat it.
    revoke
        A role to take; repeat it.
    """
    run(_change_roles(name, grant or [], revoke or []))


async def _change_roles(name: str, grant: list[str], revoke: list[str]) -> None:
    from usance.identity.staff import Staff

    async with opened() as (_, pool):
        await Staff(pool).change_roles(name, grant=grant, revoke=revoke, actor=operator())
    print(f"{name} has other roles now")


def change_password(name: str, *, password_file: Path | None = None) -> None:
    """Give a member of staff a new password and end every session.

    Parameters
    ----------
    name
        The account's name.
    password_file
        A file whose first line is the password, instead of being asked.
    """
    run(_change_password(name, password_of(password_file)))


async def _change_password(name: str, password: str) -> None:
    from usance.core.refusals import Refused
    from usance.identity.staff import Staff

    async with opened() as (_, pool):
        if not await Staff(pool).change_password(name, password, actor=operator()):
            raise Refused("R-FOUND-01", f"there is no account {name!r}")
    print(f"{name} has a new password")


def log_staff_out(name: str) -> None:
    """End every session of a member of staff.

    Parameters
    ----------
    name
        The account's name.
    """
    run(_log_staff_out(name))


async def _log_staff_out(name: str) -> None:
    from usance.core.refusals import Refused
    from usance.identity.staff import Staff
    from usance.identity.staff_sql import staff_id_of

    async with opened() as (_, pool):
        staff_id = await staff_id_of(pool, name)
        if staff_id is None:
            raise Refused("R-FOUND-01", f"there is no account {name!r}")
        ended = await Staff(pool).kill_sessions(staff_id, actor=operator())
    print(f"{ended} sessions ended")


def password_of(file: Path | None) -> str:
    """From a file, from a person at the terminal, or the first line of standard input."""
    if file is not None:
        return file.read_text("utf-8").partition("\n")[0]
    if sys.stdin.isatty():
        return getpass.getpass("password: ")
    return sys.stdin.readline().rstrip("\n")
