"""Roles give what the document lists, and nothing else."""

from __future__ import annotations

from datetime import date

import pytest
import pytest_asyncio

from usance.core.refusals import Refused
from usance.identity.permissions import SCOPES, STAFF_ONLY
from usance.identity.roles import known, permissions_of, roles, roles_in
from usance.identity.staff import Staff
from usance.platform.database import Pool
from usance.servicing.setup import create_book

PASSWORD = "correct horse battery"


@pytest_asyncio.fixture
async def book(pool: Pool) -> None:
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5))


def test_every_permission_of_staff_is_given_by_some_role_and_none_gives_all() -> None:
    given = permissions_of(roles())
    assert STAFF_ONLY - given == set()
    assert SCOPES - given <= {"portal:write"}  # a host application's
    assert all(len(role.may) < len(given) for role in roles().values())


def test_who_gives_roles_does_not_book_and_who_approves_does_not_either() -> None:
    for role in roles().values():
        books = ("payments", "contracts:c", "lines:w")
        writes = {each for each in role.may if each.startswith(books)}
        if "staff:write" in role.may or "approvals:decide" in role.may:
            assert writes == set(), role.code


@pytest.mark.parametrize("codes", [[], ["nobody"], ["viewer", "nobody"]])
def test_unknown_roles_are_refused(codes: list[str]) -> None:
    with pytest.raises(Refused, match="R-ROLE-02"):
        known(codes)


def test_an_unknown_permission_in_the_document_is_refused() -> None:
    bad = {"roles": {"odd": {"name": {"en": "Odd", "zh": "怪"}, "may": ["book:read", "all"]}}}
    with pytest.raises(Refused, match="R-ROLE-01"):
        roles_in(bad)


def test_a_role_that_is_gone_gives_nothing() -> None:
    assert permissions_of(["gone"]) == frozenset()


async def test_roles_hold_at_once(pool: Pool, book: None) -> None:
    staff = Staff(pool)
    await staff.create("anna", PASSWORD, ["viewer"])
    token, _ = await staff.log_in("anna", PASSWORD)
    before = await staff.session(token)
    await staff.change_roles("anna", grant=["auditor"], revoke=["viewer"])
    after = await staff.session(token)
    assert before is not None
    assert after is not None
    assert (before.roles, after.roles) == (("viewer",), ("auditor",))
    assert "audit:read" in after.permissions - before.permissions
    assert await pool.fetchval("SELECT count(*) FROM operation WHERE action = 'ChangeRoles'") == 1


async def test_roles_of_nobody_are_refused(pool: Pool, book: None) -> None:
    with pytest.raises(Refused, match="R-STAFF-03"):
        await Staff(pool).change_roles("nobody", grant=["viewer"])
    with pytest.raises(Refused, match="R-ROLE-02"):
        await Staff(pool).change_roles("nobody")
