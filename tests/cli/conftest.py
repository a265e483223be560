"""The real command in a process of its own, on a database of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

USANCE = Path(sys.executable).parent / "usance"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    def refused(self, rule: str) -> bool:
        """By a rule, in one line on standard error, and nothing else."""
        one_line = self.err.count("\n") == 1 and self.err.startswith(f"usance: {rule}: ")
        return (self.status, self.out) == (2, "") and one_line


Command = Callable[..., Ended]


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command sees: no setting of the caller's, words in lines as long as they come."""
    names = ("PATH", "HOME", "LANG", "PYTHONPATH")  # the source that is tested, wherever it is
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"USANCE_HOME": str(home), "COLUMNS": "200", "USANCE_LOG": "ERROR"} | more


def run(*words: str, env: dict[str, str], stdin: str = "") -> Ended:
    """Run ``usance`` to its end."""
    done = subprocess.run(
        [USANCE, *words], env=env, input=stdin, capture_output=True, text=True, timeout=300
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def usance(database: str, tmp_path: Path) -> Command:
    """``usance`` on a database without a book."""
    env = environment(tmp_path, USANCE_DATABASE_URL=database)

    def command(*words: str, stdin: str = "", **more: str) -> Ended:
        return run(*words, env=env | more, stdin=stdin)

    return command


@pytest.fixture
def with_book(usance: Command) -> Command:
    """``usance`` on a database with a new book."""
    made = usance("book", "create", "--name", "Test", "--opened-on", "2026-01-05")
    assert made == Ended(0, "the book of Test opens on 2026-01-05\n", "")
    return usance
