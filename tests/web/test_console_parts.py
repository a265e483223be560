"""Parts of the console without a browser: catalogues, charts, forms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tests.notices.drafts import bill, draft, family, saying
from tests.notices.drafts import found as lint_findings
from tests.notices.drafts import words as both
from usance.contract import records, step
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity.borrowers import masked
from usance.servicing import commands, corrections, debit_file, hand
from usance.servicing.products import products
from usance.web import i18n
from usance.web.charts import Chart, Series, ceiling
from usance.web.console import forms, labels, refusals, words
from usance.web.console.coming_in import next_of
from usance.web.console.render import money
from usance.web.console.words import decimal, percent

WEB = Path(i18n.__file__).parents[1]


def messages() -> set[str]:
    found = set()
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    for folder in ("console", "portal", "templates"):
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
    found = forms.action_of(forms.ON_CONTRACT + forms.ON_RECEIPT, name)
    assert found is not None
    return found


def test_a_form_becomes_a_command() -> None:
    form = {"amount": " 1,234.50 ", "effective_on": "2026-03-01"}
    command = action("repay").build(form, 2, {"contract_id": 7})
    assert command == commands.Repay(contract_id=7, amount=123450, effective_on=739_676)


def test_what_may_be_empty_is_left_to_the_book() -> None:
    """The rate and the due days as agreed, the value date of the receipt."""
    few, known = {"instalments": "6"}, {"contract_id": 7}
    again = action("restructure").build(few, 2, known)
    assert again == commands.Restructure(contract_id=7, instalments=6)
    full = few | {"annual_rate": "0.12", "first_due_on": "2026-03-01"}
    assert action("restructure").build(full, 2, known) == commands.Restructure(
        contract_id=7, instalments=6, annual_rate="0.12", first_due_on=739_676
    )
    paid = action("allocate").build({"contract_id": " c-1001 "}, 2, {"receipt_id": 3})
    assert paid == commands.AllocateReceipt(contract_id=parse("contract", "c-1001"), receipt_id=3)
    back = action("return-drawing").build({"reason": "failed"}, 2, known)
    assert back == commands.ReturnDrawing(contract_id=7, reason="failed")


@pytest.mark.parametrize(("name", "form", "rule", "path"), [
    ("repay", {}, "R-FORM-01", "amount"),
    ("repay", {"amount": "1.234"}, "R-AMT-01", "amount"),
    ("repay", {"amount": "x"}, "R-AMT-01", "amount"),
    ("repay", {"amount": "1", "effective_on": "1.3.2026"}, "R-FORM-03", "effective_on"),
    ("extend", {"days": "-1"}, "R-FORM-02", "days"),
    ("waive", {"component": "principal", "amount": "1"}, "R-FORM-04", "component"),
    ("restructure", {"instalments": "3", "annual_rate": "a\nb"}, "R-FORM-05", "annual_rate"),
    ("restructure", {"instalments": "3", "first_due_on": "soon"}, "R-FORM-03", "first_due_on"),
    ("return-drawing", {"reason": "lost"}, "R-FORM-04", "reason"),
    ("allocate", {}, "R-FORM-01", "contract_id"),
    ("allocate", {"contract_id": "b-1"}, "R-FOUND-01", "contract_id"),
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


# -- refusals and codes in the reader's language ---------------------------------------------------

SOURCE = WEB.parent
SAID_BY = {"Refused": 1, "Refusal": 1, "ProblemError": 2, "malformed": 0, "not_found": 0,
           "bad": 0, "hidden": 0, "unfit": 0, "misfit": 0}  # fmt: skip
"""Which argument of a call is a refusal's detail."""
SAID_OF_POLICIES = {"Finding": 2, "_unfit": 2}
"""The same in the room of policies."""
SPOKEN = ("family", "core", "contract", "servicing", "identity", "day", "web", "webhooks", "cases",
          "consents", "policy")
OF_TEMPLATES = ("documents.py", "lints.py", "templates.py", "rendering.py", "preferences.py")
"""Of the room of notices what pages of templates and of one's own choice can refuse."""
OF_POLICIES = ("register.py", "registered.py", "roles.py", "scorecards.py", "scorecard.py")
"""Of the room of risk what pages of policies and scorecards can refuse."""
NOT_ON_A_PAGE = ("web/api", "contract/batch.py")


def template(node: ast.expr) -> str | None:
    """A text with ``{}`` for its values; None if it is computed."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
        return "".join(parts)
    return None


def refusals_of(path: Path) -> Iterator[str]:
    """Details of all refusals that a file spells out."""
    said_by = SAID_BY | (SAID_OF_POLICIES if path.parent.name == "policy" else {})
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        place = said_by.get(name, len(node.args))
        if place < len(node.args) and (said := template(node.args[place])):
            yield f"there is no such {said}" if name == "not_found" else said


def spoken_files() -> list[Path]:
    paths = [path for room in SPOKEN for path in sorted((SOURCE / room).rglob("*.py"))]
    paths += [SOURCE / "notices" / name for name in OF_TEMPLATES]
    paths += [SOURCE / "risk" / name for name in OF_POLICIES]
    return [p for p in paths if not p.relative_to(SOURCE).as_posix().startswith(NOT_ON_A_PAGE)]


def test_every_refusal_is_said_in_chinese() -> None:
    """Those that are computed are ``ValueError`` of the pure rooms, and the kernel's own."""
    found = {detail for path in spoken_files() for detail in refusals_of(path)}
    found |= {detail for _, detail in step.REFUSALS.values()}
    found -= {"{}: {}"}  # where, and what is said there
    assert len(found) > 120
    chinese = i18n.translations("zh").gettext
    said = {each: refusals.said(each.replace("{}", "7"), chinese) for each in found}
    assert [each for each, words in said.items() if not re.search("[\u4e00-\u9fff]", words)] == []


