"""Each lint, in a table: what it finds, and what it lets pass."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notices.drafts import (
    POLICY,
    bill,
    document,
    draft,
    family,
    found,
    rules_of,
    saying,
    words,
)
from usance.core.refusals import Refused
from usance.notices.documents import document_in
from usance.notices.previews import checked

BANK = {"domains": ["bank.cn"]}


def test_a_good_draft_has_no_finding() -> None:
    for good in (draft(), bill(), family("有一期未付。", "A payment is late.")):
        assert found(good) == []


@pytest.mark.parametrize("changed", [
    {"id": "Hello"}, {"id": "a" * 41}, {"version": 0}, {"version": "1"}, {"event": "paid"},
    {"purpose": "fun"}, {"audience": "press"}, {"scope": "all"}, {"more": 1},
    {"effective_on": "soon"}, {"placeholders": {"A": {"type": "money"}}},
    {"placeholders": {"a": {"type": "text"}}}, {"placeholders": {"a": {"type": "money", "x": 1}}},
    {"channels": {"fax": words("a", "a")}}, {"channels": {"sms": {"fr": {"text": "a"}}}},
    {"channels": {"sms": {"en": {"text": "a" * 4001}}}}, {"domains": ["a.cn"] * 11},
])  # fmt: skip
def test_a_document_has_its_shape(changed: dict[str, Any]) -> None:
    """R-TEMPLATE-01."""
    with pytest.raises(Refused) as refused:
        document_in(draft(**changed))
    assert refused.value.refusal.rule == "R-TEMPLATE-01"


def test_a_name_is_one_line() -> None:
    """R-TEMPLATE-01: what a pattern's end lets pass."""
    choices = {"a": {"type": "choice", "choices": {"b\n": {"zh-CN": "好", "en": "well"}}}}
    for changed, path in (
        ({"id": "hello\n"}, "id"), ({"event": "device.new\n"}, "event"),
        ({"placeholders": {"amount\n": {"type": "money"}}}, "placeholders"),
        ({"placeholders": choices}, "placeholders"),
    ):  # fmt: skip
        assert ("R-TEMPLATE-01", path) in {(e.rule, e.path) for e in found(draft(**changed))}


def test_a_brace_that_is_alone_hides_the_rest() -> None:
    """R-TEMPLATE-02."""
    (finding,) = found(saying("{a.b} 法院"))[:1]
    assert (finding.rule, finding.path) == ("R-TEMPLATE-02", "channels.sms.zh-CN.text")
    assert rules_of(saying("{a.b} 法院")) == {"R-TEMPLATE-02"}
    choices = {"x": {"type": "choice", "choices": {"a": {"zh-CN": "{x}", "en": "b"}}}}
    assert rules_of(draft(placeholders=choices)) == {"R-TEMPLATE-02"}


@pytest.mark.parametrize(("text", "domains"), [
    ("see bank.cn", []), ("see https://bank.cn/x", []), ("见bank.cn。", []), ("BANK.CN", []),
    ("http://bank.cn", ["bank.cn"]), ("ftp://bank.cn", ["bank.cn"]), ("javascript:alert", []),
    ("bank.cn.evil.com", ["bank.cn"]), ("evilbank.cn", ["bank.cn"]),
    ("bank.cn@evil.io", ["bank.cn"]),
    ("https://bank.cn@evil.io/", ["bank.cn"]), ("someone@evil.io", []), ("mailto:x", []),
    ("xn--bnk-7ka.cn", ["bank.cn"]), ("b\u0430nk.cn", ["bank.cn"]), ("bänk.cn", ["bank.cn"]),
    ("ba\u200bnk.io", []), ("ｂａｎｋ．ｉｏ", []), ("bank。io", []), ("bank[.]io", []),
    ("bank (dot) io", []),
    ("1.2.3.4", []), ("http://1.2.3.4/", ["bank.cn"]), ("https://[2001:db8::1]/", ["bank.cn"]),
    ("0x7f000001", []), ("https:///x", ["bank.cn"]), ("bit.ly/abc", ["bit.ly"]), ("t.cn/A6", []),
    ("银行.中国", []), ("例子.com", []), ("a.b.c.d.example", []), ("sub-domain.example.org", []),
    ("tel:1", []), ("t.me", []),
])  # fmt: skip
def test_a_free_link_is_found(text: str, domains: list[str]) -> None:
    """R-TEMPLATE-07."""
    assert "R-TEMPLATE-07" in rules_of(saying(text, domains=domains)), text


