"""A call that was taken or not is counted, and the next one waits as the law says."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from tests.notices.house import NOON, House, house
from usance.notices.calls import counting_calls
from usance.notices.gate import Gate
from usance.notices.legal import law
from usance.notices.outbox import TAKEN, WAITS, Telling
from usance.notices.receipt_words import Receipt
from usance.notices.receipts import ReceiptDesk
from usance.platform.database import Pool

FACTS = {"due_on": "2026-02-20", "amount": 5_000, "days": 10}


async def called(home: House, who: int, key: str) -> int:
    """Somebody is called about a late payment; the state of that."""
    await home.tell(Telling(who, key, "overdue-7", FACTS, 77, until=NOON + timedelta(days=20)))
    await home.delivery(voice=[home.sms]).look()
    return int((await home.row(key))["state"])


async def heard(home: House, key: str, word: str) -> None:
    """The provider tells what became of the call."""
    desk = ReceiptDesk(
        home.pool, home.clock, {}, listener=counting_calls(Gate(law()), home.deciding.jurisdiction)
    )
    row = await home.row(key)
    async with home.pool.acquire() as connection, connection.transaction():
        await desk._take(connection, "one", [Receipt(row["reference"], word)], home.clock.now())


def by_voice(home: House, jurisdiction: str) -> None:
    """Calls alone, under the law of somewhere, without the house's own word a day."""
    rows = tuple(row for row in law().rows if row.id != "HOUSE.COLLECTION.DAY")
    found = msgspec.structs.replace(home.deciding.policy, ways={"collection": ("voice",)})
    home.deciding.policy, home.deciding.jurisdiction = found, jurisdiction
    home.deciding.gate = Gate(type(law())(law().version, rows, law().zones))
    home.deciding.carriers = {"voice": ["one"]}


@pytest.mark.parametrize(("jurisdiction", "word", "most", "row_id", "hours"), [
    ("US", "answered", 1, "US.REGF.AFTERTALK", 2), ("CN", "answered", 3, "CN.GBT45251.VOICE", 2),
    ("CN", "unanswered", 6, "CN.CBA2026.DIAL", 1),
])  # fmt: skip
async def test_the_next_call_waits(
    pool: Pool, jurisdiction: str, word: str, most: int, row_id: str, hours: int
) -> None:
    """R-SEND-04, R-GATE-04."""
    async with house(pool) as home:
        by_voice(home, jurisdiction)
        if jurisdiction == "US":
            home.clock.advance(timedelta(hours=15))  # afternoon in every zone of it
        who = await home.book.borrower()
        for n in range(most):
            assert await called(home, who, f"k{n}") == TAKEN, n
            await heard(home, f"k{n}", word)
            home.clock.advance(timedelta(hours=hours))
        assert await called(home, who, "next") == WAITS
        trace = await pool.fetchval(
            "SELECT trace FROM notice_step WHERE kind = 'hold' ORDER BY notice_id DESC LIMIT 1"
        )
        assert [row_id, "hold"] in [each[:2] for each in msgspec.json.decode(trace)]


async def test_a_word_that_is_told_twice_counts_once(pool: Pool) -> None:
    """R-SEND-04, R-REPORT-03."""
    async with house(pool) as home:
        by_voice(home, "CN")
        who = await home.book.borrower()
        assert await called(home, who, "a") == TAKEN
        for _ in range(3):
            await heard(home, "a", "answered")
        rows = await pool.fetch("SELECT counts FROM notice_counter")
        counts = [each for row in rows for name, each in msgspec.json.decode(row["counts"]).items()
                  if name == "CN.GBT45251.VOICE"]  # fmt: skip
        assert [sum(each[1]) for each in counts] == [1]
