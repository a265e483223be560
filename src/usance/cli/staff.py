"""``usance staff list``, what an operator does to an account, and ``usance permissions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usance.cli.house import opened, operator, run

if TYPE_CHECKING:
    from usance.identity.acts import StaffAct


def show() -> None:
    """List the accounts of staff: number, name, roles, second factor, last log-in, status."""
    run(_show())


async def _show() -> None:
    from usance.identity.staff import Staff

    async with opened() as (_, pool):
        accounts = await Staff(pool).accounts()
    for each in accounts:
        last = f"{each.last_log_in:%Y-%m-%d %H:%M}" if each.last_log_in else "-"
        factor = "factor" if each.has_factor else "-"
        status = "active" if each.active else "locked out"
        words = str(each.staff_id), each.name, ",".join(each.roles) or "-", factor, last, status
        print("\t".join(words))


def deactivate(name: str) -> None:
    """Lock an account out: its sessions end, and nobody can log in with it.

    Parameters
    ----------
    name
        The account's name.
    """
    run(_do("DeactivateStaff", name))
    print(f"{name} is locked out")


def reactivate(name: str) -> None:
    """Let an account in again, with the password, the factor and the roles that it had.

    Parameters
    ----------
    name
        The account's name.
    """
    run(_do("ReactivateStaff", name))
    print(f"{name} can log in again")


def reset_factor(name: str) -> None:
    """Forget an account's second factor and its recovery codes; its sessions end.

    Parameters
    ----------
    name
        The account's name.
    """
    run(_do("ResetFactor", name))
    print(f"{name} has no second factor any more")


async def _do(kind: str, name: str) -> None:
    from usance.identity.acts import ACTS, perform
    from usance.identity.changing import Asking
    from usance.identity.staff import Staff

    async with opened() as (_, pool):
        shape: type[StaffAct] = ACTS[kind][0]
        act = shape(await Staff(pool).known_id(name))
        await perform(pool, act, Asking(operator()))


def permissions(*, markdown: bool = False) -> None:
    """Print every route with its permission, and which roles may ask for it.

    Parameters
    ----------
    markdown
        As the page docs/permissions.md.
    """
    from usance.web.permission_table import as_markdown, as_text

    print(as_markdown() if markdown else as_text(), end="")
