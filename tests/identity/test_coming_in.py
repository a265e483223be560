"""Coming in by steps: what a session lacks opens nothing, and every log-in is a new session."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.identity.accounts import OTHER, PASSWORD, clock, enrolled, logged_in, with_staff
from usance.approvals.delegation import Delegations
from usance.core.refusals import Refused
from usance.identity.attempts import OF_A_FACTOR, WITHIN
from usance.identity.changing import Asking
from usance.identity.permissions import DECIDE
from usance.identity.sessions import WAIT_MAX
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.database import Pool


@pytest.fixture
def at() -> FixedClock:
    return clock()


@pytest_asyncio.fixture
async def staff(pool: Pool, at: FixedClock) -> AsyncIterator[Staff]:
    yield await with_staff(pool, at)


async def test_with_a_factor_a_password_opens_nothing_but_the_second_step(
    staff: Staff, at: FixedClock
) -> None:
    """R-FACTOR-01."""
    first, _ = await logged_in(staff, "anna", "administrator")
    app, _ = await enrolled(staff, first, at)
    at.advance(timedelta(minutes=1))
    token, half = await staff.log_in("anna", PASSWORD)
    assert (half.lacks, half.permissions, half.fresh) == ("code", frozenset(), False)
    with pytest.raises(Refused, match="R-FACTOR-02"):
        await staff.enter_code(token, "000000")
    whole, session = await staff.enter_code(token, app.code())
    assert (session.lacks, session.fresh) == ("", True)
    assert "staff:write" in session.permissions
    assert whole != token
    assert await staff.session(token) is None  # the half one has ended: no fixation
    with pytest.raises(Refused, match="R-AUTH-01"):
        await staff.enter_code(token, app.code(1))
    with pytest.raises(Refused, match="R-AUTH-01"):  # a whole session has no second step
        await staff.enter_code(whole, app.code(1))


async def test_a_recovery_code_is_a_second_step_once(staff: Staff, at: FixedClock) -> None:
    token, _ = await logged_in(staff, "anna")
    _, codes = await enrolled(staff, token, at)
    token, _ = await staff.log_in("anna", PASSWORD)
    assert not (await staff.enter_code(token, codes[0]))[1].lacks
    token, _ = await staff.log_in("anna", PASSWORD)
    with pytest.raises(Refused, match="R-FACTOR-02"):
        await staff.enter_code(token, codes[0])


async def test_a_half_session_waits_ten_minutes(staff: Staff, at: FixedClock) -> None:
    token, _ = await logged_in(staff, "anna")
    app, _ = await enrolled(staff, token, at)
    token, _ = await staff.log_in("anna", PASSWORD)
    at.advance(WAIT_MAX)
    assert await staff.session(token) is None
    with pytest.raises(Refused, match="R-AUTH-01"):
        await staff.enter_code(token, app.code())


async def test_ten_thousand_guesses_at_a_code_are_locked_out(
    staff: Staff, at: FixedClock, pool: Pool
) -> None:
    """R-AUTH-05: after ten, the right code is refused too, until a quarter of an hour is over."""
    token, _ = await logged_in(staff, "anna")
    app, _ = await enrolled(staff, token, at)
    at.advance(timedelta(minutes=1))
    token, _ = await staff.log_in("anna", PASSWORD)
    right, good, rules = app.code(), {app.code(n) for n in (-1, 0, 1)}, []
    guesses = (f"{n:06}" for n in itertools.count() if f"{n:06}" not in good)
    for guess in itertools.islice(guesses, 10_000):
        with pytest.raises(Refused) as refused:
            await staff.enter_code(token, guess)
        rules.append(refused.value.refusal.rule)
    assert rules == ["R-FACTOR-02"] * OF_A_FACTOR + ["R-AUTH-05"] * (10_000 - OF_A_FACTOR)
    with pytest.raises(Refused, match="R-AUTH-05"):
        await staff.enter_code(token, right)
    at.advance(WITHIN)
    token, _ = await staff.log_in("anna", PASSWORD)
    await staff.enter_code(token, app.code())


async def test_good_codes_do_not_count(staff: Staff, at: FixedClock) -> None:
    token, _ = await logged_in(staff, "anna")
    app, _ = await enrolled(staff, token, at)
    for _ in range(OF_A_FACTOR + 2):
        at.advance(timedelta(seconds=30))
        token, _ = await staff.log_in("anna", PASSWORD)
        await staff.enter_code(token, app.code())


# -- what a role needs, what somebody else gave ---------------------------------------------------


@pytest.mark.parametrize(("forced", "demo", "role", "lacks"), [
    (True, False, "administrator", "factor"), (True, False, "supervisor", "factor"),
    (True, False, "viewer", ""), (True, True, "administrator", ""),
    (False, False, "administrator", ""),
])  # fmt: skip
async def test_who_must_have_a_factor(
    pool: Pool, at: FixedClock, *, forced: bool, demo: bool, role: str, lacks: str
) -> None:
    """R-FACTOR-04."""
    staff = await with_staff(pool, at, forced=forced, demo=demo)
    _, session = await logged_in(staff, "anna", role)
    assert session.lacks == lacks
    assert bool(session.permissions) == (lacks == "")


async def test_who_needs_a_factor_comes_in_with_its_enrolment(pool: Pool, at: FixedClock) -> None:
    staff = await with_staff(pool, at, forced=True)
    token, session = await logged_in(staff, "anna", "administrator")
    assert session.lacks == "factor"
    await enrolled(staff, token, at)
    session = await staff.session(token) or session
    assert (session.lacks, session.has_factor) == ("", True)


async def test_a_role_given_later_asks_for_the_factor_at_the_next_request(
    pool: Pool, at: FixedClock
) -> None:
    staff = await with_staff(pool, at, forced=True)
    token, session = await logged_in(staff, "anna", "viewer")
    assert not session.lacks
    await staff.change_roles("anna", grant=["compliance"])
    after = await staff.session(token)
    assert after is not None
    assert after.lacks == "factor"


@pytest.mark.parametrize(("forced", "demo", "lacks"), [
    (True, False, "factor"), (True, True, ""), (False, False, ""),
])  # fmt: skip
async def test_a_stand_in_needs_what_whoever_decides_needs(
    pool: Pool, at: FixedClock, forced: bool, demo: bool, lacks: str  # noqa: FBT001
) -> None:
    """R-FACTOR-04: from the next request on, and until the delegation ends."""
    staff = await with_staff(pool, at, forced=forced, demo=demo)
    await staff.create("bert", PASSWORD, ["supervisor"])
    token, session = await logged_in(staff, "anna", "viewer")
    assert not session.lacks
    delegations = Delegations(pool)
    until = datetime.now(UTC) + timedelta(days=1)
    number = await delegations.delegate(1, session.staff_id, "on leave", until)
    after = await staff.session(token)
    assert after is not None
    assert (after.lacks, DECIDE in after.permissions) == (lacks, not lacks)
    await delegations.end_delegation(number, 1)
    after = await staff.session(token)
    assert after is not None
    assert (after.lacks, DECIDE in after.permissions) == ("", False)


async def test_a_new_password_of_ones_own(staff: Staff, pool: Pool) -> None:
    """R-STAFF-04: with the old one; all other sessions end; the same key changes nothing twice."""
    token, session = await logged_in(staff, "anna")
    others = [(await staff.log_in("anna", PASSWORD))[0] for _ in range(2)]
    asking = Asking(session.actor, "k", b"h")
    for old, new, rule in (("wrong", OTHER, "R-STAFF-04"), (PASSWORD, PASSWORD, "R-STAFF-04"),
                           (PASSWORD, "short", "R-STAFF-01"),
                           (PASSWORD, "password1234", "R-STAFF-01"),
                           (PASSWORD, "harbour anna", "R-STAFF-01")):  # fmt: skip
        with pytest.raises(Refused, match=rule):
            await staff.change_own_password(session, token, old, new, asking)
    first = await staff.change_own_password(session, token, PASSWORD, OTHER, asking)
    again = await staff.change_own_password(session, token, PASSWORD, OTHER, asking)
    assert (again.replayed, again.operation_id) == (True, first.operation_id)
    assert await staff.session(token) is not None
    assert [await staff.session(each) for each in others] == [None, None]
    with pytest.raises(Refused, match="R-AUTH-04"):
        await staff.log_in("anna", PASSWORD)
    await staff.log_in("anna", OTHER)


async def test_wrong_old_passwords_are_attempts(staff: Staff) -> None:
    """R-AUTH-05: a session that was left open is no way to try passwords."""
    token, session = await logged_in(staff, "anna")
    for rule in ["R-STAFF-04"] * OF_A_FACTOR + ["R-AUTH-05"]:
        with pytest.raises(Refused, match=rule):
            await staff.change_own_password(session, token, "x", OTHER, Asking(session.actor))


async def test_own_sessions_are_seen_and_ended(staff: Staff) -> None:
    """R-STAFF-05."""
    token, session = await logged_in(staff, "anna")
    second, other = await staff.log_in("anna", PASSWORD, "203.0.113.9")
    third, _ = await staff.log_in("anna", PASSWORD)
    bert, his = await logged_in(staff, "bert")
    found = await staff.own_sessions(session)
    assert len(found) == 3
    assert {each.address for each in found} == {"", "203.0.113.9"}
    for reference in (his.reference, "", "zz", other.reference[:4], "00" * 8):
        if reference:
            with pytest.raises(Refused, match="R-STAFF-05"):
                await staff.end_own_sessions(session, token, reference, Asking(session.actor))
    await staff.end_own_sessions(session, token, other.reference, Asking(session.actor))
    assert [await staff.session(each) is not None for each in (token, second, third, bert)] == [
        True, False, True, True,
    ]  # fmt: skip
    await staff.end_own_sessions(session, token, "", Asking(session.actor))
    assert [await staff.session(each) is not None for each in (token, third, bert)] == [
        True, False, True,
    ]  # fmt: skip


# -- a fresh factor --------------------------------------------------------------------------------


async def test_a_factor_stays_fresh_for_ten_minutes(staff: Staff, at: FixedClock) -> None:
    """R-STEP-01: a code where one is enrolled, the password where none is."""
    token, session = await logged_in(staff, "anna")
    assert session.fresh
    at.advance(timedelta(minutes=10))
    stale = await staff.session(token)
    assert stale is not None
    assert not stale.fresh
    with pytest.raises(Refused, match="R-STAFF-04"):
        await staff.freshen(stale, token, "wrong")
    await staff.freshen(stale, token, PASSWORD)
    fresh = await staff.session(token)
    assert fresh is not None
    assert fresh.fresh
    app, codes = await enrolled(staff, token, at)
    at.advance(timedelta(minutes=10))
    stale = await staff.session(token)
    assert stale is not None
    assert (stale.fresh, stale.has_factor) == (False, True)
    with pytest.raises(Refused, match="R-FACTOR-02"):  # where a factor is, the password is none
        await staff.freshen(stale, token, PASSWORD)
    await staff.freshen(stale, token, app.code())
    with pytest.raises(Refused, match="R-FACTOR-02"):
        await staff.freshen(stale, token, app.code())
    await staff.freshen(stale, token, codes[0])


async def test_wrong_factors_are_attempts(staff: Staff) -> None:
    """R-AUTH-05, R-STEP-01."""
    token, session = await logged_in(staff, "anna")
    for rule in ["R-STAFF-04"] * OF_A_FACTOR + ["R-AUTH-05"]:
        with pytest.raises(Refused, match=rule):
            await staff.freshen(session, token, "wrong")
    with pytest.raises(Refused, match="R-AUTH-05"):
        await staff.freshen(session, token, PASSWORD)


async def test_everything_has_its_audit_event_and_no_secret_is_in_it(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    token, session = await logged_in(staff, "anna")
    app, codes = await enrolled(staff, token, at)
    at.advance(timedelta(minutes=1))
    await staff.freshen(await staff.session(token) or session, token, app.code())
    await staff.change_own_password(session, token, PASSWORD, OTHER, Asking(session.actor))
    await staff.renew_codes(await staff.session(token) or session, Asking(session.actor))
    await staff.log_out(token)
    rows = await pool.fetch("SELECT action, detail, actor FROM operation WHERE actor <> 'usance'"
                            " ORDER BY operation_id")  # fmt: skip
    assert [row["action"] for row in rows] == [
        "CreateStaff", "LogIn", "BeginFactor", "EnrolFactor", "StepUp", "ChangePassword",
        "RenewCodes", "LogOut",
    ]  # fmt: skip
    assert {row["actor"] for row in rows[1:]} == {session.actor}
    said = " ".join(row["detail"] for row in rows)
    assert not [each for each in (PASSWORD, OTHER, "anna", *codes) if each in said]
