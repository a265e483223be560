"""What can be seen of a message that somebody reports."""

from __future__ import annotations

import pytest
from msgspec import structs

from usance.notices import suspicious
from usance.notices.asking_policy import asking_policy
from usance.notices.suspicious import Findings, Message

POLICY = structs.replace(
    asking_policy().reports, hosts=("usance.example",), numbers=("400-820-8820", "95001")
)


@pytest.mark.parametrize(("text", "links", "numbers"), [
    ("CNY 1200.00 is due on 2026-03-02. Code 4F7QK-2M9XA.", 0, 0),
    ("Call 400-820-8820 or 4008208820.", 0, 0), ("Call 13800009999.", 0, 1),
    ("See https://usance.example/pay", 0, 0), ("See https://pay.usance.example", 0, 0),
    ("See https://usance-example.com/pay", 1, 0), ("bit.ly/x and t.cn/y", 2, 0),
    ("http://a.example/x http://a.example/y http://10.0.0.1", 2, 0), ("tel:95001", 1, 0),
    ("零一二三四五六七八", 0, 1), ("请加 微信 12345678", 0, 1),
])  # fmt: skip
def test_links_and_numbers_that_are_not_the_lenders(text: str, links: int, numbers: int) -> None:
    """R-VERIFY-06."""
    found = suspicious.looked_at(Message(text, "sms"), "none", POLICY)
    assert found == Findings(links, numbers, "none", "none")


@pytest.mark.parametrize(("sender", "said"), [
    ("", "none"), ("95001", "ours"), ("+86 400 820 8820", "ours"), ("a@usance.example", "ours"),
    ("a@mail.usance.example", "ours"), ("a@usance.example.evil.com", "other"), ("5001", "other"),
    ("13800009999", "other"), ("Usance", "other"),
])  # fmt: skip
def test_a_sender(sender: str, said: str) -> None:
    """R-VERIFY-06."""
    found = suspicious.looked_at(Message("Pay!", "sms", sender), "none", POLICY)
    assert found.sender == said


def test_the_code_in_a_text() -> None:
    """R-VERIFY-06: the one that was given, or what looks like one."""
    assert suspicious.code_in(Message("Code 4F7QK-2M9XA.", "sms")) == "4F7QK-2M9XA"
    assert suspicious.code_in(Message("Code 4F7QK-2M9XA.", "sms", "", "ABC")) == "ABC"
    assert suspicious.code_in(Message("No code, but half-time.", "sms")) == ""
