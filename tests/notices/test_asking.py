"""Asking whether a notice is genuine: facts for whoever asks rightly, nothing for anybody else."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.notices import asking_house
from tests.notices.asking_house import BOTH, DIGITS, NEW, NOON, OLD, WRONG, House, many, roomy
from usance.core.refusals import Refused
from usance.notices import codes, outbox
from usance.notices import verification_sql as sql
from usance.notices.asking import ARRIVED, NOT_ARRIVED, SENDING, SENT, Genuine, Verification
from usance.notices.code_keys import CodeKeys, code_keys
from usance.platform.database import Pool, transaction
from usance.platform.personal import FORGET, PARTS

HERE = "192.0.2.7"


@pytest_asyncio.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with asking_house.house(pool, keys=OLD) as found:
        yield found


async def asked(house: House, code: str, digits: str = DIGITS) -> Genuine | None:
    return await house.verification.ask(code, digits, HERE)


async def refused(house: House, code: str, digits: str = DIGITS) -> Refused:
    with pytest.raises(Refused) as found:
        await asked(house, code, digits)
    return found.value


async def test_keys_of_every_generation_the_newest_first() -> None:
    """R-VERIFY-01: and what may keep them for a minute has the same."""
    old, both, new = [await code_keys(each) for each in (OLD, BOTH, NEW)]
    assert both == [*new, *old]
    assert len(set(both)) == 2
    assert await CodeKeys(BOTH).all() == both


async def test_a_code_from_before_a_rotation_still_verifies(house: House) -> None:
    """R-VERIFY-01: until the old key is retired, and codes of both keys side by side."""
    before = await house.sent()
    rotated = house.other(BOTH)
    after = await asking_house.sent(house.pool, house.who, BOTH)
    for each in (before, after):
        assert await rotated.ask(each.code, DIGITS, HERE) is not None
        assert await rotated.ask(each.code, WRONG, HERE) is None
    assert await house.other(NEW).ask(before.code, DIGITS, HERE) is None


async def test_who_asks_rightly_is_told_the_genuine_facts(house: House) -> None:
    """R-VERIFY-04: heading, amount, day, way, moment and state; how often, and when first."""
    one = await house.sent()
    found = await asked(house, one.code)
    assert found == Genuine(
        "due-tomorrow", "due.reminder", {"zh-CN": "明天是应还日", "en": "Due tomorrow"}, "sms",
        SENT, NOON, 123_450, "2026-03-02", 1, NOON,
    )  # fmt: skip
    house.clock.advance(timedelta(hours=1))
    again = await asked(house, one.code)
    assert again is not None
    assert (again.times, again.first_at) == (2, NOON)


@pytest.mark.parametrize(("state", "said"), [
    (outbox.GOING, SENDING), (outbox.TAKEN, SENT), (outbox.ARRIVED, ARRIVED),
    (outbox.FAILED, NOT_ARRIVED),
])  # fmt: skip
async def test_the_state_of_the_notice_is_said(house: House, state: int, said: str) -> None:
    """R-VERIFY-04."""
    found = await asked(house, (await house.sent(state=state)).code)
    assert found is not None
    assert found.state == said


async def test_nothing_of_a_person_is_said(house: House) -> None:
    """R-VERIFY-04: of a notice's values only amount and day, whatever else is among them."""
    facts = {"amount": 5, "due_on": "2026-03-02", "borrower": "王小明", "lender_phone": "95001",
             "limit": 9_999_999, "balance": 777_777}  # fmt: skip
    one = await house.sent(facts=facts)
    found = await asked(house, one.code)
    said = repr(found)
    for secret in ("王小明", "95001", "9999999", "777777", str(house.who), one.code, DIGITS):
        assert secret not in said
    assert {each.name for each in fields(Genuine)} == {
        "template_id", "event", "titles", "channel", "state", "sent_at", "amount", "due_on",
        "times", "first_at",
    }  # fmt: skip


