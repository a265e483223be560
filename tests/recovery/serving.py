"""A process that serves a book and posts repayments until it is killed.

``python -m tests.recovery.serving HOME BACKUPS``: writes the number of each operation once it is
acknowledged, into the file ``acknowledged`` in the folder of the home.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.recovery.house import House, lived
from usance.platform import postgres, wal_receiver

ROOT = Path(__file__).parents[2]


async def post(house: House) -> None:
    """Repayments, one after the other on each loan, all loans at once."""
    file = os.open(log_of(house), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with lived(house) as live:
        async def lane(loan: int) -> None:
            for amount in itertools.count(1):
                operation = await live.repay(amount % 90 + 1, loan)
                os.write(file, f"{operation}\n".encode())

        await asyncio.gather(*(lane(each) for each in range(len(live.loans))))


def begin(house: House) -> subprocess.Popen[bytes]:
    """Serve and post in another process, which is in a session of its own."""
    command = [sys.executable, "-m", "tests.recovery.serving", str(house.home), str(house.backups)]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True)


def log_of(house: House) -> Path:
    return house.home.with_name("acknowledged")


def acknowledged(house: House) -> list[int]:
    """So far."""
    file = log_of(house)
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [int(line) for line in lines]


async def until_acknowledged(house: House, count: int) -> None:
    """Wait until so many are."""
    for _ in range(1000):
        if len(acknowledged(house)) >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nothing is acknowledged")


def machine_is_lost(house: House, serving: subprocess.Popen[bytes]) -> list[int]:
    """Everything is killed; what had been acknowledged by then."""
    os.kill(serving.pid, signal.SIGKILL)
    receiver, server = wal_receiver.running(house.home), postgres.status(house.cluster)
    assert receiver is not None
    assert server is not None
    os.kill(server, signal.SIGKILL)
    os.kill(receiver, signal.SIGKILL)
    serving.wait()
    return acknowledged(house)


if __name__ == "__main__":
    asyncio.run(post(House(Path(sys.argv[1]), Path(sys.argv[2]))))
