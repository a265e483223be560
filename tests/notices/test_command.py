"""``usance notices check``: drafts in files, no book."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.notices.drafts import draft, saying
from usance.cli.notices import check


def ends(capsys: pytest.CaptureFixture[str], path: Path) -> tuple[int, str]:
    """How the command ended, and what it printed."""
    status = 0
    try:
        check(str(path))
    except SystemExit as ended:
        status = int(str(ended.code))
    return status, capsys.readouterr().out


def test_a_draft_in_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """R-TEMPLATE-01, R-TEMPLATE-09: previews, findings, and the status for scripts."""
    path = tmp_path / "draft.yaml"
    path.write_text(yaml.safe_dump(draft()), "utf-8")
    status, out = ends(capsys, path)
    assert status == 0
    assert "-- sms en, 1 parts of UCS-2, 42 units\nWe received CNY 12,345.67.\n" in out
    path.write_text(yaml.safe_dump(saying("法院", "court", effective_on="2026-12-01")), "utf-8")
    status, out = ends(capsys, path)
    assert (status, out.splitlines()[-1]) == (
        1, "R-TEMPLATE-09 channels.sms.en.text: a threat: court",
    )  # fmt: skip
    for text, said in (("id: [", "not YAML"), ("id: x", "R-TEMPLATE-01"), ("", "R-TEMPLATE-01")):
        path.write_text(text, "utf-8")
        status, out = ends(capsys, path)
        assert (status, out.startswith(said)) == (1, True), out