async def test_a_heading_with_a_placeholder_is_not_said(house: House) -> None:
    """R-VERIFY-04."""
    await house.pool.execute(
        "UPDATE notice_template SET body = replace(body, '明天是应还日\"', '{borrower}\"')"
        " WHERE template_id = 'due-tomorrow'"
    )
    found = await asked(house, (await house.sent()).code)
    assert found is not None
    assert "{borrower}" not in str(found.titles)


async def test_typed_as_people_type(house: House) -> None:
    """R-CODE-02."""
    one = await house.sent()
    for text in asking_house.spelled(one.code):
        assert await asked(house, text, f" {DIGITS} ") is not None


async def test_neither_helps_alone(house: House) -> None:
    """R-CODE-03, R-VERIFY-03: a made code with other digits is answered like one never made."""
    one, other = await house.sent(), await house.sent(digits="1111")
    assert await asked(house, one.code, WRONG) is None
    assert await asked(house, one.code, "1111") is None
    assert await asked(house, other.code, DIGITS) is None
    assert await asked(house, "00000-00000") is None
    assert await house.counted() == (0, 4, 0)
    assert await house.pool.fetchval("SELECT count(*) FROM notice_asked") == 0


async def test_two_notices_with_one_code(house: House) -> None:
    """R-CODE-03: rare as it is, each is found by the digits of its own number."""
    first = await house.sent(code="ABCDEFGH12")
    second = await house.sent(code="ABCDEFGH12", digits="1111", facts={"amount": 7})
    one, two = await asked(house, first.code), await asked(house, second.code, "1111")
    assert one is not None
    assert two is not None
    assert (one.amount, two.amount) == (123_450, 7)


@pytest.mark.parametrize("code", ["", "ABC", "ABCDEFGH123", "ABCDE-FGHU1", "é" * 10, "1" * 500])
async def test_what_can_be_no_code_is_refused_alike_and_counts(house: House, code: str) -> None:
    """R-CODE-02, R-VERIFY-05: whoever forges a code need not know its shape."""
    error = await refused(house, code)
    assert error.refusal.rule == "R-CODE-02"
    assert error.refusal.detail == "a code has ten letters and digits"
    assert await house.counted() == (0, 1, 0)


@pytest.mark.parametrize("digits", ["", "123", "12345", "12a4", "١٢٣٤"])
async def test_digits_that_can_be_none(house: House, digits: str) -> None:
    """R-CODE-02: nothing is counted, nothing is looked up."""
    error = await refused(house, "ABCDEFGH12", digits)
    assert (error.refusal.rule, error.refusal.path) == ("R-CODE-02", "digits")
    assert await house.counted() == (0, 0, 0)


async def test_a_network_that_asks_too_often(house: House) -> None:
    """R-VERIFY-02: right or wrong; others are answered, and what was refused is counted later."""
    one = await house.sent()
    for number in range(20):
        assert await asked(house, f"00000000{number:02}", WRONG) is None
    for _ in range(3):
        assert (await refused(house, one.code)).refusal.rule == "R-VERIFY-02"
    assert await house.verification.ask(one.code, DIGITS, "198.51.100.1") is not None
    assert await house.counted() == (1, 20, 3)


async def test_a_code_that_many_ask_for_is_a_sign_too(house: House) -> None:
    """R-VERIFY-02, R-VERIFY-05: a genuine code in a thousand forgeries."""
    one = await house.sent()
    for place in range(12):
        assert await house.verification.ask(one.code, DIGITS, f"10.0.{place}.1") is not None
    with pytest.raises(Refused) as found:
        await house.verification.ask(one.code, DIGITS, "10.0.99.1")
    assert (found.value.refusal.rule, found.value.refusal.path) == ("R-VERIFY-02", "code")
    assert await house.counted() == (12, 1, 0)


