"""A server of its own goes on serving while the commands change both keys under it."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import requests

from tests.cli.conftest import Command
from tests.cli.test_keys import bad
from tests.cli.test_runs import serving
from tests.web.console_site import free_port
from usance.platform.crypto import LocalKeyService


class Caller(threading.Thread):
    """Registers, reads and looks for people over HTTP until told to stop."""

    def __init__(self, address: str, key: str, first: int) -> None:
        super().__init__()
        self.address, self.numbers = address, itertools.count(first)
        self.session = requests.Session()
        self.session.headers["authorization"] = f"Bearer {key}"
        self.stopping = threading.Event()
        self.failures: list[Any] = []
        self.done = 0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                self.live(next(self.numbers))
                self.done += 1
            except Exception as error:
                self.failures.append(repr(error))

    def live(self, n: int) -> None:
        person = {"name": f"林{n}", "phone": f"+86137{n:08}", "identity_number": f"LIVE{n:08}"}
        made = self.session.post(
            f"{self.address}/v1/borrowers", json=person, headers={"idempotency-key": f"r{n}"}
        )
        assert made.status_code == 201, made.text
        borrower = made.json()["borrower_id"]
        shown = self.session.get(f"{self.address}/v1/borrowers/{borrower}")
        assert shown.json().get("name") == person["name"], shown.text
        search = {"phone": person["phone"]}
        found = self.session.post(f"{self.address}/v1/borrowers/search", json=search)
        assert found.json().get("borrower_id") == borrower, found.text


def test_a_server_never_notices_a_rotation(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    """No restart, no failure; afterwards everything is under the new keys, and all is readable."""
    key = with_book("client", "create", "c", "--scope", "borrowers:read", "--scope",
                    "borrowers:write").out.strip()  # fmt: skip
    port = free_port()
    with serving(database, tmp_path, port):
        callers = [Caller(f"http://127.0.0.1:{port}", key, first) for first in (10**6, 2 * 10**6)]
        for caller in callers:
            caller.start()
        for words in (("rotate",), ("retire", "1"), ("rotate-index",), ("retire-index", "1")):
            ended = with_book("keys", *words)
            assert ended.status == 0, ended.err
        for caller in callers:
            caller.stopping.set()
            caller.join()
    assert [caller.failures for caller in callers] == [[], []]
    assert all(caller.done > 10 for caller in callers)
    status = with_book("keys", "status").out
    assert [line.partition(":")[0] for line in status.splitlines()] == [
        "master key 2 (in use)", "index key 2 (in use)",
    ]  # fmt: skip
    assert bad(database, LocalKeyService.open(tmp_path / "master.key")) == 0
