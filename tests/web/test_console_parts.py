"""Parts of the console without a browser: catalogues, charts, forms."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from usance.core.refusals import Refused
from usance.servicing import commands
from usance.web import i18n
from usance.web.charts import Chart, Series, ceiling
from usance.web.console import forms
from usance.web.console.pages import next_of
from usance.web.console.render import decimal, masked, money, percent

WEB = Path(i18n.__file__).parents[1]


def messages() -> set[str]:
    found = set()
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    for folder in ("console", "templates"):
        for _, _, message, _, _ in extract_from_dir(
            WEB / folder, methods, {}, {"_": None, "ngettext": (1, 2)}
        ):
            found.add(message if isinstance(message, str) else message[0])
    return found


def test_every_message_is_in_chinese() -> None:
    catalogue = read_po(BytesIO((WEB / "i18n/zh_CN.po").read_bytes()))
    done = {
        (each.id if isinstance(each.id, str) else each.id[0])
        for each in catalogue
        if each.id and each.string and each.string != ("",)
    }
    assert messages() - done == set()
    assert done - messages() == set()
    assert len(done) > 300


def test_a_translation_keeps_its_places() -> None:
    catalogue = read_po(BytesIO((WEB / "i18n/zh_CN.po").read_bytes()))
    for each in catalogue:
        ids = each.id if isinstance(each.id, str) else each.id[-1]
        text = each.string if isinstance(each.string, str) else each.string[0]
        place = r"\{\w*\}|%\(\w+\)s"
        assert sorted(re.findall(place, ids)) == sorted(re.findall(place, text)), ids


@pytest.mark.parametrize(("cookie", "accept", "language"), [
    ("en", "zh-CN", "en"), (None, "en-GB,en;q=0.9,zh;q=0.1", "en"), (None, "zh-TW,en", "zh"),
    ("xx", "fr", "zh"), (None, "", "zh"),
])  # fmt: skip
def test_the_readers_language(cookie: str | None, accept: str, language: str) -> None:
    assert i18n.choose(cookie, accept) == language


@pytest.mark.parametrize("kind", ["line", "stacked", "heat"])
def test_a_chart_stays_in_its_frame_and_escapes_words(kind: str) -> None:
    values = [0, 7, 99, 100, 3]
    chart = Chart(kind, "<a>", "b", "day", list("12345"), [Series("<s>", values)], str)
    drawing = str(chart.drawing)
    assert "<a>" not in drawing
    assert "<s>" not in drawing
    assert "style=" not in drawing
    numbers = [int(n) for n in re.findall(r' (?:x|y|width|height)="(-?\d+)"', drawing)]
    points = re.findall(r"(\d+),(\d+)", drawing)
    assert all(0 <= n <= 540 for n in numbers)
    assert all(0 <= int(x) <= 540 and 0 <= int(y) <= 220 for x, y in points)
    assert "&lt;a&gt;" in drawing


def test_an_empty_chart_is_drawn() -> None:
    for kind in ("line", "stacked", "heat"):
        assert "<svg" in str(Chart(kind, "t", "s", "h", [], [Series("n", [])], str).drawing)


@pytest.mark.parametrize(("value", "top"), [(0, 4), (5, 8), (81, 100), (100, 100), (101, 200)])
def test_grids_are_round(value: int, top: int) -> None:
    assert ceiling(value) == top


@pytest.mark.parametrize(("units", "text"), [
    (0, "0.00"), (123456789, "1,234,567.89"), (-5, "−0.05"), (None, "–"),
])  # fmt: skip
def test_money_as_people_read_it(units: int | None, text: str) -> None:
    assert money(units, 2) == text


def test_small_words() -> None:
    assert percent(40_000) == "0.04%"
    assert percent(10**8) == "100%"
    assert decimal("1234567.80") == "1,234,567.80"
    assert masked("13812345678") == "••••5678"
    assert masked("") == ""


def action(name: str) -> forms.Action:
    found = forms.action_of(forms.ON_CONTRACT, name)
    assert found is not None
    return found


def test_a_form_becomes_a_command() -> None:
    form = {"amount": " 1,234.50 ", "effective_on": "2026-03-01"}
    command = action("repay").build(form, 2, {"contract_id": 7})
    assert command == commands.Repay(contract_id=7, amount=123450, effective_on=739_676)


@pytest.mark.parametrize(("name", "form", "rule", "path"), [
    ("repay", {}, "R-FORM-01", "amount"),
    ("repay", {"amount": "1.234"}, "R-AMT-01", "amount"),
    ("repay", {"amount": "x"}, "R-AMT-01", "amount"),
    ("repay", {"amount": "1", "effective_on": "1.3.2026"}, "R-FORM-03", "effective_on"),
    ("extend", {"days": "-1"}, "R-FORM-02", "days"),
    ("waive", {"component": "principal", "amount": "1"}, "R-FORM-04", "component"),
])  # fmt: skip
def test_a_form_that_is_refused(name: str, form: dict[str, str], rule: str, path: str) -> None:
    with pytest.raises(Refused) as refused:
        action(name).build(form, 2, {"contract_id": 7})
    assert (refused.value.refusal.rule, refused.value.refusal.path) == (rule, path)


@pytest.mark.parametrize(("asked", "given"), [
    ("/console/day", "/console/day"), ("https://elsewhere.example/console", "/console"),
    ("//elsewhere.example", "/console"), ("/console\\@elsewhere.example", "/console"),
    ("/console\r\nset-cookie: a=b", "/console"), ("", "/console"),
])  # fmt: skip
def test_log_in_leads_to_our_own_pages_only(asked: str, given: str) -> None:
    assert next_of(asked) == given
