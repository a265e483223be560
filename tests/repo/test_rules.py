"""Every rule has a sentence in both languages, something it rests on, a place and a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from usance.web import rulebook

SOURCE = Path(__file__).parents[2] / "src" / "usance"
RULE = re.compile(r"\bR(?:-[A-Z]+)+-\d\d\b")
CODE = re.compile(r"`[^`]+`")
NUMBER = re.compile(r"(?<!\d)\d{3,}(?!\d)")
KINDS = (".py", ".html", ".yaml", ".sql")
ENGLISH, CHINESE = rulebook.rule_texts("en"), rulebook.rule_texts("zh")


def named_in_source() -> set[str]:
    """Every rule that the source names."""
    paths = (path for path in SOURCE.rglob("*") if path.suffix in KINDS)
    return {each for path in paths for each in RULE.findall(path.read_text("utf-8"))}


def test_every_rule_of_the_source_has_a_sentence_and_nothing_else_has() -> None:
    assert named_in_source() == ENGLISH.keys()


def test_every_sentence_is_in_chinese_too() -> None:
    assert ENGLISH.keys() == CHINESE.keys()


@pytest.mark.parametrize("rule", ENGLISH)
def test_a_rule_is_whole(rule: str) -> None:
    english, chinese = ENGLISH[rule], CHINESE.get(rule)
    assert english.title
    assert english.sentence.endswith((".", ")"))
    assert english.source
    assert rulebook.lives(rule)
    assert rulebook.tests_of(rule)
    assert chinese is not None
    assert re.search("[\u4e00-\u9fff]", chinese.sentence)


@pytest.mark.parametrize("rule", ENGLISH)
def test_a_translation_names_the_same_things(rule: str) -> None:
    """Fields, other rules and numbers of three digits or more: what a stale translation betrays."""
    for kind in (CODE, RULE, NUMBER):
        said = (kind.findall(text[rule].sentence) for text in (ENGLISH, CHINESE))
        assert len({frozenset(each) for each in said}) == 1, kind.pattern


def test_a_document_is_read_as_it_is_written() -> None:
    text = "## 2. Parts\n- **R-A-B-01 Name.** One\n  two. Source: a law.\n\n- **R-C-02 N.** X.\n"
    first, second = rulebook.parsed(text, "t.md")
    assert (first.identifier, first.title, first.sentence) == ("R-A-B-01", "Name", "One two.")
    assert (first.source, second.source) == ("a law", "docs/t.md, 2. Parts")
