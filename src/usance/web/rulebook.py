"""The sentence of a rule, and where the rule lives.

Sentences stand in ``docs/product.md`` (what a contract owes) and ``docs/api.md`` (who may come in,
and what a request must look like); both are packed with the wheel.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import usance
from usance.core.rules import WHERE

DOCUMENTS = ("product.md", "api.md")
ITEM = re.compile(r"^- \*\*(?P<id>R-[A-Z]+-[0-9]+) (?P<title>[^*]+?)\.?\*\* ?(?P<text>.*)$")
NOT_SEARCHED = ("usance.demo", "usance.bench", "usance.cli", "usance.platform.migrations")


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule in words."""

    identifier: str
    title: str
    sentence: str
    document: str


@cache
def rule_texts() -> dict[str, RuleText]:
    """Every rule that has a sentence."""
    found: dict[str, RuleText] = {}
    for name in DOCUMENTS:
        text = resources.files("usance.web.texts").joinpath(name).read_text("utf-8")
        found |= {each.identifier: each for each in parsed(text, name)}
    return found


def parsed(text: str, document: str) -> list[RuleText]:
    """The rules of a document: list items that begin with a rule's id in bold."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if match := ITEM.match(line):
            found.append([match["id"], match["title"], match["text"]])
        elif found and line.startswith("  ") and line.strip() and found[-1]:
            found[-1][2] += " " + line.strip()
        else:
            found.append([])
    return [RuleText(each[0], each[1], each[2], document) for each in found if each]


def rule_text(identifier: str) -> RuleText | None:
    """One rule in words; None if no document has it."""
    return rule_texts().get(identifier.upper())


def lives(identifier: str) -> list[str]:
    """``file:line name`` of every function that is (part of) the rule."""
    for module in pkgutil.walk_packages(usance.__path__, "usance."):
        if not module.name.startswith(NOT_SEARCHED):
            importlib.import_module(module.name)
    places = []
    for function in WHERE.get(identifier.upper(), []):
        plain = inspect.unwrap(getattr(function, "py_func", function))
        path = Path(inspect.getsourcefile(plain) or "")
        line = inspect.getsourcelines(plain)[1]
        places.append(f"{shown(path)}:{line} {plain.__qualname__}")
    return places


def tests_of(identifier: str) -> list[str]:
    """``file:line`` of every mention in the tests; empty where the source tree is not at hand."""
    places = []
    for path in sorted((source_root() / "tests").rglob("*.py")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if identifier.upper() in line:
                places.append(f"{shown(path)}:{number}")
    return places


def source_root() -> Path:
    """The checkout, if usance runs from one."""
    return Path(usance.__file__).parents[2]


def shown(path: Path) -> str:
    """A path as one reads it in the checkout."""
    root = source_root()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
