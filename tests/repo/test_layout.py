"""What holds for the repository as a whole: locks, rooms and their order, the set-up."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]
REQUIREMENT = re.compile(r"^[a-z0-9][a-z0-9.-]*==[^ ]+( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def packages(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_names_versions_and_hashes_only(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if not (REQUIREMENT.match(line) or HASH.match(line))] == []
    pairs = itertools.pairwise(lines)
    hashed = [bool(HASH.match(after)) for line, after in pairs if REQUIREMENT.match(line)]
    assert all(hashed)
    assert len(hashed) > 40


def test_the_two_locks_agree() -> None:
    runtime, development = packages(LOCKS[0]), packages(LOCKS[1])
    assert {
        name: version for name, version in runtime.items() if development[name] != version
    } == {}


def test_the_lock_has_every_dependency() -> None:
    names = {re.split(r"[\[<>=!~;]", line)[0] for line in PROJECT["project"]["dependencies"]}
    assert names <= packages("requirements.lock").keys()


def test_every_room_has_its_place_in_the_order() -> None:
    rooms = {path.parent.name for path in (ROOT / "src/usance").glob("*/__init__.py")}
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    placed = set(re.findall(r"\w+", " ".join(contracts[0]["layers"])))
    assert rooms <= placed


def test_imports_go_in_one_direction() -> None:
    run = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout


def test_make_help_names_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert targets is not None
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    missing = [name for name in targets[1].split() if not re.search(rf"make {name}\s+\w", shown)]
    assert missing == []


def test_the_version_is_in_the_changelog_or_unreleased() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert "## Unreleased" in changes or f"## {PROJECT['project']['version']}" in changes
