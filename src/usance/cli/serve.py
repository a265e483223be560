"""``usance serve``: the database, the book, the API and the console in one process."""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from usance.cli.audit import sequencer_of
from usance.cli.house import opened, run
from usance.cli.serving import together

if TYPE_CHECKING:
    import uvicorn

    from usance.demo.desks import DesksAt
    from usance.platform.clock import Clock
    from usance.platform.config import Settings
    from usance.platform.crypto import KeyService
    from usance.platform.database import Pool

DEMO_NAME = "demo"
INVENTED_MAX = 100_000
PROCESSES_MAX = 64
YOUNG_OBJECTS = 20_000
"""Requests leave hardly any circles, so the collector rarely finds anything."""


def serve(
    *, host: str = "127.0.0.1", port: int = 8000, demo: bool = False, borrowers: int = 1000,
    processes: int = 1,
) -> None:  # fmt: skip
    """Serve the API and the console; starts the embedded database unless another is configured.

    Parameters
    ----------
    host
        The address to listen on.
    port
        The port to listen on.
    demo
        On an empty home: first fill a book with a year in the life of invented borrowers.
    borrowers
        How many of them.
    processes
        How many processes serve; as many as there are cores is enough.
    """
    run(_serve(host, port, borrowers if demo else None, processes))


async def _serve(host: str, port: int, invented: int | None, processes: int) -> None:
    from usance.core.refusals import Refused
    from usance.platform.key_client import open_keys

    if invented is not None and not 1 <= invented <= INVENTED_MAX:
        raise Refused("R-RANGE-01", f"between 1 and {INVENTED_MAX} borrowers", "--borrowers")
    if not 1 <= processes <= PROCESSES_MAX:
        raise Refused("R-RANGE-01", f"between 1 and {PROCESSES_MAX} processes", "--processes")
    with taken(host, port, processes) as sockets:
        port = sockets[0].getsockname()[1]
        async with opened() as (settings, pool):
            keys = open_keys(settings)
            hints = {} if invented is None else await demo_book(pool, keys, invented)
            hints |= portal_hints(hints, host, port)
            tell = partial(print, where_to_look(host, port, hints), flush=True)
            if processes > 1:
                await together(sockets, host=host, hints=hints, worker=settings.worker, tell=tell)
            else:
                await listen(settings, pool, keys, sockets[0], host=host, hints=hints, tell=tell)


@contextmanager
def taken(host: str, port: int, count: int) -> Iterator[list[socket.socket]]:
    """The address, taken before a long start; nobody is let in yet. One socket for a process."""
    with bound(host, port) as alone:  # fails where anybody else listens
        if count == 1:
            yield [alone]
            return
        port = alone.getsockname()[1]
    with ExitStack() as held:
        yield [held.enter_context(bound(host, port, shared=True)) for _ in range(count)]


def bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket with this address; raises ``ConfigurationError`` if it cannot be had."""
    from usance.platform.config import ConfigurationError

    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error}") from error
    return found


async def listen(
    settings: Settings, pool: Pool, keys: KeyService, address: socket.socket, *, host: str,
    hints: dict[str, str], tell: Callable[[], None], lanes: int | None = None,
) -> None:  # fmt: skip
    """Serve until told to stop; then finish what is under way. ``tell`` says that it answers."""
    import uvicorn

    from usance.notices.pushes import receipts_of_pushes
    from usance.platform.identifiers import set_worker
    from usance.servicing.service import LANES, Book
    from usance.web.app import create_app, open_services, workers_of
    from usance.webhooks.worker import Worker

    if settings.worker is not None:  # never of a command: it may run beside a server that has it
        set_worker(settings.worker)
    book = Book(pool, lanes or LANES)
    await book.start()
    services = await open_services(settings, pool, keys, book, hints=hints)
    app, workers = create_app(services), workers_of(services)
    workers.start()
    policy = services.webhooks.policy
    worker = Worker(
        services.webhooks, per_second=policy.serving_per_second,
        settled=receipts_of_pushes(services.receipts),
    )  # fmt: skip
    worker.start()
    sequencer = sequencer_of(settings, pool)
    await sequencer.start()
    services.approvals.start()
    try:
        services.cases.watch.start()
        services.consents.start()
        services.bureau.start()
        services.genuine.watch.start()
        services.receipts.start()
        for each in (*services.notices.looking, *services.warning.looking):
            each.start()
        services.family.start()
        config = uvicorn.Config(
            app, host=host, port=address.getsockname()[1], http="httptools", ws="none",
            lifespan="off", access_log=False, log_config=None, log_level="warning",
            server_header=False, date_header=False, timeout_graceful_shutdown=10,
        )  # fmt: skip
        keep_what_was_loaded()
        await announced(config, tell).serve(sockets=[address])
    finally:
        await services.genuine.watch.stop()
        await services.receipts.stop()
        for each in (*services.notices.looking, *services.warning.looking):
            await each.stop()
        await services.bureau.stop()
        await services.consents.stop()
        await services.family.stop()
        await services.cases.watch.stop()
        await workers.stop()
        await worker.stop()
        await services.approvals.stop()
        await services.closing.stop()
        await sequencer.stop()
        await book.stop()


def keep_what_was_loaded() -> None:
    """Modules and tables stay until the end: the collector need not walk through them again.

    A walk through all of them would hold up everybody for tens of milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def announced(config: uvicorn.Config, tell: Callable[[], None]) -> uvicorn.Server:
    """A server that tells once there is something to see."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                tell()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Not raised again afterwards: the database has to be stopped, too."""
            for each in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(each, self.handle_exit, each, None)
            yield

    return Server(config)


