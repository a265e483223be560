"""The sentence of a rule in both languages, what it rests on, and where it lives.

Sentences stand in ``docs/product.md`` (what a contract owes), ``docs/book.md`` (how the book is
kept), ``docs/api.md`` (who may come in, and what a request must look like), ``docs/people.md``
(people and proof), ``docs/notices.md`` (notices and consents) and ``docs/risk.md`` (how is
decided), and in Chinese under ``docs/zh-CN``; all are packed with the wheel.
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

DOCUMENTS = ("product.md", "book.md", "api.md", "people.md", "notices.md", "risk.md")
FOLDERS = {"en": "", "zh": "zh-CN/"}
"""Of the documents, by language."""
SECTION = re.compile(r"^## (?P<name>.+)$")
ITEM = re.compile(r"^- \*\*(?P<id>R(?:-[A-Z]+)+-[0-9]+) (?P<title>[^*]+?)[.。]?\*\* ?(?P<text>.*)$")
SOURCE = re.compile(r" ?(?:Source: |来源：)(?P<source>.+?)[.。]?$")
WIDE = re.compile(r"(?<=[\u2e80-\uffef]) (?=[\u2e80-\uffef])")
"""A line break between two Chinese characters is no space."""
NOT_SEARCHED = ("usance.demo", "usance.bench", "usance.cli", "usance.platform.migrations")


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule in words; ``source`` is what it rests on: a law, a decision, or else its document."""

    identifier: str
    title: str
    sentence: str
    document: str
    source: str


@cache
def rule_texts(language: str = "en") -> dict[str, RuleText]:
    """Every rule that has a sentence, in ``en`` or ``zh``."""
    found: dict[str, RuleText] = {}
    for name in (FOLDERS[language] + each for each in DOCUMENTS):
        text = resources.files("usance.web.texts").joinpath(name).read_text("utf-8")
        found |= {each.identifier: each for each in parsed(text, name)}
    return found


def parsed(text: str, document: str) -> list[RuleText]:
    """The rules of a document: list items that begin with a rule's id in bold."""
    section, open_item = "", False
    found: list[list[str]] = []
    for line in text.splitlines():
        if heading := SECTION.match(line):
            section = heading["name"]
        if match := ITEM.match(line):
            found.append([match["id"], match["title"], match["text"], section])
            open_item = True
        elif open_item and line.startswith("  ") and line.strip():
            found[-1][2] += " " + line.strip()
        else:
            open_item = False
    return [rule_of(each, document) for each in found]


def rule_of(item: list[str], document: str) -> RuleText:
    """An item's parts; what follows "Source:" is its source."""
    identifier, title, text, section = item
    text = WIDE.sub("", text)
    named = SOURCE.search(text)
    source = named["source"] if named else f"docs/{document}, {section}"
    return RuleText(identifier, title, SOURCE.sub("", text), document, source)


def rule_text(identifier: str, language: str = "en") -> RuleText | None:
    """One rule in words; None if no document has it."""
    return rule_texts(language).get(identifier.upper())


def lives(identifier: str) -> list[str]:
    """``file:line name`` of every function that is (part of) the rule; else where it is named."""
    load_all()
    places = []
    for function in WHERE.get(identifier.upper(), []):
        plain = inspect.unwrap(getattr(function, "py_func", function))
        path = Path(inspect.getsourcefile(plain) or "")
        line = inspect.getsourcelines(plain)[1]
        places.append(f"{shown(path)}:{line} {plain.__qualname__}")
    return places or mentions(Path(usance.__file__).parent, identifier)


@cache
def load_all() -> None:
    """Import everything that may declare a rule."""
    for module in pkgutil.walk_packages(usance.__path__, "usance."):
        if not module.name.startswith(NOT_SEARCHED):
            importlib.import_module(module.name)


def tests_of(identifier: str) -> list[str]:
    """``file:line`` of every mention in the tests; empty where the source tree is not at hand."""
    return mentions(source_root() / "tests", identifier)


def mentions(folder: Path, identifier: str) -> list[str]:
    """``file:line`` of every mention in the Python files below a folder."""
    named = re.compile(rf"\b{re.escape(identifier.upper())}\b")
    return [
        f"{shown(path)}:{number}"
        for path in sorted(folder.rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if named.search(line)
    ]


def source_root() -> Path:
    """The checkout, if usance runs from one."""
    return Path(usance.__file__).parents[2]


def shown(path: Path) -> str:
    """A path as one reads it in the checkout."""
    root = source_root()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
