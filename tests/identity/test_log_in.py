"""Log-in by a code: bound, short-lived, once, limited; and nobody learns who is a borrower."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import time
from collections import Counter
from datetime import timedelta

import pytest
import yaml

from tests.identity.doors import DIGITS, OTHER_PHONE, PHONE, House, refused
from usance.core.refusals import Refused
from usance.identity import log_in
from usance.identity.changing import Asking
from usance.identity.codes import LOG_IN, NEW_NUMBER, challenge_of
from usance.identity.log_in import Knock
from usance.identity.portal_policy import policy_in, portal_policy

THEMSELVES = Asking("borrower:1")

pytestmark = pytest.mark.usefixtures("in_no_time")


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


async def test_a_code_opens_a_session_of_its_borrower(door: House) -> None:
    begun = await door.come_in()
    session = await door.access.sessions.session(begun.token)
    assert session is not None
    assert session.borrower_id == door.borrower_id
    assert session.actor == f"borrower:{door.borrower_id}"
    row = await door.pool.fetchrow("SELECT actor, action FROM operation WHERE operation_id = $1",
                                   begun.operation_id)  # fmt: skip
    assert tuple(row) == (session.actor, "LogInBorrower")


async def test_nothing_that_opens_anything_is_kept_in_clear(door: House) -> None:
    """R-LOGIN-02: no code, token, phone, in no row of no table."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    begun = await door.access.log_in.enter(code, knock)
    assert begun is not None
    names = await door.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    secrets = [code, begun.token.partition(".")[2], begun.device_token, knock.half, PHONE[1:]]
    for (name,) in names:
        for (text,) in await door.pool.fetch(f"SELECT t::text FROM {name} t"):
            assert [each for each in secrets if each in text] == [], name
            hidden = [each for each in secrets if each.encode().hex() in text]
            assert hidden == [], name


async def test_a_code_is_good_once_also_for_twenty_at_once(door: House) -> None:
    """R-LOGIN-01: of many who bring the right code at the same time, one comes in."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    tries = (door.access.log_in.enter(code, knock) for _ in range(20))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in found) == 1
    rules = Counter(each.refusal.rule for each in found if isinstance(each, Refused))
    assert rules == {"R-LOGIN-01": 19}
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 1
    await refused(door.access.log_in.enter(code, knock), "R-LOGIN-01")


async def test_ten_thousand_guesses_end_locked(door: House) -> None:
    """R-LOGIN-01, R-LOGIN-05: five attempts at the code; the right one does not open it then."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    guesses = [each for n in range(10_001) if (each := f"{n:06}") != code][:10_000]
    rules: Counter[str] = Counter()
    addresses = itertools.cycle(f"198.51.100.{n}" for n in range(250))

    async def guess(text: str, address: str) -> None:
        try:
            await door.access.log_in.enter(text, Knock(knock.half, address, knock.device))
        except Refused as caught:
            rules[caught.refusal.rule] += 1

    for start in range(0, 10_000, 50):
        batch = guesses[start : start + 50]
        await asyncio.gather(*(guess(each, next(addresses)) for each in batch))
    assert rules.total() == 10_000
    row = await door.pool.fetchrow("SELECT state, attempts FROM one_time_code")
    assert tuple(row) == (4, 5)
    await refused(door.access.log_in.enter(code, knock), "R-LOGIN-01")
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 0


async def test_guesses_over_many_codes_are_counted_for_the_number(door: House) -> None:
    """R-LOGIN-05: whoever asks for ever new codes does not get ever new attempts."""
    slowed = 0
    for number in range(20):
        knock = door.knock(f"192.0.2.{number}")
        with contextlib.suppress(Refused):
            await door.access.log_in.ask(PHONE, knock)
        if not await door.access.log_in.waits(knock.half):
            slowed += 1
            door.clock.advance(timedelta(minutes=16))
            continue
        code = await door.code()
        for _ in range(5):
            with pytest.raises(Refused):
                await door.access.log_in.enter(other_than(code), knock)
    assert slowed >= 10
    most = portal_policy().limits["sends_to_a_number"][1].most
    sent = [each for each in await door.messages(PHONE) if each["kind"] == "log-in-code"]
    assert len(sent) <= most
    tried = await door.pool.fetchval("SELECT sum(attempts) FROM one_time_code")
    assert tried <= portal_policy().limits["attempts_on_a_number"][0].most