@pytest.mark.parametrize("text", [
    "https://bank.cn/x", "bank.cn", "my.bank.cn", "见https://bank.cn。",
    "No. 5 at 3.14 and 1,234.50",
    "e.g. this, i.e. that", "Hello. World", "您好。请看。", "a/b, and/or", "12:30", "3.5 元",
    "第1.款", "2026-11-27", "so... what",
])  # fmt: skip
def test_an_allowed_link_and_plain_text_are_not(text: str) -> None:
    """R-TEMPLATE-07."""
    assert "R-TEMPLATE-07" not in rules_of(saying(text, **BANK)), text


@pytest.mark.parametrize("domain", [
    "bit.ly", "xn--bnk-7ka.cn", "b\u0430nk.cn", "Bank.cn", "bank", "1.2.3.4", "https://bank.cn",
    "*.bank.cn", "bank.cn/x",
])  # fmt: skip
def test_an_allowed_domain_is_a_plain_one(domain: str) -> None:
    """R-TEMPLATE-07."""
    assert [each.path for each in found(saying("您好", "Hi", domains=[domain]))] == ["domains.0"]


def test_what_a_link_looks_like_is_said() -> None:
    """R-TEMPLATE-07."""
    for text, said in (
        ("b\u0430nk.cn", "looks like bank.cn"), ("bank.cn.io", "does not allow"),
        ("xn--a.cn", "punycode"), ("t.cn", "shortened"), ("1.2.3.4", "in numbers"),
    ):  # fmt: skip
        assert any(said in each.detail for each in found(saying(text, **BANK))), text
    placed = draft(channels={"sms": words("{amount}.com", "{amount}.com")})
    assert "R-TEMPLATE-07" in rules_of(placed)


@pytest.mark.parametrize("plain", [
    bill(**BANK),
    bill(channels={"sms": words("{code} bank.cn", "{code} bank.cn")}, **BANK),
    family("见bank.cn", "see bank.cn", **BANK),
    family("您好", "Hello", **BANK),
    family("www.例子.com", "a"),
])  # fmt: skip
def test_reminders_and_relatives_get_no_link(plain: dict[str, Any]) -> None:
    """R-TEMPLATE-08: also where the link is allowed elsewhere."""
    assert "R-TEMPLATE-08" in rules_of(plain)


@pytest.mark.parametrize("text", [
    "We go to court.", "You will be SUED.", "Final  warning", "legal-action", "我们将起诉您。",
    "法 院", "法\u200b院", "ｃｏｕｒｔ", "严重后果", "进入黑名单", "上门拜访",
])  # fmt: skip
def test_nobody_is_threatened(text: str) -> None:
    """R-TEMPLATE-09."""
    assert "R-TEMPLATE-09" in rules_of(saying(text))


@pytest.mark.parametrize(("scope", "text"), [
    ("overdue", "Please pay for her."), ("overdue", "He owes us."),
    ("overdue", "the overdue amount"),
    ("overdue", "Tell them to call."), ("overdue", "the amount"), ("overdue", "请尽快还款"),
    ("overdue", "请转告他"), ("overdue", "逾期金额"), ("overdue", "请督促"), ("overdue", "金 额"),
    ("overdue", "您是担保人"), ("overdue", "pay!"), ("overdue", "You are liable"),
    ("borrowing", "已逾期"), ("borrowing", "overdue"), ("borrowing", "a payment is late"),
    ("borrowing", "已还款"), ("plan", "已逾期"), ("plan", "It is late"), ("", "代还"),
    ("", "Repay for him"),
])  # fmt: skip
def test_of_a_relative_nothing_is_asked(scope: str, text: str) -> None:
    """R-TEMPLATE-09."""
    assert rules_of(family(text, text, scope)) == {"R-TEMPLATE-09"}, text


