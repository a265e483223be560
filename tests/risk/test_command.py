"""``usance scorecard``: from a file to points and reasons, as a person sees it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np

from tests.risk.test_fitting import file_of, invented


def usance(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.argv[0] = 'usance'; from usance.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "scorecard", *arguments], capture_output=True, text=True
    )


def test_a_file_is_fitted_and_others_are_scored(tmp_path: Path) -> None:
    columns, bad = invented(4_000, 8)
    columns["sex"] = np.arange(4_000) % 2
    file = file_of(tmp_path / "loans.csv", columns, bad)
    card, report = tmp_path / "card.json", tmp_path / "report.json"
    done = usance("fit", str(file), "--target", "bad", "--protected", "sex", "--seed", "7",
                  "--output", str(card), "--report", str(report))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "seed 7" in done.stdout
    assert "digest" in done.stdout
    assert json.loads(report.read_text())["seed"] == 7
    assert "sex" not in card.read_text()
    done = usance("score", str(card), str(file))
    rows = list(csv.DictReader(StringIO(done.stdout)))
    assert len(rows) == 4_000
    points = np.array([int(each["points"]) for each in rows])
    chances = np.array([float(each["chance_of_bad"]) for each in rows])
    assert (np.diff(chances[np.argsort(points)]) <= 0).all()
    assert points[bad].mean() < points[~bad].mean()
    assert all(len(each["reasons"].split()) <= 4 for each in rows)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("a,b\n1,0\n2,0\n")
    done = usance("fit", str(file), "--target", "b", "--output", str(tmp_path / "card.json"))
    assert (done.returncode, "R-SCORE-03" in done.stderr) == (2, True)
    assert not (tmp_path / "card.json").exists()
    done = usance("score", str(tmp_path / "card.json"), str(file))
    assert (done.returncode, "R-SCORE-01" in done.stderr) == (2, True)
