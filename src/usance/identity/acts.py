"""What can be done to an account of staff, as values: each can be kept, hashed, and done later.

``ACTS`` has every act by the name that the audit log gives it, with its shape and the function that
does it on a connection: (connection, act, actor) -> detail for the audit event. The functions lock
the account, refuse what must not be, and write no audit event themselves: ``perform`` does, and
whoever lets a second person agree first does it then. A password is in an act only as its hash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import factors_sql, staff_sql
from usance.identity.changing import Asking, Change, once, tried
from usance.identity.once import Answer
from usance.identity.roles import known, roles
from usance.ledger.digest import digest
from usance.platform.database import Connection, Pool

NAME_MAX = 60
MANAGES = "staff:write"
OPERATOR = "operator"
"""At the command line: may do what nobody in the console may, because a key there opens all."""


class StaffAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something done to an account."""


class CreateStaff(StaffAct, frozen=True):
    """A new account. ``must_change``: its password was given, and must be changed first of all."""

    name: str
    roles: tuple[str, ...]
    password_hash: str
    must_change: bool = True


class ChangeRoles(StaffAct, frozen=True):
    """Give roles and take roles."""

    staff_id: int
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()


class DeactivateStaff(StaffAct, frozen=True):
    """Lock an account out; its sessions end."""

    staff_id: int


class ReactivateStaff(StaffAct, frozen=True):
    """Let an account in again."""

    staff_id: int


class EndSessions(StaffAct, frozen=True):
    """End every session of an account."""

    staff_id: int


class ResetFactor(StaffAct, frozen=True):
    """Forget an account's second factor and its recovery codes; its sessions end."""

    staff_id: int


class GivePassword(StaffAct, frozen=True):
    """A password that must be changed at the next log-in; its sessions end."""

    staff_id: int
    password_hash: str


@rule("R-STAFF-02")
async def create_staff(connection: Connection, act: CreateStaff, _actor: str) -> dict[str, Any]:
    """An account with roles."""
    given, name = known(act.roles), act.name
    if not (1 <= len(name) <= NAME_MAX and name.isprintable() and name == name.strip()):
        raise Refused("R-STAFF-02", f"a name has 1 to {NAME_MAX} printable characters", "name")
    staff_id = await staff_sql.insert_staff(
        connection, name, act.password_hash, must_change=act.must_change
    )
    if staff_id is None:
        raise Refused("R-STAFF-02", "the name is taken", "name")
    await staff_sql.grant_roles(connection, staff_id, given)
    return {"staff_id": staff_id, "roles": given}


async def change_roles(connection: Connection, act: ChangeRoles, actor: str) -> dict[str, Any]:
    """Give roles to an account and take others; at once also for sessions that are open."""
    known([*act.grant, *act.revoke])
    row = await taken(connection, act.staff_id)
    check_not_own(actor, act.staff_id)
    left = (set(row["roles"]) | set(act.grant)) - set(act.revoke)
    if managing(row["roles"]) and not managing(left):
        await check_not_last(connection, act.staff_id, actor)
    await staff_sql.grant_roles(connection, act.staff_id, act.grant)
    await staff_sql.revoke_roles(connection, act.staff_id, act.revoke)
    return {"staff_id": act.staff_id, "grant": list(act.grant), "revoke": list(act.revoke)}


@rule("R-STAFF-07")
async def deactivate(connection: Connection, act: DeactivateStaff, actor: str) -> dict[str, Any]:
    """The next request of any session of the account is refused."""
    row = await taken(connection, act.staff_id)
    check_not_own(actor, act.staff_id)
    if managing(row["roles"]):
        await check_not_last(connection, act.staff_id, actor)
    await staff_sql.set_active(connection, act.staff_id, active=False)
    ended = await staff_sql.end_sessions(connection, act.staff_id)
    return {"staff_id": act.staff_id, "sessions": ended}


@rule("R-STAFF-07")
async def reactivate(
    connection: Connection, act: ReactivateStaff, _actor: str
) -> dict[str, Any]:
    """It logs in with the password, the factor and the roles that it had."""
    row = await taken(connection, act.staff_id, active=None)
    if row["active"]:
        raise Refused("R-STAFF-03", "the account is active", "staff_id")
    await staff_sql.set_active(connection, act.staff_id, active=True)
    return {"staff_id": act.staff_id}


