"""What the file says became of each account, beside what the book knew of it.

The book keeps nothing of that: outcomes and what is said about a person go from one file to the
other, to train and to judge scorecards with.
"""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path

import numpy as np

from usance.importer import store
from usance.importer.plan import months
from usance.importer.uci import OUTCOME, PERSON
from usance.platform.database import Pool
from usance.risk.features import features_of_all
from usance.risk.sampling import TARGET, write_sample


async def uci_sample(path: Path, pool: Pool, output: Path) -> None:
    """Write features of the imported book at the end of its last month, and the file's outcomes.

    ``account`` is the file's number; the person's columns are for comparing groups.
    """
    text = (await asyncio.to_thread(path.read_bytes)).decode("utf-8-sig")
    rows = {int(row["ID"]): row for row in csv.DictReader(io.StringIO(text, newline=""))}
    accounts = {borrower: number for number, borrower in (await store.borrowers(pool)).items()}
    known = await features_of_all(pool, months()[-1].statement_on)
    told = [rows[accounts[each]] for each in known.borrowers.tolist()]
    beside = {"account": [int(each["ID"]) for each in told]}
    beside |= {name.lower(): [int(each[name]) for each in told] for name in PERSON}
    beside[TARGET] = [int(each[OUTCOME]) for each in told]
    columns = {name: np.array(values, np.int64) for name, values in beside.items()}
    await asyncio.to_thread(write_sample, output, known, columns)