@pytest.mark.parametrize(("scope", "zh", "en"), [
    ("overdue", "有一期逾期。", "A payment is late. You need not do anything."),
    ("borrowing", "已借款。", "He borrowed from us."),
    ("plan", "还款计划有进展。", "The repayment plan goes well: 3 instalments."),
    ("", "是否接受由您决定。", "It is up to you."),
    ("overdue", "未按时支付。", "The payer's payment paid late; Sueann Courtney"),
])  # fmt: skip
def test_plain_words_for_a_relative_pass(scope: str, zh: str, en: str) -> None:
    """R-TEMPLATE-09: whole words only."""
    assert found(family(zh, en, scope)) == []


def of_type(kind: str, scope: str, **more: Any) -> dict[str, Any]:
    """A draft for a relative with a placeholder."""
    name = "lender_phone" if kind == "phone" else "it"
    placed: dict[str, Any] = {"type": kind}
    if kind == "choice":
        placed["choices"] = {"a": {"zh-CN": "好", "en": "well"}}
    text = f"{{{name}}}"
    return family(text, text, scope, placeholders={name: placed}, **more)


ALWAYS = {"name", "masked_name", "date", "phone"}
TYPES = ALWAYS | {"money", "count", "code", "choice", "percent"}


@pytest.mark.parametrize(("scope", "amounts", "passing"), [
    ("", False, ALWAYS | {"code", "choice"}), ("borrowing", False, ALWAYS | {"code"}),
    ("borrowing", True, ALWAYS | {"code", "money"}), ("plan", False, ALWAYS | {"code", "count"}),
    ("plan", True, ALWAYS | {"code", "count", "money"}), ("overdue", False, ALWAYS | {"code"}),
])  # fmt: skip
def test_a_scope_lets_its_types_through(scope: str, amounts: Any, passing: set[str]) -> None:
    """R-TEMPLATE-10."""
    for kind in TYPES:
        rules = rules_of(of_type(kind, scope, amounts=amounts))
        assert ("R-TEMPLATE-10" not in rules) == (kind in passing), kind


@pytest.mark.parametrize("plain", [
    of_type("money", "overdue", amounts=True), of_type("date", "overdue", amounts=True),
    of_type("date", "", amounts=True),
    draft(scope="plan"), draft(amounts=True), draft(purpose="family"),
    family("有一期逾期", "late", purpose="servicing"),
    family("有一期逾期", "late", purpose="security"),
    family("逾期500元", "late"), family("逾期￥5", "late"), family("逾期", "CNY 500 is late"),
    family("逾期", "5,000.00 yuan"),
])  # fmt: skip
def test_a_scope_is_not_gone_around(plain: dict[str, Any]) -> None:
    """R-TEMPLATE-10: of what is overdue never an amount, neither in a placeholder nor in words."""
    assert "R-TEMPLATE-10" in rules_of(plain)


MONEY = {"amount": {"type": "money"}}
CHOICE = {"type": "choice", "choices": {"a": {"zh-CN": "好", "en": "well"}}}


@pytest.mark.parametrize(("changed", "path"), [
    ({"channels": {}}, "channels"),
    ({"channels": {"sms": {"en": {"text": "{amount}"}}}}, "channels.sms.zh-CN"),
    ({"channels": {"sms": words("{amount}", " ")}}, "channels.sms.en.text"),
    ({"channels": {"sms": words("{amount}", "{amount}", title="x")}}, "channels.sms.en"),
    ({"channels": {"email": words("{amount}", "{amount}")}}, "channels.email.en"),
    ({"channels": {"email": words("{amount}", "{amount}", title="x")}}, "channels.email.en"),
    ({"channels": {"inbox": words("{amount}", "{amount}", subject="x")}}, "channels.inbox.en"),
    ({"channels": {"voice": words("{amount}", "{amount}", subject="x")}}, "channels.voice.en"),
    ({"channels": {"sms": words("{amount}", "{amount} {more}")}}, "channels.sms.en.text"),
    ({"channels": {"sms": words("{amount}", "some")}}, "placeholders.amount"),
    ({"placeholders": MONEY | {"more": {"type": "count"}}}, "placeholders.more"),
    ({"channels": {"sms": words("{amount}", "some"),
                   "voice": words("some", "{amount}")}}, "channels.sms"),
    ({"placeholders": {"amount": {"type": "choice"}}}, "placeholders.amount"),
    ({"placeholders": {"amount": CHOICE | {"type": "money"}}}, "placeholders.amount"),
    ({"placeholders": {"amount": {"type": "choice", "choices": {"a": {"en": "x"}}}}},
     "placeholders.amount.choices.a"),
])  # fmt: skip
def test_a_template_is_whole(changed: dict[str, Any], path: str) -> None:
    """R-TEMPLATE-11."""
    findings = found(draft(**changed))
    assert {each.rule for each in findings} == {"R-TEMPLATE-11"}
    assert path in {each.path for each in findings}


