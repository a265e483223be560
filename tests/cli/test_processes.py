"""Several processes behind one port: what one sees all count, and any of them may be killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.test_runs import serving, wait_for
from tests.web.console_site import free_port

TWO = ("--processes", "2")


def children_of(pid: int) -> list[int]:
    """The processes that one has started."""
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def until(holds: Callable[[], bool]) -> None:
    """Wait for what comes about by itself."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about")


def both_of(server: subprocess.Popen[str]) -> list[int]:
    """The processes of a server that says that they answer."""
    assert server.stdout is not None
    until(lambda: "console" in server.stdout.readline())
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


def test_figures_are_those_of_all_processes(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    made = with_book("client", "create", "prometheus", "--scope", "metrics:read")
    assert made.status == 0, made.err
    port = free_port()
    with serving(database, tmp_path, port, *TWO) as server:
        until(lambda: len(children_of(server.pid)) == 2)
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
        taken = with_book("serve", "--port", str(port), *TWO)
        assert (taken.status, taken.err.count("\n")) == (2, 1)
        assert f"port {port}" in taken.err
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=40)
    assert server.returncode == 0
    assert out.count(f"http://127.0.0.1:{port}/console") == 1
    assert "Traceback" not in err


def test_a_process_that_is_killed_comes_back(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    assert with_book("day", "close").status == 0
    port = free_port()
    with serving(database, tmp_path, port, *TWO) as server:
        one, other = both_of(server)
        os.kill(one, signal.SIGKILL)
        until(lambda: len(children_of(server.pid)) == 2 and one not in children_of(server.pid))
        assert other in children_of(server.pid)
        until(lambda: all(answers(port) for _ in range(20)))


def test_nobody_serves_on_when_the_one_that_looks_after_them_is_killed(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    assert with_book("day", "close").status == 0
    port = free_port()
    with serving(database, tmp_path, port, *TWO) as server:
        left = both_of(server)
        server.kill()
        until(lambda: not any(alive(pid) for pid in left))
    with serving(database, tmp_path, port):  # the port is free again
        assert wait_for(f"http://127.0.0.1:{port}/health")["status"] == "ok"


@pytest.mark.parametrize("count", ["0", "-1", "65"])
def test_there_are_between_one_and_many_processes(with_book: Command, count: str) -> None:
    assert with_book("serve", "--port", "0", f"--processes={count}").refused("R-RANGE-01")
