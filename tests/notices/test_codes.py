"""Codes: bound to what is said, typed as people type, and nothing to be learned from a refusal."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.notices import codes
from usance.notices.codes import Said

KEY = bytes(range(32))
SAID = Said(7, "c0ffee", "due-soon", 1, "sms", 12, 123_450, "2026-12-01")


def test_a_code_is_ten_characters_of_an_alphabet_without_lookalikes() -> None:
    """R-CODE-01."""
    code = codes.code_of(KEY, SAID)
    assert len(code) == 10
    assert set(code) <= set(codes.ALPHABET)
    assert len(codes.ALPHABET) == 32
    assert not set("ILOU") & set(codes.ALPHABET)
    assert codes.grouped(code) == f"{code[:5]}-{code[5:]}"
    assert code == codes.code_of(KEY, SAID)


@pytest.mark.parametrize("name", [each.name for each in fields(Said)])
def test_whatever_else_is_said_has_another_code(name: str) -> None:
    """R-CODE-01: a changed amount, day or number does not fit the code."""
    value: Any = getattr(SAID, name)
    other = replace(SAID, **{name: value + 1 if isinstance(value, int) else value + "x"})
    assert codes.code_of(KEY, other) != codes.code_of(KEY, SAID)
    assert codes.code_of(KEY[::-1], SAID) != codes.code_of(KEY, SAID)


def test_every_character_is_as_likely_as_any_other() -> None:
    """R-CODE-01: fifty bits, chi-square over 3,200 codes far below its 0.1 % mark for 31."""
    found = Counter(
        (place, char)
        for n in range(3_200)
        for place, char in enumerate(codes.code_of(KEY, replace(SAID, notice_id=n)))
    )
    for place in range(10):
        seen = [found[place, char] for char in codes.ALPHABET]
        assert sum((each - 100) ** 2 / 100 for each in seen) < 61.1, place


@given(st.integers(0, 2**50 - 1), st.randoms())
def test_a_code_is_read_as_people_type_it(n: int, chance: Any) -> None:
    """R-CODE-02: small letters, spaces, hyphens, O for 0, I and L for 1."""
    code = codes.code_of(KEY, replace(SAID, notice_id=n))
    spoilt = "".join(
        chance.choice({"0": "0Oo", "1": "1IiLl"}.get(each, each + each.lower()))
        + chance.choice(["", " ", "-"]) for each in code
    )  # fmt: skip
    assert codes.typed(spoilt) == code


@pytest.mark.parametrize("text", [
    "", "ABCDE", "ABCDE-FGHJU", "ABCDE-FGHJKM", "ABCDE_FGHJK", "ＡBCDE-FGHJK", "A" * 1_000,
    "ABCDE-FGHJ\x00", "ABCDE-FGH\u0130",
])  # fmt: skip
def test_what_can_be_no_code_is_none(text: str) -> None:
    """R-CODE-02."""
    assert codes.typed(text) is None


@pytest.mark.parametrize(("text", "wanted"), [
    ("0042", "0042"), (" 0042 ", "0042"), ("042", None), ("00421", None), ("٤٢٤٢", None),
    ("4 2 1", None), ("", None), ("²²²²", None),
])  # fmt: skip
def test_digits_are_four_and_plain(text: str, wanted: str | None) -> None:
    """R-CODE-02."""
    assert codes.digits_typed(text) == wanted


def test_code_and_digits_help_only_together() -> None:
    """R-CODE-03."""
    code, other = codes.code_of(KEY, SAID), codes.code_of(KEY, replace(SAID, notice_id=8))
    stored = codes.kept_digits(KEY, code, "0042")
    assert codes.fits(KEY, code, "0042", stored)
    assert not codes.fits(KEY, code, "0043", stored)
    assert not codes.fits(KEY, other, "0042", stored), "digits are kept for one notice"
    assert not codes.fits(KEY, code, "0042", None)
    assert codes.kept(KEY, code) != codes.kept(KEY, other)
    assert code.encode() not in codes.kept(KEY, code)