async def test_only_staff_learn_of_a_code_without_its_digits(house: House) -> None:
    """R-VERIFY-06: for reports."""
    one = await house.sent()
    assert await house.verification.knows(one.code) == "made"
    assert await house.verification.knows("00000-00000") == "unknown"
    assert await house.verification.knows("no code") == "unknown"
    assert await house.verification.knows(" ") == "none"


class Listening:
    """A pool that notes what is run."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.said: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._pool, name)
        if name not in ("fetch", "fetchrow", "fetchval", "execute", "acquire"):
            return real

        def noted(*args: Any, **more: Any) -> Any:
            self.said.append((name, str(args[0]) if args else ""))
            return real(*args, **more)

        return noted


@pytest.mark.parametrize("keys", [OLD, BOTH])
async def test_the_same_work_whatever_the_code_is(
    pool: Pool, keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-VERIFY-03: the same statements, rows and hashes for a code never made and one with other
    digits."""
    async with asking_house.house(pool, roomy(), keys) as house:
        one, listening = await house.sent(), Listening(pool)
        await many(pool, 2_000)
        who = Verification(listening, keys, house.clock, roomy())  # type: ignore[arg-type]
        hashes, seen = [0], []
        monkeypatch.setattr(codes, "kept_digits", counting(codes.kept_digits, hashes))
        monkeypatch.setattr(codes, "kept", counting(codes.kept, hashes))
        monkeypatch.setattr(sql, "near", noting(sql.near, seen))
        await who.ask("00000-00000", WRONG, HERE)
        runs = []
        for code in ("7ZZZZ-ZZZZZ", one.code, "00000-00001", one.code):
            listening.said, hashes[0], before = [], 0, len(seen)
            assert await who.ask(code, WRONG, HERE) is None
            runs.append((listening.said, hashes[0], seen[before:]))
        assert all(each == runs[0] for each in runs[1:])
        assert len(runs[0][0]) == 3
        assert runs[0][1] == len(await code_keys(keys)) * (1 + sql.NEAR)


def counting(real: Any, count: list[int]) -> Any:
    def counted(*args: Any) -> Any:
        count[0] += 1
        return real(*args)

    return counted


def noting(real: Any, seen: list[int]) -> Any:
    async def noted(*args: Any) -> Any:
        rows = await real(*args)
        seen.append(len(rows))
        return rows

    return noted


async def test_the_look_up_goes_by_the_index(house: House) -> None:
    """R-VERIFY-03: and reads as many rows for a hash that is not there."""
    await many(house.pool, 20_000)
    one = await house.sent()
    stored = await house.pool.fetchval(
        "SELECT code_hash FROM notice WHERE notice_id = $1", one.notice_id
    )
    plans = []
    for wanted in (stored, bytes(31) + b"1"):
        plan = await house.pool.fetch(
            f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) {sql.LOOK_UP}",
            [wanted], sql.NEAR,
        )  # fmt: skip
        plans.append("\n".join(row[0] for row in plan))
    assert "notice_code" in plans[0]
    assert plans[0].count("rows=2") == plans[1].count("rows=2") > 0


async def test_nothing_typed_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """R-VERIFY-03: not even in an accident."""
    caplog.set_level(logging.DEBUG)
    one = await house.sent()
    await asked(house, one.code)
    await asked(house, one.code, WRONG)
    assert one.code not in caplog.text
    assert "logger" not in inspect.getsource(Verification)


async def test_how_often_is_told_to_the_person_and_forgotten_with_them(house: House) -> None:
    """R-VERIFY-08."""
    one = await house.sent()
    await asked(house, one.code)
    async with transaction(house.pool) as connection:
        (shown,) = await PARTS["notices_asked_for"](connection, house.who)
        assert (shown["notice"], shown["times"]) == (one.notice_id, 1)
        for each in FORGET:
            if each.__name__ == "forget_asks":
                await each(connection, house.who)
        assert await PARTS["notices_asked_for"](connection, house.who) == []
