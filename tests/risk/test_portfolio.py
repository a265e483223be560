"""The book as a whole: bands, roll rates, vintages, concentration; as it was on a day."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from tests.risk.warned import BEGINS, Watched, watched
from usance.contract.records import ACTIVE, CHARGED_OFF
from usance.contract.records import CLOSED as SETTLED
from usance.core.refusals import Refused
from usance.platform.database import Pool, transaction
from usance.risk import alerts, measuring, portfolio
from usance.risk.portfolio import Part, band_of
from usance.risk.warning_policy import warning_policy
from usance.servicing import commands as ask

DAY = date(2026, 6, 30)
JAN, FEB = date(2026, 1, 1), date(2026, 2, 1)


@pytest.mark.parametrize(
    ("status", "late_from", "band"),
    [(ACTIVE, 0, 0), (ACTIVE, 100, 0), (ACTIVE, 99, 1), (ACTIVE, 70, 1), (ACTIVE, 69, 2),
     (ACTIVE, 39, 3), (ACTIVE, 10, 3), (ACTIVE, 9, 4), (ACTIVE, 101, 0), (SETTLED, 5, -1),
     (CHARGED_OFF, 5, 5)],
)  # fmt: skip
def test_bands(status: int, late_from: int, band: int) -> None:
    """R-PORT-01: on day 100."""
    assert band_of(status, late_from, 100) == band


def test_roll_rates() -> None:
    """R-PORT-02: every contract that was there is in one row and one column."""
    moves = [(0, 1, 10), (1, 0, 30), (1, 1, 5), (1, 2, 15), (2, 3, 4), (4, 5, 1)]
    found = portfolio.rolls_of(date(2026, 5, 31), DAY, 165, moves)
    assert found.counts[0] == (100, 10, 0, 0, 0, 0)
    assert found.counts[1] == (30, 5, 15, 0, 0, 0)
    assert sum(map(sum, found.counts)) == 165
    assert (found.rate(1, 0), found.rate(0, 1), found.worse) == (6_000, 909, 3_000)
    assert found.rate(3, 4) == 0
    assert portfolio.month_before(DAY) == date(2026, 5, 31)


def test_vintages() -> None:
    """R-PORT-03: by months on book, and no further than they have come."""
    found = portfolio.vintages_of(
        date(2026, 4, 10), {FEB: 50, JAN: 200}, [(JAN, 2, 10), (JAN, 3, 5), (FEB, 1, 1)]
    )
    assert [each.month for each in found] == [JAN, FEB]
    assert found[0].ever == (0, 0, 10, 15)
    assert found[0].shares == (0, 0, 500, 750)
    assert found[1].shares == (0, 200, 200)
    assert portfolio.early(found, 3) == 750
    assert portfolio.early(found, 2) == 200
    assert portfolio.early(found, 9) == 0


def test_concentration() -> None:
    """R-PORT-04: of what is not written off."""
    parts = [Part(1, JAN, 0, 5, 600), Part(2, JAN, 1, 5, 200), Part(2, FEB, 4, 1, 200),
             Part(2, FEB, 5, 9, 9_000)]  # fmt: skip
    found = portfolio.concentrations(parts)
    assert (found["product"].largest, found["product"].squares) == (6_000, 5_200)
    assert found["month"].parts == (("2026-01", 800), ("2026-02", 200))
    assert (portfolio.late_share(parts, 1), portfolio.late_share(parts, 2)) == (4_000, 2_000)
    assert portfolio.concentrations([])["product"].largest == 0
    assert portfolio.figures(parts, None, [])["contracts"] == 11


def test_days_to_measure() -> None:
    """R-PORT-01: a week whole, before it the ends of months, of a year and a month."""
    assert portfolio.days_to_measure(DAY - timedelta(days=2), DAY) == [
        DAY - timedelta(days=1), DAY,
    ]  # fmt: skip
    assert portfolio.days_to_measure(DAY, DAY) == []
    found = portfolio.days_to_measure(None, DAY)
    assert (found[0], len(found)) == (date(2025, 5, 31), 13 + 7)
    assert found[-1] == DAY


def test_marks_of_the_book() -> None:
    """R-PORT-05: over the floor and over the usual; too few contracts tell nothing."""
    policy = warning_policy()
    names = [each.signal for each in policy.monitors]
    calm = dict.fromkeys(names, 0) | {"contracts": 1_000}
    high = calm | {"late-30-share": 400}
    assert alerts.book_alerts(policy, calm, []) == []
    (one,) = alerts.book_alerts(policy, high, [])
    assert (one.signal, one.level, one.borrower_id) == ("late-30-share", 2, 0)
    assert one.threshold == {"mark": 100, "floor": 100, "times": 150}
    before = [calm | {"late-30-share": 300}] * 7
    assert alerts.book_alerts(policy, high, before) == []
    (two,) = alerts.book_alerts(policy, high | {"late-30-share": 450}, before)
    assert (two.usual, two.threshold["mark"]) == (300, 450)
    assert alerts.book_alerts(policy, high | {"contracts": 49}, []) == []


# -- on a book -------------------------------------------------------------------------------------


async def noted(pool: Pool, day: date) -> dict[int, tuple[int, int]]:
    """Band and principal of each contract that is not settled, read as the day ends."""
    rows = await pool.fetch("SELECT contract_id, status, late_from, unpaid_principal FROM contract")
    bands = {row[0]: (band_of(row[1], row[2], day.toordinal()), row[3]) for row in rows}
    return {contract: found for contract, found in bands.items() if found[0] >= 0}


async def life(home: Watched, chance: Random, contracts: list[int]) -> None:
    """Something that may happen on a day: most of it changes how late a contract is."""
    for contract in contracts:
        state = await home.book.contract(contract)
        kind = chance.choice(["pay", "pay", "reverse", "wait", "wait", "off", "settle", "back"])
        today = (await home.book.today()).toordinal()
        if kind == "pay":
            amount = chance.randint(1, 300_000)
            await home.book.submit(ask.Repay(contract_id=contract, amount=amount))
        elif kind == "reverse" and state["seq"] > 1:
            await home.book.submit(ask.Reverse(contract_id=contract, of=state["seq"]))
        elif kind == "off" and 0 < state["late_from"] < today - 60:
            await home.book.submit(ask.ChargeOff(contract_id=contract))
        elif kind == "settle" and chance.random() < 0.2:
            await home.book.submit(ask.Settle(contract_id=contract))
        elif kind == "back":
            await home.book.submit(
                ask.Repay(contract_id=contract, amount=50_000, effective_on=today - 3)
            )


async def bands_on(pool: Pool, day: date) -> dict[int, int]:
    rows = await pool.fetch(
        "SELECT contract_id, band FROM late_band"
        " WHERE since <= $1 AND (until IS NULL OR until > $1)", day,
    )  # fmt: skip
    return {row[0]: row[1] for row in rows}


def added(found: dict[int, tuple[int, int]]) -> tuple[dict[int, list[int]], int]:
    """Contracts and principal by band."""
    sums: dict[int, list[int]] = {}
    for band, principal in found.values():
        row = sums.setdefault(band, [0, 0])
        row[0] += 1
        row[1] += principal
    return sums, len(found)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_past_day_is_what_it_was(pool: Pool, seed: int) -> None:
    """R-PORT-01: whatever was booked later, also into the past. Looked at late, it is the same."""
    chance = Random(seed)
    async with watched(pool) as home:
        contracts, days = [], {}
        for _ in range(6):
            who = await home.book.borrower()
            await home.book.line(who, "cash_loan")
            contracts.append(await home.book.loan(who, 600_000, 3))
        for number in range(24):
            day = await home.book.today() + timedelta(days=8)
            await home.book.close_through(day)
            days[day] = await noted(pool, day)
            if number % 4 == 0:
                who = await home.book.borrower()
                account = await home.book.line(who, "pay_later")
                await home.book.do(ask.Purchase(contract_id=account, amount=90_000))
                contracts.append(account)
            await life(home, chance, contracts)
        assert {band for each in days.values() for band, _ in each.values()} >= {0, 1, 2, 3, 5}
        for day, wanted in days.items():
            async with transaction(pool) as connection:
                await measuring.measure(connection, day)
            late = {contract: band for contract, (band, _) in wanted.items() if band}
            assert await bands_on(pool, day) == late, day
            parts: dict[int, list[int]] = {}
            for each in await home.portfolio.parts(day):
                row = parts.setdefault(each.band, [0, 0])
                row[0] += each.contracts
                row[1] += each.principal
            assert parts == added(wanted)[0], day
        await moves_hold(home, days)


async def moves_hold(home: Watched, days: dict[date, Any]) -> None:
    """Roll rates and vintages against counting contract by contract."""
    last = max(days)
    found = await home.portfolio.rolls(last)
    assert found is not None
    then, now = days[found.first], days[last]
    wanted = [[0] * 6 for _ in range(6)]
    for contract, (band, _) in then.items():
        wanted[band][now.get(contract, (0, 0))[0]] += 1
    assert [list(row) for row in found.counts] == wanted
    ever = {c for each in days.values() for c, (band, _) in each.items() if band >= 2}
    vintages = await home.portfolio.vintages(last, portfolio.OVER_30)
    assert sum(each.ever[-1] for each in vintages) == len(ever)


async def test_days_are_measured_one_after_the_other(pool: Pool) -> None:
    """R-PORT-01: a book that was not looked at for long is looked at month by month."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.book.loan(who, 600_000, 12)
        await home.book.close_through(date(2026, 3, 10))
        await home.warning.look()
        rows = await pool.fetch("SELECT DISTINCT day FROM portfolio_day ORDER BY day")
        found = [row[0] for row in rows]
        assert found == [date(2026, 1, 31), date(2026, 2, 28)] + [
            date(2026, 3, 4) + timedelta(days=n) for n in range(7)
        ]
        assert await home.portfolio.day(date(2026, 3, 3)) == date(2026, 2, 28)
        assert await home.portfolio.day(BEGINS) is None
        kept = await measuring.kept(pool, measuring.PORTFOLIO, BEGINS, date(2026, 12, 1))
        assert len(kept) == 9
        await home.book.holds()


