"""Every command through its entry point: what it does, what it refuses and by which rule."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.cli.conftest import Command, Ended, environment, run
from usance import __version__
from usance.cli.bulk import BENCHES
from usance.cli.contracts import language_of
from usance.cli.main import COMMANDS, app
from usance.web.rulebook import rule_texts

QUOTE = {
    "terms": {"kind": "term", "principal": "10000.00", "disbursed_on": "2024-01-01",
              "rate": {"annual": "0.12"}, "instalments": 12},
}  # fmt: skip
PASSWORD = "correct horse battery"


def fetch(url: str, query: str) -> list[Any]:
    """Rows of the test's database."""

    async def rows() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(rows())


def words_of(parent: Any, name: str) -> list[str]:
    return [name] if parent is app else [parent.name[0], name]


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "text"),
    [pytest.param(words_of(parent, name), text, id=" ".join(words_of(parent, name)))
     for parent, _, name, text in COMMANDS],
)  # fmt: skip
def test_every_command_says_what_it_does_and_takes(
    tmp_path: Path, words: list[str], text: str
) -> None:
    ended = run(*words, "--help", env=environment(tmp_path))
    assert (ended.status, ended.err) == (0, "")
    assert text in ended.out
    usage = ended.out.splitlines()[0]
    assert usage.startswith(f"Usage: usance {' '.join(words)}")
    _, _, parameters = ended.out.partition("Parameters:\n")
    said = [line for line in parameters.splitlines() if line.startswith("  ")]
    assert bool(said) == (len(usage.split()) > len(words) + 2)
    assert [line for line in said if not re.search(r": \w", line)] == []


def test_the_command_alone_lists_all_and_knows_its_version(tmp_path: Path) -> None:
    env = environment(tmp_path)
    for words in ([], ["--help"]):
        out = run(*words, env=env).out
        assert [name for _, _, name, _ in COMMANDS[:5] if f"{name}: " not in out] == []
    assert run("--version", env=env).out.strip() == __version__


@pytest.mark.parametrize("words", [["nonsense"], ["day", "close", "--workers", "two"],
                                   ["day", "close", "--through", "2026-02-30"], ["rule"],
                                   ["client", "create", "x"], ["quote", "a", "b"],
                                   ["rule", "R-ALLOC-01", "--language", "fr"]])  # fmt: skip
def test_what_is_no_command_changes_nothing(tmp_path: Path, words: list[str]) -> None:
    ended = run(*words, env=environment(tmp_path / "home"))
    assert (ended.status, ended.out) == (2, "")
    assert ended.err
    assert not (tmp_path / "home").exists()


# -- quote and rule --------------------------------------------------------------------------------


def test_a_quote_from_a_file_and_from_standard_input(tmp_path: Path) -> None:
    from usance.contract.quote import quote

    env, file = environment(tmp_path), tmp_path / "quote.json"
    file.write_text(json.dumps(QUOTE))
    named, piped = (
        run("quote", str(file), env=env),
        run("quote", "-", env=env, stdin=json.dumps(QUOTE)),
    )
    assert named == piped
    assert (named.status, json.loads(named.out)) == (0, quote(QUOTE))


@pytest.mark.parametrize(("text", "rule"), [
    ("{", "R-DOC-01"), ("[" * 100_000, "R-DOC-01"), ("{}", "R-DOC-01"),
    (json.dumps({"terms": QUOTE["terms"] | {"principal": "-1"}}), "R-AMT-01"),
])  # fmt: skip
def test_a_quote_that_is_refused_is_a_problem_document(
    tmp_path: Path, text: str, rule: str
) -> None:
    ended = run("quote", "-", env=environment(tmp_path), stdin=text)
    assert (ended.status, ended.err) == (2, "")
    assert json.loads(ended.out)["rule"] == rule


def test_a_quote_without_a_file(tmp_path: Path) -> None:
    for name in (tmp_path / "missing.json", tmp_path):
        ended = run("quote", str(name), env=environment(tmp_path))
        assert ended.status == 2
        assert ended.err.startswith("usance: ")
        assert str(name) in ended.err