def test_a_bill_reminder_has_a_code_everywhere() -> None:
    """R-TEMPLATE-12."""
    for event in POLICY.bills:
        assert rules_of(draft(event=event)) == {"R-TEMPLATE-12"}
    spoken = {"sms": words("{code}", "{code}"), "voice": words("今天", "today")}
    (one, two) = found(bill(channels=spoken))
    assert (one.rule, one.path) == ("R-TEMPLATE-12", "channels.voice.zh-CN.text")
    assert two.path == "channels.voice.en.text"


@pytest.mark.parametrize(("name", "kind"), [
    ("identity_number", "code"), ("passport", "code"), ("birth_date", "date"), ("card_end", "code"),
    ("home_address", "name"), ("mobile", "code"), ("salary", "money"), ("phone", "phone"),
    ("lender_phone", "code"), ("borrower_phone", "phone"),
])  # fmt: skip
def test_what_a_notice_need_not_know(name: str, kind: str) -> None:
    """R-TEMPLATE-13."""
    text = f"{{{name}}}"
    plain = draft(placeholders={name: {"type": kind}}, channels={"sms": words(text, text)})
    assert rules_of(plain) == {"R-TEMPLATE-13"}


@pytest.mark.parametrize("plain", [
    saying("好" * 301), saying("😀"), saying("a\tb"), saying("a\x00b"), saying("a\u202eb"),
    saying("a\u200bb"), saying("a\u2028b"), saying("→ ✓"), saying("a\ufe0f"),
    draft(channels={"email": words("{amount}", "{amount}", subject="a\nb")}),
    draft(channels={"email": words("{amount}", "{amount}", subject="a" * 61)}),
    draft(channels={"email": words("{amount}" + "a" * 2000, "{amount}", subject="a")}),
    draft(channels={"voice": words("{amount}" + "a" * 400, "{amount}")}),
])  # fmt: skip
def test_texts_are_short_and_plain(plain: dict[str, Any]) -> None:
    """R-TEMPLATE-14."""
    assert "R-TEMPLATE-14" in rules_of(plain)


@pytest.mark.parametrize("text", [
    "call 13800000000", "call 138 0000 0000", "+86-138-0000-0000", "(010) 6655-4433", "95533",
    "拨打１３８００００００００", "138.0000.0000", "一三八零零零零零零零零", "4008 208 820",
])  # fmt: skip
def test_no_number_is_written_out(text: str) -> None:
    """R-TEMPLATE-15."""
    assert "R-TEMPLATE-15" in rules_of(saying(text))


@pytest.mark.parametrize("text", [
    "2026-11-27", "24 hours", "12 months", "1,234", "3 or 4, or 5", "2026年11月",
])  # fmt: skip
def test_other_numbers_may_be(text: str) -> None:
    """R-TEMPLATE-15."""
    assert rules_of(saying(text)) == set()


def test_a_text_message_has_few_parts() -> None:
    """R-TEMPLATE-06: with its signature; 3 parts of Chinese are 201 signs."""
    room = POLICY.segments_max * 67 - len(f"【{POLICY.signature['zh-CN']}】")
    assert found(saying("好" * room, "Well")) == []
    (finding,) = found(saying("好" * (room + 1), "Well"))
    assert (finding.rule, finding.path) == ("R-TEMPLATE-06", "channels.sms.zh-CN.text")


def test_a_check_shows_what_can_be_shown() -> None:
    good = checked(document(), POLICY)
    assert good.findings == []
    assert [(each.channel, each.language) for each in good.previews] == [
        ("sms", "zh-CN"), ("sms", "en"),
    ]  # fmt: skip
    assert good.previews[1].text == "We received CNY 12,345.67."
    assert good.previews[1].sms is not None
    bad = checked(document_in(saying("{no}")), POLICY)
    assert (len(bad.findings), bad.previews) == (2, [])
