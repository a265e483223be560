"""Without keys: what needs personal data is refused and can be sent again, the rest goes on."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.web.api_site import Site, opened
from usance.cli.keys import private_socket
from usance.core.identifiers import parse
from usance.platform import key_file
from usance.platform.crypto import KeyService, LocalKeyService
from usance.platform.key_client import RemoteKeyService
from usance.platform.key_server import KeyServer

PERSON = {"name": "王小明", "phone": "13812345678", "identity_number": "AWAY0001"}


def with_keys(site: Site, keys: KeyService) -> None:
    """Give a running application other keys."""
    object.__setattr__(site.services, "keys", keys)
    site.services.borrowers._keys = keys


async def refused(answer: Any, rule: str) -> None:
    assert (answer.status_code, answer.json()["rule"]) == (503, rule), answer.text
    assert answer.headers["retry-after"] == "1"


async def test_the_book_goes_on_without_its_keys(database: str, tmp_path: Path) -> None:
    """R-KEY-01: on every route that needs a key, and nothing is changed; then all of it works."""
    async with opened(database, tmp_path) as site:
        account = await site.account()
        page = (await site.client.get(f"/v1/contracts/{account}")).json()
        borrower = page["contract"]["borrower_id"]
        near = site.services.keys
        with_keys(site, RemoteKeyService(f"unix:{tmp_path}/nobody.sock"))
        before = await site.written()
        await refused(await site.post("/v1/borrowers", PERSON, "again"), "R-KEY-01")
        await refused(await site.client.get(f"/v1/borrowers/{borrower}"), "R-KEY-01")
        await refused(await site.client.get("/v1/borrowers"), "R-KEY-01")
        await refused(await site.client.get(f"/v1/borrowers/{borrower}/export"), "R-KEY-01")
        search = {"phone": PERSON["phone"]}
        await refused(await site.client.post("/v1/borrowers/search", json=search), "R-KEY-01")
        assert await site.written() == before
        assert (await site.client.get(f"/v1/borrowers/{borrower}/contracts")).status_code == 200
        paid = await site.post(f"/v1/contracts/{account}/repayments", {"amount": "5.00"})
        assert paid.status_code == 201
        await site.close_days(1)
        with_keys(site, near)
        assert (await site.post("/v1/borrowers", PERSON, "again")).status_code == 201
        assert (await site.client.get(f"/v1/borrowers/{borrower}")).status_code == 200


async def test_a_key_that_is_not_here_is_waited_for(database: str, tmp_path: Path) -> None:
    """R-KEY-02: the file of this machine is an old one; once it is renewed, all is read."""
    async with opened(database, tmp_path) as site:
        path = site.services.settings.master_key_file
        old = key_file.read(path)
        key_file.change(path, key_file.with_master_key)
        borrower = await site.borrower()
        with_keys(site, LocalKeyService(old.index_keys, old.master_keys))
        await refused(await site.client.get(f"/v1/borrowers/{borrower}"), "R-KEY-02")
        with_keys(site, LocalKeyService.open(path))
        assert (await site.client.get(f"/v1/borrowers/{borrower}")).status_code == 200


@pytest.fixture
def served(tmp_path: Path, short_directory: Path) -> Iterator[str]:
    """A key service in a thread of its own, slow enough to notice who waits for it."""
    key_file.create(tmp_path / "service.key")
    place = short_directory / f"web-{os.getpid()}-{time.monotonic_ns() % 10**6}.sock"
    inner = KeyServer(LocalKeyService.open(tmp_path / "service.key"))

    async def slowly(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)
        await inner(scope, receive, send)

    config = uvicorn.Config(slowly, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [private_socket(place)]})
    thread.start()
    yield f"unix:{place}"
    server.should_exit = True
    thread.join(10)


async def test_the_whole_application_with_its_keys_elsewhere(
    database: str, tmp_path: Path, served: str
) -> None:
    """People are registered, found, read and told all; others are served while one waits."""
    async with opened(database, tmp_path) as site:
        far = RemoteKeyService(served)
        with_keys(site, far)
        answer = await site.post("/v1/borrowers", PERSON)
        assert answer.status_code == 201, answer.text
        borrower = answer.json()["borrower_id"]
        found = await site.client.post("/v1/borrowers/search", json={"phone": "138 1234 5678"})
        assert found.json()["borrower_id"] == borrower
        assert found.json()["name"] == PERSON["name"]
        export = (await site.client.get(f"/v1/borrowers/{borrower}/export")).json()
        assert export["borrower"]["phone"] == "+8613812345678"
        row = await site.pool.fetchrow("SELECT data_key FROM borrower")
        kept = {wrapped for wrapped, _, _ in far._kept}
        assert kept == {row["data_key"]}
        with_keys(site, RemoteKeyService(served))  # one that has opened nothing yet
        slow = asyncio.create_task(site.client.get(f"/v1/borrowers/{borrower}"))
        quick = 0
        while not slow.done():
            assert (await site.client.get("/v1/day")).status_code == 200
            quick += 1
        assert (await slow).json()["name"] == PERSON["name"]
        assert quick >= 3, "nobody was served while one asked for a key"
        assert parse("borrower", borrower) > 0
