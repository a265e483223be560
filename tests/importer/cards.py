"""The small invented file, the real one if it is there, and an import of either."""

from __future__ import annotations

import os
from pathlib import Path

from usance.importer import Comparison, uci_credit
from usance.platform.database import Pool
from usance.servicing import terms

ROOT = Path(__file__).parents[2]
SMALL = Path(__file__).parent / "cards.csv"
REAL = Path(
    os.environ.get("USANCE_UCI_FILE", ROOT.parent / "shared" / "data" / "uci_credit_default.csv")
)


async def imported(pool: Pool, path: Path = SMALL) -> Comparison:
    """Import a file into an empty database."""
    terms.forget()
    return await uci_credit(path, pool)


def changed(where: Path, line: int, column: str, value: str) -> Path:
    """The small file with one field changed (line 2 is the first account), at another place."""
    lines = SMALL.read_text().splitlines()
    fields = lines[line - 1].split(",")
    fields[lines[0].split(",").index(column)] = value
    lines[line - 1] = ",".join(fields)
    path = where / "changed.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
