"""Keys elsewhere: the same interface over HTTP, with nothing written and a clear failure."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import USANCE, environment
from usance.cli.keys import private_socket
from usance.platform import key_client, key_file
from usance.platform.config import ConfigurationError, Settings
from usance.platform.crypto import DecryptionError, KeysAway, LocalKeyService, MissingKeyError
from usance.platform.key_client import RemoteKeyService, open_keys
from usance.platform.key_server import KeyServer

DATA_KEY = bytes(range(32))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    key_file.create(tmp_path / "master.key")
    return tmp_path


@pytest.fixture
def served(home: Path, short_directory: Path) -> Iterator[str]:
    """The command, on a unix socket; its address."""
    place = short_directory / f"keys-{os.getpid()}-{time.monotonic_ns() % 10**6}.sock"
    server = subprocess.Popen([USANCE, "keys", "serve", "--socket", str(place)],
                              env=environment(home))  # fmt: skip
    try:
        for _ in range(200):
            if place.exists():
                break
            time.sleep(0.05)
        assert place.stat().st_mode & 0o077 == 0
        yield f"unix:{place}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def test_it_keeps_what_the_file_keeps(served: str, home: Path) -> None:
    near, far = LocalKeyService.open(home / "master.key"), RemoteKeyService(served)
    assert far.waits
    assert not near.waits
    assert far.ids() == near.ids()
    assert near.unwrap(far.wrap(DATA_KEY, 5), 5) == DATA_KEY
    assert far.unwrap(near.wrap(DATA_KEY, 7, "staff"), 7, "staff") == DATA_KEY
    assert far.blind_indexes("王", "name") == near.blind_indexes("王", "name")
    key_file.change(home / "master.key", key_file.with_master_key)
    key_file.change(home / "master.key", key_file.with_index_key)
    assert far.ids() == near.ids()
    assert far.wrap(DATA_KEY, 5)[:4] == b"\0\0\0\2"
    assert len(far.blind_indexes("王", "name")) == 2
    assert far.blind_index("王", "name") == near.blind_index("王", "name")


def test_one_place_is_served_once_and_taken_over_when_it_is_not(served: str, home: Path) -> None:
    place = Path(served.removeprefix("unix:"))
    with pytest.raises(OSError, match="in use"):
        private_socket(place)
    left = place.with_suffix(".left")
    private_socket(left).close()
    private_socket(left).close()
    assert left.stat().st_mode & 0o077 == 0


def test_it_says_what_does_not_open(served: str, home: Path) -> None:
    near, far = LocalKeyService.open(home / "master.key"), RemoteKeyService(served)
    wrapped = near.wrap(DATA_KEY, 5)
    for owner, table in ((6, "borrower"), (5, "staff")):
        with pytest.raises(DecryptionError, match="wrong key"):
            far.unwrap(wrapped, owner, table)
    with pytest.raises(MissingKeyError):
        far.unwrap(b"\0\0\0\7" + wrapped[4:], 5)
    with pytest.raises(DecryptionError):
        far.unwrap(b"short", 5)


class Transport:
    """Answers in the place of the key service, and counts."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]


def service(*answers: Any) -> tuple[RemoteKeyService, Transport]:
    keys, transport = RemoteKeyService("http://127.0.0.1:9"), Transport(*answers)
    keys._client = httpx.Client(
        base_url="http://keys", transport=httpx.MockTransport(transport), timeout=1
    )
    return keys, transport


@pytest.mark.parametrize("answer", [
    httpx.Response(500), httpx.Response(401), httpx.Response(404), httpx.Response(302),
    httpx.Response(200, content=b"<html>"), httpx.ConnectError("no"), httpx.ReadTimeout("slow"),
])  # fmt: skip
def test_anything_but_an_answer_is_no_key(answer: Any) -> None:
    """R-KEY-01: and nothing of what was sent is in the error."""
    keys, _ = service(answer)
    for ask in (lambda: keys.wrap(DATA_KEY, 5), lambda: keys.unwrap(b"\0\0\0\1x", 5),
                lambda: keys.blind_indexes("13800138000", "phone"), keys.ids):  # fmt: skip
        with pytest.raises(KeysAway) as caught:
            ask()
        assert "13800138000" not in repr(caught.value)
        assert caught.value.__cause__ is None


