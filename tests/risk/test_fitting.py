"""From a file to a scorecard: against plain counts, against libraries, and on real accounts."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from tests.importer.cards import REAL
from usance.core.refusals import Refused
from usance.risk import challenger, figures
from usance.risk.binning import Bins, bins_of
from usance.risk.columns import columns_of, outcome_of
from usance.risk.fitting import folds, held_out, points_of
from usance.risk.reporting import Report, fitted
from usance.risk.scorecard import Scorecard, Scorer
from usance.risk.weights import bound_weights

PROTECTED = ("SEX", "EDUCATION", "MARRIAGE", "AGE")
TARGET = "default.payment.next.month"


def invented(rows: int, seed: int) -> tuple[dict[str, Any], Any]:
    """Three columns that tell, one that tells the wrong way beside another, one that is noise."""
    numbers = np.random.default_rng(seed)
    late = numbers.poisson(1, rows)
    income = numbers.integers(1_000, 9_000, rows)
    use = numbers.integers(0, 10_000, rows)
    odds = -2 + 0.9 * late - income / 4_000 + use / 8_000
    bad = numbers.random(rows) < 1 / (1 + np.exp(-odds))
    columns = {
        "late": late, "income": income, "use": use, "use_again": use + numbers.integers(0, 9, rows),
        "noise": numbers.integers(0, 100, rows),
    }  # fmt: skip
    return {name: column.astype(np.int64) for name, column in columns.items()}, bad


def file_of(path: Path, columns: dict[str, Any], bad: Any) -> Path:
    names = [*columns, "bad"]
    rows = zip(*(each.tolist() for each in columns.values()), bad.astype(int).tolist(), strict=True)
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("seed", range(12))
def test_risk_goes_one_way_through_the_bins(seed: int) -> None:
    """R-SCORE-04; and each count is that of the rows that are in the bin."""
    columns, bad = invented(3_000, seed)
    for name, values in columns.items():
        bins = bins_of(name, values, bad)
        shares = [b / (g + b) for g, b in zip(bins.good, bins.bad, strict=True)]
        pairs = list(itertools.pairwise(shares))
        assert all(a < b for a, b in pairs) if bins.rises else all(a > b for a, b in pairs)
        places = bins.places(values)
        for n in range(len(bins.good)):
            assert (places == n).sum() == bins.good[n] + bins.bad[n] >= 60
            assert bad[places == n].sum() == bins.bad[n]


def test_a_column_with_one_value_has_one_bin() -> None:
    bins = bins_of("same", np.full(500, 7, np.int64), np.arange(500) % 3 == 0)
    assert bins.edges == ()
    assert bins.value == pytest.approx(0)


@pytest.mark.parametrize("seed", range(5))
def test_weights_are_those_that_a_library_finds_under_the_same_bound(seed: int) -> None:
    """None goes against its direction."""
    columns, bad = invented(2_000, seed)
    every = [bins_of(name, values, bad) for name, values in columns.items()]
    evidence = np.column_stack([e.evidence[e.places(columns[e.name])] for e in every])
    evidence = np.column_stack([evidence, -evidence[:, 0]])  # one that can only go against it
    intercept, weights = bound_weights(evidence, ~bad)
    one = np.column_stack([np.ones(len(bad)), evidence])

    def loss(x: Any) -> Any:
        z = one @ x
        slope = one.T @ (1 / (1 + np.exp(-z)) - ~bad) + np.concatenate([[0], x[1:]])
        return np.logaddexp(0, z).sum() - z[~bad].sum() + (x[1:] ** 2).sum() / 2, slope

    bounds = [(None, None)] + [(0, None)] * evidence.shape[1]
    found = optimize.minimize(loss, np.zeros(one.shape[1]), jac=True, bounds=bounds,
                              method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9})  # fmt: skip
    assert np.abs(found.x - [intercept, *weights]).max() < 1e-4
    assert (weights >= 0).all()
    assert weights[-1] == 0


@pytest.mark.parametrize("seed", range(8))
def test_figures_are_those_of_their_definitions(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    score, bad = numbers.integers(0, 40, 300), numbers.random(300) < 0.3
    good_ones, bad_ones = score[~bad], score[bad]
    ahead = (good_ones[:, None] > bad_ones).sum() + (good_ones[:, None] == bad_ones).sum() / 2
    assert figures.auc(score, bad) == pytest.approx(ahead / (len(good_ones) * len(bad_ones)))
    assert figures.ks(score, bad) == pytest.approx(stats.ks_2samp(good_ones, bad_ones).statistic)
    assert figures.brier(np.full(300, 0.5), bad) == 0.25
    rows = figures.calibration(numbers.random(300), bad)
    assert sum(count for count, _, _ in rows) == 300
    assert sum(count * came for count, _, came in rows) == pytest.approx(bad.sum())
    places = numbers.integers(0, 10, 300)
    assert figures.stability(places, places, 10) == 0
    assert figures.stability(places, np.zeros(300, np.intp), 10) > 1


def test_who_is_held_out_does_not_depend_on_the_others() -> None:
    some, more = held_out(range(500)), held_out(range(1_000))
    assert (some == more[:500]).all()
    assert 150 < more.sum() < 250
    assert sorted(np.bincount(folds(1_003, 4)).tolist()) == [200, 200, 201, 201, 201]
    assert (folds(100, 1) != folds(100, 2)).any()


def test_a_file_becomes_a_scorecard_and_a_report(tmp_path: Path) -> None:
    """R-SCORE-04, R-SCORE-05."""
    columns, bad = invented(6_000, 3)
    columns["sex"] = np.random.default_rng(1).integers(1, 3, 6_000)
    columns["number"] = np.arange(6_000)
    path = file_of(tmp_path / "loans.csv", columns, bad)
    read = columns_of(path)
    card, report = fitted(
        read, "bad", name="loans", seed=5, protected=["sex"], number="number"
    )
    asked = {each.name for each in card.characteristics}
    assert {"late", "income"} < asked
    assert not asked & {"sex", "number", "bad", "noise"}
    assert "noise" in report.left_out
    assert report.scorecard.auc > 0.72
    assert report.with_protected is not None
    assert [(each.column, each.group) for each in report.groups] == [("sex", "1"), ("sex", "2")]
    assert sum(each.count for each in report.groups) == report.rows
    assert all(each.weight > 0 for each in report.features)
    assert_monotone(card, report)
    again, _ = fitted(read, "bad", name="loans", seed=5, protected=["sex"], number="number")
    assert again == card
    whole, scorer = points_of(card, dict(read.values)), Scorer(card)
    for row in range(0, 6_000, 97):
        values = [int(read.values[each.name][row]) for each in card.characteristics]
        assert scorer.score(values).points == whole[row]


def assert_monotone(card: Scorecard, report: Report) -> None:
    """Points fall where risk rises: no reason points the wrong way."""
    for each, feature in zip(card.characteristics, report.features, strict=True):
        in_order = list(each.points) if not feature.rises else [*reversed(each.points)]
        assert in_order == sorted(in_order)


def test_decimals_keep_their_place(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("rate,whole\n0.5,1\n-1.250,2\n3,3\n")
    read = columns_of(path)
    assert read.values["rate"].tolist() == [50, -125, 300]
    assert (read.scale["rate"], read.scale["whole"]) == (100, 1)


@pytest.mark.parametrize(("content", "why", "path"), [
    ("a,b\n1,0\n,1\n", "line 3 has no a", "a"), ("a,b\n1,0\nx,1\n", "line 3: a is no number", "a"),
    ("a,b\n1,0\nNaN,1\n", "a is no number", "a"), ("a,b\n1e5,0\n", "a is no number", "a"),
    ("a,b\n1,0\n1\n", "line 3 has 1 cells, not 2", "FILE"), ("a,b\n", "a row at least", "FILE"),
    ("", "a row at least", "FILE"), ("a,a\n1,2\n", "a name of its own", "FILE"),
    ("a,b\n1.0000001,0\n", "more than 6 decimals", "a"),
    ("a,b\n１,0\n2,x\n", "b is no number", "b"),
], ids=str)  # fmt: skip
def test_a_file_with_a_hole_is_refused(
    tmp_path: Path, content: str, why: str, path: str
) -> None:
    """R-SCORE-03."""
    file = tmp_path / "f.csv"
    file.write_text(content)
    with pytest.raises(Refused, match=why) as caught:
        columns_of(file)
    assert (caught.value.refusal.rule, caught.value.refusal.path) == ("R-SCORE-03", path)


@pytest.mark.parametrize(("content", "target", "why"), [
    ("a,b\n1,0\n2,0\n", "b", "one class only"), ("a,b\n1,1\n2,1\n", "b", "one class only"),
    ("a,b\n1,0\n2,2\n", "b", "0 or 1"), ("a,b\n1,0.5\n2,1\n", "b", "0 or 1"),
    ("a,b\n1,0\n2,1\n", "c", "no column"),
], ids=str)  # fmt: skip
def test_an_outcome_is_one_of_two(tmp_path: Path, content: str, target: str, why: str) -> None:
    file = tmp_path / "f.csv"
    file.write_text(content)
    with pytest.raises(Refused, match=why):
        outcome_of(columns_of(file), target)


@pytest.mark.parametrize(("more", "why"), [
    ({"protected": ["shoe"]}, "no column"), ({"number": "shoe"}, "no column"),
    ({"protected": ["bad"]}, "no column"),
], ids=str)  # fmt: skip
def test_a_column_that_is_not_there_is_refused(
    tmp_path: Path, more: dict[str, Any], why: str
) -> None:
    path = file_of(tmp_path / "f.csv", *invented(200, 1))
    with pytest.raises(Refused, match=why):
        fitted(columns_of(path), "bad", name="", seed=1, **more)


def test_nothing_is_fitted_on_noise_or_on_a_handful(tmp_path: Path) -> None:
    numbers = np.random.default_rng(4)
    noise, bad = {"a": numbers.integers(0, 2, 4_000)}, numbers.random(4_000) < 0.5
    with pytest.raises(Refused, match="no column tells"):
        fitted(columns_of(file_of(tmp_path / "n.csv", noise, bad)), "bad", name="", seed=1)
    few = {"a": np.arange(4)}
    with pytest.raises(Refused, match="too few"):
        fitted(columns_of(file_of(tmp_path / "f.csv", few, few["a"] > 2)), "bad", name="", seed=1)


def test_without_the_library_there_is_no_challenger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lightgbm", None)
    columns, bad = invented(100, 1)
    assert challenger.chances(columns, bad, columns, 1) is None


@pytest.mark.skipif(not REAL.is_file(), reason="the real file is not here")
def test_real_accounts_are_told_apart_by_what_the_file_has() -> None:
    """UCI credit cards, their 19 raw columns. Published: about 0.77; above 0.80 would be a leak.

    The seed of the folds is drawn at run time.
    """
    seed = time.time_ns() % 2**32
    card, report = fitted(
        columns_of(REAL), TARGET, name="uci", seed=seed, protected=PROTECTED, number="ID"
    )
    print(f"seed {seed}: {report.scorecard} {report.folds} {report.challenger}")
    assert 0.765 <= report.scorecard.auc < 0.80
    assert 0.760 <= report.folds.auc < 0.80
    assert report.challenger is not None
    assert 0.775 <= report.challenger.auc < 0.80
    assert not {each.name for each in card.characteristics} & {*PROTECTED, "ID"}
    assert_monotone(card, report)


def test_evidence_is_what_its_definition_says() -> None:
    bins = Bins("a", (1,), (9, 1), (2, 8), rises=True)
    wanted = np.log([9.5 / 11, 1.5 / 11]) - np.log([2.5 / 11, 8.5 / 11])
    assert np.abs(bins.evidence - wanted).max() < 1e-12