def portal_hints(hints: dict[str, str], host: str, port: int) -> dict[str, str]:
    """Where the borrower of a demo logs in, and where the code is seen."""
    if "phone" not in hints:
        return {}
    shown = f"[{host}]" if ":" in host else host
    return {"code": f"http://{shown}:{port}/console/sandbox/messages"}


def where_to_look(host: str, port: int, hints: dict[str, str]) -> str:
    """Addresses, and in a demo what to log in with."""
    shown = f"[{host}]" if ":" in host else host
    lines = {
        "console": f"http://{shown}:{port}/console",
        "portal": f"http://{shown}:{port}/my",
        "API": f"http://{shown}:{port}/v1, described at /openapi.json",
    }
    return "\n".join(f"{name:9} {value}" for name, value in (lines | hints).items())


async def demo_book(
    pool: Pool, keys: KeyService, borrowers: int = 1000
) -> dict[str, str]:
    """Fill an empty database; refuse to touch a real book. Returns what to log in with."""
    from usance.core.refusals import Refused
    from usance.servicing import read

    found = await read.book(pool)
    if found is not None and not found.demo:
        raise Refused("R-BOOK-03", "this home holds a real book; --demo needs another USANCE_HOME")
    if found is None:
        await fill(pool, keys, borrowers)
    return await demo_access(pool) | await demo_phone(pool, keys)


async def fill(pool: Pool, keys: KeyService, borrowers: int) -> None:
    """A year in the life of invented borrowers that ends today, with progress."""
    from usance.demo.desks import leave
    from usance.demo.fill import open_demo_book
    from usance.platform.clock import SystemClock

    def progress(line: str) -> None:
        print(line, flush=True)

    now = SystemClock().now()
    await open_demo_book(
        pool, keys, today=now.date(), now=now, borrowers=borrowers, progress=progress
    )
    logging.disable(logging.INFO)  # what invented people do is nobody's news
    try:
        await leave(pool, await desks_of(pool, keys), now)
    finally:
        logging.disable(logging.NOTSET)


async def desks_of(pool: Pool, keys: KeyService) -> DesksAt:
    """The services that a demo leaves something with, at any moment."""
    from usance.approvals.rules import policy
    from usance.approvals.service import Approvals
    from usance.core.money import DECIMALS
    from usance.demo.desks import Desks
    from usance.identity.accesses import Accesses
    from usance.identity.staff_policy import staff_policy
    from usance.servicing import read
    from usance.servicing.service import Book
    from usance.web.acts import acts
    from usance.web.app import case_room

    found = await read.book(pool)
    assert found is not None  # it was just made
    currency, book = found.currency, Book(pool)
    weights, own_acts = policy(DECIMALS[currency]), acts(pool, book)

    def at(clock: Clock) -> Desks:
        approvals = Approvals(pool, weights, own_acts, clock)
        room = case_room(pool, keys, approvals, currency, clock)
        accesses = Accesses(pool, clock, staff_policy(), keys)
        return Desks(room.own, room.work, room.deciding, accesses, approvals)

    return at


async def demo_access(pool: Pool) -> dict[str, str]:
    """A log-in and a key, made afresh at every start: nothing is known beforehand."""
    from usance.identity.machine import MachineClients
    from usance.identity.permissions import SCOPES
    from usance.identity.roles import roles
    from usance.identity.staff import Staff

    staff, clients = Staff(pool), MachineClients(pool)
    password = secrets.token_urlsafe(12)
    if not await staff.change_password(DEMO_NAME, password):
        await staff.create(DEMO_NAME, password, roles())
    key = await clients.renew(DEMO_NAME) or await clients.create(DEMO_NAME, SCOPES)
    return {"log in as": DEMO_NAME, "password": password, "API key": key}


async def demo_phone(pool: Pool, keys: KeyService) -> dict[str, str]:
    """The phone of a borrower whose book has something to show."""
    from usance.demo.store import interesting
    from usance.identity.borrowers import Borrowers

    found = await interesting(pool)
    who = await Borrowers(pool, keys).read(found) if found else None
    return {"phone": who.phone} if who else {}
