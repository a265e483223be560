"""Repayments over HTTP against pgbench's TPC-B on the same server.

Each is authenticated, idempotent, with ledger and audit; 16 connections send them to two processes
that serve behind one port.
"""

import asyncio
import random
import re
import subprocess
import sys

from usance.bench.common import Result, report
from usance.bench.house import House, house
from usance.bench.load import Build, Load, drive
from usance.core.identifiers import written
from usance.platform.postgres_place import pgbench_path

CONNECTIONS = 16
PROCESSES = 2
SECONDS = 10.0
LOANS = 10_000
SCALE = 50
REACH = 0.35
PATIENCE = 0.05


def requests(place: House, prefix: str) -> Build:
    """Repayments of small odd amounts on loans at random."""
    chosen = random.Random(7)
    ids = [written("contract", each) for each in place.contracts]

    def build(number: int) -> bytes:
        body = f'{{"amount":"{1 + number % 9}.{number % 89 + 10}"}}'
        return (
            f"POST /v1/contracts/{chosen.choice(ids)}/repayments HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {place.secret}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {prefix}{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    return build


def tpcb(place: House) -> float:
    """Transactions of pgbench a second: scale 50, simple protocol, 8 clients, 2 threads."""
    pgbench = str(pgbench_path())
    url = place.cluster.url("postgres")
    subprocess.run([pgbench, "-i", "-q", "-s", str(SCALE), url], check=True, capture_output=True)
    run = [pgbench, "-M", "simple", "-c", "8", "-j", "2", "-T", str(int(SECONDS)), url]
    text = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([0-9.]+)", text)
    assert found is not None, text
    return float(found[1])


async def measure() -> tuple[float, Load, Load]:
    """(TPC-B, as fast as possible, at half that load)."""
    async with house(LOANS, "--processes", str(PROCESSES)) as place:
        before = await asyncio.to_thread(tpcb, place)
        await place.pool.execute("CHECKPOINT")  # pgbench's own pages are not our cost
        await drive(place.port, requests(place, "w"), connections=CONNECTIONS, seconds=2,
                    expected=b"HTTP/1.1 201")  # fmt: skip
        full = await drive(place.port, requests(place, "f"), connections=CONNECTIONS,
                           seconds=SECONDS, expected=b"HTTP/1.1 201")  # fmt: skip
        half = await drive(place.port, requests(place, "h"), connections=CONNECTIONS,
                           seconds=SECONDS, expected=b"HTTP/1.1 201",
                           rate=full.rate / 2)  # fmt: skip
        after = await asyncio.to_thread(tpcb, place)
        await check(place, len(full.seconds) + len(half.seconds))
    return (before + after) / 2, full, half


async def check(place: House, least: int) -> None:
    """Every answered repayment is in the book, with its audit event."""
    events = await place.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3")
    operations = await place.pool.fetchval("SELECT count(*) FROM operation WHERE action = 'Repay'")
    assert events == operations >= least, (events, operations, least)


def run(*, as_json: bool = False) -> Result:
    """Measure and print."""
    yardstick, full, half = asyncio.run(measure())
    late = half.percentile(0.99)
    wrong = full.wrong + half.wrong
    print(
        f"p99 at half load {late * 1000:.1f} ms, at full {full.percentile(0.99) * 1000:.1f} ms; "
        f"{len(wrong)} unexpected answers {wrong[:1]}", file=sys.stderr,
    )  # fmt: skip
    ratio = full.rate / yardstick
    ok = ratio >= REACH and late <= PATIENCE and not wrong
    reach = f">= {REACH} x TPC-B; p99 <= 50 ms at half load (found {late * 1000:.1f} ms)"
    result = Result("repay", round(full.rate), "repayments/s", round(yardstick), round(ratio, 3),
                    reach, ok)  # fmt: skip
    return report(result, as_json=as_json)