@pytest.mark.parametrize(("detail", "chinese"), [
    ("nothing is owed", "没有欠款。"),
    ("the all-in annual cost 0.25 exceeds 0.24", "综合年化成本 0.25 超过上限 0.24。"),
    ("line 3, column amount: not a decimal number", "第 3 行 amount 列：不是十进制数。"),
    ("line 1: the file has no row", "第 1 行：文件没有数据行。"),
    ("line 2: 5 columns where 6 are needed", "第 2 行：有 5 列，应为 6 列。"),
    ("the annual cost 0.4 exceeds 0.36", "年化成本 0.4 超过上限 0.36。"),
    ("never said before", "never said before。"),
])  # fmt: skip
def test_a_refusal_with_values(detail: str, chinese: str) -> None:
    assert refusals.sentence(detail, i18n.translations("zh").gettext).lower() == chinese.lower()
    assert refusals.sentence(detail, i18n.translations("en").gettext).endswith(detail[1:] + ".")


@pytest.mark.parametrize("wrong", [
    saying("点击 http://evil.example 或拨打 13812345678", "Pay at bit.ly/x or 10.0.0.1"),
    saying("再不还款我们就起诉{", "x"), saying("{nothing}", "x" * 900 + "\u202e"),
    draft(placeholders={"amount": {"type": "choice"}, "income": {"type": "money"}}),
    draft(channels={}), draft(channels={"email": both("一", "one")}),
    draft(channels={"sms": {"en": {"text": "one"}}}), bill(channels={"sms": both("一", "one")}),
    family("欠款 100 元，请转告", "He owes CNY 100, tell him"), draft(domains=["XN--a.example"]),
    draft(purpose="family"), draft(scope="overdue"), draft(placeholders={"a_phone": {
        "type": "phone"}}), family("{x}", "{x}", placeholders={"x": {"type": "money"}}),
    draft(audience="family_member", purpose="family", scope="overdue", amounts=True),
])  # fmt: skip
def test_what_is_wrong_with_a_template_is_said_in_chinese(wrong: dict[str, Any]) -> None:
    """Also where a lint puts its words together."""
    chinese = i18n.translations("zh").gettext
    refused = lint_findings(wrong)
    assert refused
    for each in refused:
        assert re.search("[\u4e00-\u9fff]", refusals.said(each.detail, chinese)), each.detail


def test_every_event_and_reason_has_a_name() -> None:
    """What a contract's history can hold, and what a bank can say of a pay-out."""
    assert {*labels.EVENTS} == {*range(records.OPEN, records.DRAWING_RETURNED + 1)}
    (reason,) = action("return-drawing").fields
    assert {each for each, _ in reason.choices} == {*corrections.RETURNS}
    assert {*labels.RECEIPT_STATUS} == {hand.WAITS, hand.ALLOCATED, hand.RETURNED}


def test_every_action_and_outcome_has_a_name() -> None:
    """What the audit log and the bank's rows hold is what the tables of names hold."""
    asked = {
        name for name, each in vars(commands).items()
        if isinstance(each, type) and issubclass(each, commands.Command)
    } - {"Command", "OnContract", "Stamped"}  # fmt: skip
    written = set()
    for path in SOURCE.rglob("*.py"):
        if "bench" not in path.parts:
            written |= set(re.findall(r"(?:action=|, )\"([A-Z][a-z]+[A-Z]\w+)\"", path.read_text()))
    written |= {"LoadDebitFile", "ResumeClose"}
    assert asked <= labels.ACTIONS.keys()
    assert {each for each in written if each.startswith(
        ("Register", "Create", "Change", "Renew", "Deactivate", "Begin", "Resume", "Close", "Load")
    )} <= labels.ACTIONS.keys()  # fmt: skip
    assert {*debit_file.CAME_IN, debit_file.RETURNED, "failed", "duplicate"} == {*labels.OUTCOMES}


def test_a_product_in_words() -> None:
    """Every setting and every code of every product has a name in Chinese."""
    chinese = i18n.translations("zh").gettext
    for product in products().values():
        shown = words.settings(product.settings, chinese)
        assert shown
        for name, value in shown:
            assert not re.search("[a-z]", name), name
            assert not re.search("[a-z]{2}", value) or value in products(), (name, value)
    english = dict(words.settings(products()["cash_loan"].settings, str))
    assert english["Rate › a night"] == "0.04%"
    assert english["Largest limit"] == "200,000.00"
    assert english["Allocation › once overdue › from day"] == "91"


def test_details_and_actors_in_words() -> None:
    assert words.detail({"file_id": 3, "scopes": ["a", "b"], "detail": ""}, str) == (
        "file no. 3 · scopes a, b"
    )
    assert words.detail('{"detail": "nothing is owed"}', str) == "why nothing is owed"
    assert words.actor("system:demo", i18n.translations("zh").gettext) == "系统：演示"
    assert words.actor("staff:3", str) == "staff no. 3"


def test_prose_is_escaped_and_marked() -> None:
    assert words.prose("a `b<c>` by R-CLOSE-DAY-01") == (
        'a <code>b&lt;c&gt;</code> by <a class="id" href="/console/rules/R-CLOSE-DAY-01">'
        "R-CLOSE-DAY-01</a>"
    )
