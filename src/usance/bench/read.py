"""The full page of a contract at the age of 700 days against 1 day, over HTTP."""

import asyncio
from datetime import timedelta

from usance.bench.common import Result, report
from usance.bench.house import LENT_ON, House, house
from usance.bench.load import Load, drive
from usance.core.identifiers import borrower_of, contract_of, parse, written
from usance.day import close
from usance.servicing import commands as ask

DAYS = 700
SECONDS = 4.0
PAGE = 60
"""Purchases of the first day: enough that both pages are full, so that their payloads are alike."""


async def measure() -> tuple[Load, Load]:
    """(a contract of 1 day, one of the same kind of 700 days with a purchase every third day)."""
    async with house(200) as place:
        old = await aged(place)
        young = await fresh(place, 2)
        loads = [await pages(place, each) for _ in range(3) for each in (young, old)]
    return merge(loads[0::2]), merge(loads[1::2])


def merge(loads: list[Load]) -> Load:
    """Several runs as one."""
    found = Load()
    for load in loads:
        found.seconds += load.seconds
        found.wrong += load.wrong
    return found


async def fresh(place: House, number: int) -> int:
    """A pay-later account opened today, with a page of purchases."""
    borrower = borrower_of(number)
    answer = await place.book.submit(
        ask.OpenLine(borrower_id=borrower, product="pay_later", limit=2_000_000), actor="bench"
    )
    contract_id = parse("contract", answer.document["contract_id"])
    for _ in range(PAGE):
        await place.book.submit(ask.Purchase(contract_id=contract_id, amount=1_000), actor="bench")
    return contract_id


async def aged(place: House) -> int:
    """700 days of purchases, statements and repayments."""
    await place.pool.execute("UPDATE book SET business_date = $1", LENT_ON)
    contract_id = await fresh(place, 1)
    assert contract_id == contract_of(borrower_of(1), 2)
    for step in range(1, DAYS):
        today = LENT_ON + timedelta(days=step)
        await close.run(place.pool, through=today - timedelta(days=1), workers=1)
        if step % 3 == 0:
            buy = ask.Purchase(contract_id=contract_id, amount=5_000)
            await place.book.submit(buy, actor="bench")
        if today.day == 8:
            await place.book.submit(ask.Settle(contract_id=contract_id), actor="bench")
    return contract_id


async def pages(place: House, contract_id: int) -> Load:
    """The page again and again."""
    request = (
        f"GET /v1/contracts/{written('contract', contract_id)} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {place.secret}\r\n\r\n"
    ).encode()
    return await drive(
        place.port, lambda _: request, connections=1, seconds=SECONDS, expected=b"HTTP/1.1 200"
    )


def run(*, as_json: bool = False) -> Result:
    """Measure and print."""
    young, old = asyncio.run(measure())
    ratio = old.percentile(0.5) / young.percentile(0.5)
    late = old.percentile(0.99)
    ok = ratio <= 1.2 and late <= 0.015 and not young.wrong and not old.wrong
    reach = f"<= 1.2 x the page at 1 day, p99 <= 15 ms (found {late * 1000:.2f} ms)"
    result = Result(
        "read", round(old.percentile(0.5) * 1000, 3), "ms", round(young.percentile(0.5) * 1000, 3),
        round(ratio, 3), reach, ok,
    )  # fmt: skip
    return report(result, as_json=as_json)
