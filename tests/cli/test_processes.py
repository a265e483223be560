"""Several processes behind one port: what one sees all count, and any of them may be killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.test_runs import serving
from tests.waiting import wait_until
from tests.web.console_site import free_port

TWO = ("--processes", "2")
Pair = tuple[subprocess.Popen[str], int]


def children_of(pid: int) -> list[int]:
    """The processes that one has started."""
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@pytest.fixture
def pair(with_book: Command, database: str, tmp_path: Path) -> Iterator[Pair]:
    """Two processes that serve a new book, and the port."""
    port = free_port()
    with serving(database, tmp_path, port, *TWO) as process:
        yield process, port


def both_of(server: subprocess.Popen[str]) -> list[int]:
    """The processes of a server that says that they answer."""
    assert server.stdout is not None
    wait_until(lambda: "console" in server.stdout.readline(), 30)
    found = children_of(server.pid)
    assert len(found) == 2
    return found


def answers(port: int) -> bool:
    """Whether a new connection is served."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_figures_are_those_of_all_processes(with_book: Command, pair: Pair) -> None:
    process, port = pair
    made = with_book("client", "create", "prometheus", "--scope", "metrics:read")
    assert made.status == 0, made.err
    wait_until(lambda: len(children_of(process.pid)) == 2, 30)
    asked = 60  # one process alone answering them all has a chance of 1 in 2**59
    assert all(answers(port) for _ in range(asked))
    headers = {"authorization": f"Bearer {made.out.split()[-1]}"}
    found = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=headers)
    with urllib.request.urlopen(found) as answer:
        text = answer.read().decode()
    counted = re.search(r'http_requests_total\{route="/health",status="200"\} (\S+)', text)
    assert counted is not None, text[:2000]
    assert float(counted[1]) >= asked
    assert re.search(r"^usance_business_date \d+", text, re.M)


def test_two_processes_say_once_where_to_look_and_stop_when_told(
    with_book: Command, pair: Pair
) -> None:
    process, port = pair
    taken = with_book("serve", "--port", str(port), *TWO)
    assert (taken.status, taken.err.count("\n")) == (2, 1)
    assert f"port {port}" in taken.err
    assert process.stdout is not None
    said = process.stdout.readline()  # once both answer
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=40)
    assert process.returncode == 0
    assert (said + out).count(f"http://127.0.0.1:{port}/console") == 1
    assert "Traceback" not in err


def test_a_process_that_is_killed_comes_back(pair: Pair) -> None:
    process, port = pair
    one, other = both_of(process)
    os.kill(one, signal.SIGKILL)
    wait_until(lambda: len(found := children_of(process.pid)) == 2 and one not in found, 30)
    assert other in children_of(process.pid)
    wait_until(lambda: all(answers(port) for _ in range(20)), 30)


def test_nobody_serves_on_when_the_one_that_looks_after_them_is_killed(
    pair: Pair, database: str, tmp_path: Path
) -> None:
    process, port = pair
    left = both_of(process)
    process.kill()
    wait_until(lambda: not any(alive(pid) for pid in left), 30)
    with serving(database, tmp_path, port):  # the port is free again
        assert answers(port)


@pytest.mark.parametrize("count", ["0", "-1", "65"])
def test_there_are_between_one_and_many_processes(with_book: Command, count: str) -> None:
    assert with_book("serve", "--port", "0", f"--processes={count}").refused("R-RANGE-01")
