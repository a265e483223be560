"""Repayments over HTTP against pgbench's TPC-B on the same server.

Each is authenticated, idempotent, with ledger and audit; 16 connections send them to two processes
that serve behind one port. What pgbench itself needs at half its own load is printed beside it: a
machine that stops now and then stops both.
"""

import asyncio
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

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
RUN = ("-M", "simple", "-c", "8", "-j", "2", "-T", str(int(SECONDS)))
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


def pgbench(place: House, *words: str) -> str:
    """What it prints."""
    command = [str(pgbench_path()), *words, place.cluster.url("postgres")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def tpcb(place: House) -> float:
    """Transactions of pgbench a second: scale 50, simple protocol, 8 clients, 2 threads."""
    pgbench(place, "-i", "-q", "-s", str(SCALE))
    text = pgbench(place, *RUN)
    found = re.search(r"tps = ([0-9.]+)", text)
    assert found is not None, text
    return float(found[1])


def tpcb_late(place: House, rate: float) -> float:
    """Seconds within which 99 % of pgbench's transactions end, at a steady ``rate`` a second."""
    with tempfile.TemporaryDirectory(prefix="usance-bench-") as directory:
        pgbench(place, *RUN, "-R", str(round(rate)), "-l", f"--log-prefix={directory}/log")
        lines = [each.split() for file in Path(directory).iterdir() for each in file.open()]
    return Load([int(each[2]) / 1e6 for each in lines]).percentile(0.99)


async def measure() -> tuple[float, float, Load, Load]:
    """(TPC-B, its p99 at half that load, repayments as fast as possible, at half that load)."""
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
        its_late = await asyncio.to_thread(tpcb_late, place, after / 2)
        await check(place, len(full.seconds) + len(half.seconds))
    return (before + after) / 2, its_late, full, half


async def check(place: House, least: int) -> None:
    """Every answered repayment is in the book, with its audit event."""
    events = await place.pool.fetchval("SELECT count(*) FROM event WHERE kind = 3")
    operations = await place.pool.fetchval("SELECT count(*) FROM operation WHERE action = 'Repay'")
    assert events == operations >= least, (events, operations, least)


def run(*, as_json: bool = False) -> Result:
    """Measure and print."""
    yardstick, its_late, full, half = asyncio.run(measure())
    late = half.percentile(0.99)
    wrong = full.wrong + half.wrong
    print(
        f"p99 at half load {late * 1000:.1f} ms (of pgbench {its_late * 1000:.1f} ms), "
        f"at full {full.percentile(0.99) * 1000:.1f} ms; "
        f"{len(wrong)} unexpected answers {wrong[:1]}", file=sys.stderr,
    )  # fmt: skip
    ratio = full.rate / yardstick
    ok = ratio >= REACH and late <= PATIENCE and not wrong
    reach = f">= {REACH} x TPC-B; p99 <= 50 ms at half load (found {late * 1000:.1f} ms)"
    result = Result("repay", round(full.rate), "repayments/s", round(yardstick), round(ratio, 3),
                    reach, ok)  # fmt: skip
    return report(result, as_json=as_json)
