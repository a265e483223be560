"""Policies and scorecards at the command line: two people who show who they are, and a draft."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from tests.cli.conftest import Command
from tests.cli.test_commands import PASSWORD, fetch
from tests.identity.accounts import enrolled
from tests.policy.documents import texts
from tests.risk.registering import CARD
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock, SystemClock
from usance.platform.crypto import LocalKeyService
from usance.platform.database import open_pool
from usance.risk.scorecard import written

RITA, BERT = ("--as", "rita"), ("--as", "bert")


@pytest.fixture
def staffed(with_book: Command) -> Command:
    """A book with Rita of risk and Bert of compliance."""
    for name, role in (("rita", "risk"), ("bert", "compliance")):
        done = with_book("staff", "create", name, "--role", role, stdin=PASSWORD + "\n")
        assert done.status == 0, done.err
    return with_book


def draft(tmp_path: Path, **more: str) -> Path:
    """The next version of the policy of tiers, with another title."""
    text = texts()["cn-tier"].replace("version: 1", "version: 2")
    text = text.replace("effective_on: 2026-01-01", "effective_on: 2026-02-01")
    for old, new in more.items():
        text = text.replace(old, new)
    file = tmp_path / "draft.yaml"
    file.write_text(text, "utf-8")
    return file


def code_of(database: str, home: Path, name: str) -> str:
    """Enrol a second factor; a code of it for later than the one that enrolled it."""

    async def work() -> str:
        pool = await open_pool(database, 2)
        try:
            clock = FixedClock(SystemClock().now())
            keys = LocalKeyService.open(home / "master.key")
            staff = Staff(pool, clock, keys)
            token, _ = await staff.log_in(name, PASSWORD)
            _, codes = await enrolled(staff, token, clock)
            return codes[0]
        finally:
            await pool.close()

    return asyncio.run(work())


def test_a_policy_is_proposed_by_one_and_approved_by_another(
    staffed: Command, database: str, tmp_path: Path
) -> None:
    """R-POLICY-15: both show who they are; the audit log names both."""
    file = draft(tmp_path, **{"failed_debits_90d: \">= 3\"": "failed_debits_90d: \">= 2\""})
    ask = ("policy", "propose", str(file), *RITA)
    assert staffed(*ask, stdin="wrong wrong wrong\n").refused("R-AUTH-04")
    asked = staffed(*ask, stdin=PASSWORD + "\n")
    assert (asked.status, asked.out.partition(" ")[2]) == (0, "waits for a second person\n")
    proposal = asked.out.partition(" ")[0]
    agree = ("policy", "approve", proposal)
    own = staffed(*agree, *RITA, stdin=PASSWORD + "\n")
    assert (own.status, own.err.partition(": ")[2].partition(":")[0]) == (2, "R-AUTH-02")
    assert "R-FACTOR-01" in staffed(*agree, *BERT, stdin=PASSWORD + "\n").err
    code = code_of(database, tmp_path, "bert")
    done = staffed(*agree, *BERT, "--code", code, "--reason", "Seen.", stdin=PASSWORD + "\n")
    assert done.status == 0, done.err
    assert done.out.splitlines()[0] == "cn-tier 2, asked for by staff:1"
    assert "holds from 2026-02-01 (was 2026-01-05)" in done.out
    assert done.out.splitlines()[-1] == f"{proposal} is carried out"
    rows = fetch(database, "SELECT version, adopted_by FROM policy_version"
                           " WHERE policy_id = 'cn-tier' ORDER BY version")  # fmt: skip
    assert [(row["version"], row["adopted_by"]) for row in rows] == [
        (1, "usance"), (2, "staff:1"),
    ]  # fmt: skip
    again = staffed(*ask, stdin=PASSWORD + "\n")
    assert "R-POLICY-15" in again.err
    assert fetch(database, "SELECT count(*) AS n FROM staff_session WHERE ended_at IS NULL") == [
        (1,)
    ]  # fmt: skip
    assert staffed("verify").status == 0


def test_a_scorecard_is_proposed(staffed: Command, database: str, tmp_path: Path) -> None:
    """R-SCORE-06."""
    card = tmp_path / "card.json"
    card.write_bytes(written(CARD))
    ask = ("scorecard", "propose", str(card), "--role", "champion", *RITA)
    asked = staffed(*ask, "--effective-on", "2026-02-01", stdin=PASSWORD + "\n")
    assert asked.status == 0, asked.err
    (row,) = fetch(database, "SELECT act, author, body FROM proposal")
    assert (row["act"], row["author"]) == ("AdoptScorecard", "staff:1")
    assert msgspec.json.decode(row["body"])["version"] == 1
    late = staffed(*ask, "--effective-on", "2026-01-04", stdin=PASSWORD + "\n")
    assert late.refused("R-SCORE-06")
    assert staffed(*ask, "--effective-on", "soon").refused("R-FORM-03")
    odd = staffed(*ask, "--effective-on", "2026-02-01", "--report", str(tmp_path / "none"))
    assert odd.refused("R-SCORE-06")


def test_a_draft_is_tried(staffed: Command, tmp_path: Path) -> None:
    """R-POLICY-18: against what the book has decided, which is nothing yet."""
    file = draft(tmp_path, **{"days_late: \">= 30 days": "days_late: \">= 20 days"})
    done = staffed("policy", "backtest", str(file))
    assert done.status == 0, done.err
    assert done.out.splitlines()[-1] == (
        "0 cases against version 1: 0 decided alike, 0 left out"
    )  # fmt: skip
    assert "row 1 was: if days_late >= 30 days" in done.out
    assert staffed("policy", "backtest", str(file), "--against", "9").refused("R-FOUND-01")
    assert staffed("policy", "backtest", str(tmp_path / "none")).refused("R-POLICY-02")
    (tmp_path / "odd.yaml").write_text("id: &a cn-tier\nversion: *a\n")
    assert staffed("policy", "backtest", str(tmp_path / "odd.yaml")).refused("R-POLICY-02")


def test_what_is_no_proposal_of_a_policy(staffed: Command) -> None:
    for name in ("q-1", "nothing"):
        assert staffed("policy", "approve", name, *BERT, stdin=PASSWORD + "\n").refused(
            "R-FOUND-01"
        )  # fmt: skip
