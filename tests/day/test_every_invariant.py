"""Nothing is proved that no test has seen fail."""

from __future__ import annotations

from pathlib import Path

from tests.day.test_verify import DAMAGES
from usance.day.verify_sql import INVARIANTS

ELSEWHERE = {
    **dict.fromkeys(
        ("INV-FAMILY-01", "INV-FAMILY-02", "INV-FAMILY-03"), "tests/family/test_misuse.py"
    ),
    **dict.fromkeys(("INV-TIER-01", "INV-TIER-02"), "tests/risk/test_tiering.py"),
    **dict.fromkeys(
        ("INV-LIMIT-02", "INV-LIMIT-03", "INV-LIMIT-04"), "tests/risk/test_limit_raises.py"
    ),
    **dict.fromkeys(
        ("INV-DECIDE-01", "INV-DECIDE-02", "INV-DECIDE-03", "INV-DECIDE-04"),
        "tests/risk/test_decision_damages.py",
    ),
    "INV-FACT-01": "tests/risk/test_known.py", "INV-FACT-02": "tests/risk/test_bureau.py",
    "INV-WARN-01": "tests/risk/test_portfolio.py",
    "INV-WARN-02": "tests/risk/test_early_warning.py",
}  # fmt: skip
"""Invariants that are damaged where there is a book that has what they are about."""


def test_every_invariant_is_damaged() -> None:
    """Nothing is proved that no test has seen fail."""
    root = Path(__file__).parents[2]
    assert all(each in (root / file).read_text("utf-8") for each, file in ELSEWHERE.items())
    aimed = {damage.breaks[0] for damage in DAMAGES.values()} | ELSEWHERE.keys()
    broken = {each for damage in DAMAGES.values() for each in damage.breaks} | ELSEWHERE.keys()
    assert {invariant for invariant, _, _, _ in INVARIANTS} <= aimed
    assert broken >= {invariant for invariant, _, _, _ in INVARIANTS}