async def test_a_day_since_which_too_much_changed_is_left_out(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-PORT-01: and the next one is measured."""
    monkeypatch.setattr(measuring, "CHANGED_MOST", 0)
    async with watched(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 600_000, 12)
        await home.book.close_through(BEGINS)
        await home.book.do(ask.Repay(contract_id=loan, amount=100))
        await home.warning.look()
        assert await home.portfolio.day() is None
        await home.book.close_through(BEGINS + timedelta(days=1))
        await home.warning.look()
        assert await home.portfolio.day() == BEGINS + timedelta(days=1)
        await home.book.holds()


async def test_what_was_noted_is_proved(pool: Pool) -> None:
    """INV-WARN-01."""
    async with watched(pool) as home:
        who = await home.book.borrower()
        await home.book.line(who, "cash_loan")
        await home.book.loan(who, 600_000, 12)
        await home.close_through(date(2026, 2, 5))
        await home.book.holds()
        await pool.execute("UPDATE late_band SET band = 3")
        assert [each.invariant for each in await home.book.findings()] == ["INV-WARN-01"]


def test_the_policy_is_whole() -> None:
    """R-WARN-04: reasons for every outcome, and none for two."""
    reasons = warning_policy().reasons
    assert set(reasons) == set(alerts.OUTCOMES)
    every = [each for found in reasons.values() for each in found]
    assert len(every) == len(set(every))
    with pytest.raises(Refused):
        alerts.check_close(warning_policy(), alerts.OPEN, 0, 1, "true", "spoke-with")
