"""A console over a small demo book, served to a real browser."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.reading import Patient
from tests.web.api_site import Known
from usance.approvals.rules import DONE, WAITING
from usance.core.identifiers import written
from usance.identity.roles import roles
from usance.platform.config import Settings
from usance.platform.crypto import LocalKeyService
from usance.platform.database import open_pool
from usance.servicing.service import Book
from usance.servicing.setup import create_book
from usance.web.app import create_app, open_services, workers_of
from usance.web.services import Services

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NAME, SECOND, PASSWORD = "demo", "second", "correct horse battery"
FIRST = date(2026, 1, 1)


@dataclass
class Site:
    """A served console: its address, and a way to ask its book from a test."""

    address: str
    loop: asyncio.AbstractEventLoop
    pool: Any
    thread: threading.Thread
    server: uvicorn.Server
    services: Services
    errors: list[str] = field(default_factory=list)

    def ask(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine gives, in the loop of the site."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def agree(self, contract: str = "") -> None:
        """A second person approves what waits: everything, or what is about a contract."""
        waiting = self.ask(self.services.approvals.page([WAITING], 2**62, 50))
        for each in waiting:
            if contract and written("contract", each.contract_id) != contract:
                continue
            number = self.ask(self.services.staff.number(SECOND))
            done = self.ask(
                self.services.approvals.approve(each.proposal_id, number, each.digest, "")
            )
            assert done.state == DONE, done.outcome

    def fetch(self, query: str, *values: Any) -> list[Any]:
        """Rows of a query."""
        found: list[Any] = self.ask(self.pool.fetch(query, *values))
        return found


def need_browser() -> None:
    """Skip where there is no Chromium, unless it must be there."""
    if CHROMIUM.exists():
        return
    if os.environ.get("USANCE_REQUIRE_BROWSER") == "1":
        pytest.fail("Chromium is required")
    pytest.skip("no Chromium here")


def free_port() -> int:
    with socket.socket() as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


@contextmanager
def served(
    url: str, home: Path, *, borrowers: int = 14, months: int = 4,
    environment: dict[str, str] | None = None,
) -> Iterator[Site]:  # fmt: skip
    """Fill a demo book and serve it until the block ends."""
    started: threading.Event = threading.Event()
    found: dict[str, Any] = {}

    def run() -> None:
        try:
            more = environment or {}
            asyncio.run(serve(url, home, borrowers, months, found, started, more))
        except BaseException as error:
            found["error"] = error
            started.set()
            raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(120), "the console did not start"
    if "error" in found:
        raise RuntimeError("the console did not start") from found["error"]
    try:
        yield Site(found["address"], found["loop"], found["pool"], thread, found["server"],
                   found["services"])  # fmt: skip
    finally:
        found["server"].should_exit = True
        thread.join(30)


async def serve(
    url: str, home: Path, borrowers: int, months: int, found: dict[str, Any],
    started: threading.Event, environment: dict[str, str],
) -> None:  # fmt: skip
    from usance.demo.fill import fill

    pool = await open_pool(url, 8)
    settings = Settings.from_environment({"USANCE_HOME": str(home)} | environment)
    keys = LocalKeyService.open(settings.master_key_file)
    await create_book(pool, name="Test book", opened_on=FIRST, demo=True)
    await fill(pool, keys, borrowers=borrowers, months=months, progress=lambda _: None)
    book = Book(pool, clock=Patient())
    await book.start()
    services = await open_services(
        settings, pool, keys, book, hints={"name": NAME}, sources=(Known(),)
    )
    await services.staff.create(NAME, PASSWORD, roles())
    await services.staff.create(SECOND, PASSWORD, ["supervisor"])
    port = free_port()
    config = uvicorn.Config(create_app(services), port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    found |= {"address": f"http://127.0.0.1:{port}", "loop": asyncio.get_running_loop()}
    found |= {"pool": pool, "server": server, "services": services}
    workers = workers_of(services)
    workers.start()
    sending = services.notices.delivery
    assert sending is not None
    sending.start()
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event
        await asyncio.sleep(0.02)
    started.set()
    await task
    await sending.stop()
    await workers.stop()
    await book.stop()
    await pool.close()
