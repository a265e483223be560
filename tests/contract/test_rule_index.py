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


def tested() -> str:
    """Names and docstrings of all tests here."""
    found = []
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.append(f"{node.name} {ast.get_docstring(node) or ''}")
    return "\n".join(found)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_test_and_a_place(rule: str) -> None:
    assert rule in tested()
    assert WHERE.get(rule), f"no function says that it is {rule}"