SHAPES = [
    "", "12345", "1234567", " 123456", "123456 ", "123 456", "12345\n", "123456\n", "１２３４５６",
    "١٢٣٤٥٦", "۱۲۳۴۵۶", "१२३४५६", "12345６", "𝟏𝟐𝟑𝟒𝟓𝟔", "¹²³⁴⁵⁶", "+12345", "-12345", "1e4000",
    "0x1234", "12345\u200b", "\ufeff12345", "12345\x00", "①②③④⑤⑥", "123,456", "12.345",
]  # fmt: skip


async def test_a_code_is_six_ascii_digits_and_nothing_else(door: House) -> None:
    """R-LOGIN-03: also where what was typed means the right digits."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    table = str.maketrans("123456", code)
    for variant in {each for text in SHAPES for each in (text, text.translate(table))}:
        await refused(door.access.log_in.enter(variant, knock), "R-LOGIN-03")
    assert await door.pool.fetchval("SELECT attempts FROM one_time_code") == 0
    assert await door.access.log_in.enter(code, knock) is not None


async def test_full_width_digits_of_the_right_code_are_refused(door: House) -> None:
    """R-LOGIN-03: digits of other scripts, and white space around the right ones."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    for zero in ("０", "٠", "۰", "०", "𝟎"):
        wide = "".join(chr(ord(zero) + int(digit)) for digit in code)
        await refused(door.access.log_in.enter(wide, knock), "R-LOGIN-03")
    for space in (" ", "\t", "\n", "\r", "\u00a0", "\u3000", "\u2009", "\u200b"):
        await refused(door.access.log_in.enter(code + space, knock), "R-LOGIN-03")
        await refused(door.access.log_in.enter(space + code, knock), "R-LOGIN-03")


async def test_a_code_is_bound_to_its_browser_and_its_purpose(door: House) -> None:
    """R-LOGIN-02."""
    knock, elsewhere = door.knock(), door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    await refused(door.access.log_in.enter(code, elsewhere), "R-LOGIN-01")
    assert challenge_of(knock.half, LOG_IN) != challenge_of(knock.half, NEW_NUMBER)
    await door.pool.execute("UPDATE one_time_code SET purpose = 'new-number'")
    await refused(door.access.log_in.enter(code, knock), "R-LOGIN-01")


