"""What is due is sent: in order, in words, by some way, once, and never against the gate."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from tests.notices.house import NIGHT, NOON, PHONE, Hand, House, house
from tests.servicing.books import KEYS
from usance.core.identifiers import cell_of_borrower
from usance.notices import codes
from usance.notices.code_keys import code_keys
from usance.notices.outbox import ARRIVED, DROPPED, FAILED, GOING, STOPPED, TAKEN, WAITS, Telling
from usance.notices.providers import LATER, REFUSED, UNKNOWN, Order, Outcome
from usance.notices.reading import hashes_of
from usance.platform.database import Pool
from usance.servicing import commands as asked

assert (WAITS, GOING, TAKEN, ARRIVED, FAILED, STOPPED, DROPPED) == (1, 2, 3, 4, 5, 6, 7)


async def state(home: House, key: str) -> tuple[int, str]:
    row = await home.row(key)
    return row["state"], row["because"]


async def test_a_notice_goes_out_in_words(pool: Pool) -> None:
    """R-SEND-01, R-GATE-01."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await home.sent()
        (order,) = home.sms.orders
        assert order.to == "+8613800000000"
        assert order.text == (
            f"已收到您2026年3月2日的还款50.00 元，谢谢。明细见应用。如有不符，请致电 {PHONE}。"
        )
        row = await home.row("a")
        assert (row["state"], row["channel"], row["provider"], row["reference"]) == (
            TAKEN, "sms", "one", f"r-{order.key}",
        )  # fmt: skip
        assert row["sent_at"] == NOON
        assert row["contact_hash"] == hashes_of(KEYS, order.to)[0]
        assert await home.steps("a") == [("send", ""), ("taken", f"r-{order.key}")]
        await home.sent()
        assert len(home.sms.orders) == 1, "once"


