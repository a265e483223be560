"""``usance audit`` through its entry point: sequence, prove, verify elsewhere, export, check."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import USANCE, Command, Ended, environment, run
from tests.cli.test_commands import fetch
from usance.core.identifiers import written

MUST_NOT_BE = "postgresql://nobody@127.0.0.1:1/nothing"
"""A database that cannot be reached: what needs none does not look for it."""


@pytest.fixture
def lived(with_book: Command, tmp_path: Path) -> Command:
    """``usance`` with a few days closed; checkpoints are kept in ``kept``."""

    def command(*words: str) -> Ended:
        return with_book(*words, USANCE_CHECKPOINT_DIR=str(tmp_path / "kept"))

    assert with_book("client", "create", "core", "--scope", "payments:write").status == 0
    assert command("day", "close", "--through", "2026-01-07").status == 0
    return command


def elsewhere(tmp_path: Path, *words: str) -> tuple[int, str]:
    """Another machine: no database, no home."""
    env = environment(tmp_path / "elsewhere", USANCE_DATABASE_URL=MUST_NOT_BE)
    ended = run("audit", "verify", *words, env=env)
    assert ended.err == ""
    assert not (tmp_path / "elsewhere").exists()
    return ended.status, ended.out


def newest(database: str) -> str:
    """The newest operation."""
    (row,) = fetch(database, "SELECT max(operation_id) FROM operation")
    return written("operation", row[0])


def test_a_day_close_is_sequenced_and_signed(lived: Command, database: str, tmp_path: Path) -> None:
    """R-PROOF-03, R-PROOF-04: also by the command, where nobody serves."""
    (row,) = fetch(database, "SELECT size, checkpoints, (SELECT count(*) FROM operation) "
                             "FROM audit_tree")  # fmt: skip
    assert row[0] == row[2] == 9
    assert row[1] == len(list((tmp_path / "kept").iterdir())) == 1
    assert lived("audit", "sequence", "--once").out == "0 events sequenced\n"
    checked = lived("audit", "check")
    assert (checked.status, checked.out.splitlines()[-1]) == (0, "the tree holds")
    assert "1 kept outside; signatures of usance/" in checked.out
    verified = lived("verify")
    assert verified.status == 0
    assert "INV-PROOF-06 holds" in verified.out


def test_a_proof_goes_to_another_machine(lived: Command, database: str, tmp_path: Path) -> None:
    """R-PROOF-05, R-PROOF-07: the key is pinned, or named."""
    event, file = newest(database), tmp_path / "proof.json"
    assert lived("audit", "prove", event, "--out", str(file)).status == 0
    assert json.loads(lived("audit", "prove", event).out) == json.loads(file.read_text())
    key = lived("audit", "key").out.strip()
    status, out = elsewhere(tmp_path, str(file), "--key", key)
    assert (status, out.splitlines()[-1]) == (0, f"signed by the key given: {key}")
    assert "FinishDay by system:day-close" in out
    status, out = elsewhere(tmp_path, str(file))
    assert f"believed the key inside (--key pins one): {key}" in out
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert elsewhere(tmp_path, str(file), "--key", other) == (
        1, "NOT PROVEN: the note is not signed by PeterNeumann\n"
    )  # fmt: skip
    file.write_text(file.read_text().replace("FinishDay", "FinishTay"))
    status, out = elsewhere(tmp_path, str(file), "--key", key)
    assert (status, out) == (
        1, "NOT PROVEN: the path does not lead from the event to the signed root\n"
    )  # fmt: skip


def test_a_consistency_proof(lived: Command, database: str, tmp_path: Path) -> None:
    """R-PROOF-06."""
    lived("day", "close")
    sizes = [row[0] for row in fetch(database, "SELECT size FROM audit_checkpoint ORDER BY 1")]
    file = tmp_path / "consistency.json"
    assert len(sizes) == 2
    assert lived("audit", "consistency", *map(str, sizes), "--out", str(file)).status == 0
    status, out = elsewhere(tmp_path, str(file), "--key", lived("audit", "key").out.strip())
    assert (status, f"the tree of {sizes[0]} events" in out) == (0, True)
    assert lived("audit", "consistency", "1", str(sizes[0])).refused("R-PROOF-06")
    assert lived("audit", "prove", "p-1").refused("R-FOUND-01")
    assert lived("audit", "prove", "nonsense").refused("R-FOUND-01")


def test_an_export_goes_to_another_machine(lived: Command, tmp_path: Path) -> None:
    """R-PROOF-08: it is checked there, also against what was kept from before."""
    export, key = tmp_path / "export", lived("audit", "key").out.strip()
    done = lived("audit", "export", str(export))
    assert (done.status, done.out.splitlines()[-1]) == (0, f"verify with --key {key}")
    assert lived("audit", "export", str(export)).refused("R-PROOF-08")
    moved = shutil.move(export, tmp_path / "moved")
    kept = str(tmp_path / "kept")
    for more in ([], ["--key", key], ["--key", key, "--checkpoint", kept]):
        status, out = elsewhere(tmp_path, str(moved), *more)
        assert (status, out.startswith("9 events have the root")) == (0, True), out
    events = Path(moved) / "events.jsonl"
    events.write_text(events.read_text().replace("BeginClose", "BeginCrime", 1))
    status, out = elsewhere(tmp_path, str(moved), "--key", key)
    assert (status, out.startswith("NOT PROVEN: events.jsonl line 4 is not the event")) == (1, True)


def test_what_cannot_be_verified(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    missing = run("audit", "verify", str(tmp_path / "nothing"), env=env)
    assert (missing.status, missing.out) == (2, "")
    (tmp_path / "proof").write_text("{}")
    assert elsewhere(tmp_path, str(tmp_path / "proof"))[0] == 1
    assert elsewhere(tmp_path, str(tmp_path / "proof"), "--key", "x")[0] == 1
    beside = run("audit", "verify", str(tmp_path / "proof"), "--checkpoint", str(tmp_path), env=env)
    assert beside.refused("R-PROOF-08")


def test_the_check_names_a_row(lived: Command, database: str) -> None:
    """R-PROOF-10: and the command ends with 1."""
    (row,) = fetch(database, "UPDATE operation SET actor = 'nobody:1' WHERE action = 'FinishDay' "
                             "AND business_date = '2026-01-06' RETURNING operation_id")  # fmt: skip
    for words in (["audit", "check"], ["verify"]):
        ended = lived(*words)
        assert ended.status == 1
        assert f"{row[0]} FinishDay, leaf " in ended.out


def test_it_sequences_until_it_is_told_to_stop(
    with_book: Command, database: str, tmp_path: Path
) -> None:
    """R-PROOF-01."""
    env = environment(tmp_path, USANCE_DATABASE_URL=database)
    process = subprocess.Popen([USANCE, "audit", "sequence"], env=env)
    try:
        for n in range(3):
            assert with_book("client", "create", f"c{n}", "--scope", "book:read").status == 0
            deadline = time.monotonic() + 5
            while fetch(database, "SELECT coalesce(max(size), 0) FROM audit_tree")[0][0] <= n:
                assert time.monotonic() < deadline, "an event waited longer than stated"
                time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