async def test_a_code_is_good_for_ten_minutes(door: House) -> None:
    """R-LOGIN-02: and what goes out too late is not sent at all."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    door.clock.advance(timedelta(minutes=10))
    await refused(door.access.log_in.enter(code, knock), "R-LOGIN-01")
    await door.access.log_in.ask(PHONE, door.knock())
    door.clock.advance(timedelta(minutes=10))
    await door.deliver()
    assert len(await door.messages(PHONE)) == 1


async def test_a_new_code_ends_the_one_before(door: House) -> None:
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    first = await door.code()
    await door.access.log_in.ask(PHONE, knock)
    second = await door.code()
    if first != second:
        await refused(door.access.log_in.enter(first, knock), "R-LOGIN-01")
    assert await door.access.log_in.enter(second, knock) is not None


@pytest.mark.parametrize("document", [
    {"codes": {"minutes": 11}}, {"codes": {"attempts": 6}}, {"codes": {"minutes": 0}},
    {"links": {"minutes": 6}},
])  # fmt: skip
def test_no_policy_is_looser_than_the_rules(document: dict[str, dict[str, int]]) -> None:
    """R-LOGIN-02, R-LINK-02."""
    from importlib import resources

    text = resources.files("usance.policies").joinpath("portal.yaml").read_text("utf-8")
    whole = yaml.safe_load(text)
    policy_in(whole)
    for name, settings in document.items():
        whole[name] |= settings
    with pytest.raises(Refused, match="R-L"):
        policy_in(whole)


# -- nobody learns who is a borrower ---------------------------------------------------------------


async def test_an_unknown_number_is_answered_alike_and_nothing_is_sent(door: House) -> None:
    """R-LOGIN-04."""
    known, unknown = door.knock(), door.knock()
    await door.access.log_in.ask(PHONE, known)
    await door.access.log_in.ask("+8613700000000", unknown)
    assert [each["to"] for each in await door.messages()] == [PHONE]
    assert await door.pool.fetchval("SELECT count(*) FROM notice") == 1
    assert await door.access.log_in.waits(unknown.half) == "code"
    said = []
    for knock in (known, unknown):
        for _ in range(6):
            with pytest.raises(Refused) as caught:
                await door.access.log_in.enter(other_than(await door.code()), knock)
            said.append(caught.value.refusal)
        assert await door.access.log_in.waits(knock.half) == ""
    assert len(set(said)) == 1


async def test_limits_are_the_same_for_a_number_that_nobody_has(door: House) -> None:
    """R-LOGIN-04, R-LOGIN-05."""
    for phone in (PHONE, "+8613700000000"):
        answers = []
        for number in range(5):
            try:
                await door.access.log_in.ask(phone, door.knock(f"192.0.2.{number}"))
                answers.append("sent")
            except Refused as caught:
                answers.append(caught.refusal.rule)
        assert answers == ["sent"] * 3 + ["R-LOGIN-05"] * 2


async def test_an_address_is_slowed_down_whatever_the_number(door: House) -> None:
    """R-LOGIN-05."""
    for number in range(30):
        await door.access.log_in.ask(f"+86137000001{number:02}", door.knock("203.0.113.7"))
    await refused(door.access.log_in.ask(PHONE, door.knock("203.0.113.7")), "R-LOGIN-05")
    await door.access.log_in.ask(PHONE, door.knock("203.0.113.8"))


async def test_known_and_unknown_numbers_take_the_same_time(
    door: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-LOGIN-04: the work behind it is alike, and the answer waits for the same moment anyway."""

    async def seconds(phone: str) -> float:
        await door.pool.execute("DELETE FROM limit_count")
        started = time.perf_counter()
        await door.access.log_in.ask(phone, door.knock())
        return time.perf_counter() - started

    found: dict[str, list[float]] = {PHONE: [], "+8613700000000": []}
    for _ in range(30):
        for phone, times in found.items():
            times.append(await seconds(phone))
    known, unknown = (statistics.median(times) for times in found.values())
    assert known / unknown < 2
    assert unknown / known < 2
    monkeypatch.setattr(log_in, "LEAST_SECONDS", 0.2)
    held = [await seconds(phone) for phone in found]
    assert min(held) >= 0.2
    assert max(held) - min(held) < 0.1


async def test_what_is_no_number_is_refused_before_anything(door: House) -> None:
    for text in ("", "abc", "12", "+86 138 0000 000x", "1" * 30):
        await refused(door.access.log_in.ask(text, door.knock()), "R-BORR-01")
    assert await door.pool.fetchval("SELECT count(*) FROM limit_count") == 0


# -- sessions and devices --------------------------------------------------------------------------


async def test_a_session_ends_when_idle_and_when_old(door: House) -> None:
    """R-LOGIN-08."""
    begun = await door.come_in()
    for _ in range(3):
        door.clock.advance(timedelta(minutes=14))
        assert await door.access.sessions.session(begun.token) is not None
    door.clock.advance(timedelta(minutes=15))
    assert await door.access.sessions.session(begun.token) is None
    begun = await door.come_in()
    for _ in range(71):
        door.clock.advance(timedelta(minutes=10))
        assert await door.access.sessions.session(begun.token) is not None
    door.clock.advance(timedelta(minutes=10))
    assert await door.access.sessions.session(begun.token) is None


