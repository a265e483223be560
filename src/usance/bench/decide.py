"""Decisions over HTTP: what is known is read, scored, decided, stored whole with its audit event.

8 connections ask one server process for tiers and draws of people with a running loan, at half of
what it can do; the yardstick is a repayment over the same server at the same rate.
"""

import asyncio
import random
import sys

from usance.bench.common import Result, report
from usance.bench.house import TODAY, House, give_keys, house
from usance.bench.load import Build, Load, drive
from usance.bench.policy import scorecard
from usance.bench.repay import requests as repayments
from usance.core.identifiers import borrower_of_contract, written
from usance.identity.changing import Asking
from usance.platform.config import Settings
from usance.platform.crypto import LocalKeyService
from usance.risk.opening import Archive
from usance.risk.registered import BookVersions
from usance.risk.scorecards import AdoptScorecard, Scorecards

CONNECTIONS = 8
SECONDS = 8.0
LOANS = 2_000
LATE = 0.030


async def measure() -> tuple[Load, Load, Load]:
    """(decisions as fast as possible, at half that rate, repayments at that rate)."""
    async with house(LOANS) as place:
        keys = LocalKeyService.open(Settings.from_environment(
            {"USANCE_HOME": str(place.home)}).master_key_file)  # fmt: skip
        await prepare(place, keys)
        await drive(place.port, decisions(place, "w"), connections=CONNECTIONS, seconds=2,
                    expected=b"HTTP/1.1 201")  # fmt: skip
        full = await drive(place.port, decisions(place, "f"), connections=CONNECTIONS,
                           seconds=SECONDS, expected=b"HTTP/1.1 201")  # fmt: skip
        half = await drive(place.port, decisions(place, "h"), connections=CONNECTIONS,
                           seconds=SECONDS, expected=b"HTTP/1.1 201",
                           rate=full.rate / 2)  # fmt: skip
        paid = await drive(place.port, repayments(place, "r"), connections=CONNECTIONS,
                           seconds=SECONDS, expected=b"HTTP/1.1 201",
                           rate=full.rate / 2)  # fmt: skip
        await check(place, keys, len(full.seconds) + len(half.seconds))
    return full, half, paid


async def prepare(place: House, keys: LocalKeyService) -> None:
    """Everybody gets a key of their own, and a scorecard is in force."""
    await give_keys(place.pool, keys, [borrower_of_contract(each) for each in place.contracts])
    card = AdoptScorecard(
        scorecard=scorecard("behaviour"), version=1, role="champion",
        effective_on=TODAY,
    )  # fmt: skip
    await Scorecards(place.pool).perform(card, Asking("bench"))


def decisions(place: House, prefix: str) -> Build:
    """A tier or a draw of somebody at random."""
    chosen = random.Random(7)
    people = [written("borrower", borrower_of_contract(each)) for each in place.contracts]

    def build(number: int) -> bytes:
        who = chosen.choice(people)
        body = f'{{"kind":"tier","borrower_id":"{who}"}}'
        if number % 2:
            body = (
                f'{{"kind":"draw","borrower_id":"{who}","product":"cash_loan",'
                f'"asked_for":"{1 + number % 900}.00"}}'
            )
        return (
            f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {place.secret}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {prefix}{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    return build


async def check(place: House, keys: LocalKeyService, least: int) -> None:
    """Every answered decision is stored with its audit event, and the same when made again."""
    operations = await place.pool.fetchval("SELECT count(*) FROM operation WHERE action = 'Decide'")
    stored = await place.pool.fetchval("SELECT count(DISTINCT operation_id) FROM decision")
    assert operations == stored >= least, (operations, stored, least)
    found = await Archive(place.pool, keys, BookVersions()).replay_all()
    assert not found.differences, found.differences[:3]


def run(*, as_json: bool = False) -> Result:
    """Measure and print."""
    full, half, paid = asyncio.run(measure())
    late, its_late = half.percentile(0.99), paid.percentile(0.99)
    wrong = full.wrong + half.wrong
    print(
        f"{full.rate:,.0f} decisions/s at full load, p99 {full.percentile(0.99) * 1000:.1f} ms; at"
        f" half p50 {half.percentile(0.5) * 1000:.1f} ms; {len(wrong)} unexpected {wrong[:1]}",
        file=sys.stderr,
    )
    result = Result(
        "decide", round(late * 1000, 2), "ms", round(its_late * 1000, 2),
        round(late / its_late, 2), "p99 <= 30 ms at half load; all the same again",
        late <= LATE and not wrong,
    )  # fmt: skip
    return report(result, as_json=as_json)
