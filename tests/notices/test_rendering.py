"""The renderer knows names in braces and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notices.drafts import GOOD, document, words
from usance.core.refusals import Refused
from usance.notices.previews import preview
from usance.notices.rendering import pieces, render

VALUES = {"amount": GOOD["money"]}


@pytest.mark.parametrize(("text", "expected"), [
    ("plain", [("plain", "")]),
    ("", [("", "")]),
    ("{a}", [("", "a"), ("", "")]),
    ("x{a}y{b_2}z", [("x", "a"), ("y", "b_2"), ("z", "")]),
    ("{{a}}", [("{a}", "")]),
    ("{{{a}}}", [("{", "a"), ("}", "")]),
    ("%s $a ${{x}} \\{a}", [("%s $a ${x} \\", "a"), ("", "")]),
])  # fmt: skip
def test_a_text_in_pieces(text: str, expected: list[tuple[str, str]]) -> None:
    """R-TEMPLATE-02."""
    assert list(pieces(text)) == expected


@pytest.mark.parametrize("text", [
    "{", "}", "a{", "{}", "{a", "a}", "{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{ a }", "{A}", "{0}",
    "{a}}", "{{a}", "{_a}", "{a-b}", "{ä}", "{a" + "b" * 40 + "}", "{a\n}", "{%if x%}", "{# #}",
])  # fmt: skip
def test_any_other_brace_is_refused(text: str) -> None:
    """R-TEMPLATE-02: no expressions, attributes, formats or loops."""
    with pytest.raises(Refused) as refused:
        list(pieces(text))
    assert refused.value.refusal.rule == "R-TEMPLATE-02"


@pytest.mark.parametrize(("values", "path"), [
    ({}, "amount"), (VALUES | {"more": 1}, "values"), ({"Amount": GOOD["money"]}, "amount"),
    ({"amount": "5.00"}, "amount"),
])  # fmt: skip
def test_values_are_those_that_are_declared(values: dict[str, Any], path: str) -> None:
    """R-TEMPLATE-03."""
    with pytest.raises(Refused) as refused:
        render(document(), "sms", "en", values)
    assert (refused.value.refusal.rule, refused.value.refusal.path) == ("R-TEMPLATE-03", path)


def test_what_is_not_there_is_refused() -> None:
    """R-TEMPLATE-03: a channel, a language, a placeholder that is not declared."""
    odd = document(channels={"sms": {"en": {"text": "{other}"}}})
    for channel, language in (("email", "en"), ("sms", "zh-CN"), ("sms", "en")):
        with pytest.raises(Refused) as refused:
            render(odd, channel, language, VALUES)  # type: ignore[arg-type]
        assert refused.value.refusal.rule == "R-TEMPLATE-03"


def test_a_heading_has_values_too() -> None:
    spoken = words("{amount}。", "{amount}.", subject="{amount}")
    found = document(channels={"email": spoken})
    assert render(found, "email", "zh-CN", VALUES).title == "1,234.50 元"
    shown = preview(found, "email", "en")
    assert (shown.title, shown.text) == ("CNY 12,345.67", "CNY 12,345.67.")
    assert preview(document(), "sms", "en", VALUES).text == "We received CNY 1,234.50."
