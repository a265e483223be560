"""What a borrower was told, in words; what they chose; what is told of them and forgotten."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.notices.house import PHONE, House, house
from tests.servicing.books import KEYS
from usance.core.refusals import Refused
from usance.identity.changing import Asking
from usance.notices import leaving
from usance.notices.outbox import Telling
from usance.notices.own import OwnNotices
from usance.notices.preferences import Preferences, check, choose, chosen_by
from usance.platform.database import Pool, transaction

WHO = Asking("borrower:1")


def own(home: House) -> OwnNotices:
    return OwnNotices(home.pool, KEYS, home.clock, PHONE)


async def bill(home: House) -> tuple[int, int]:
    """A borrower with a loan, who was told of its first due."""
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who, 1_200_000, 3)
    facts = {"n": 1, "due_on": "2025-02-01", "amount": 1, "days": -3}
    await home.tell(Telling(who, "bill", "due-today", facts, loan))
    await home.sent()
    return who, loan


async def test_the_words_are_said_again_with_their_code(pool: Pool) -> None:
    """R-SEND-05."""
    async with house(pool) as home:
        who, loan = await bill(home)
        (shown,) = await own(home).page(who, "zh-CN")
        assert shown.title == "今天是应还日"
        assert shown.contract_id == loan
        assert f"核对码 {shown.code}" in home.sms.orders[0].text, "the code that was sent"
        assert shown.code in shown.text
        (english,) = await own(home).page(who, "en")
        assert english.title == "Due today"
        assert english.code == shown.code


async def test_reading_one_marks_it_as_seen(pool: Pool) -> None:
    async with house(pool) as home:
        who, _ = await bill(home)
        assert await own(home).unseen(who) == 1
        row = await home.row("bill")
        found = await own(home).one(who, "en", row["notice_id"])
        assert found is not None
        assert await own(home).unseen(who) == 0
        seen = (await home.row("bill"))["seen_at"]
        home.clock.advance(timedelta(hours=1))
        await own(home).one(who, "en", row["notice_id"])
        assert (await home.row("bill"))["seen_at"] == seen, "the first time counts"


async def test_nobody_sees_anothers(pool: Pool) -> None:
    async with house(pool) as home:
        who, _ = await bill(home)
        other = await home.book.borrower()
        row = await home.row("bill")
        assert await own(home).one(other, "en", row["notice_id"]) is None
        assert await own(home).page(other, "en") == []
        assert await own(home).page(who, "en", before=row["notice_id"]) == []


async def test_what_waits_is_not_shown(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        assert await own(home).page(who, "en") == []


@pytest.mark.parametrize(("wanted", "path"), [
    (Preferences(("pigeon",)), "ways"),
    (Preferences(("sms", "sms")), "ways"),
    (Preferences((), (("security", "sms"),)), "refused"),
    (Preferences((), (("gossip", "sms"),)), "refused"),
    (Preferences((), (("servicing", "pigeon"),)), "refused"),
    (Preferences(opens=600), "hours"),
    (Preferences(closes=600), "hours"),
    (Preferences(opens=600, closes=600), "hours"),
    (Preferences(opens=600, closes=630), "hours"),
    (Preferences(opens=-1, closes=600), "hours"),
    (Preferences(opens=600, closes=1_500), "hours"),
    (Preferences(zone="Nowhere/Land"), "zone"),
    (Preferences(zone="../../etc/passwd"), "zone"),
])  # fmt: skip
def test_what_cannot_be_chosen(wanted: Preferences, path: str) -> None:
    """R-PREFER-01."""
    with pytest.raises(Refused) as refused:
        check(wanted)
    assert (refused.value.refusal.rule, refused.value.refusal.path) == ("R-PREFER-01", path)


@pytest.mark.parametrize("wanted", [
    Preferences(digest_at=-1), Preferences(digest_at=1_440),
    Preferences(opens=600, closes=900, digest_at=900),
    Preferences(opens=600, closes=900, digest_at=599),
])  # fmt: skip
def test_a_digest_comes_within_ones_own_hours(wanted: Preferences) -> None:
    """R-PREFER-02."""
    with pytest.raises(Refused) as refused:
        check(wanted)
    refusal = refused.value.refusal
    assert (refusal.rule, refusal.path) == ("R-PREFER-02", "digest_at")


async def test_a_choice_holds_from_the_next_notice_on(pool: Pool) -> None:
    """R-PREFER-01."""
    async with house(pool) as home:
        who = await home.book.borrower()
        wanted = Preferences(("inbox",), (("servicing", "email"),), 540, 1_200, "Asia/Shanghai",
                             1_080)  # fmt: skip
        answer = await choose(pool, home.clock, who, wanted, WHO)
        assert await chosen_by(pool, who) == wanted
        noted = await pool.fetchval("SELECT action FROM operation ORDER BY operation_id DESC")
        assert (answer.status, noted) == (201, "ChooseNotices")
        await home.paid(who, "a")
        await home.sent()
        assert (await home.row("a"))["channel"] == "inbox"
        await choose(pool, home.clock, who, Preferences(), WHO)
        await home.paid(who, "b")
        await home.sent()
        assert (await home.row("b"))["channel"] == "sms"


async def test_nobody_chooses_for_who_is_not_there(pool: Pool) -> None:
    async with house(pool) as home:
        with pytest.raises(Refused, match="R-FOUND-01"):
            await choose(pool, home.clock, 999, Preferences(), WHO)


async def test_a_person_is_told_everything_and_forgotten(pool: Pool) -> None:
    async with house(pool) as home:
        who, _ = await bill(home)
        await home.paid(who, "later", not_before=home.clock.now() + timedelta(hours=2))
        await choose(pool, home.clock, who, Preferences(("email",)), WHO)
        async with transaction(pool) as connection:
            told: list[dict[str, Any]] = await leaving.notices(connection, who)
            chosen = await leaving.preferences(connection, who)
        assert [each["template_id"] for each in told] == ["paid", "due-today"]
        assert [step["kind"] for step in told[1]["steps"]] == ["send", "taken"]
        assert list(chosen["ways"]) == ["email"]
        json.dumps(told)
        async with transaction(pool) as connection:
            await leaving.forget_notices(connection, who)
        rows = await home.rows()
        assert {row["box"] + row["contact_hash"] + row["digits_hash"] for row in rows} == {b""}
        await home.later(hours=3)
        assert len(home.sms.orders) == 1, "nothing goes any more"
        assert await own(home).page(who, "en") == []