async def test_a_token_is_not_bent_into_another_borrowers(door: House) -> None:
    """R-LOGIN-08: forged, cut, of another borrower, of nobody."""
    mine, theirs = await door.come_in(), await door.come_in(phone=OTHER_PHONE)
    name, _, secret = mine.token.partition(".")
    other = theirs.token.partition(".")[0]
    bent = [f"{other}.{secret}", f"{name}.{secret[:-1]}", name, f"{name}.", secret, "", ".",
            f"{name}.{secret}x", f"b-0.{secret}", f"b-zzzzzzzzzzzzz.{secret}", "é.é",
            f"{name}.é"]  # fmt: skip
    for token in bent:
        assert await door.access.sessions.session(token) is None, token
    assert await door.access.sessions.session(mine.token) is not None


async def test_sessions_are_listed_and_ended_by_their_own_borrower_only(door: House) -> None:
    """R-LOGIN-08."""
    first, second = await door.come_in(), await door.come_in()
    theirs = await door.come_in(phone=OTHER_PHONE)
    sessions = door.access.sessions
    here, there = await sessions.session(first.token), await sessions.session(theirs.token)
    assert here is not None
    assert there is not None
    assert len(await sessions.of(door.borrower_id)) == 2
    await refused(sessions.end(here, there.session_id), "R-FOUND-01")
    assert await sessions.session(theirs.token) is not None
    assert await sessions.end_others(here) == 1
    assert await sessions.session(second.token) is None
    await sessions.log_out(here)
    assert await sessions.session(first.token) is None
    await refused(sessions.log_out(here), "R-FOUND-01")


async def test_an_erased_borrower_is_out_at_once(door: House) -> None:
    begun = await door.come_in()
    await door.pool.execute("UPDATE borrower SET status = 2 WHERE borrower_id = $1",
                            door.borrower_id)  # fmt: skip
    assert await door.access.sessions.session(begun.token) is None
    await door.access.log_in.ask(PHONE, door.knock())
    assert len([m for m in await door.messages(PHONE) if m["kind"] == "log-in-code"]) <= 1


async def test_a_new_device_is_told_of_and_a_known_one_is_not(door: House) -> None:
    """R-LOGIN-09."""
    knock = door.knock()
    first = await door.come_in(knock)
    told = [m for m in await door.messages(PHONE) if m["kind"] == "new-device"]
    assert len(told) == 1
    assert "Firefox · Linux" in told[0]["words"]
    again = await door.come_in(door.knock(device=knock.device))
    assert again.device_token == first.device_token
    assert len([m for m in await door.messages(PHONE) if m["kind"] == "new-device"]) == 1
    (device,) = await door.access.devices.of(door.borrower_id)
    assert device["family"] == "Firefox · Linux"
    await refused(
        door.access.devices.forget(door.other_id, device["device_id"], THEMSELVES), "R-FOUND-01"
    )
    await door.access.devices.forget(door.borrower_id, device["device_id"], THEMSELVES)
    assert await door.access.sessions.session(again.token) is None
    assert await door.access.devices.of(door.borrower_id) == []
    door.clock.advance(timedelta(minutes=20))
    await door.come_in(door.knock(device=knock.device))
    assert len([m for m in await door.messages(PHONE) if m["kind"] == "new-device"]) == 2


# -- numbers that change hands ---------------------------------------------------------------------


async def test_a_number_not_used_for_long_asks_one_more_question(door: House) -> None:
    """R-LOGIN-06: after the code, so that nobody learns anything without it."""
    knock = door.knock()
    await door.come_in(knock)
    await door.pass_days(179)
    known = door.knock(device=knock.device)
    assert (await door.come_in(known)) is not None  # used again: it is fresh
    await door.pass_days(180)
    late = door.knock(device=knock.device)
    await door.access.log_in.ask(PHONE, late)
    assert await door.access.log_in.waits(late.half) == "code"
    assert await door.access.log_in.enter(await door.code(), late) is None
    assert await door.access.log_in.waits(late.half) == "identity"
    await refused(door.access.log_in.answer("9999", late), "R-LOGIN-06")
    begun = await door.access.log_in.answer(DIGITS.lower(), late)
    assert await door.access.sessions.session(begun.token) is not None
    await refused(door.access.log_in.answer(DIGITS, late), "R-LOGIN-01")


