"""What holds for every source file: size, purity, where SQL may be, what must not be said."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "usance"
PYTHON = sorted(SOURCE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

LINES_IN_A_FILE = 600
LINES_IN_A_FUNCTION = 70
COLUMNS = 100

PURE_ROOMS = ("core", "contract", "policy")
PURE_LEDGER = ("chart.py", "digest.py", "streams.py", "transfers.py")
"""The files of the ledger that only compute."""

IMPURE_ON_PURPOSE = {"contract/compiled.py", "policy/compiled.py"}
"""Loads the compiled kernel and finds the place of its cache; makes functions of tables."""

# Files that may hold SQL although they are not called store.py, and why.
SQL_FILES = {
    "identity/erasure_sql.py": "what store.py is, for people who are erased",
    "identity/keys_sql.py": "what store.py is, for keys",
    "platform/migrate.py": "asks for the revision",
    "platform/schema.py": "what a table needs that its description has no word for",
    "platform/work.py": "the job runner's own two tables",
    "identity/portal_store.py": "what store.py is, for borrowers who come in",
    "identity/contact_store.py": "the same for their numbers",
    "identity/portal_held_sql.py": "the same for what is told and forgotten of them",
    "servicing/api_read.py": "reads that only the API asks for",
    "servicing/read_sql.py": "the queries of the read models",
    "servicing/read_page.py": "the one query of a contract's page",
    "servicing/columns.py": "store.py's statements, made from the columns of the schema",
    "servicing/bulk.py": "what store.py is, for arrays: COPY and staging tables",
    "servicing/debit_file_sql.py": "what store.py is, for bank debit files",
    "servicing/held_sql.py": "what only the export of everything held asks for",
    "servicing/leaving.py": "the two queries that an erasure asks of the book",
    "servicing/receipts_sql.py": "the same for bank money that waits",
    "day/verify_sql.py": "invariants are queries",
    "day/verify_consents_sql.py": "the same for consents",
    "day/verify_decisions_sql.py": "the same for automated decisions",
    "day/verify_limits_sql.py": "the same for limits",
    "risk/limit_store.py": "what store.py is, for limits",
    "risk/decision_store.py": "what store.py is, for automated decisions",
    "notices/receipts_sql.py": "what store.py is, for what providers tell",
    "platform/following.py": "what everybody who follows reads, and where each stands",
    "notices/planner_sql.py": "what store.py is, for planning what is told",
    "notices/happened_sql.py": "the same for what happened",
    "notices/health_sql.py": "the same for breakers and weights",
    "notices/measuring_sql.py": "the same for what notices lead to",
    "notices/own_sql.py": "the same for a person's own",
    "notices/queue_sql.py": "the same for sending it",
    "notices/verification_sql.py": "what store.py is, for asking whether a notice is genuine",
    "day/verify_family_sql.py": "the same for relatives",
    "day/verify_policies_sql.py": "the same for policies and scorecards",
    "day/verify_known_sql.py": "the same for facts",
    "day/verify_tiers_sql.py": "the same for lateness and tiers",
    "risk/features_sql.py": "what store.py is, for features",
    "risk/tiering_sql.py": "what store.py is, for tiers",
    "risk/facts_store.py": "what store.py is, for facts",
    "risk/bureau_store.py": "the same for reports of a bureau",
    "family/follows.py": "statements that a planner of notices appends to its own",
    "risk/alerts_sql.py": "what store.py is, for early warning",
    "risk/monitors_sql.py": "the same for monitors of scorecards",
    "risk/portfolio_sql.py": "the same for the book as a whole",
    "webhooks/feed_sql.py": "what store.py is, for reading what was committed",
    "identity/staff_sql.py": "what store.py is, for accounts of staff and their sessions",
    "identity/factors_sql.py": "the same for second factors",
    "identity/access_sql.py": "the same for who looked at whom",
}
SQL_FOLDERS = ("platform/migrations/", "bench/")
SQL = re.compile(
    r"^\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s*\(|"
    r"CREATE\s+(TEMP|TABLE|INDEX|UNIQUE)|ALTER\s+TABLE\s|TRUNCATE\s|COPY\s+\w+)",
)

CLOCK_FILES = {"platform/clock.py", "platform/identifiers.py", "platform/logs.py"}
"""The only files that may ask what time it is, for stamps; durations may be measured anywhere."""
CLOCK_CALLS = {"now", "utcnow", "today"}
PURE_FORBIDDEN_CALLS = {"float", "open", "print", "input", "eval", "exec", "now", "utcnow", "today"}
PURE_FORBIDDEN_IMPORTS = {
    "asyncio", "asyncpg", "io", "logging", "os", "pathlib", "random", "secrets", "socket",
    "sqlalchemy", "statistics", "subprocess", "time",
}  # fmt: skip
WHOLE_MATH = {"comb", "factorial", "gcd", "isqrt", "lcm"}
"""Of the mathematics module only what stays within whole numbers."""

MACHINE = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "py" + "pi", "files.python" + "hosted")
"""Spelled in two parts, so that this file does not contain them."""


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def is_pure(path: Path) -> bool:
    room, *_ = path.relative_to(SOURCE).parts
    if relative(path) in IMPURE_ON_PURPOSE:
        return False
    return room in PURE_ROOMS or (room == "ledger" and path.name in PURE_LEDGER)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def called_name(node: ast.Call) -> str:
    return getattr(node.func, "id", None) or getattr(node.func, "attr", "")


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string that is not a docstring; of an f-string its literal beginning."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in documentation:
            yield node.lineno, node.value


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def impurities(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield f"line {line}: the float {node.value}"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"line {line}: true division"
        if isinstance(node, ast.Call) and called_name(node) in PURE_FORBIDDEN_CALLS:
            yield f"line {line}: {called_name(node)}()"
        if isinstance(node, ast.ImportFrom) and node.module == "math":
            yield from (f"math.{name.name}" for name in node.names if name.name not in WHOLE_MATH)
        if isinstance(node, ast.Import) and any(name.name == "math" for name in node.names):
            yield f"line {line}: import from math by name"
    for name in PURE_FORBIDDEN_IMPORTS & set(imported(tree)):
        yield f"imports {name}"


@pytest.mark.parametrize("path", PYTHON + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_functions_and_lines_are_small(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_IN_A_FILE
    assert [n for n, line in enumerate(lines, 1) if len(line) > COLUMNS] == []
    sizes = {
        f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(ast.parse("\n".join(lines)))
    }
    assert {name: size for name, size in sizes.items() if size > LINES_IN_A_FUNCTION} == {}


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", [path for path in PYTHON if is_pure(path)], ids=relative)
def test_pure_rooms_are_exact_and_without_effects(path: Path) -> None:
    assert list(impurities(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_sql_is_in_its_places_only(path: Path) -> None:
    name = relative(path)
    if path.name == "store.py" or name in SQL_FILES or name.startswith(SQL_FOLDERS):
        return
    tree = ast.parse(path.read_text())
    assert [(line, text[:60]) for line, text in texts(tree) if SQL.match(text)] == []


@pytest.mark.parametrize("name", SQL_FILES)
def test_who_may_hold_sql_does(name: str) -> None:
    tree = ast.parse((SOURCE / name).read_text())
    assert any(SQL.match(text) for _, text in texts(tree))


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_only_the_unit_of_work_commits(path: Path) -> None:
    tree = ast.parse(path.read_text())
    calls = {called_name(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not calls & {"commit", "rollback"}
    assert (
        "transaction" not in calls
        or "connection.transaction()" not in path.read_text()
        or (relative(path) == "platform/database.py")
    )


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_only_the_clock_reads_the_clock(path: Path) -> None:
    if relative(path) in CLOCK_FILES:
        return
    found = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_CALLS
        and getattr(node.func.value, "id", getattr(node.func.value, "attr", ""))
        in ("datetime", "date")
    ]
    assert found == []


def test_the_checks_find_what_they_look_for() -> None:
    """A check that finds nothing anywhere might as well not be there."""
    bad = ast.parse("import random\nx = 1 / 2\ny = float('1')\nz = 0.5\nw = datetime.now()")
    assert len(list(impurities(bad))) == 5
    assert SQL.match("SELECT 1 FROM x")
    assert SQL.match(" UPDATE job SET state = 1")
    assert not SQL.match("Update your details")
    query = ast.parse('def f():\n    "SELECT in a docstring"\n    return f"SELECT {x}"')
    assert [text for _, text in texts(query)] == ["SELECT "]


SPOKEN_PLACES = ("*.md", "*.toml", "*.lock", "Makefile", ".ci/*", "src/**/*", "tests/**/*",
                 "docs/**/*", "bench/**/*")  # fmt: skip
SPOKEN_KINDS = ("", ".md", ".toml", ".lock", ".py", ".html", ".js", ".css", ".yaml", ".yml",
                ".json", ".mako", ".svg", ".po")  # fmt: skip
SPOKEN = sorted(
    path
    for place in SPOKEN_PLACES
    for path in ROOT.glob(place)
    if path.is_file() and path.suffix in SPOKEN_KINDS
)


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_names_a_machine_or_a_registry(path: Path) -> None:
    text = path.read_text(errors="replace").lower()
    assert [word for word in MACHINE if word in text] == []
