"""No page of a borrower reaches data except through the scope that yields only their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PORTAL = Path(__file__).parents[2] / "src" / "usance" / "web" / "portal"
WITH_DATA = {
    "scope.py": "the one helper: yields what is the session's borrower's",
    "own_costs.py": "the same for offers and what they cost",
    "own_family.py": "the same for relatives, who are many methods",
    "own_limits.py": "the same for their limits",
    "own_decisions.py": "the same for what was decided about them",
    "own_known.py": "the same for what is known of them",
    "family_door.py": "what is reached by a relative's codes, and nothing of the book",
    "door.py": "what is reached before anybody is known: codes and links, nothing of the book",
    "render.py": "the frame of a page: the lender's name and currency",
}
"""Files that are no handlers, and what each is for."""
HANDLERS = sorted(path for path in PORTAL.glob("*.py") if path.name not in WITH_DATA)
MAY_IMPORT = (
    "usance.core", "usance.web.portal", "usance.web.problems", "usance.web.security",
    "usance.identity.permissions", "usance.web.i18n",
)  # fmt: skip
MAY_TAKE = {
    "usance.web": {"i18n"},
    "usance.identity.once": {"STATUS"},
    "usance.notices.preferences": {"Preferences"},
    "usance.web.console.actions": {"form_of", "form_with_file", "hash_of", "key_of"},
    "usance.web.console.pages": {"KINDS", "YEAR", "on_no_route"},
    "usance.web.console.render": {"Number", "STATIC", "THEMES", "Word", "address_of", "moved"},
}
"""Of the console: forms, addresses, static files; nothing that knows the services."""
ELSEWHERE = ("litestar", "typing", "collections", "contextlib", "dataclasses")
FORBIDDEN = {"pool", "book", "services", "state", "app", "access", "connection", "_services",
             "_access", "_session", "_request"}  # fmt: skip
"""Attributes that lead around the helper."""


def taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(module, name) of everything imported, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or ".", name.name) for name in node.names)


def faults(tree: ast.Module) -> list[str]:
    """What leads around the helper."""
    found = []
    for module, name in taken(tree):
        allowed = module.startswith(MAY_IMPORT) or module.partition(".")[0] in ELSEWHERE
        if not (allowed or name in MAY_TAKE.get(module, set())):
            found.append(f"imports {module} {name}".strip())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN:
            found.append(f"line {node.lineno}: .{node.attr}")
        called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and called in ("getattr", "vars", "eval"):
            found.append(f"line {node.lineno}: {ast.unparse(node.func)}()")
    return found


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.name)
def test_a_page_reaches_data_only_through_the_scope(path: Path) -> None:
    """R-PORTAL-01."""
    assert faults(ast.parse(path.read_text("utf-8"))) == []


def test_every_helper_is_there_and_handlers_are_looked_at() -> None:
    assert {path.name for path in PORTAL.glob("*.py")} >= WITH_DATA.keys()
    assert {"home.py", "contracts.py", "paying.py", "person.py"} <= {p.name for p in HANDLERS}


@pytest.mark.parametrize("line", [
    "from usance.servicing import read", "from usance.servicing.read import contract",
    "from usance.identity.borrowers import Borrowers", "from usance.payments import store",
    "from usance.platform.database import Pool", "import usance.servicing.read",
    "from usance.web.console.render import services", "import asyncpg",
    "def f(r):\n    return r.app.state.services.pool", "def f(own):\n    return own._services",
    "def f(own):\n    return getattr(own, 'x')", "def f():\n    from usance.day import close",
    "from usance.web.services import Services", "from .. import services",
])  # fmt: skip
def test_the_check_finds_what_it_looks_for(line: str) -> None:
    assert faults(ast.parse(line))


def methods(
    tree: ast.Module, name: str = "Own"
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    (own,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)
    for node in own.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


OWN = {"scope.py": "Own", "own_family.py": "OwnFamily", "own_decisions.py": "OwnDecisions"}
NOBODYS = {"__init__", "_member_id", "offered", "today", "products", "can_pay", "amount", "_id",
           "report_most", "rights"}
"""Of the helper: what concerns no borrower."""


@pytest.mark.parametrize("file", OWN)
def test_every_method_of_the_helper_looks_at_the_session(file: str) -> None:
    """R-PORTAL-01: by the session's borrower, an id held against it, or another such method."""
    tree, class_name = ast.parse((PORTAL / file).read_text("utf-8")), OWN[file]
    checked = {"_session", "_contract_id", "_asker", "borrower_id"}
    names = {each.name for each in methods(tree, class_name)} - NOBODYS
    for method in methods(tree, class_name):
        if method.name in NOBODYS:
            continue
        used = {n.attr for n in ast.walk(method) if isinstance(n, ast.Attribute)}
        assert used & (checked | names - {method.name}), method.name