async def test_the_trace_says_what_was_asked(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await home.sent()
        trace = json.loads(await pool.fetchval("SELECT trace FROM notice_step WHERE kind='send'"))
        names = [each[0] for each in trace]
        assert names[0] == "SUPPRESSED"
        assert {"HOUSE.SERVICING.DAY", "CN.CARRIER.MINUTE", "HOUSE.HOURS"} <= set(names)


async def test_quiet_hours_hold_until_the_morning(pool: Pool) -> None:
    async with house(pool, NIGHT) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await home.sent()
        row = await home.row("a")
        assert (row["state"], row["because"]) == (WAITS, "HOUSE.HOURS")
        assert row["not_before"] == NIGHT.replace(day=3, hour=0, minute=0)
        await home.later(hours=7, minutes=29)
        assert home.sms.orders == []
        await home.later(minutes=1)
        assert len(home.sms.orders) == 1


async def test_notices_of_a_purpose_keep_their_order(pool: Pool) -> None:
    """R-SEND-02."""
    async with house(pool) as home:
        who, other = await home.book.borrowers(2)
        home.sms.answer = lambda order: Outcome(LATER, wait=60)
        for key in ("a", "b", "c"):
            await home.paid(who, key)
        await home.sent()
        assert len(home.sms.orders) == 1, "b waits for a"
        home.sms.answer = lambda order: Outcome("taken", "r")
        await home.paid(other, "d")
        await home.sent()
        assert [each.to[-4:] for each in home.sms.orders] == ["0000", "0001"], "others do not"
        await home.later(minutes=2)
        rows = [each for each in await home.rows() if each["borrower_id"] == who]
        keys = [f"n-{who}-{each['notice_id']}" for each in rows]
        assert home.sms.keys[0] == keys[0]
        assert home.sms.keys[2:] == keys


async def test_a_code_does_not_wait_for_a_word_that_waits(pool: Pool) -> None:
    """R-SEND-02: what protects somebody waits only for what says the same."""
    async with house(pool) as home:
        who = await home.book.borrower()
        home.sms.answer = lambda order: Outcome(LATER, wait=600)
        for key in ("a", "b"):
            await home.tell(Telling(who, key, "number-changed", {"day": "2026-03-03"}))
        await home.sent()
        assert len(home.sms.orders) == 1, "the same words wait for each other"
        home.sms.answer = lambda order: Outcome("taken", "r")
        facts = {"day": "2026-03-03", "device": "Android"}
        await home.tell(Telling(who, "c", "new-device", facts))
        await home.sent()
        assert [each.key for each in home.sms.orders[1:]] == [f"n-{who}-3"]


async def test_protection_does_not_wait_for_a_bill(pool: Pool) -> None:
    async with house(pool, NIGHT) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await home.tell(Telling(who, "s", "number-changed", {"day": "2026-03-03"}))
        await home.sent()
        assert [each.text[:6] for each in home.sms.orders] == ["您账户的联系"]


async def test_the_cap_of_a_day_holds_the_next(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        for n in range(8):
            await home.paid(who, f"k{n}")
            await home.later(minutes=2)
        assert len(home.sms.orders) == 6
        row = await home.row("k6")
        trace = await pool.fetchval("SELECT trace FROM notice_step WHERE kind = 'hold'")
        assert ["HOUSE.SERVICING.DAY", "hold"] in [each[:2] for each in json.loads(trace)]
        assert row["not_before"] == NOON.replace(day=3, hour=0, minute=0), "08:00 the next day"


async def test_a_retry_is_counted_once(pool: Pool) -> None:
    """R-SEND-04."""
    async with house(pool) as home:
        who = await home.book.borrower()
        home.sms.answer = lambda order: Outcome(LATER)
        await home.paid(who, "a")
        for _ in range(5):
            await home.later(hours=1)
        assert len(home.sms.orders) == 5
        counts = {
            row["subject"]: json.loads(row["counts"])
            for row in await pool.fetch("SELECT * FROM notice_counter")
        }
        person = counts[f"person:borrower:{who}".encode()]
        assert sum(person["HOUSE.SERVICING.DAY"][1]) == 1
        assert {sum(each[1]) for of in counts.values() for each in of.values()} == {1}


async def two_providers(home: House) -> tuple[Hand, Hand]:
    """Two who carry text messages, half each."""
    home.deciding.carriers = {"sms": ["one", "two"]}
    for name in ("one", "two"):
        await home.pool.execute(
            "INSERT INTO provider_weight (channel, name, weight, resting)"
            " VALUES ('sms', $1, 50, 50)", name,
        )  # fmt: skip
    return Hand("one"), Hand("two")


async def test_what_nobody_answered_goes_to_the_same_provider_again(pool: Pool) -> None:
    """R-SEND-01, R-DELIVERY-02."""
    async with house(pool) as home:
        who = await home.book.borrower()
        one, two = await two_providers(home)
        one.answer = two.answer = lambda order: Outcome(UNKNOWN, error="timeout")
        await home.paid(who, "a")
        delivery = home.delivery(sms=[one, two])
        for _ in range(4):
            await delivery.look()
            home.clock.advance(timedelta(minutes=15))
        asked_of = [len(one.orders), len(two.orders)]
        assert sorted(asked_of) == [0, 4]
        assert len({each.key for each in one.orders + two.orders}) == 1
        one.answer = two.answer = lambda order: Outcome(LATER)
        for _ in range(2):
            home.clock.advance(timedelta(hours=1))
            await delivery.look()
        found = sorted([len(one.orders), len(two.orders)])
        assert found == [0, 6], "who is busy now may yet have taken it before"


async def test_what_was_not_taken_goes_elsewhere(pool: Pool) -> None:
    """R-SEND-01."""
    async with house(pool) as home:
        one, two = await two_providers(home)
        one.answer = two.answer = lambda order: Outcome(LATER)
        await home.paid(await home.book.borrower(), "a")
        delivery = home.delivery(sms=[one, two])
        for _ in range(2):
            await delivery.look()
            home.clock.advance(timedelta(hours=1))
        assert [len(one.orders), len(two.orders)] == [1, 1]


async def test_what_is_in_doubt_is_not_lost_where_its_way_is_closed(pool: Pool) -> None:
    """R-SEND-01."""
    async with house(pool) as home:
        who = await home.book.borrower()
        home.sms.answer = lambda order: Outcome(UNKNOWN)
        await home.paid(who, "a")
        await home.sent()
        await pool.execute(
            "INSERT INTO suppression (contact_hash, channel, because, since)"
            " VALUES ($1, 'sms', 'bounced', now())", hashes_of(KEYS, home.sms.orders[0].to)[0],
        )  # fmt: skip
        await home.later(minutes=1)
        row = await home.row("a")
        assert (row["state"], row["channel"], len(home.sms.orders)) == (TAKEN, "inbox", 1)


async def test_what_is_in_doubt_stops_nobody_where_no_carrier_is_left(pool: Pool) -> None:
    """R-SEND-01: whatever is wrong with one notice stops that one alone."""
    async with house(pool) as home:
        who, other = await home.book.borrowers(2)
        home.sms.answer = lambda order: Outcome(UNKNOWN)
        await home.paid(who, "a")
        await home.sent()
        home.deciding.carriers = {"email": ["post"]}
        await home.paid(other, "b")
        await home.later(hours=1)
        assert [each["channel"] for each in await home.rows()] == ["inbox", "inbox"]
        assert len(home.sms.orders) == 1


async def test_whose_sender_died_is_in_doubt(pool: Pool) -> None:
    """R-SEND-01: the same provider under the same key, whatever became of its weight."""
    async with house(pool) as home:
        who = await home.book.borrower()
        one, two = await two_providers(home)
        await home.paid(who, "a")
        delivery = home.delivery(sms=[one, two])

        async def die(_order: Order) -> None:
            raise ConnectionResetError  # before it could note anything

        one.meanwhile = two.meanwhile = die
        with pytest.raises(ConnectionResetError):
            await delivery.turn()
        one.meanwhile = two.meanwhile = None
        first = one if one.orders else two
        assert (await home.row("a"))["state"] == GOING
        await pool.execute("UPDATE provider_weight SET weight = 0 WHERE name = $1", first.name)
        await pool.execute("UPDATE provider_weight SET weight = 100 WHERE name <> $1", first.name)
        await home.prefers(who, ways='["inbox"]')
        home.clock.advance(timedelta(minutes=2))
        await delivery.look()
        assert len(first.orders) == 2
        assert len({each.key for each in one.orders + two.orders}) == 1
        assert (await home.row("a"))["state"] == TAKEN


async def test_what_one_way_refuses_goes_by_the_next(pool: Pool) -> None:
    """R-SEND-01."""
    async with house(pool) as home:
        who = await home.book.borrower()
        home.sms.answer = lambda order: Outcome(REFUSED, error="no such number")
        await home.paid(who, "a")
        await home.sent()
        assert len(home.sms.orders) == 1
        row = await home.row("a")
        assert (row["state"], row["channel"]) == (TAKEN, "inbox"), "this borrower has no e-mail"


async def test_after_the_last_attempt_it_is_kept_as_failed(pool: Pool) -> None:
    """R-SEND-02."""
    async with house(pool) as home:
        who = await home.book.borrower()
        home.sms.answer = lambda order: Outcome(LATER)
        until = NOON + timedelta(days=9)
        await home.paid(who, "a", until=until)
        for _ in range(40):
            await home.later(hours=3)
        assert await state(home, "a") == (FAILED, LATER)
        assert len(home.sms.orders) == 8


async def test_what_comes_too_late_is_dropped(pool: Pool) -> None:
    async with house(pool, NIGHT) as home:
        who = await home.book.borrower()
        await home.paid(who, "a", until=NIGHT + timedelta(hours=2))
        await home.sent()
        assert await state(home, "a") == (DROPPED, "HOUSE.HOURS")


async def test_a_bill_that_was_paid_is_not_asked_for(pool: Pool) -> None:
    """R-SEND-03."""
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_200_000, 3)
        facts = {"n": 1, "due_on": "2025-02-01", "amount": 1, "days": -3}
        await home.tell(Telling(who, "due", "due-in-3-days", facts, loan))
        await home.sent()
        owed = await pool.fetchval(
            "SELECT principal + interest FROM due WHERE contract_id = $1 AND n = 1", loan
        )
        assert f"{owed // 100:,}.{owed % 100:02}" in home.sms.orders[0].text, "as of this moment"
        await home.book.do(asked.Repay(contract_id=loan, amount=1_300_000))
        await home.tell(Telling(who, "due2", "due-today", facts, loan))
        await home.sent()
        assert await state(home, "due2") == (DROPPED, "PAID")


async def test_a_bill_has_a_code_that_stands_for_what_it_says(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_200_000, 3)
        for n in (1, 2):
            facts = {"n": n, "due_on": "2025-02-01", "amount": 1, "days": -3}
            await home.tell(Telling(who, f"d{n}", "due-in-3-days", facts, loan))
            await home.later(minutes=1)
        key, *_ = await code_keys(KEYS)
        seen = set()
        for order, name in zip(home.sms.orders, ("d1", "d2"), strict=True):
            printed = order.text.split("核对码 ")[1].split("。")[0]
            code = codes.typed(printed)
            assert code is not None
            row = await home.row(name)
            assert row["code_hash"] == codes.kept(key, code)
            assert codes.fits(key, code, order.to[-4:], row["digits_hash"])
            assert code not in json.dumps({**row, "box": ""}, default=str)
            seen.add(code)
        assert len(seen) == 2


async def test_ones_own_ways_hours_and_refusals(pool: Pool) -> None:
    async with house(pool) as home:
        who, quiet, early = await home.book.borrowers(3)
        await home.prefers(who, ways='["inbox"]')
        await home.prefers(quiet, refused='[["servicing", "sms"]]')
        await home.prefers(early, opens=9 * 60, closes=11 * 60)
        for each in (who, quiet, early):
            await home.paid(each, f"k{each}")
        await home.sent()
        assert home.sms.orders == []
        assert [each["channel"] for each in await home.rows()] == ["inbox", "inbox", ""]
        assert await state(home, f"k{early}") == (WAITS, "PREFERENCE")


async def test_suppressed_numbers_get_nothing(pool: Pool) -> None:
    async with house(pool) as home:
        who, other = await home.book.borrowers(2)
        contact = hashes_of(KEYS, "+8613800000000")[0]
        await pool.execute(
            "INSERT INTO suppression (contact_hash, channel, because, since)"
            " VALUES ($1, 'sms', 'bounced', now())", contact,
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO contact (cell, borrower_id, kind, suspended_at)"
            " VALUES ($1, $2, 'phone', now())", cell_of_borrower(other), other,
        )  # fmt: skip
        await home.paid(who, "a")
        await home.paid(other, "b")
        await home.sent()
        assert home.sms.orders == []
        assert [each["channel"] for each in await home.rows()] == ["inbox", "inbox"]


async def test_an_open_breaker_keeps_everything_in_order(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await pool.execute("INSERT INTO breaker VALUES ('template', 'paid', 'open', '', now())")
        await home.paid(who, "a")
        await home.paid(who, "b")
        await home.sent()
        assert (await state(home, "a"), await state(home, "b")) == (
            (STOPPED, "R-BREAKER-01"), (WAITS, ""),
        )  # fmt: skip
        assert home.sms.orders == []


async def test_marketing_needs_a_consent_and_there_is_none(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await pool.execute("UPDATE notice SET purpose = 'marketing'")
        await home.sent()
        found, because = await state(home, "a")
        assert (found, because) in {(DROPPED, "HOUSE.MARKETING"), (DROPPED, "CN.SMS.31")}


@pytest.mark.parametrize(
    ("template", "facts", "because"),
    [
        ("paid", {"day": "2026-03-02"}, "R-TEMPLATE-03"),
        ("paid", {"day": "2026-03-02", "amount": "a lot"}, "R-TEMPLATE-03"),
        ("paid", {"day": "soon", "amount": 5}, "R-TEMPLATE-03"),
        ("paid", {"day": "2026-03-02", "amount": -5}, "R-TEMPLATE-03"),
    ],
)
async def test_wrong_facts_send_nothing(
    pool: Pool, template: str, facts: dict[str, Any], because: str
) -> None:
    async with house(pool) as home:
        who, other = await home.book.borrowers(2)
        await home.tell(Telling(who, "bad", template, facts))
        await home.paid(other, "good")
        await home.sent()
        assert await state(home, "bad") == (DROPPED, because)
        assert await state(home, "good") == (TAKEN, ""), "one bad notice stops no other"


async def test_a_template_that_ended_tells_nothing(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await pool.execute("UPDATE notice_template SET retired_on = '2025-01-01'")
        await home.sent()
        assert await state(home, "a") == (DROPPED, "R-TEMPLATE-18")


async def test_who_was_forgotten_is_told_nothing(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        await pool.execute("UPDATE borrower SET status = 2, data_key = ''")
        await home.sent()
        assert await state(home, "a") == (DROPPED, "NOBODY")


async def test_a_sender_that_died_is_followed_by_another(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")

        async def die(order: Order) -> None:
            raise asyncio.CancelledError

        home.sms.meanwhile = die
        with pytest.raises(asyncio.CancelledError):
            await home.delivery().turn()
        assert (await state(home, "a"))[0] == GOING
        home.sms.meanwhile = None
        await home.sent()
        assert len(home.sms.orders) == 1, "its lease is not over"
        await home.later(seconds=61)
        assert len(home.sms.orders) == 2
        assert len(set(home.sms.keys)) == 1, "under the same key"
        assert (await state(home, "a"))[0] == TAKEN


async def test_who_is_told_to_stop_notes_what_was_begun(pool: Pool) -> None:
    """R-SEND-02: so that nothing that has gone goes again after a restart."""
    async with house(pool) as home:
        for who in await home.book.borrowers(40):
            await home.paid(who, f"k{who}")
        begun = asyncio.Event()

        async def slowly(order: Order) -> None:
            begun.set()
            await asyncio.sleep(0.3)

        home.sms.meanwhile = slowly
        delivery = home.delivery()
        delivery.start()
        await begun.wait()
        await delivery.stop()
        states = [row["state"] for row in await home.rows()]
        assert states.count(TAKEN) == len(home.sms.orders)
        assert GOING not in states
        assert states.count(WAITS) > 0


async def test_who_comes_back_late_changes_nothing(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")

        async def slowly(order: Order) -> None:
            home.sms.meanwhile = None
            await home.later(seconds=90)

        home.sms.meanwhile = slowly
        home.sms.answer = lambda order: Outcome("taken", str(len(home.sms.orders)))
        await home.sent()
        row = await home.row("a")
        assert (row["state"], row["reference"], row["fence"]) == (TAKEN, "2", 2)


async def test_no_session_is_open_while_a_provider_is_asked(pool: Pool) -> None:
    async with house(pool) as home:
        who = await home.book.borrower()
        await home.paid(who, "a")
        busy = []

        async def look(order: Order) -> None:
            busy.append(await pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
                " AND datname = current_database()"
            ))  # fmt: skip

        home.sms.meanwhile = look
        await home.sent()
        assert busy == [0]


async def test_what_is_not_begun_in_time_is_given_back(pool: Pool) -> None:
    async with house(pool) as home:
        people = await home.book.borrowers(40)
        for who in people:
            await home.paid(who, f"k{who}")

        async def slowly(order: Order) -> None:
            home.clock.advance(timedelta(seconds=2))

        home.sms.meanwhile = slowly
        await home.delivery().turn()
        rows = await home.rows()
        begun = [each for each in rows if each["state"] == TAKEN]
        assert 0 < len(begun) < 40
        assert {each["attempts"] for each in rows if each["state"] == WAITS} == {0}
        await home.sent()
        assert len(home.sms.orders) == 40


async def test_many_senders_send_each_once(pool: Pool) -> None:
    async with house(pool) as home:
        people = await home.book.borrowers(60)
        for n in range(3):
            await home.tell(*(
                Telling(who, f"{n}", "paid", {"amount": n + 1, "day": "2026-03-02"})
                for who in people
            ))  # fmt: skip
        await asyncio.gather(*(home.delivery(lanes=2).look() for _ in range(3)))
        await home.sent()
        assert len(home.sms.orders) == len(set(home.sms.keys)) == 180
        for who in people:
            mine = [int(key.split("-")[2]) for key in home.sms.keys
                    if key.startswith(f"n-{who}-")]  # fmt: skip
            assert mine == sorted(mine)
