"""Early warning on a book: what is found, once, by whom it is looked at, and what comes of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.risk.warned import ANNA, BEGINS, BEN, Watched, watched
from tests.servicing.books import fingerprint
from usance.core.refusals import Refused
from usance.identity.changing import Asking
from usance.platform.database import Pool, transaction
from usance.risk import alerts_leaving
from usance.risk.alerts import CLOSED, OPEN, TAKEN
from usance.servicing import commands as ask


async def late_first(home: Watched) -> int:
    """A borrower whose first instalment nobody pays, on the day after it was due."""
    who = await home.book.borrower()
    await home.book.line(who, "cash_loan")
    await home.book.loan(who, 1_000_000, 12)
    await home.close_through(date(2026, 2, 2))
    return who


async def test_a_first_payment_that_does_not_come(pool: Pool) -> None:
    """R-WARN-01, R-WARN-02: found when the day is closed, with what was found and by what."""
    async with watched(pool) as home:
        who = await late_first(home)
        (one,) = await home.alerts("first-late")
        assert (one["borrower_id"], one["level"], one["state"]) == (who, 2, OPEN)
        assert one["raised_on"] == date(2026, 2, 2)
        assert one["evidence"] == {"first_payment_late": 1, "days_late": 1}
        when = {"first_payment_late": True, "days_late": ">= 1 days"}
        assert one["threshold"] == {"row": 1, "when": when}
        assert one["policy"] == "cn-warning 1"
        assert await home.operations() == ["RaiseAlerts"]
        await home.book.holds()


async def test_one_open_alert_of_a_signal(pool: Pool) -> None:
    """R-WARN-03: however many look, and on however many days it holds."""
    async with watched(pool) as home:
        await late_first(home)
        await home.close_through(date(2026, 2, 12))
        assert len(await home.alerts("first-late")) == 1
        assert await home.warning.step() is None


async def test_extensions_are_found_as_they_are_booked(pool: Pool) -> None:
    """R-WARN-01: without waiting for the end of the day; the second is one too many."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_000_000, 12)
        await home.close_through(date(2026, 1, 5))
        await home.book.do(ask.Extend(contract_id=loan, days=5))
        await home.warning.look()
        assert await home.alerts("extended-often") == []
        await home.book.do(ask.Extend(contract_id=loan, days=5))
        await home.warning.look()
        (one,) = await home.alerts("extended-often")
        assert (one["evidence"], one["raised_on"]) == ({"extensions_12m": 2}, date(2026, 1, 6))


async def test_a_tier_that_fell(pool: Pool) -> None:
    """R-WARN-01: more urgent when it falls again, and then it is the same alert."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        account = await home.book.line(who, "pay_later")
        home.tiers[who] = [(BEGINS, 0, 1)]
        await home.book.do(ask.Purchase(contract_id=account, amount=10_000))
        await home.warning.look()
        (one,) = await home.alerts("tier-fell")
        assert (one["level"], one["evidence"]) == (1, {"tier_drop_90d": 1})
        home.tiers[who].append((BEGINS, 1, 3))
        await home.book.do(ask.Purchase(contract_id=account, amount=10_000))
        await home.warning.look()
        (two,) = await home.alerts("tier-fell")
        assert (two["alert_id"], two["level"]) == (one["alert_id"], 2)
        await home.book.holds()


async def test_it_is_taken_and_closed_by_one_person(pool: Pool) -> None:
    """R-WARN-04."""
    async with watched(pool) as home:
        await late_first(home)
        number = (await home.alerts())[0]["alert_id"]
        close = home.warning.close
        with pytest.raises(Refused, match="take it first"):
            await close(number, "true", "spoke-with", ANNA)
        taken = await home.warning.take(number, Asking("staff:1", "k", b"h"))
        again = await home.warning.take(number, Asking("staff:1", "k", b"h"))
        assert again.document == taken.document
        with pytest.raises(Refused, match="yours already"):
            await home.warning.take(number, ANNA)
        with pytest.raises(Refused, match="take it first"):
            await close(number, "true", "spoke-with", BEN)
        await home.warning.take(number, BEN)
        first = (await home.alerts())[0]["taken_at"]
        with pytest.raises(Refused, match="an outcome is of"):
            await close(number, "perhaps", "spoke-with", BEN)
        with pytest.raises(Refused, match="a reason is of"):
            await close(number, "true", "known-change", BEN)
        await close(number, "true", "spoke-with", BEN)
        one = await home.warning.one(number)
        assert (one["state"], one["owner"], one["outcome"]) == (CLOSED, 2, "true")
        assert one["taken_at"] == first
        with pytest.raises(Refused, match="is closed"):
            await home.warning.take(number, ANNA)
        with pytest.raises(Refused, match="by a member of staff"):
            await home.warning.take(number, Asking("machine:1"))
        with pytest.raises(Refused, match="no such alert"):
            await home.warning.take(7, ANNA)
        assert await home.operations() == ["RaiseAlerts", "TakeAlert", "TakeAlert", "CloseAlert"]
        await home.book.holds()


async def test_quiet_after_it_was_closed(pool: Pool) -> None:
    """R-WARN-03: not said again for as long as the policy has it; then only on other facts."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_000_000, 12)

        async def extended() -> list[Any]:
            await home.book.do(ask.Extend(contract_id=loan, days=1))
            await home.warning.look()
            return await home.alerts("extended-often", (OPEN, TAKEN))

        async def closed(alert: Any) -> None:
            await home.warning.take(alert["alert_id"], ANNA)
            await home.warning.close(alert["alert_id"], "nothing", "nothing-found", ANNA)

        assert await extended() == []
        (one,) = await extended()
        await closed(one)
        home.clock.advance(timedelta(days=29))
        assert await extended() == []
        home.clock.advance(timedelta(days=2))
        (two,) = await extended()
        assert two["evidence"] == {"extensions_12m": 4}
        await closed(two)
        home.clock.advance(timedelta(days=31))
        limit = ask.ChangeLimit(borrower_id=who, product="cash_loan", limit=3_000_000)
        await home.book.do(limit)
        await home.warning.look()
        assert await home.alerts("extended-often", (OPEN, TAKEN)) == []


