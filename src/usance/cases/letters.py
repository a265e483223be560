"""What the house writes to a borrower by itself, in the borrower's language.

A final answer says the result, the reasons, what was done, and where to turn next; a later end says
until when, and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from usance.cases.clocks import ClockRule
from usance.cases.rules import NOT_UPHELD, PARTLY, UPHELD
from usance.core.rules import rule

RESULTS = {
    "en": {UPHELD: "We uphold your case.", PARTLY: "We uphold your case in part.",
           NOT_UPHELD: "We do not uphold your case."},
    "zh": {UPHELD: "我们支持您的诉求。", PARTLY: "我们部分支持您的诉求。",
           NOT_UPHELD: "我们不支持您的诉求。"},
}  # fmt: skip
REMEDIES = {
    "en": {"goodwill": "We have credited your contract.", "waiver": "We have waived the amount.",
           "refund": "We have refunded the amount.", "reversal": "We have reversed the entry.",
           "correction": "We have corrected your details."},
    "zh": {"goodwill": "我们已将款项记入您的合同。", "waiver": "我们已减免相应金额。",
           "refund": "我们已退还相应金额。", "reversal": "我们已冲正该笔记录。",
           "correction": "我们已更正您的资料。"},
}  # fmt: skip
NEXT = {
    "en": "If you do not agree, you can turn to:",
    "zh": "如不同意本答复，您可以通过以下途径解决：",
}
LATER = {
    "en": "We need more time and will answer by {day} at the latest. Our reasons:",
    "zh": "我们需要更多时间，最迟于 {day} 答复。原因：",
}


def tongue(language: str) -> str:
    """``zh`` or ``en`` for a borrower's language."""
    return "zh" if language.startswith("zh") else "en"


def ways(routes: Sequence[tuple[str, str]], language: str) -> list[str]:
    """Where a borrower can turn next, one a line."""
    return [f"- {zh if tongue(language) == 'zh' else en}" for en, zh in routes]


@rule("R-CASE-13")
def final_answer(
    found: ClockRule, language: str, result: int, remedy: str, reasons: str
) -> str:
    """The answer that ends a case."""
    words = tongue(language)
    done = REMEDIES[words].get(remedy)
    parts = [RESULTS[words][result], reasons, *([done] if done else [])]
    return "\n\n".join([*parts, "\n".join([NEXT[words], *ways(found.routes, language)])])


@rule("R-CASE-10")
def later_answer(found: ClockRule, language: str, until: date, reasons: str) -> str:
    """What a borrower is told when the end of a case is put off."""
    words = tongue(language)
    routes = "\n".join([NEXT[words], *ways(found.routes, language)])
    return "\n\n".join([LATER[words].format(day=until.isoformat()), reasons, routes])