async def test_a_new_device_is_asked_sooner(door: House) -> None:
    """R-LOGIN-06: a device never seen, on a number that was not used for a quarter of a year."""
    knock = door.knock()
    await door.come_in(knock)
    await door.pass_days(91)
    new = door.knock()
    await door.access.log_in.ask(PHONE, new)
    assert await door.access.log_in.enter(await door.code(), new) is None
    known = door.knock(device=knock.device)
    await door.access.log_in.ask(PHONE, known)
    assert await door.access.log_in.enter(await door.code(), known) is not None


async def test_the_question_is_answered_three_times_at_most(door: House) -> None:
    """R-LOGIN-06: then the code is locked, and staff looks."""
    await door.pass_days(200)
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    assert await door.access.log_in.enter(await door.code(), knock) is None
    for digits in ("0000", "", "１２３X"):
        await refused(door.access.log_in.answer(digits, knock), "R-LOGIN-06")
    await refused(door.access.log_in.answer(DIGITS, knock), "R-LOGIN-01")
    (flag,) = await door.access.contacts.open_flags()
    assert (flag["borrower_id"], flag["kind"]) == (door.borrower_id, "identity")
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 0


async def test_the_right_answer_at_once_opens_one_session(door: House) -> None:
    await door.pass_days(200)
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    assert await door.access.log_in.enter(await door.code(), knock) is None
    tries = (door.access.log_in.answer(DIGITS, knock) for _ in range(3))
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in found) == 1
    assert await door.pool.fetchval("SELECT count(*) FROM borrower_session") == 1


async def test_whoever_has_the_number_now_can_stop_messages_to_it(door: House) -> None:
    """R-CONTACT-04, R-CONTACT-05: with the code that came, and with nothing else."""
    knock = door.knock()
    await door.access.log_in.ask(PHONE, knock)
    code = await door.code()
    await refused(door.access.log_in.not_me(other_than(code), knock), "R-LOGIN-01")
    assert await door.access.contacts.open_flags() == []
    await door.access.log_in.not_me(code, knock)
    await door.access.log_in.ask(PHONE, door.knock())
    assert len(await door.messages(PHONE)) == 1
    assert await door.pool.fetchval("SELECT count(*) FROM notice WHERE state = 0") == 0
    (flag,) = await door.access.contacts.open_flags()
    assert flag["kind"] == "not-me"
    await refused(
        door.access.contacts.close_flag(
            door.borrower_id, flag["flag_id"], " x ", Asking("staff:1"), lift=True
        ), "R-CONTACT-05",
    )  # fmt: skip
    reason = "the borrower came to the counter with her passport"
    await door.access.contacts.close_flag(
        door.borrower_id, flag["flag_id"], reason, Asking("staff:1"), lift=True
    )
    assert await door.access.contacts.reasons_of(door.borrower_id) == {flag["flag_id"]: reason}
    stored = await door.pool.fetchval("SELECT reason FROM contact_flag")
    assert reason.encode() not in stored
    door.clock.advance(timedelta(minutes=16))
    await door.come_in()


async def test_a_message_on_its_way_does_not_reach_a_suspended_number(door: House) -> None:
    """R-CONTACT-06: suspended between the outbox and the messenger."""
    first, second = door.knock(), door.knock()
    await door.access.log_in.ask(PHONE, first)
    code = await door.code()
    await door.access.log_in.ask(PHONE, second)
    await door.access.log_in.not_me(code, first)
    assert len(await door.messages(PHONE)) == 1


async def test_no_message_has_a_link_or_anything_personal(door: House) -> None:
    """R-CONTACT-06."""
    await door.come_in()
    for message in await door.messages():
        assert "王小明" not in message["words"]
        assert PHONE[-4:] not in message["words"]
