"""Refusals, and how often each rule and each refusal was reached."""
from __future__ import annotations

from collections import Counter

REACHED: Counter[str] = Counter()
REFUSED: Counter[str] = Counter()


def reached(*rules: str) -> None:
    """Count that these rules decided something."""
    REACHED.update(rules)


class Refused(Exception):
    """The document is refused by `rule` (0002, Refusals)."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule} {detail}")
        self.rule = rule


def refuse_if(condition: object, rule: str, detail: str = "") -> None:
    """Refuse by `rule` where the condition holds."""
    if condition:
        raise Refused(rule, detail)