def test_a_rule_in_words_with_its_places(tmp_path: Path) -> None:
    for name in ("R-ALLOC-01", "r-alloc-01"):
        ended = run("rule", name, env=environment(tmp_path))
        assert ended.status == 0
        assert ended.out.startswith("R-ALLOC-01 ")
        assert re.search(r"^lives +src/usance/contract/\w+\.py:\d+ \w+", ended.out, re.MULTILINE)
        assert re.search(r"^tests +tests/", ended.out, re.MULTILINE)
    assert run("rule", "R-NONE-99", env=environment(tmp_path)).refused("R-FOUND-01")


@pytest.mark.parametrize(("locale", "language"), [
    ({}, "en"), ({"LANG": "C.UTF-8"}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
    ({"LANG": "en_GB.UTF-8", "LC_ALL": "zh_TW"}, "zh-CN"),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh-CN"),
    ({"LANG": "C.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh-CN"),
])  # fmt: skip
def test_the_language_of_the_environment(locale: dict[str, str], language: str) -> None:
    assert language_of(locale) == language


def test_a_rule_in_the_language_of_its_reader(tmp_path: Path) -> None:
    """What is asked for before what the environment speaks; the places are the same in both."""
    env = environment(tmp_path, LANG="zh_CN.UTF-8")
    chinese = run("rule", "R-ALLOC-01", env=env)
    english = run("rule", "R-ALLOC-01", "--language", "en", env=env)
    for ended, language in ((chinese, "zh"), (english, "en")):
        assert (ended.status, ended.err) == (0, "")
        assert ended.out.startswith(f"R-ALLOC-01 {rule_texts(language)['R-ALLOC-01'].title}\n")
    assert chinese.out.partition("\nlives ")[2] == english.out.partition("\nlives ")[2] != ""


def test_a_rule_on_a_terminal_that_lacks_its_characters(tmp_path: Path) -> None:
    """What can be shown is shown; in an old Chinese code that is all but the minus sign."""
    env = environment(tmp_path, PYTHONIOENCODING="ascii")
    ended = run("rule", "R-ALLOC-01", "--language", "zh-CN", env=env)
    title = rule_texts("zh")["R-ALLOC-01"].title.encode("ascii", "replace").decode()
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(f"R-ALLOC-01 {title}\n")


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "value"), [
    ("USANCE_LOG", "LOUD"), ("USANCE_POOL_SIZE", "0"), ("USANCE_WORKER", "x"),
    ("USANCE_DATABASE_URL", "mysql://x"),
    ("USANCE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none"),
])  # fmt: skip
def test_a_wrong_setting_is_one_line(usance: Command, name: str, value: str) -> None:
    ended = usance("verify", **{name: value})
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("usance: ")
    assert ended.err.count("\n") == 1


def test_the_embedded_server_starts_and_stops_with_the_command(short_directory: Path) -> None:
    home = short_directory / "command"
    env = environment(home)
    made = run("book", "create", "--name", "Test", "--opened-on", "2026-01-05", env=env)
    assert made.status == 0, made.err
    assert run("verify", env=env).out.endswith("every invariant holds\n")
    assert list(home.rglob("PG_VERSION"))
    assert not list(home.rglob("postmaster.pid"))


# -- the book and its days -------------------------------------------------------------------------


def test_a_home_holds_one_book(with_book: Command) -> None:
    second = with_book("book", "create", "--name", "Other", "--opened-on", "2026-01-06")
    assert second.refused("R-BOOK-02")


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_a_book_needs_a_name(usance: Command, database: str, name: str) -> None:
    assert usance("book", "create", "--name", name, "--opened-on", "2026-01-05").refused(
        "R-BOOK-02"
    )
    assert fetch(database, "SELECT FROM book") == []


