"""R-FAMILY-18: no room that prices, limits, books or decides can ask of relatives."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "usance"
MAY_KNOW = {"cli", "web", "day", "family", "demo", "notices"}
"""Rooms that serve, prove or show it; ``notices`` through a protocol of its own."""
OTHERS = sorted(
    path.parent.name for path in SOURCE.glob("*/__init__.py") if path.parent.name not in MAY_KNOW
)
TABLE = re.compile(r"\bfamily_(link|bar|visit)\b")
PLACES = {"platform/schema.py", "platform/schema_family.py"}


@pytest.mark.parametrize("room", OTHERS)
def test_a_room_knows_nothing_of_relatives(room: str) -> None:
    """R-FAMILY-18: neither by import nor by a table's name."""
    for path in (SOURCE / room).rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            module = getattr(node, "module", None) or ""
            names = [each.name for each in getattr(node, "names", []) if hasattr(each, "name")]
            assert "usance.family" not in (module, *names), path
            assert not module.startswith("usance.family."), path
        name = path.relative_to(SOURCE).as_posix()
        if name not in PLACES and "migrations" not in name:
            assert not TABLE.search(text), path


def test_the_order_of_rooms_forbids_it() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (found,) = [each for each in contracts["contracts"] if each["id"] == "family"]
    there = {f"usance.{path.parent.name}" for path in SOURCE.glob("*/__init__.py")}
    wanted = {"contract", "servicing", "risk", "measures", "policy", "allowance", "approvals"}
    assert {f"usance.{each}" for each in wanted} & there <= set(found["source_modules"])
    assert found["forbidden_modules"] == ["usance.family"]
