"""A surge of misses: an alarm goes up, a person looks, and it comes down well below its mark."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from tests.notices import asking_house
from tests.notices.asking_house import NOON, House, roomy
from usance.core.refusals import Refused
from usance.identity.changing import Asking
from usance.notices import surges
from usance.notices import verification_sql as sql
from usance.notices.asking_policy import asking_policy
from usance.notices.surges import Misses
from usance.platform import metrics
from usance.platform.database import Pool

MARKS = asking_policy().alarm
STAFF = Asking("staff:1")


@pytest_asyncio.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with asking_house.house(pool, roomy()) as found:
        yield found


@pytest.mark.parametrize(("usual", "mark"), [
    (0, 30), (599, 30), (600, 30), (601, 31), (2_000, 100), (12_000, 600), (10**6, 600),
])  # fmt: skip
def test_the_mark_is_absolute_and_relative_and_has_an_end(usual: int, mark: int) -> None:
    """R-VERIFY-05: nobody gets it used to misses slowly."""
    assert surges.mark_of(usual, MARKS) == mark
    assert surges.surges(Misses(mark, usual), MARKS)
    assert not surges.surges(Misses(mark - 1, usual), MARKS)


@given(st.integers(0, 10**6))
def test_it_does_not_flutter(usual: int) -> None:
    """R-VERIFY-05: what raises an alarm never ends it, nor does anything above half of it."""
    mark = surges.mark_of(usual, MARKS)
    assert not surges.is_calm(mark, mark, MARKS)
    assert not surges.is_calm(-(-mark // 2), mark, MARKS)
    assert surges.is_calm((mark - 1) // 2, mark, MARKS)


def test_what_is_usual() -> None:
    """R-VERIFY-05: in hundredths of a window."""
    assert surges.usual_of(1008, 10_080, 10) == 100
    assert surges.usual_of(0, 10_080, 10) == surges.usual_of(7, 0, 10) == 0


async def alarms(house: House) -> list[dict[str, Any]]:
    return [dict(row) for row in await house.watch.alarms(2**31, 10)]


async def missed(house: House, count: int) -> None:
    await sql.count(house.pool, house.clock.now(), missed=count)


async def operations(house: House) -> list[str]:
    rows = await house.pool.fetch(
        "SELECT action FROM operation WHERE action LIKE '%CodeAlarm' ORDER BY operation_id"
    )
    return [row["action"] for row in rows]


async def test_an_alarm_from_asks_to_calm(house: House) -> None:
    """R-VERIFY-05, R-VERIFY-07: raised once, however many look; acknowledged by a person."""
    for number in range(MARKS.least - 1):
        await house.verification.ask(f"{number:010}", "1234", f"10.1.{number}.1")
    await house.watch.look()
    assert await alarms(house) == []
    await house.verification.ask("ABCDEFGH12", "1234", "10.2.0.1")
    await house.watch.look()
    await house.watch.look()
    (one,) = await alarms(house)
    assert (one["missed"], one["mark"], one["peak"], one["calm_at"]) == (30, 30, 30, None)
    assert metrics.registry.get_sample_value("usance_code_alarms") == 1
    assert metrics.registry.get_sample_value("usance_code_misses") == 30
    await missed(house, 70)
    await house.watch.look()
    assert (await alarms(house))[0]["peak"] == 100
    answer = await house.watch.acknowledge(one["alarm_id"], "a forgery about parcels", STAFF)
    assert answer.document["number"] == one["alarm_id"]
    await house.watch.look()
    assert metrics.registry.get_sample_value("usance_code_alarms") == 0
    house.clock.advance(timedelta(minutes=9))
    await house.watch.look()
    assert (await alarms(house))[0]["calm_at"] is None
    house.clock.advance(timedelta(minutes=2))
    await house.watch.look()
    (one,) = await alarms(house)
    assert one["calm_at"] == house.clock.now()
    assert (one["acknowledged_by"], one["reason"]) == ("staff:1", "a forgery about parcels")
    assert await operations(house) == ["RaiseCodeAlarm", "AcknowledgeCodeAlarm", "EndCodeAlarm"]
    await missed(house, 60)
    await house.watch.look()
    assert len(await alarms(house)) == 2


async def test_what_many_usually_miss_is_no_surge(house: House) -> None:
    """R-VERIFY-05: a large house has misses every minute."""
    await house.pool.execute(
        "INSERT INTO verify_minute (minute, missed) SELECT minute, 2"
        " FROM generate_series($1::bigint, $2::bigint) AS minute",
        sql.minute_of(NOON) - 10_080 - 10, sql.minute_of(NOON) - 1,
    )  # fmt: skip
    await missed(house, 60)
    await house.watch.look()
    assert await alarms(house) == []
    await missed(house, 22)
    await house.watch.look()
    assert [each["mark"] for each in await alarms(house)] == [100]


@pytest.mark.parametrize("reason", ["", "abc", "x" * 501, "a\nb c d"])
async def test_an_alarm_is_acknowledged_for_a_reason(house: House, reason: str) -> None:
    """R-VERIFY-07."""
    await missed(house, 50)
    await house.watch.look()
    (one,) = await alarms(house)
    with pytest.raises(Refused) as found:
        await house.watch.acknowledge(one["alarm_id"], reason, STAFF)
    assert found.value.refusal.rule == "R-VERIFY-07"


async def test_an_alarm_is_acknowledged_once(house: House) -> None:
    """R-VERIFY-07: by the first who looks."""
    await missed(house, 50)
    await house.watch.look()
    (one,) = await alarms(house)
    await house.watch.acknowledge(one["alarm_id"], "known forgery", STAFF)
    for number in (one["alarm_id"], 99):
        with pytest.raises(Refused) as found:
            await house.watch.acknowledge(number, "known forgery", Asking("staff:2"))
        assert found.value.refusal.rule == "R-FOUND-01"


async def test_what_has_leaked_out_is_swept_away(house: House) -> None:
    """R-VERIFY-02: buckets do not pile up; minutes stay for their time, alarms for good."""
    await house.verification.ask("ABCDEFGH12", "1234", "10.2.0.1")
    await missed(house, 50)
    await house.watch.look()
    count = "SELECT count(*) FROM verify_bucket"
    assert await house.pool.fetchval(count) == 3
    house.clock.advance(timedelta(days=2))
    await house.watch.look()
    assert await house.pool.fetchval(count) == 0
    assert await house.counted() == (0, 51, 0)
    house.clock.advance(timedelta(days=400))
    await house.watch.look()
    assert await house.counted() == (0, 0, 0)
    assert len(await alarms(house)) == 1


async def test_hours_as_staff_sees_them(house: House) -> None:
    """R-VERIFY-05: those without an ask too."""
    await missed(house, 3)
    house.clock.advance(timedelta(hours=2))
    await sql.count(house.pool, house.clock.now(), found=2, refused=1)
    rows = await house.watch.by_hour(4)
    assert [(row["found"], row["missed"], row["refused"]) for row in rows] == [
        (0, 0, 0), (0, 3, 0), (0, 0, 0), (2, 0, 1),
    ]  # fmt: skip
