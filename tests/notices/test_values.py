"""What values must be, how they are written, and that none of them can do harm."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.notices.drafts import GOOD, document, draft, words
from usance.core.refusals import Refused
from usance.notices import links
from usance.notices.documents import LANGUAGES, Placeholder, document_in
from usance.notices.rendering import render
from usance.notices.values import Money, harmless, said

CHOICES = {"ok": {"zh-CN": "好", "en": "well"}}


@pytest.mark.parametrize(("kind", "value", "chinese", "english"), [
    ("money", Money(123_450, "CNY"), "1,234.50 元", "CNY 1,234.50"),
    ("money", Money(0, "CNY"), "0.00 元", "CNY 0.00"),
    ("money", Money(5, "USD"), "0.05 美元", "USD 0.05"),
    ("money", Money(1_234_567, "TWD"), "12,345.67 新台币", "TWD 12,345.67"),
    ("money", Money(1_234_567, "JPY"), "1,234,567 日元", "JPY 1,234,567"),
    ("money", Money(1_234_567, "KWD"), "1,234.567 KWD", "KWD 1,234.567"),
    ("date", date(2026, 11, 27), "2026年11月27日", "2026-11-27"),
    ("date", date(2026, 1, 5), "2026年1月5日", "2026-01-05"),
    ("count", 30, "30", "30"),
    ("percent", 14_400_000, "14.4%", "14.4%"),
    ("percent", 0, "0%", "0%"),
    ("percent", 100_000_000, "100%", "100%"),
    ("code", "123456", "123456", "123456"),
    ("code", "ABCDEFGHJK", "ABCDE-FGHJK", "ABCDE-FGHJK"),
    ("code", "ABCDEFGHJKLM", "ABCDE-FGHJK-LM", "ABCDE-FGHJK-LM"),
    ("name", "王小明", "王小明", "王小明"),
    ("name", "O'Brien-Smith, Jr.", "O'Brien-Smith Jr", "O'Brien-Smith Jr"),
    ("masked_name", "王小明", "王**", "王**"),
    ("masked_name", " Li Wei", "L**", "L**"),
    ("phone", "400-820-8820", "400-820-8820", "400-820-8820"),
    ("choice", "ok", "好", "well"),
])  # fmt: skip
def test_a_value_in_both_languages(kind: Any, value: Any, chinese: str, english: str) -> None:
    """R-TEMPLATE-05."""
    placeholder = Placeholder(kind, CHOICES if kind == "choice" else {})  # type: ignore[arg-type]
    assert said("x", placeholder, value, "zh-CN") == chinese
    assert said("x", placeholder, value, "en") == english


@pytest.mark.parametrize(("kind", "value"), [
    ("money", 5), ("money", "5.00"), ("money", Money(-1, "CNY")), ("money", Money(1, "XXX")),
    ("money", Money(True, "CNY")), ("money", Money(10**12, "CNY")), ("money", None),
    ("date", "2026-11-27"), ("date", datetime(2026, 11, 27)), ("date", 5),
    ("count", -1), ("count", True), ("count", "3"), ("count", 1.0), ("count", 10**6),
    ("percent", -1), ("percent", "0.1"), ("percent", 10**11),
    ("code", "abc"), ("code", "ABC"), ("code", "A" * 21), ("code", "ABCD EFGH"), ("code", 123456),
    ("code", "１２３４５６"), ("code", "ABCD\n"),
    ("name", ""), ("name", "12"), ("name", "{}"), ("name", None), ("name", b"Li"), ("name", "😀"),
    ("masked_name", "..."), ("masked_name", 5),
    ("phone", "1"), ("phone", "call me"), ("phone", "400 820 8820\n"), ("phone", "4" * 30),
    ("choice", "other"), ("choice", None), ("choice", ["ok"]),
])  # fmt: skip
def test_a_value_of_another_type_is_refused(kind: Any, value: Any) -> None:
    """R-TEMPLATE-03."""
    placeholder = Placeholder(kind, CHOICES if kind == "choice" else {})  # type: ignore[arg-type]
    for language in ("zh-CN", "en"):
        with pytest.raises(Refused) as refused:
            said("x", placeholder, value, language)  # type: ignore[arg-type]
        assert (refused.value.refusal.rule, refused.value.refusal.path) == ("R-TEMPLATE-03", "x")


@pytest.mark.parametrize(("hostile", "harmlessly"), [
    ("{amount}", "amount"), ("{{0.__class__}}", "0. class"), ("%s%(x)s$x", "s x s x"),
    ("Li\nWei\r\n\tX", "Li Wei X"), ("Li\u2028Wei", "Li Wei"), ("Li\x00\x1b[31mWei", "Li 31mWei"),
    ("Li\u202eieW", "LiieW"), ("\u2066Li\u2069", "Li"), ("L\u200bi", "Li"),
    ("evil.com", "evil·com"), ("https://evil.com/x", "https evil·com x"),
    ("ｅｖｉｌ．ｃｏｍ", "evil·com"), ("evil。com", "evil com"), ("evil\u200b.com", "evil·com"),
    ("evil[.]com", "evil . com"), ("a@evil.com", "a evil·com"), ("evil.", "evil"),
    ("Li 13800000000", "Li"), ("打138 0000 0000", "打"), ("Li 2", "Li 2"),
    ("７-Eleven", "7-Eleven"),
    ("😀Li😀", "Li"), ("q" + "\u0301" * 50 + "i", "q\u0301\u0301i"),
    ("A&B", "A&B"), ("J. R. Li", "J. R. Li"), ("王" * 500, "王" * 40),
    ("<script>alert(1)</script>", "script alert 1 script"),
])  # fmt: skip
def test_a_hostile_name_is_made_harmless(hostile: str, harmlessly: str) -> None:
    """R-TEMPLATE-04."""
    found = harmless(hostile)
    assert found == harmlessly
    assert not any(unicodedata.category(each)[0] == "C" for each in found)


GREETING = document_in(draft(
    placeholders={"who": {"type": "name"}, "mask": {"type": "masked_name"}},
    channels={"email": words("{who}，您好{{}}：{mask}。请看。", "Hello {who}, {mask}: look.",
                             subject="{who}")},
))  # fmt: skip
ODD = st.text(
    st.sampled_from("ab.c{}:/@\n%。．｡-0123456789０＠\u200b\u202e\u2060\u0301王wW\\[]()😀é"),
    min_size=1,
)


@given(st.one_of(ODD, st.text(min_size=1), st.from_regex(r"(https?://)?[a-z]+\.(com|cn)/?\w*")))
def test_no_name_adds_a_link_or_a_placeholder(name: str) -> None:
    """R-TEMPLATE-02, R-TEMPLATE-04: whatever somebody is called."""
    for language in LANGUAGES:
        try:
            words_ = render(GREETING, "email", language, {"who": name, "mask": name})
        except Refused:
            assert not any(each.isalpha() for each in harmless(name))
            continue
        said_ = f"{words_.title} {words_.text}"
        assert said_.count("{") == said_.count("}") == (language == "zh-CN")
        assert list(links.faults(said_, (), ())) == []
        assert links.numbers(said_) == []
        assert "\n" not in said_
        assert not any(unicodedata.category(each)[0] == "C" for each in said_)
        assert len(words_.title) <= 40


@given(ODD)
def test_no_other_value_adds_anything(value: str) -> None:
    """R-TEMPLATE-03: text is nothing but a name, a code or a number."""
    for kind in ("money", "date", "count", "percent", "choice"):
        with pytest.raises(Refused):
            said("x", Placeholder(kind), value, "en")  # type: ignore[arg-type]
    for kind in ("code", "phone"):
        try:
            found = said("x", Placeholder(kind), value, "en")  # type: ignore[arg-type]
        except Refused:
            continue
        assert set(found) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+- ")


def test_values_are_put_in_once() -> None:
    """R-TEMPLATE-02: a value that looks like a placeholder stays what it is."""
    found = document(
        placeholders={"who": {"type": "name"}, "amount": {"type": "money"}},
        channels={"sms": words("{who} {amount}", "{who} {amount}")},
    )
    said_ = render(found, "sms", "en", {"who": "{amount}", "amount": GOOD["money"]})
    assert said_.text == "amount CNY 1,234.50"
