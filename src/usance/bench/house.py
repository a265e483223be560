"""A book of cash loans with a server process beside it, for the benches over HTTP."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from usance.core.identifiers import borrower_of, cell_of_borrower, parse
from usance.identity.machine import MachineClients
from usance.platform import postgres
from usance.platform.clock import microseconds
from usance.platform.crypto import LocalKeyService, new_data_key
from usance.platform.database import Pool, open_pool
from usance.platform.migrate import migrate
from usance.servicing import commands as ask
from usance.servicing.service import Book
from usance.servicing.setup import create_book

LENT_ON = date(2026, 1, 1)
TODAY = date(2026, 2, 1)
SHOWN_AT = microseconds(datetime(2026, 1, 1, 4, tzinfo=UTC))
READ_AT = SHOWN_AT + 40_000_000
"""When costs were shown and confirmed."""


@dataclass(frozen=True, slots=True)
class House:
    """What a bench over HTTP needs."""

    cluster: postgres.Cluster
    pool: Pool
    book: Book
    contracts: list[int]
    port: int
    secret: str
    home: Path


@asynccontextmanager
async def house(loans: int, *words: str) -> AsyncIterator[House]:
    """A book with ``loans`` running loans, and ``usance serve`` (with more ``words``) on it."""
    with tempfile.TemporaryDirectory(prefix="usance-bench-") as home:
        Path(home).chmod(0o711)
        with postgres.using(Path(home)) as cluster:
            await migrate(cluster.url())
            pool = await open_pool(cluster.url(), 4)
            book = Book(pool)
            await create_book(pool, name="bench", opened_on=LENT_ON)
            await book.start()
            contracts = await lend(pool, book, loans)
            permissions = ["payments:write", "contracts:read", "decisions:write"]
            secret = await MachineClients(pool).create("bench", permissions)
            port = free_port()
            server = start_server(home, port, *words)
            try:
                await answering(port)
                yield House(cluster, pool, book, contracts, port, secret, Path(home))
            finally:
                server.terminate()
                server.wait(20)
                await book.stop()
                await pool.close()


async def lend(pool: Pool, book: Book, loans: int) -> list[int]:
    """Borrowers with a loan each, paid out a month ago."""
    contracts = await lent(book, await registered(pool, loans))
    await pool.execute("UPDATE book SET business_date = $1", TODAY)
    return contracts


async def registered(pool: Pool, count: int) -> list[int]:
    """So many borrowers without personal data."""
    people = [borrower_of(n) for n in range(1, count + 1)]
    await pool.executemany(
        "INSERT INTO borrower (cell, borrower_id, data_key, name, phone, identity_number, email, "
        "language, registered_on) VALUES ($1, $2, '', '', '', '', '', 'en', $3)",
        [(cell_of_borrower(each), each, LENT_ON) for each in people],
    )
    return people


async def give_keys(pool: Pool, keys: LocalKeyService, borrowers: list[int]) -> None:
    """To each their own: what is decided about somebody is sealed with it."""
    await pool.executemany(
        "UPDATE borrower SET data_key = $3 WHERE cell = $1 AND borrower_id = $2",
        [(cell_of_borrower(each), each, keys.wrap(new_data_key(), each)) for each in borrowers],
    )


async def lent(book: Book, people: list[int]) -> list[int]:
    """A loan for each of them, paid out today."""
    lines = [ask.OpenLine(borrower_id=b, product="cash_loan", limit=2_000_000) for b in people]
    await book.submit_many(list(lines), actor="bench")
    offers = [
        ask.MakeOffer(borrower_id=b, product="cash_loan", principal=1_000_000, instalments=12)
        for b in people
    ]
    made = await book.submit_many(list(offers), actor="bench")
    numbers = [parse("offer", each.document["offer_id"]) for each in made]
    offered = list(zip(people, numbers, strict=True))
    await read_costs(book, offered)
    accepts = [ask.AcceptOffer(borrower_id=b, offer_id=offer_id) for b, offer_id in offered]
    drawn = await book.submit_many(list(accepts), actor="bench")
    return [parse("contract", each.document["contract_id"]) for each in drawn]


async def read_costs(book: Book, offered: list[tuple[int, int]]) -> None:
    """Everybody is shown what their offer costs and confirms it, in a past that is made up."""
    shows = [ask.ShowCosts(borrower_id=b, offer_id=o, at=SHOWN_AT) for b, o in offered]
    shown = await book.submit_many(list(shows), actor="bench")
    confirms = [
        ask.ConfirmCosts(
            borrower_id=b, offer_id=o, digest=a.document["digest"], nonce=a.document["nonce"],
            how="borrower", at=READ_AT,
        )
        for (b, o), a in zip(offered, shown, strict=True)
    ]  # fmt: skip
    await book.submit_many(list(confirms), actor="bench")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(home: str, port: int, *words: str, **more: str) -> subprocess.Popen[bytes]:
    """The real server, in processes of its own."""
    command = command_line("serve", "--port", str(port), *words)
    return subprocess.Popen(command, env=environment(home, **more))


def command_line(*words: str) -> list[str]:
    """The real command."""
    return [sys.executable, "-c", "from usance.cli.main import main; main()", *words]


def environment(home: str, **more: str) -> dict[str, str]:
    """What it sees: this home, and no database but the embedded one."""
    found = os.environ | {"USANCE_HOME": home, "USANCE_LOG": "WARNING"} | more
    found.pop("USANCE_DATABASE_URL", None)
    return found


async def answering(port: int) -> None:
    """Wait until it answers."""
    for _ in range(300):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError("the server did not start")
