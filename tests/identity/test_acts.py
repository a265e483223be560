"""What others do to an account: as values that can be kept, once, never to oneself or the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from tests.identity.accounts import OTHER, PASSWORD, clock, enrolled, logged_in, with_staff
from tests.servicing.books import fingerprint
from usance.core.refusals import Refused
from usance.identity import acts
from usance.identity.acts import ACTS, StaffAct, perform
from usance.identity.changing import Asking
from usance.identity.passwords import checked_hash
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, transaction

EXAMPLES = {
    "CreateStaff": acts.CreateStaff("bert", ("viewer",), "hash"),
    "ChangeRoles": acts.ChangeRoles(1, ("viewer",), ("service",)),
    "DeactivateStaff": acts.DeactivateStaff(1), "ReactivateStaff": acts.ReactivateStaff(1),
    "EndSessions": acts.EndSessions(1), "ResetFactor": acts.ResetFactor(1),
    "GivePassword": acts.GivePassword(1, "hash"),
}  # fmt: skip


@pytest.fixture
def at() -> FixedClock:
    return clock()


@pytest_asyncio.fixture
async def staff(pool: Pool, at: FixedClock) -> AsyncIterator[Staff]:
    found = await with_staff(pool, at)
    await found.create("chief", PASSWORD, ["administrator"])
    yield found


@pytest.mark.parametrize("name", ACTS)
def test_an_act_can_be_kept_and_comes_back_as_it_was(name: str) -> None:
    act, (shape, _) = EXAMPLES[name], ACTS[name]
    assert type(act).__name__ == name
    kept = msgspec.json.encode(act)
    assert msgspec.json.decode(kept, type=shape) == act
    assert hash(act) == hash(msgspec.json.decode(kept, type=shape))
    with pytest.raises(AttributeError):
        act.staff_id = 2  # type: ignore[attr-defined]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(kept.replace(b"}", b',"more":1}'), type=shape)


async def test_an_act_is_done_on_a_connection_of_whoever_lets_it_be_done(
    staff: Staff, pool: Pool
) -> None:
    """A second person's approval runs it in a transaction of its own, under its own actor."""
    _, session = await logged_in(staff, "anna", "viewer")
    act = acts.ChangeRoles(session.staff_id, ("service",), ("viewer",))
    async with transaction(pool) as connection:
        detail = await ACTS["ChangeRoles"][1](connection, act, "staff:99")
    assert detail == {"staff_id": session.staff_id, "grant": ["service"], "revoke": ["viewer"]}
    account = await staff.account(session.staff_id)
    assert account is not None
    assert account.roles == ("service",)


async def test_an_account_from_its_first_password_on(staff: Staff, pool: Pool) -> None:
    """R-STAFF-06: given, it opens only the page that changes it."""
    given = await checked_hash(OTHER)
    act = acts.CreateStaff("bert", ("service",), given)
    answer = await perform(pool, act, Asking("staff:1", "k", b"h"))
    again = await perform(pool, act, Asking("staff:1", "k", b"h"))
    assert (again.replayed, again.document) == (True, answer.document)
    token, session = await staff.log_in("bert", OTHER)
    assert (session.lacks, session.permissions) == ("password", frozenset())
    await staff.change_own_password(session, token, OTHER, PASSWORD, Asking(session.actor))
    after = await staff.session(token)
    assert after is not None
    assert (after.lacks, bool(after.permissions)) == ("", True)
    row = await pool.fetchrow("SELECT actor, detail FROM operation WHERE action = 'CreateStaff'"
                              " ORDER BY operation_id DESC")  # fmt: skip
    assert row["actor"] == "staff:1"
    assert given not in row["detail"]


async def test_a_password_that_is_given_again(staff: Staff, pool: Pool) -> None:
    token, session = await logged_in(staff, "anna")
    act = acts.GivePassword(session.staff_id, await checked_hash(OTHER))
    await perform(pool, act, Asking("staff:1"))
    assert await staff.session(token) is None
    assert (await staff.log_in("anna", OTHER))[1].lacks == "password"


