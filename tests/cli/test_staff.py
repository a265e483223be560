"""Staff at the command line: accounts listed, locked out, let in; and the authorisation table."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Command, Ended, environment, run
from tests.cli.test_commands import PASSWORD, fetch
from usance.web.permission_table import as_markdown, as_text


def made(usance: Command, name: str, role: str) -> None:
    done = usance("staff", "create", name, "--role", role, stdin=PASSWORD + "\n")
    assert done.status == 0, done.err


def test_accounts_are_listed_locked_out_and_let_in(with_book: Command, database: str) -> None:
    """R-STAFF-07; the operator may lock out the last one, too (R-STAFF-08)."""
    assert with_book("staff", "list") == Ended(0, "", "")
    made(with_book, "anna", "administrator")
    assert with_book("staff", "list").out == "1\tanna\tadministrator\t-\t-\tactive\n"
    assert with_book("staff", "deactivate", "anna") == Ended(0, "anna is locked out\n", "")
    assert with_book("staff", "deactivate", "anna").refused("R-STAFF-03")
    assert with_book("staff", "list").out.endswith("locked out\n")
    assert with_book("staff", "reactivate", "anna") == Ended(0, "anna can log in again\n", "")
    assert with_book("staff", "reactivate", "anna").refused("R-STAFF-03")
    audit = fetch(database, "SELECT action, actor FROM operation WHERE actor <> 'usance'"
                            " ORDER BY operation_id")  # fmt: skip
    assert [row["action"] for row in audit] == ["CreateStaff", "DeactivateStaff", "ReactivateStaff"]
    assert all(row["actor"].startswith("operator:") for row in audit)


def test_a_factor_is_reset(with_book: Command, database: str) -> None:
    made(with_book, "anna", "viewer")
    fetch(database, "INSERT INTO staff_factor (staff_id, state, data_key, secret) VALUES"
          " (1, 2, '', '')")  # fmt: skip
    assert "\tfactor\t" in with_book("staff", "list").out
    done = with_book("staff", "reset-factor", "anna")
    assert done == Ended(0, "anna has no second factor any more\n", "")
    assert fetch(database, "SELECT FROM staff_factor") == []


def test_accounts_that_are_not(with_book: Command) -> None:
    for deed in ("deactivate", "reactivate", "reset-factor"):
        assert with_book("staff", deed, "nobody").refused("R-STAFF-03")


def test_common_passwords_are_refused(with_book: Command) -> None:
    """R-STAFF-01: at the command line as everywhere; the book's name is no password either."""
    for password in ("password1234", "anna anna anna", "test test test"):
        ended = with_book("staff", "create", "anna", "--role", "viewer", stdin=password + "\n")
        assert ended.refused("R-STAFF-01"), password


def test_the_table_of_permissions(tmp_path: Path) -> None:
    env = environment(tmp_path)
    assert run("permissions", "--markdown", env=env) == Ended(0, as_markdown(), "")
    assert run("permissions", env=env).out == as_text()