def test_unwrapped_keys_are_kept_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_client, "KEPT", 3)
    keys, transport = service(
        httpx.Response(200, json={"key": b64encode(DATA_KEY).decode()}),
    )
    for n in (1, 2, 3, 1, 2, 3):
        assert keys.unwrap(b"w" * 9, n) == DATA_KEY
    assert len(transport.asked) == 3
    keys.unwrap(b"w" * 9, 1)
    keys.unwrap(b"w" * 9, 4)  # 2 was asked for longest ago
    assert len(transport.asked) == 4
    keys.unwrap(b"w" * 9, 1)
    assert len(transport.asked) == 4
    keys.unwrap(b"w" * 9, 2)
    assert len(transport.asked) == 5
    assert len(keys._kept) == 3


def test_a_service_that_hangs_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        keys = RemoteKeyService(address, timeout=httpx.Timeout(0.3))
        began = time.monotonic()
        with pytest.raises(KeysAway):
            keys.ids()
        assert time.monotonic() - began < 2


def test_a_token_is_asked_for(home: Path) -> None:
    app = KeyServer(LocalKeyService.open(home / "master.key"), "secret")

    async def ask(headers: dict[str, str], method: str = "GET", path: str = "/keys",
                  body: bytes = b"") -> int:  # fmt: skip
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://keys", headers=headers
        ) as client:
            return (await client.request(method, path, content=body)).status_code

    good = {"authorization": "Bearer secret"}
    assert asyncio.run(ask({})) == 401
    assert asyncio.run(ask({"authorization": "Bearer other"})) == 401
    assert asyncio.run(ask(good)) == 200
    for method, path, body, status in (
        ("GET", "/wrap", b"", 404), ("POST", "/nothing", b"{}", 404), ("POST", "/wrap", b"{", 422),
        ("POST", "/wrap", b'{"key":"x","owner":"a","table":"b"}', 422),
        ("POST", "/index", b'{"value":"a"}', 422), ("POST", "/index", b" " * 200_000, 422),
    ):  # fmt: skip
        assert asyncio.run(ask(good, method, path, body)) == status, (path, body)


@pytest.mark.parametrize(
    "url",
    ["http://keys.example", "ftp://127.0.0.1", "unix:keys", "unix://a/b", "https://", "keys"],
)
def test_keys_do_not_travel_in_clear(url: str) -> None:
    with pytest.raises(ConfigurationError, match="USANCE_KEY_SERVICE_URL"):
        Settings.from_environment({"USANCE_KEY_SERVICE_URL": url})


def test_the_configured_service_is_opened(tmp_path: Path) -> None:
    home = {"USANCE_HOME": str(tmp_path)}
    token = tmp_path / "token"
    token.write_text("secret\n")
    far = {"USANCE_KEY_SERVICE_URL": "https://keys.example",
           "USANCE_KEY_SERVICE_TOKEN_FILE": str(token)}  # fmt: skip
    opened = open_keys(Settings.from_environment(home | far))
    assert isinstance(opened, RemoteKeyService)
    assert opened._client.headers["authorization"] == "Bearer secret"
    assert not (tmp_path / "master.key").exists()
    assert isinstance(open_keys(Settings.from_environment(home)), LocalKeyService)


def test_many_threads_may_ask(served: str) -> None:
    keys = RemoteKeyService(served)
    found: list[bytes] = []

    def ask(n: int) -> None:
        found.append(keys.unwrap(keys.wrap(DATA_KEY, n), n))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [DATA_KEY] * 20