async def test_locked_out_and_let_in_again(staff: Staff, pool: Pool) -> None:
    """R-STAFF-07: at the next request; nothing else can be done to who is locked out."""
    token, session = await logged_in(staff, "anna")
    number = session.staff_id
    await perform(pool, acts.DeactivateStaff(number), Asking("staff:1"))
    assert await staff.session(token) is None
    with pytest.raises(Refused, match="R-AUTH-04"):
        await staff.log_in("anna", PASSWORD)
    for act in (acts.DeactivateStaff(number), acts.ChangeRoles(number, ("viewer",)),
                acts.ResetFactor(number), acts.GivePassword(number, "x")):  # fmt: skip
        with pytest.raises(Refused, match="R-STAFF-03"):
            await perform(pool, act, Asking("staff:1"))
    await perform(pool, acts.EndSessions(number), Asking("staff:1"))
    await perform(pool, acts.ReactivateStaff(number), Asking("staff:1"))
    assert await staff.session(token) is None
    await staff.log_in("anna", PASSWORD)
    with pytest.raises(Refused, match="R-STAFF-03"):
        await perform(pool, acts.ReactivateStaff(number), Asking("staff:1"))


async def test_a_factor_that_is_reset(staff: Staff, pool: Pool, at: FixedClock) -> None:
    token, session = await logged_in(staff, "anna")
    await enrolled(staff, token, at)
    await perform(pool, acts.ResetFactor(session.staff_id), Asking("staff:1"))
    assert await staff.session(token) is None
    assert not (await staff.log_in("anna", PASSWORD))[1].has_factor
    assert await pool.fetchval("SELECT count(*) FROM staff_recovery_code") == 0


@pytest.mark.parametrize("kind", ["ChangeRoles", "DeactivateStaff", "ResetFactor", "GivePassword"])
async def test_nobody_does_it_to_their_own_account(staff: Staff, pool: Pool, kind: str) -> None:
    """R-STAFF-08; and a refusal leaves everything as it was."""
    await staff.create("deputy", PASSWORD, ["administrator"])
    act = msgspec.structs.replace(EXAMPLES[kind], staff_id=1)
    before = await fingerprint(pool)
    with pytest.raises(Refused, match="R-STAFF-08"):
        await perform(pool, act, Asking("staff:1", "k"))
    assert await fingerprint(pool) == before


async def test_somebody_who_manages_accounts_is_left(staff: Staff, pool: Pool) -> None:
    """R-STAFF-08: also when two take each other's rights at the same moment."""
    await staff.create("anna", PASSWORD, ["viewer"])
    alone = [acts.DeactivateStaff(1), acts.ChangeRoles(1, ("viewer",), ("administrator",))]
    for act in alone:
        with pytest.raises(Refused, match="R-STAFF-08"):
            await perform(pool, act, Asking("staff:2"))
    await staff.create("deputy", PASSWORD, ["administrator"])
    each_other: list[tuple[StaffAct, str]] = [
        (acts.DeactivateStaff(3), "staff:1"),
        (acts.ChangeRoles(1, (), ("administrator",)), "staff:3"),
    ]
    found = await asyncio.gather(
        *(perform(pool, act, Asking(actor)) for act, actor in each_other), return_exceptions=True
    )
    assert sum(isinstance(each, Refused) for each in found) == 1
    left = "SELECT count(*) FROM staff JOIN staff_role USING (staff_id) WHERE active AND role = $1"
    assert await pool.fetchval(left, "administrator") == 1


async def test_the_operator_may_lock_everybody_out(staff: Staff, pool: Pool) -> None:
    """R-STAFF-08: at the command line a way back is always open."""
    await perform(pool, acts.DeactivateStaff(1), Asking("operator:root"))


@pytest.mark.parametrize(("act", "rule"), [
    (acts.CreateStaff("chief", ("viewer",), "h"), "R-STAFF-02"),
    (acts.CreateStaff(" anna", ("viewer",), "h"), "R-STAFF-02"),
    (acts.CreateStaff("anna", (), "h"), "R-ROLE-02"),
    (acts.ChangeRoles(1), "R-ROLE-02"),
    (acts.ChangeRoles(1, ("king",)), "R-ROLE-02"),
    (acts.DeactivateStaff(9), "R-STAFF-03"),
])  # fmt: skip
async def test_acts_that_cannot_be(staff: Staff, pool: Pool, act: StaffAct, rule: str) -> None:
    before = await fingerprint(pool)
    with pytest.raises(Refused, match=rule):
        await perform(pool, act, Asking("staff:7", "k"))
    assert await fingerprint(pool) == before


async def test_fifty_twins_do_it_once(staff: Staff, pool: Pool) -> None:
    act = acts.CreateStaff("bert", ("viewer",), "hash")
    twins = (perform(pool, act, Asking("staff:1", "twins", b"h")) for _ in range(50))
    answers = await asyncio.gather(*twins)
    assert len({each.operation_id for each in answers}) == 1
    assert [each.replayed for each in answers].count(False) == 1
    with pytest.raises(Refused, match="R-IDEM-01"):
        await perform(pool, act, Asking("staff:1", "twins", b"other"))
