"""Under whom log-ins are counted, so that nobody guesses without end and nobody is locked out."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from tests.identity.doors import DIGITS, OTHER_PHONE, PHONE, House
from tests.identity.test_log_in import other_than, refused
from usance.core.refusals import Refused
from usance.identity.changing import Asking

pytestmark = pytest.mark.usefixtures("in_no_time")


async def test_one_network_has_one_count_however_its_addresses_are_written(door: House) -> None:
    """R-LOGIN-05: a /64 of IPv6 is one place, and so is an IPv4 address that is written as IPv6."""
    for number in range(30):
        place = "2001:db8:0:7::{:x}" if number % 2 else "2001:0DB8:0:7:{:x}:1:1:1"
        knock = door.knock(place.format(number))
        await door.access.log_in.ask(f"+86137000002{number:02}", knock)
    inside, beside = door.knock("2001:db8:0:7:ffff::1"), door.knock("2001:db8:0:8::1")
    await refused(door.access.log_in.ask(PHONE, inside), "R-LOGIN-05")
    await door.access.log_in.ask(PHONE, beside)
    for number in range(30):
        place = "198.51.100.9" if number % 2 else "::ffff:198.51.100.9"
        await door.access.log_in.ask(f"+86137000003{number:02}", door.knock(place))
    await refused(door.access.log_in.ask(PHONE, door.knock("198.51.100.9")), "R-LOGIN-05")


async def test_one_address_does_not_use_up_a_number(door: House) -> None:
    """R-LOGIN-05: it is stopped first, and the number's own count stands where it stood."""
    sent = 0
    for _ in range(10):
        with contextlib.suppress(Refused):
            await door.access.log_in.ask(PHONE, door.knock("198.51.100.1"))
            sent += 1
        door.clock.advance(timedelta(minutes=16))
    assert sent == 5
    for number in range(5):
        await door.access.log_in.ask(PHONE, door.knock(f"192.0.2.{number}"))
        door.clock.advance(timedelta(minutes=16))
    await refused(door.access.log_in.ask(PHONE, door.knock("192.0.2.99")), "R-LOGIN-05")


async def test_nobody_locks_a_borrower_out_of_a_device_they_have_used(door: House) -> None:
    """R-LOGIN-05: strangers use up the sends and the guesses of a number, and its borrower comes in
    all the same on a known device; that has an end of its own, and nobody else's device has it."""
    mine, theirs = door.knock(), door.knock()
    await door.come_in(mine)
    await door.come_in(theirs, OTHER_PHONE)
    for number in range(12):
        knock = door.knock(f"192.0.2.{number}")
        with contextlib.suppress(Refused):
            await door.access.log_in.ask(PHONE, knock)
            code = await door.code()
            for _ in range(5):
                with pytest.raises(Refused):
                    await door.access.log_in.enter(other_than(code), knock)
        door.clock.advance(timedelta(minutes=16))
    for stranger in (door.knock("192.0.2.99"), door.knock("192.0.2.98", theirs.device)):
        await refused(door.access.log_in.ask(PHONE, stranger), "R-LOGIN-05")
    for _ in range(10):
        await door.come_in(door.knock(mine.address, mine.device))
        door.clock.advance(timedelta(minutes=16))
    again = door.knock(mine.address, mine.device)
    await refused(door.access.log_in.ask(PHONE, again), "R-LOGIN-05")


async def guesses(door: House, most: int) -> int:
    """How many answers to the question were looked at, with a new code for every two of them."""
    looked_at = 0
    for number in range(most):
        knock = door.knock(f"192.0.2.{number}")
        door.clock.advance(timedelta(hours=3))
        await door.access.log_in.ask(PHONE, knock)
        sent = [each for each in await door.messages(PHONE) if each["kind"] == "log-in-code"]
        if len(sent) <= number:
            break
        assert await door.access.log_in.enter(await door.code(), knock) is None
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await door.access.log_in.answer("0000", knock)
            looked_at += caught.value.refusal.rule == "R-LOGIN-06"
    return looked_at


async def test_the_question_is_not_guessed_at_with_ever_new_codes(door: House) -> None:
    """R-LOGIN-06: six answers in all, then staff looks, and no code goes out until they have."""
    await door.pass_days(200)
    assert await guesses(door, 12) == 6
    (flag,) = await door.access.contacts.open_flags()
    assert flag["kind"] == "identity"
    door.clock.advance(timedelta(days=2))
    before = len(await door.messages(PHONE))
    await door.access.log_in.ask(PHONE, door.knock())
    assert len(await door.messages(PHONE)) == before
    await door.access.contacts.close_flag(
        door.borrower_id, flag["flag_id"], "she came to the counter", Asking("staff:1"),
        lift=False,
    )
    door.clock.advance(timedelta(days=30))
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    assert await door.access.log_in.enter(await door.code(), knock) is None
    assert await door.access.log_in.answer(DIGITS, knock)


async def test_a_question_that_is_not_answered_ends_every_code(door: House) -> None:
    """R-LOGIN-06: also those that other browsers hold, with the question still open in one."""
    await door.pass_days(200)
    first, second, third = door.knock(), door.knock(), door.knock()
    for knock in (first, second, third):
        await door.access.log_in.ask(PHONE, knock)
        code = await door.code()
        if knock is not third:
            assert await door.access.log_in.enter(code, knock) is None
    for _ in range(3):
        await refused(door.access.log_in.answer("0000", first), "R-LOGIN-06")
    await refused(door.access.log_in.answer(DIGITS, second), "R-LOGIN-01")
    await refused(door.access.log_in.enter(code, third), "R-LOGIN-01")
    await refused(door.access.log_in.answer(DIGITS, first), "R-LOGIN-01")
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 0
