"""``usance policy``: what a person sees of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.policy.documents import document, texts


def usance(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.argv[0] = 'usance'; from usance.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "policy", *arguments], capture_output=True, text=True
    )


def test_what_is_shipped_is_checked_where_no_file_is_named() -> None:
    done = usance("check")
    assert done.returncode == 0
    assert done.stdout.count("0 findings") == len(texts())


def test_findings_and_differences_are_said(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    given = document("cn-draw")
    old.write_text(yaml.safe_dump(given))
    given["rows"][1]["when"]["days_late"] = ">= 5 days"
    del given["rows"][-1]
    new.write_text(yaml.safe_dump(given))
    done = usance("check", str(old), str(new))
    assert done.returncode == 1
    assert done.stdout.count("cn-draw 1: ") == 2
    assert "R-POLICY-06 row 0: no row answers" in done.stdout
    done = usance("diff", str(old), str(new))
    assert done.returncode == 0
    assert "row 2 was: if days_late >= 1 day: answer refused" in done.stdout


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"a: 1", None], ids=str)
def test_what_is_no_policy_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy.yaml"
    if content is not None:
        path.write_bytes(content)
    done = usance("check", str(path))
    assert done.returncode == 2
    assert "R-POLICY-02" in done.stderr
