"""Several processes behind one port: one that looks after the others, which serve the same book.

A process of Python uses one core. Each of the others has a socket of its own on the port
(SO_REUSEPORT: the kernel shares connections out), a worker number and a pool, and ends when the
one that looks after them is gone. One that ends by itself is started again on its socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory

READY = b"ready\n"
PATIENCE = 15
"""Seconds that a process has to finish what is under way."""
PAUSE = 1
"""Seconds before a process that ended by itself is started again."""


async def together(
    sockets: list[socket.socket], *, host: str, hints: dict[str, str], worker: int | None,
    tell: Callable[[], None],
) -> None:  # fmt: skip
    """Serve in as many processes as there are sockets, until told to stop.

    Calls ``tell`` once all of them answer. Raises ``ConfigurationError`` if one does not start.
    """
    from usance.platform.identifiers import WORKERS

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    told = json.dumps({"host": host, "hints": hints}).encode() + b"\n"
    first = secrets.randbelow(WORKERS) if worker is None else worker
    with TemporaryDirectory(prefix="usance-figures-") as figures:
        ready = [asyncio.Event() for _ in sockets]
        keeping = [
            asyncio.create_task(kept(address, told, place_of(first + n, figures), ready[n]))
            for n, address in enumerate(sockets)
        ]
        saying = asyncio.create_task(said(ready, tell))
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([stopping, *keeping], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (saying, stopping, *keeping):
                task.cancel()
            await asyncio.gather(saying, stopping, *keeping, return_exceptions=True)


async def said(ready: list[asyncio.Event], tell: Callable[[], None]) -> None:
    """Tell when all are ready."""
    for each in ready:
        await each.wait()
    tell()


def place_of(worker: int, figures: str) -> dict[str, str]:
    """The environment of one of them."""
    from usance.platform.identifiers import WORKERS
    from usance.platform.metrics import FIGURES

    return os.environ | {"USANCE_WORKER": str(worker % WORKERS), FIGURES: figures}


async def kept(
    address: socket.socket, told: bytes, environment: dict[str, str], ready: asyncio.Event
) -> None:
    """Keep one process serving on its socket; it is ended together with this task."""
    from usance.platform.config import ConfigurationError
    from usance.platform.logs import get_logger

    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "usance.cli.serving", str(address.fileno()), env=environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            pass_fds=[address.fileno()], start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(told)
            if await process.stdout.readline() == READY:
                ready.set()
            elif not ready.is_set():
                raise ConfigurationError("a serving process did not start")
            await process.wait()
        finally:
            await ended(process)
        get_logger(__name__).error("a serving process ended by itself; it is started again")
        await asyncio.sleep(PAUSE)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Told to end, and made to where it does not."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()


def serve_one(descriptor: int) -> None:
    """What each of them does: serve on the socket that it was given."""
    from usance.cli.house import explained, run

    told = json.loads(sys.stdin.readline())
    with explained():
        run(_serve_one(socket.socket(fileno=descriptor), told["host"], told["hints"]))


async def _serve_one(address: socket.socket, host: str, hints: dict[str, str]) -> None:
    from usance.cli.house import opened
    from usance.cli.serve import listen
    from usance.platform.key_client import open_keys

    def tell() -> None:
        os.write(sys.stdout.fileno(), READY)

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), left_alone)
    async with opened() as (settings, pool):
        keys = open_keys(settings)
        await listen(settings, pool, keys, address, host=host, hints=hints, lanes=1, tell=tell)


def left_alone() -> None:
    """Whoever looked after this process is gone: nothing more comes on standard input."""
    if not os.read(sys.stdin.fileno(), 1):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    serve_one(int(sys.argv[1]))