@rule("R-STAFF-05")
async def end_sessions(connection: Connection, act: EndSessions, _actor: str) -> dict[str, Any]:
    """Also of an account that is locked out."""
    await taken(connection, act.staff_id, active=None)
    ended = await staff_sql.end_sessions(connection, act.staff_id)
    return {"staff_id": act.staff_id, "sessions": ended}


async def reset_factor(connection: Connection, act: ResetFactor, actor: str) -> dict[str, Any]:
    """For who has lost the telephone and the recovery codes; enrols anew at the next log-in."""
    await taken(connection, act.staff_id)
    check_not_own(actor, act.staff_id)
    await factors_sql.forget(connection, act.staff_id)
    ended = await staff_sql.end_sessions(connection, act.staff_id)
    return {"staff_id": act.staff_id, "sessions": ended}


@rule("R-STAFF-06")
async def give_password(connection: Connection, act: GivePassword, actor: str) -> dict[str, Any]:
    """For who has forgotten theirs."""
    await taken(connection, act.staff_id)
    check_not_own(actor, act.staff_id)
    hashed = act.password_hash
    await staff_sql.set_password(connection, act.staff_id, hashed, must_change=True)
    ended = await staff_sql.end_sessions(connection, act.staff_id)
    return {"staff_id": act.staff_id, "sessions": ended}


Doing: TypeAlias = Callable[[Connection, Any, str], Awaitable[dict[str, Any]]]
ACTS: dict[str, tuple[type[StaffAct], Doing]] = {
    "CreateStaff": (CreateStaff, create_staff),
    "ChangeRoles": (ChangeRoles, change_roles),
    "DeactivateStaff": (DeactivateStaff, deactivate),
    "ReactivateStaff": (ReactivateStaff, reactivate),
    "EndSessions": (EndSessions, end_sessions),
    "ResetFactor": (ResetFactor, reset_factor),
    "GivePassword": (GivePassword, give_password),
}


async def rehearse(pool: Pool, act: StaffAct, actor: str) -> None:
    """Whether it could be done now: done, and taken back. Raises ``Refused`` if not."""
    await tried(pool, lambda connection: ACTS[type(act).__name__][1](connection, act, actor))


async def perform(pool: Pool, act: StaffAct, asking: Asking) -> Answer:
    """Do it, once for the caller's key, with its audit event. Raises ``Refused``."""

    async def make(change: Change) -> dict[str, Any]:
        return await done(change, act)

    return await once(pool, asking, make)


async def done(change: Change, act: StaffAct) -> dict[str, Any]:
    """Do it within a change under way, and write its audit event; returns the detail."""
    name = type(act).__name__
    detail = await ACTS[name][1](change.connection, act, change.actor)
    await change.note(name, digest([("staff", [(detail["staff_id"],)])]), detail)
    return detail


@rule("R-STAFF-03")
async def taken(
    connection: Connection, staff_id: int, *, active: bool | None = True
) -> staff_sql.Row:
    """The account, locked; ``Refused`` if there is none, or none that is active."""
    row = await staff_sql.take_staff(connection, staff_id)
    if row is None or (active and not row["active"]):
        raise Refused("R-STAFF-03", "there is no active account of this name", "name")
    return row


@rule("R-STAFF-08")
def check_not_own(actor: str, staff_id: int) -> None:
    """Nobody does to their own account what others decide about."""
    if actor == f"staff:{staff_id}":
        raise Refused("R-STAFF-08", "nobody does this to their own account")


@rule("R-STAFF-08")
async def check_not_last(connection: Connection, staff_id: int, actor: str) -> None:
    """Somebody who manages accounts is left; only the operator may leave nobody."""
    if actor.partition(":")[0] == OPERATOR:
        return
    managers = [code for code, role in roles().items() if MANAGES in role.may]
    if not await staff_sql.others_with_roles(connection, staff_id, managers):
        raise Refused("R-STAFF-08", "nobody would be left who manages accounts")


def managing(codes: set[str] | list[str]) -> bool:
    """Whether these roles manage accounts."""
    return any(MANAGES in roles()[each].may for each in codes if each in roles())