async def test_quiet_is_over_when_it_is_more_urgent(pool: Pool) -> None:
    """R-WARN-03."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        account = await home.book.line(who, "pay_later")
        home.tiers[who] = [(BEGINS, 0, 1)]
        await home.book.do(ask.Purchase(contract_id=account, amount=10_000))
        await home.warning.look()
        (one,) = await home.alerts("tier-fell")
        await home.warning.take(one["alert_id"], ANNA)
        await home.warning.close(one["alert_id"], "true", "help-offered", ANNA)
        home.tiers[who] = [(BEGINS, 0, 2)]
        await home.book.do(ask.Purchase(contract_id=account, amount=10_000))
        await home.warning.look()
        assert [each["level"] for each in await home.alerts("tier-fell", (OPEN,))] == [2]


async def test_another_device_and_another_number(pool: Pool) -> None:
    """R-WARN-01: the first device is no change, and one of both alone is none either."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        account = await home.book.line(who, "pay_later")

        async def device(number: int, days: int) -> None:
            await pool.execute(
                "INSERT INTO device VALUES ($1, $2, $3, $4, 'x', $5, $5)",
                *(who % 1024, who, number, bytes([number]), home.clock.now() - timedelta(days)),
            )

        async def found() -> list[Any]:
            await home.book.do(ask.Purchase(contract_id=account, amount=10_000))
            await home.warning.look()
            return await home.alerts("number-new")

        await device(1, 2)
        await pool.execute(
            "INSERT INTO contact_change (cell, borrower_id, change_id, kind, value, status,"
            " asked_at, ended_at) VALUES ($1, $2, 1, 'phone', '', 3, $3, $3)",
            *(who % 1024, who, home.clock.now() - timedelta(3)),
        )
        assert await found() == []
        await device(2, 1)
        (one,) = await found()
        assert one["evidence"] == {"number_changed_days": 3, "new_device_days": 1}


async def test_how_alerts_wear_on_those_who_look(pool: Pool) -> None:
    """R-WARN-05."""
    async with watched(pool) as home:
        await late_first(home)
        (told,) = [each for each in await home.warning.fatigue() if each.signal == "first-late"]
        assert (told.raised, told.closed, told.precise, told.unseen) == (1, 0, None, 0)
        home.clock.advance(timedelta(hours=73))
        (told,) = [each for each in await home.warning.fatigue() if each.signal == "first-late"]
        assert (told.unseen, told.seen_after) == (10_000, None)
        number = (await home.alerts())[0]["alert_id"]
        await home.warning.take(number, ANNA)
        await home.warning.close(number, "false", "paid-since", ANNA)
        (told,) = [each for each in await home.warning.fatigue() if each.signal == "first-late"]
        assert (told.seen_after, told.precise, told.false, told.unseen) == (73, 0, 10_000, 0)
        assert not told.noisy


async def test_an_alert_that_was_edited_is_found(pool: Pool) -> None:
    """INV-WARN-02: closed by nobody, or raised by no operation."""
    async with watched(pool) as home:
        await late_first(home)
        await home.book.holds()
        for damage, mend in (
            ("UPDATE alert SET state = 3", "UPDATE alert SET state = 1"),
            ("UPDATE alert SET operation_id = 7", ""),
        ):
            await pool.execute(damage)
            assert [each.invariant for each in await home.book.findings()] == ["INV-WARN-02"]
            if mend:
                await pool.execute(mend)


async def test_it_is_told_to_the_person_and_goes_with_an_erasure(pool: Pool) -> None:
    """R-WARN-06: in the export, without who looked; nothing of it is left afterwards."""
    async with watched(pool) as home:
        who = await late_first(home)
        async with transaction(pool) as connection:
            (told,) = await alerts_leaving.alerts(connection, who)
            assert (told["signal"], told["level"], told["state"]) == ("first-late", "look", "open")
            assert told.keys().isdisjoint({"owner", "taken_at"})
            await alerts_leaving.forget_alerts(connection, who)
            assert await alerts_leaving.alerts(connection, who) == []


async def test_an_alert_does_nothing_by_itself(pool: Pool) -> None:
    """R-WARN-06: but for the alert, its audit event and the figures of days no table changes."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.book.loan(who, 1_000_000, 12)
        await home.book.close_through(date(2026, 2, 2))
        before = await fingerprint(pool)
        await home.warning.look()
        after = await fingerprint(pool)
        assert {name for name, each in after.items() if before[name] != each} == {
            "alert", "late_band", "monitor_day", "operation", "portfolio_day", "warning_feed",
        }  # fmt: skip
