"""Every rule of what a contract owes is named by a test of this folder and lives in the kernel."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import usance.contract.quote
from usance.core.rules import WHERE

HERE = Path(__file__).parent
assert usance.contract.quote  # loads the whole kernel
TEXT = (HERE.parents[1] / "docs" / "product.md").read_text().split("\n## 8.")[0]
RULES = re.findall(r"\*\*(R-[A-Z]+-\d\d)", TEXT)


def words_of_tests() -> str:
    """Names and docstrings of all tests here."""
    trees = (ast.parse(path.read_text()) for path in HERE.glob("test_*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree))
    tests = (n for n in nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))
    return "\n".join(f"{test.name} {ast.get_docstring(test) or ''}" for test in tests)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_test_and_a_place(rule: str) -> None:
    assert rule in words_of_tests()
    assert WHERE.get(rule), f"no function says that it is {rule}"
