"""Second factors: R-FACTOR-02 a code once and exactly, R-FACTOR-03 recovery codes; sealed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pyotp
import pytest
import pytest_asyncio

from tests.identity.accounts import MORNING, App, clock, enrolled, logged_in, with_staff
from usance.core.refusals import Refused
from usance.identity.changing import Asking
from usance.identity.factors import address_for_app, step_of
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.database import Pool, transaction

SECRET = pyotp.random_base32()
NOW = int(MORNING.timestamp()) // 30


def shown(steps: int) -> str:
    return pyotp.TOTP(SECRET).generate_otp(NOW + steps)


# -- codes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True),
                                                 (2, False)])  # fmt: skip
def test_a_code_is_good_for_its_half_minute_and_its_neighbours(
    steps: int, *, accepted: bool
) -> None:
    assert step_of(SECRET, shown(steps), MORNING, 0) == (NOW + steps if accepted else None)


@pytest.mark.parametrize("used", [0, -1, 1])
def test_a_code_is_not_accepted_at_or_before_the_last_one(used: int) -> None:
    """R-FACTOR-02: after the code of a step, none of that step or an earlier one."""
    for steps in (-1, 0, 1):
        found = step_of(SECRET, shown(steps), MORNING, NOW + used)
        assert found == (NOW + steps if steps > used else None)


VARIANTS = (
    " {}", "{} ", "{}\n", "\t{}", "{}\u200b", "\ufeff{}", "0{}", "{}0", "-{}", "+{}", "{}.0",
    "\x00{}",
)  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_exactly_six_digits_and_nothing_around_them(variant: str) -> None:
    assert step_of(SECRET, variant.format(shown(0)), MORNING, 0) is None


@pytest.mark.parametrize("zero", ["０", "٠", "०", "𝟎", "০"])
def test_digits_of_other_scripts_are_refused(zero: str) -> None:
    """They are digits to Python; a person types none of them."""
    other = "".join(chr(ord(zero) + int(digit)) for digit in shown(0))
    assert other.isdigit()
    assert step_of(SECRET, other, MORNING, 0) is None
    spaced = f"{shown(0)[:3]} {shown(0)[3:]}"
    assert step_of(SECRET, spaced, MORNING, 0) is None


def test_the_picture_says_what_an_app_needs() -> None:
    address = address_for_app(SECRET, "anna b", "Harbour")
    assert address.startswith("otpauth://totp/usance%20Harbour:anna%20b?")
    assert f"secret={SECRET}" in address


# -- in the book -----------------------------------------------------------------------------------


@pytest.fixture
def at() -> FixedClock:
    return clock()


@pytest_asyncio.fixture
async def staff(pool: Pool, at: FixedClock) -> AsyncIterator[Staff]:
    yield await with_staff(pool, at)


async def shows(staff: Staff, pool: Pool, staff_id: int, code: str) -> str:
    async with transaction(pool) as connection:
        return await staff.factors.show(connection, staff_id, code)


async def test_a_secret_is_sealed_and_counts_only_when_a_code_was_shown(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    token, session = await logged_in(staff, "anna")
    await staff.begin_factor(session, Asking(session.actor))
    secret = await staff.factors.enrolling(session.staff_id)
    assert secret is not None
    row = await pool.fetchrow("SELECT * FROM staff_factor")
    assert secret.encode() not in bytes(row["secret"]) + bytes(row["data_key"])
    assert not (await staff.log_in("anna", "correct horse battery"))[1].lacks
    with pytest.raises(Refused, match="R-FACTOR-02"):
        await staff.confirm_factor(session, token, "000000x", Asking(session.actor))
    assert await pool.fetchval("SELECT state FROM staff_factor") == 1
    app = App(secret, at)
    _, codes = await staff.confirm_factor(session, token, app.code(), Asking(session.actor))
    assert len(set(codes)) == 10
    assert await staff.factors.enrolling(session.staff_id) is None
    with pytest.raises(Refused, match="R-FACTOR-02"):  # the code of the enrolment is used up
        await shows(staff, pool, session.staff_id, app.code())


async def test_a_sealed_secret_opens_for_its_account_alone(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    """A row moved to another account by hand does not let its owner in as the other."""
    token, _ = await logged_in(staff, "anna")
    app, _ = await enrolled(staff, token, at)
    _, bert = await logged_in(staff, "bert")
    await pool.execute("UPDATE staff_factor SET staff_id = $1", bert.staff_id)
    at.advance(timedelta(minutes=1))
    with pytest.raises(Exception, match="wrong key"):
        await shows(staff, pool, bert.staff_id, app.code())


async def test_one_code_shown_by_many_at_once_is_accepted_once(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    token, session = await logged_in(staff, "anna")
    app, codes = await enrolled(staff, token, at)
    at.advance(timedelta(minutes=1))
    for code in (app.code(), codes[0]):
        tries = (shows(staff, pool, session.staff_id, code) for _ in range(8))
        found = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(each, str) for each in found) == 1
        assert sum(isinstance(each, Refused) for each in found) == 7


async def test_recovery_codes_are_hashed_single_and_renewed(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    """R-FACTOR-03."""
    token, session = await logged_in(staff, "anna")
    _, codes = await enrolled(staff, token, at)
    rows = await pool.fetch("SELECT code_hash FROM staff_recovery_code")
    stored = [bytes(row[0]) for row in rows]
    assert not [code for code in codes for each in stored if code.encode() in each]
    assert await shows(staff, pool, session.staff_id, codes[3]) == "recovery"
    for code in (codes[3], codes[4].upper(), codes[4].replace("-", ""), f" {codes[4]}"):
        with pytest.raises(Refused, match="R-FACTOR-02"):
            await shows(staff, pool, session.staff_id, code)
    account = await staff.account(session.staff_id)
    assert account is not None
    assert account.recovery_codes == 9
    session = await staff.session(token) or session
    answer, new = await staff.renew_codes(session, Asking(session.actor, "k", b"h"))
    assert (len(new), answer.replayed) == (10, False)
    again, none = await staff.renew_codes(session, Asking(session.actor, "k", b"h"))
    assert (none, again.replayed) == ([], True)
    with pytest.raises(Refused, match="R-FACTOR-02"):
        await shows(staff, pool, session.staff_id, codes[5])
    assert await shows(staff, pool, session.staff_id, new[0]) == "recovery"


async def test_another_ones_recovery_code_is_no_code(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    token, _ = await logged_in(staff, "anna")
    _, codes = await enrolled(staff, token, at)
    token, bert = await logged_in(staff, "bert")
    await enrolled(staff, token, at)
    with pytest.raises(Refused, match="R-FACTOR-02"):
        await shows(staff, pool, bert.staff_id, codes[0])


async def test_codes_without_a_factor_stand_in_for_nothing(staff: Staff) -> None:
    _, session = await logged_in(staff, "anna")
    with pytest.raises(Refused, match="R-FACTOR-03"):
        await staff.renew_codes(session, Asking(session.actor))


async def test_a_new_factor_takes_the_place_of_the_old_one(
    staff: Staff, pool: Pool, at: FixedClock
) -> None:
    token, session = await logged_in(staff, "anna")
    old, old_codes = await enrolled(staff, token, at)
    new, _ = await enrolled(staff, token, at)
    at.advance(timedelta(minutes=1))
    for code in (old.code(), old_codes[0]):
        with pytest.raises(Refused, match="R-FACTOR-02"):
            await shows(staff, pool, session.staff_id, code)
    assert await shows(staff, pool, session.staff_id, new.code()) == "totp"
    assert await pool.fetchval("SELECT count(*) FROM staff_factor") == 1
