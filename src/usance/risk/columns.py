"""A CSV file as columns of whole numbers; what is missing or no number is refused by its place."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from usance.core.money import parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.policy.cells import MISSING

FILE = "R-SCORE-03"
DIGITS_MOST = 6
ROWS_MOST, COLUMNS_MOST = 5_000_000, 2_000
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Columns:
    """``values`` by name, each multiplied by its ``scale``; ``digest``: SHA-256 of the file."""

    values: Mapping[str, Numbers]
    scale: Mapping[str, int]
    digest: str

    @property
    def rows(self) -> int:
        """How many."""
        return len(next(iter(self.values.values())))


@rule(FILE)
def columns_of(
    path: Path, *, without: Collection[str] = (), may_lack: Collection[str] = ()
) -> Columns:
    """A file with a head and at least one row. Raises ``Refused``.

    ``without``: columns that are not looked at. ``may_lack``: whole numbers that some rows do not
    have, which are then ``MISSING``.
    """
    try:
        content = path.read_bytes()
        lines = list(csv.reader(StringIO(content.decode("utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(FILE, f"{path.name} is no CSV file that can be read", "FILE") from error
    if len(lines) < 2:
        raise Refused(FILE, "there is a head, and a row at least", "FILE")
    head, *rows = lines
    if len(set(head)) < len(head) or not all(each.strip() for each in head):
        raise Refused(FILE, "every column has a name of its own", "FILE")
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise Refused(FILE, f"line {number} has {len(row)} cells, not {len(head)}", "FILE")
    values, scale = {}, {}
    for name, cells in zip(head, zip(*rows, strict=True), strict=True):
        if name in without:
            continue
        if name in may_lack:
            known, scale[name] = _numbers(name, ["0" if each == "" else each for each in cells])
            values[name] = np.where([each == "" for each in cells], MISSING, known)
        else:
            values[name], scale[name] = _numbers(name, cells)
    return Columns(values, scale, hashlib.sha256(content).hexdigest())


def _numbers(name: str, cells: Sequence[str]) -> tuple[Numbers, int]:
    try:
        return np.array([int(each) for each in cells], np.int64), 1
    except (ValueError, OverflowError):
        pass
    found = [_decimal(name, line, each) for line, each in enumerate(cells, 2)]
    digits = max((places for _, places in found), default=0)
    numbers = [number * 10 ** (digits - places) for number, places in found]
    return np.array(numbers, np.int64), 10**digits


def _decimal(name: str, line: int, cell: str) -> tuple[int, int]:
    """A number without its point, and how many digits stood behind it."""
    text = cell.strip()
    if not text:
        raise Refused(FILE, f"line {line} has no {name}", name)
    places = len(text.partition(".")[2].rstrip("0"))
    if places > DIGITS_MOST:
        raise Refused(FILE, f"line {line}: {name} has more than {DIGITS_MOST} decimals", name)
    try:
        return parse_decimal(text, places), places
    except ValueError as error:
        raise Refused(FILE, f"line {line}: {name} is no number", name) from error


@rule("R-SCORE-03")
def outcome_of(columns: Columns, target: str) -> NDArray[np.bool_]:
    """Who turned out bad (1) and who did not (0). Raises ``Refused``."""
    if target not in columns.values:
        raise Refused(FILE, "the target is no column of the file", "--target")
    values = columns.values[target]
    if columns.scale[target] != 1 or not np.isin(values, (0, 1)).all():
        raise Refused(FILE, "the target is 0 or 1 in every row", "--target")
    bad: NDArray[np.bool_] = values == 1
    if not 0 < bad.sum() < len(bad):
        raise Refused(FILE, "the target has one class only", "--target")
    return bad
