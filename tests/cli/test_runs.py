"""Commands that run for long: the importer, and the server until it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.conftest import USANCE, Command, Ended, environment
from tests.cli.test_commands import fetch
from tests.importer.cards import SMALL, changed
from tests.web.console_site import free_port
from usance.cli import house
from usance.platform import identifiers


def test_an_import_compares_book_and_file(usance: Command, database: str, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    first = usance("import", "uci-credit", str(SMALL), "--report", str(report))
    assert first.status == 0, first.err
    assert report.read_text() in first.out + "\n"
    events = fetch(database, "SELECT count(*) FROM event")
    again = usance("import", "uci-credit", str(SMALL), "--workers", "1")
    assert again.status == 0
    assert fetch(database, "SELECT count(*) FROM event") == events


def test_a_bad_file_is_refused_with_line_and_column(
    usance: Command, database: str, tmp_path: Path
) -> None:
    bad = usance("import", "uci-credit", str(changed(tmp_path, 3, "BILL_AMT1", "12.5")))
    assert (bad.status, bad.err.count("\n")) == (2, 1)
    assert "R-IMPORT-" in bad.err
    assert "line 3" in bad.err
    assert "BILL_AMT1" in bad.err
    missing = usance("import", "uci-credit", str(tmp_path / "missing.csv"))
    assert (missing.status, missing.err.count("\n")) == (2, 1)
    assert fetch(database, "SELECT FROM book") == []


def test_an_import_wants_an_empty_home(with_book: Command) -> None:
    ended = with_book("import", "uci-credit", str(SMALL))
    assert (ended.status, ended.err.count("\n")) == (2, 1)
    assert ended.err.startswith("usance: R-")


@contextmanager
def serving(
    database: str, home: Path, port: int, *words: str, **more: str
) -> Iterator[subprocess.Popen[str]]:
    """A server that answers; ended with the block at the latest."""
    server = subprocess.Popen(
        [USANCE, "serve", "--port", str(port), *words],
        env=environment(home, USANCE_DATABASE_URL=database, **more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert wait_for(f"http://127.0.0.1:{port}/health")["status"] == "ok"
        yield server
    finally:
        server.kill()
        server.wait()


def wait_for(address: str) -> dict[str, str]:
    """The first answer of a server that is starting."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                found: dict[str, str] = json.load(answer)
                return found
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def test_a_server_says_where_to_look_and_stops_when_told(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    port = free_port()
    with serving(database, tmp_path, port) as server:
        taken = with_book("serve", "--port", str(port))
        assert (taken.status, taken.err.count("\n")) == (2, 1)
        assert f"port {port}" in taken.err
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=30)
    assert server.returncode in (0, -signal.SIGTERM)
    assert f"http://127.0.0.1:{port}/console" in out
    assert "Traceback" not in err


def test_a_demo_never_touches_a_real_book(with_book: Command, database: str) -> None:
    before = fetch(database, "SELECT count(*) FROM staff")
    ended: Ended = with_book("serve", "--demo", "--port", str(free_port()))
    assert ended.refused("R-BOOK-03")
    assert fetch(database, "SELECT count(*) FROM staff") == before


def test_a_demo_has_between_one_and_many_borrowers(usance: Command, database: str) -> None:
    for count in ("0", "-1", "100001"):
        ended = usance("serve", "--demo", f"--borrowers={count}", "--port", "0")
        assert ended.refused("R-RANGE-01")
    assert fetch(database, "SELECT FROM book") == []


def register(port: int, key: str, url: str) -> dict[str, str]:
    """An endpoint, through the API of a served book."""
    body = json.dumps({"url": url, "types": ["line.changed"]}).encode()
    headers = {"authorization": f"Bearer {key}", "idempotency-key": "hook",
               "content-type": "application/json"}  # fmt: skip
    address = f"http://127.0.0.1:{port}/v1/webhooks"
    with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
        found: dict[str, str] = json.load(answer)
        return found


def hooks(**more: str) -> dict[str, str]:
    """Settings under which webhooks may go to this host."""
    return {"USANCE_WEBHOOKS_ALLOW_HTTP": "1", "USANCE_WEBHOOKS_NETWORKS": "127.0.0.1/32"} | more


@contextmanager
def noting() -> Iterator[tuple[str, list[str]]]:
    """A receiver in a thread: its address, and the types of the messages that came."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            came.append(json.loads(body)["type"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/in", came
    server.shutdown()
    thread.join()


def open_line(port: int, key: str) -> None:
    """Something to be told of."""
    address = f"http://127.0.0.1:{port}/v1/borrowers"
    person = {"name": "Ann", "phone": "+8613812345678", "identity_number": "ID00001"}
    line = {"product": "pay_later", "limit": "100.00"}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    path = address
    for number, body in enumerate((person, line)):
        data = json.dumps(body).encode()
        asked = urllib.request.Request(path, data, headers | {"idempotency-key": str(number)})
        with urllib.request.urlopen(asked) as answer:
            path = f"{address}/{json.load(answer)['borrower_id']}/lines"


def test_a_served_book_tells_its_webhooks_and_stops(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    """The worker begins and ends with the server; what is committed later waits for the next."""
    key = with_book("client", "create", "shop", "--scope", "all").out.strip()
    port = free_port()
    with noting() as (url, came):
        with serving(database, tmp_path, port, **hooks()) as server:
            register(port, key, url)
            open_line(port, key)
            for _ in range(100):
                if came:
                    break
                time.sleep(0.1)
            server.send_signal(signal.SIGTERM)
            _, err = server.communicate(timeout=30)
            assert "Traceback" not in err
        assert came == ["line.changed"]
        fetch(database, "UPDATE line SET limit_amount = 20000, version = version + 1")
        fetch(database, """INSERT INTO operation (operation_id, actor, action, borrower_id,
            business_date, digest) SELECT 7, 'x', 'ChangeLimit', borrower_id, '2026-01-05', ''
            FROM line""")
        time.sleep(0.5)
        assert came == ["line.changed"]
        sent = with_book("webhooks", "send", "--until-idle", **hooks())
        assert sent == Ended(0, "", "")
    assert came == ["line.changed", "line.changed"]


def test_a_sender_of_its_own_ends_on_a_signal(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    sender = subprocess.Popen(
        [USANCE, "webhooks", "send"], stderr=subprocess.PIPE, text=True,
        env=environment(tmp_path, USANCE_DATABASE_URL=database, **hooks()),
    )  # fmt: skip
    time.sleep(3)
    assert sender.poll() is None
    sender.send_signal(signal.SIGTERM)
    _, err = sender.communicate(timeout=30)
    assert (sender.returncode, err) == (0, "")


def test_nothing_is_sent_before_there_is_a_book(usance: Command) -> None:
    assert usance("webhooks", "send", "--until-idle").refused("R-BOOK-01")
    bad = usance("webhooks", "send", USANCE_WEBHOOKS_NETWORKS="10.0.0.0/8,x")
    assert (bad.status, bad.err.count("\n")) == (2, 1)
    assert "USANCE_WEBHOOKS_NETWORKS" in bad.err


async def test_a_command_never_takes_the_number_of_the_server_beside_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both see the same USANCE_WORKER, and would make the same ids within a millisecond."""
    for name, value in environment(
        tmp_path, USANCE_DATABASE_URL=database, USANCE_WORKER="7"
    ).items():
        monkeypatch.setenv(name, value)
    drawn = identifiers._source
    async with house.opened() as (settings, _):
        assert settings.worker == 7
        assert identifiers._source is drawn
