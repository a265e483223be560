"""A restore drill beside a book of 100,000 loans that takes repayments all the while.

A backup is taken under load, then more is repaid, then everything but the backup directory is taken
as lost: ``usance drill`` restores, proves every invariant and the audit, and says what would have
been lost (RPO) and how long it took (RTO). The yardstick is copying the files of the backup.
"""

import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usance.bench.common import Result, report
from usance.bench.house import answering, command_line, environment, free_port, start_server
from usance.bench.load import Build, Load, drive
from usance.bench.whole import first_days, whole_book
from usance.core.identifiers import written
from usance.day import close
from usance.identity.machine import MachineClients
from usance.platform import postgres
from usance.platform.database import open_pool
from usance.platform.migrate import migrate
from usance.servicing.service import Book

LOANS = 100_000
DAYS = 3
RATE = 200.0
"""Repayments a second during backup and drill: 17 million a day."""
BETWEEN = 10.0
"""Seconds between backup and drill."""
RPO = 60.0
RTO = 300.0
CREATED = b"HTTP/1.1 201"


@dataclass(frozen=True, slots=True)
class Place:
    """A served book and its backup directory."""

    home: str
    settings: dict[str, str]
    """Where backups and checkpoints go."""
    port: int
    secret: str
    contracts: list[int]

    async def usance(self, *words: str) -> tuple[int, str]:
        """Run the command on it; its status and answer."""
        process = await asyncio.create_subprocess_exec(
            *command_line(*words), env=environment(self.home, **self.settings),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()


@asynccontextmanager
async def served(folder: str) -> AsyncIterator[Place]:
    """The book, whole, some days old, and served."""
    home = f"{folder}/home"
    settings = {"USANCE_BACKUP_DIR": f"{folder}/backups", "USANCE_CHECKPOINT_DIR": f"{folder}/kept"}
    with postgres.using(Path(home)) as cluster:
        await migrate(cluster.url())
        pool = await open_pool(cluster.url(), 4)
        book = Book(pool)
        await book.start()
        contracts = await whole_book(pool, book, LOANS)
        await book.stop()
        await close.run(pool, through=first_days(DAYS), workers=2)
        secret = await MachineClients(pool).create("bench", ["payments:write"])
        await pool.close()
        port = free_port()
        server = start_server(home, port, **settings)
        try:
            await answering(port)
            yield Place(home, settings, port, secret, contracts)
        finally:
            server.terminate()
            server.wait(60)


def requests(place: Place) -> Build:
    """Small repayments on loans at random."""
    chosen, ids = random.Random(7), [written("contract", each) for each in place.contracts]

    def build(number: int) -> bytes:
        body = f'{{"amount":"{1 + number % 9}.{number % 89 + 10}"}}'
        return (
            f"POST /v1/contracts/{chosen.choice(ids)}/repayments HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {place.secret}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {time.monotonic_ns()}-{number}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    return build


async def load(place: Place, over: asyncio.Event) -> list[Load]:
    """Repayments at a steady rate until it is over."""
    found = []
    while not over.is_set():
        part = await drive(
            place.port, requests(place), connections=8, seconds=2, expected=CREATED, rate=RATE
        )
        found.append(part)
    return found


async def measure() -> tuple[dict[str, Any], float, list[Load]]:
    """(what the drill found, seconds of copying the backup, the load)."""
    with tempfile.TemporaryDirectory(prefix="usance-bench-") as folder:
        Path(folder).chmod(0o711)
        async with served(folder) as place:
            over = asyncio.Event()
            repaying = asyncio.create_task(load(place, over))
            try:
                status, told = await place.usance("backup")
                assert status == 0
                print(told.strip(), file=sys.stderr)
                await asyncio.sleep(BETWEEN)
                limits = (f"--rpo-max={RPO:g}", f"--rto-max={RTO:g}")
                _, told = await place.usance("drill", "--json", f"--in={folder}", *limits)
            finally:
                over.set()
                loads = await repaying
            copying = await asyncio.to_thread(copied, f"{folder}/backups/base", f"{folder}/copy")
    return json.loads(told), copying, loads


def copied(source: str, target: str) -> float:
    """Seconds of copying the files of the backup."""
    began = time.perf_counter()
    shutil.copytree(source, target)
    return time.perf_counter() - began


def run(*, as_json: bool = False) -> Result:
    """Measure and print."""
    found, copying, loads = asyncio.run(measure())
    wrong = [answer for each in loads for answer in each.wrong]
    seconds = sorted(second for each in loads for second in each.seconds)
    late = seconds[len(seconds) * 99 // 100]
    phases = ", ".join(f"{name} {took:.1f} s" for name, took in found["phases"].items())
    print(
        f"{len(seconds)} repayments meanwhile, p99 {late * 1000:.0f} ms, {len(wrong)} unexpected "
        f"answers {wrong[:1]}; {found['lost']} lost; {phases}; "
        f"{found['replayed'] / 2**20:.1f} MB of the log; "
        + "; ".join(f"{each['name']}: {each['detail']}" for each in found["proofs"]),
        file=sys.stderr,
    )
    reach = f"RTO <= {RTO:g} s; RPO <= {RPO:g} s (found {found['rpo']:.3f} s); all proved"
    ok = found["ok"] and not wrong
    result = Result("drill", found["rto"], "s", round(copying, 2), round(found["rto"] / copying, 1),
                    reach, ok)  # fmt: skip
    return report(result, as_json=as_json)
