"""``usance scorecard``: train one on a file of known outcomes, and score others with it."""

from __future__ import annotations

import csv
import sys
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from usance.cli.contracts import say
from usance.cli.house import run

if TYPE_CHECKING:
    from usance.risk.columns import Columns, Numbers
    from usance.risk.reporting import Report, Told
    from usance.risk.scorecard import Scorecard

CARD = Path("scorecard.json")


def fit(
    file: Path, *, target: str, number: str = "", protected: tuple[str, ...] = (),
    without: tuple[str, ...] = (), name: str = "scorecard", output: Path = CARD,
    report: Path | None = None, seed: int | None = None,
) -> None:  # fmt: skip
    """Train a scorecard on a CSV file; writes its table of points and prints how well it tells.

    Parameters
    ----------
    file
        A CSV file with a head; every cell a number.
    target
        The column with the outcome: 1 bad, 0 not.
    number
        The column of ids: it is no feature, and chooses the rows that are held out.
    protected
        Columns that it must not ask for; they are used to compare groups, and for nothing else.
    without
        Columns that are not looked at.
    name
        What it is called.
    output
        Where the table goes.
    report
        Where the whole report goes, as JSON.
    seed
        Of the folds; drawn for the run if it is not given.
    """
    import msgspec

    from usance.risk.columns import columns_of
    from usance.risk.reporting import fitted
    from usance.risk.scorecard import digest_of, written

    drawn = time.time_ns() % 2**32 if seed is None else seed
    card, found = fitted(
        columns_of(file, without=without), target, name=name, seed=drawn, protected=protected,
        number=number,
    )  # fmt: skip
    output.write_bytes(written(card))
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    say(_in_words(found))
    say(f"{output}: {len(card.characteristics)} features, digest {digest_of(card)}")


def _in_words(report: Report) -> str:
    lines = [
        f"{report.rows:,} rows, {report.bad_share:.2%} bad, {report.held_out:,} held out,"
        f" seed {report.seed}",
        f"held out      {_told(report.scorecard)}",
        f"five folds    {_told(report.folds)}",
        f"challenger    {_told(report.challenger) if report.challenger else 'not installed'}",
    ]
    if report.with_protected is not None:
        lines.append(f"with protected columns, not used: {_told(report.with_protected)}")
    lines += [f"stability (PSI) {report.stability:.4f}", "", "feature, information value, bins:"]
    lines += [
        f"  {each.name}  {each.value:.3f}  points {', '.join(map(str, each.points))}"
        for each in sorted(report.features, key=lambda each: -each.value)
    ]
    if report.groups:
        lines += ["", "group, rows, bad, mean points, above the middle:"]
        lines += [
            f"  {each.column} {each.group}  {each.count:,}  {each.bad_share:.2%}"
            f"  {each.mean_points:.0f}  {each.above:.1%}"
            for each in report.groups
        ]
    return "\n".join(lines)


def _told(found: Told) -> str:
    return f"AUC {found.auc:.4f}  KS {found.ks:.4f}  Brier {found.brier:.4f}"


def score(card: Path, file: Path) -> None:
    """Score the rows of a CSV file; prints points, chance of being bad, and reasons, as CSV.

    Parameters
    ----------
    card
        The table of points that `usance scorecard fit` wrote.
    file
        A CSV file that has the columns that it asks for.
    """
    from usance.risk.columns import columns_of
    from usance.risk.fitting import chance_of_bad, points_of
    from usance.risk.scorecard import Scorer

    table, columns = read(card), columns_of(file)
    values = _aligned(table, columns)
    points = points_of(table, values)
    chance = chance_of_bad(table, points)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["points", "chance_of_bad", "reasons"])
    scorer = Scorer(table)
    rows = zip(*(values[each.name].tolist() for each in table.characteristics), strict=True)
    for row, total, likely in zip(rows, points.tolist(), chance.tolist(), strict=True):
        reasons = " ".join(f"{name}:-{lost}" for name, lost in scorer.score(row).reasons)
        writer.writerow([total, f"{likely:.4f}", reasons])


def _aligned(card: Scorecard, columns: Columns) -> dict[str, Numbers]:
    """The columns that a scorecard asks for, in its own scale. Raises ``Refused``."""
    from usance.core.refusals import Refused
    from usance.risk.columns import FILE

    found: dict[str, Numbers] = {}
    for each in card.characteristics:
        if each.name not in columns.values:
            raise Refused(FILE, "the file lacks a column that the scorecard asks for", each.name)
        given, wanted = columns.scale[each.name], each.scale
        if given > wanted:
            raise Refused(FILE, "a column has more decimals than the scorecard knows", each.name)
        found[each.name] = columns.values[each.name] * (wanted // given)
    return found


def read(path: Path) -> Scorecard:
    """The scorecard of a file. Raises ``Refused``."""
    from usance.core.refusals import Refused
    from usance.risk.scorecard import FORM, scorecard_in

    try:
        return scorecard_in(path.read_bytes())
    except OSError as error:
        raise Refused(FORM, f"{path} cannot be read", "CARD") from error


def sample(
    output: Path, *, on: date, after: int = 90, late: int = 30
) -> None:
    """Write what was known of everybody on a day, and who was late after it, for `fit`.

    Parameters
    ----------
    output
        Where the CSV file goes; its rows name nobody.
    on
        The business date as of which everything is known.
    after
        Within how many days after it somebody turns out bad, at most 90.
    late
        From how many days late on.
    """
    run(_sample(output, on, after, late))


async def _sample(output: Path, on: date, after: int, late: int) -> None:
    from usance.cli.house import opened
    from usance.risk.sampling import TARGET, write_sample
    from usance.risk.sampling import sample as taken

    async with opened() as (_, pool):
        known, bad = await taken(pool, on, after, late)
    left_out = write_sample(output, known, {TARGET: bad})
    say(f"{output}: {len(bad)} borrowers, {int(bad.sum())} of them bad")
    if left_out:
        say(f"known of nobody: {', '.join(left_out)}")


def tiers(
    card: Path, file: Path, *, target: str, policy: Path | None = None
) -> None:
    """Say what a policy would have said of the rows of a file, and what became of them.

    Parameters
    ----------
    card
        The table of points that `usance scorecard fit` wrote.
    file
        A CSV file of features with an outcome, as `usance scorecard sample` writes it.
    target
        The column with the outcome: 1 bad, 0 not.
    policy
        A YAML file; the tiers that usance comes with if not given.
    """
    from usance.cli.policy import read as read_policy
    from usance.policy import shipped
    from usance.policy.dictionary import TABLE
    from usance.risk.columns import columns_of, outcome_of
    from usance.risk.outcomes import outcomes

    table = read_policy(policy) if policy else next(
        each for each in shipped.policies() if each.says.decides == "tier"
    )
    may_lack = {name for name, each in shipped.dictionary().items() if each.missing == TABLE}
    columns = columns_of(file, may_lack=may_lack)
    bad = outcome_of(columns, target)
    scored = read(card)
    values = {**columns.values, **_aligned(scored, columns)}
    found = outcomes(table, scored, values, bad, shipped.reasons())
    say(f"{table.table.outputs[0].name}  rows  share  bad  of all bad  reasons")
    for each in found:
        reasons = ", ".join(f"{name} {count}" for name, count in each.reasons)
        say(
            f"{each.said}  {each.count:,}  {each.count / len(bad):.1%}"
            f"  {each.bad / each.count:.1%}  {each.bad / bad.sum():.1%}  {reasons}"
        )
