"""Commands that run for long: the importer, and the server until it is told to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import USANCE, Command, Ended, environment
from tests.cli.test_commands import fetch
from tests.importer.cards import SMALL, changed
from tests.web.console_site import free_port


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
def serving(database: str, home: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server that answers; ended with the block at the latest."""
    server = subprocess.Popen(
        [USANCE, "serve", "--port", str(port)],
        env=environment(home, USANCE_DATABASE_URL=database),
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