def test_days_are_closed_one_or_through_a_day(with_book: Command, database: str) -> None:
    one = with_book("day", "close")
    assert one.out.startswith("2026-01-05: 0 contracts woken")
    more = with_book("day", "close", "--through", "2026-01-08", "--workers", "1")
    assert [line[:10] for line in more.out.splitlines()] == [f"2026-01-0{n}" for n in (6, 7, 8)]
    assert with_book("day", "close", "--through", "2026-01-08").refused("R-DATE-01")
    for workers in ("0", "65"):
        assert with_book("day", "close", "--workers", workers).refused("R-RANGE-01")
    assert str(fetch(database, "SELECT business_date FROM book")[0][0]) == "2026-01-09"
    begun = fetch(database, "SELECT actor FROM operation WHERE action = 'BeginClose'")
    assert len(begun) == 4
    assert all(row["actor"].startswith("operator:") for row in begun)


def test_without_a_book(usance: Command, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    assert usance("day", "close").refused("R-BOOK-01")
    assert usance("client", "create", "bank", "--scope", "all").refused("R-BOOK-01")
    anna = ("staff", "create", "anna", "--role", "viewer")
    assert usance(*anna, "--password-file", str(file)).refused("R-BOOK-01")
    serve = usance("serve", "--port", "0")
    assert (serve.status, serve.err.count("\n")) == (2, 1)
    assert "usance book create" in serve.err


def test_verify_names_the_first_offender(with_book: Command, database: str) -> None:
    with_book("day", "close")
    good = with_book("verify")
    assert (good.status, good.out.splitlines()[-1]) == (0, "every invariant holds")
    fetch(database, "INSERT INTO ledger_day VALUES ('2026-01-05', 1, 1101, 5, 0)")
    bad = with_book("verify")
    assert bad.status == 1
    assert "INV-" in bad.out
    assert bad.out.splitlines()[-1].endswith("findings")


# -- clients and staff -----------------------------------------------------------------------------


def test_a_client_from_its_key_to_its_end(with_book: Command, database: str) -> None:
    made = with_book("client", "create", "bank", "--scope", "payments:write", "--scope", "day:read")
    renewed = with_book("client", "renew", "bank")
    assert made.status == renewed.status == 0
    assert made.out.startswith("usk_")
    assert made.out != renewed.out
    client = fetch(database, "SELECT scopes, active FROM machine_client")[0]
    assert (json.loads(client["scopes"]), client["active"]) == (
        ["day:read", "payments:write"],
        True,
    )
    assert with_book("client", "deactivate", "bank") == Ended(0, "bank is locked out\n", "")
    for command in ("renew", "deactivate"):
        assert with_book("client", command, "bank").refused("R-CLIENT-03")
    audit = fetch(database, "SELECT action, actor FROM operation WHERE actor <> 'usance'"
                            " ORDER BY operation_id")  # fmt: skip
    assert [row["action"] for row in audit] == ["CreateClient", "RenewClient", "DeactivateClient"]
    assert all(row["actor"].startswith("operator:") for row in audit)


def test_a_key_is_rotated_with_an_overlap(with_book: Command, database: str) -> None:
    """R-CLIENT-04 to 06."""
    first = with_book("client", "create", "bank", "--scope", "all").out.strip()
    second = with_book("client", "rotate", "bank", "--valid-days", "90", "--overlap-hours", "48")
    assert second.status == 0
    assert second.out.startswith("usk_")
    assert with_book("client", "rotate", "bank").refused("R-CLIENT-04")
    listed = with_book("client", "keys", "bank").out
    rows = [line.split("\t") for line in listed.splitlines()]
    assert [row[1].rstrip(".") for row in rows] == [second.out[:10], first[:10]]
    assert [row[2] for row in rows] == ["opens", "opens"]
    assert first not in listed
    assert with_book("client", "retire-key", "bank", rows[1][0]).status == 0
    assert with_book("client", "retire-key", "bank", rows[1][0]).refused("R-CLIENT-05")
    assert with_book("client", "retire-key", "bank", rows[0][0]).refused("R-CLIENT-05")
    for words in (("--valid-days", "0"), ("--valid-days", "731"), ("--overlap-hours", "0")):
        assert with_book("client", "rotate", "bank", *words).refused("R-CLIENT-06")
    assert with_book("client", "rotate", "nobody").refused("R-CLIENT-03")
    assert with_book("client", "keys", "nobody").refused("R-FOUND-01")
    audit = fetch(database, "SELECT action FROM operation WHERE actor <> 'usance'"
                            " ORDER BY operation_id")  # fmt: skip
    assert [row["action"] for row in audit] == [
        "CreateClient", "RotateClientKey", "RetireClientKey",
    ]  # fmt: skip


def test_clients_that_are_refused(with_book: Command, database: str) -> None:
    with_book("client", "create", "bank", "--scope", "all")
    before = fetch(database, "SELECT count(*) FROM operation")
    assert with_book("client", "create", "bank", "--scope", "all").refused("R-CLIENT-02")
    assert with_book("client", "create", "b", "--scope", "payments:all").refused("R-CLIENT-01")
    assert with_book("client", "create", "b" * 61, "--scope", "all").refused("R-CLIENT-02")
    assert with_book("client", "renew", "nobody").refused("R-CLIENT-03")
    assert fetch(database, "SELECT count(*) FROM operation") == before


def test_staff_from_the_first_password_to_log_out(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\nsecond line\n")
    made = with_book("staff", "create", "anna", "--role", "viewer", "--password-file", str(file))
    assert made == Ended(0, "anna can log in\n", "")
    changed = with_book("staff", "password", "anna", stdin="another horse battery\n")
    assert changed == Ended(0, "anna has a new password\n", "")
    assert with_book("staff", "log-out", "anna") == Ended(0, "0 sessions ended\n", "")
    audit = fetch(database, "SELECT action FROM operation WHERE actor <> 'usance'"
                            " ORDER BY operation_id")  # fmt: skip
    assert len(audit) >= 2
    stored = fetch(database, "SELECT password_hash FROM staff")[0][0]
    assert "horse" not in stored


def test_staff_that_are_refused(with_book: Command, tmp_path: Path) -> None:
    good = {"stdin": PASSWORD + "\n"}
    with_book("staff", "create", "anna", "--role", "viewer", **good)
    assert with_book("staff", "create", "anna", "--role", "viewer", **good).refused("R-STAFF-02")
    assert with_book("staff", "create", "", "--role", "viewer", **good).refused("R-STAFF-02")
    bert = ("staff", "create", "bert", "--role", "viewer")
    assert with_book(*bert, stdin="short\n").refused("R-STAFF-01")
    assert with_book(*bert, stdin="").refused("R-STAFF-01")
    assert with_book(*bert[:-1], "king", **good).refused("R-ROLE-02")
    other = ("--grant", "auditor", "--revoke", "viewer")
    assert with_book("staff", "roles", "anna", *other).status == 0
    assert with_book("staff", "roles", "nobody", "--grant", "auditor").refused("R-STAFF-03")
    assert with_book("staff", "password", "anna", stdin="short\n").refused("R-STAFF-01")
    for words in (["password", "nobody"], ["log-out", "nobody"]):
        assert with_book("staff", *words, **good).refused("R-FOUND-01")
    missing = with_book(*bert, "--password-file", str(tmp_path / "no"))
    assert (missing.status, missing.err.count("\n")) == (2, 1)


# -- import and bench ------------------------------------------------------------------------------


def test_benches_are_listed_and_measured(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert run("bench", "list", env=env).out.split() == list(BENCHES)
    assert run("bench", "nothing", env=env).refused("R-FOUND-01")
    measured = run("bench", "quote", "--json", env=env)
    said = json.loads(measured.out)
    keys = {"bench", "figure", "unit", "yardstick", "ratio", "reach", "ok"}
    assert said.keys() == keys
    assert (said["bench"], measured.status) == ("quote", 0 if said["ok"] else 1)
