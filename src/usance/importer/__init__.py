"""Importing the history of another lender's accounts by the real servicing and the real day close.

``uci``     the file of card accounts: read and checked as a whole before anything is done
``plan``    what happened on which day, so that the book's statements can equal the file's bills
``load``    the run through the book: borrowers, lines, six months of entries and day closes
``compare`` book against file: balances, credit balances, days past due
``report``  the comparison in words
``outcome`` what the file says became of each account, beside what the book knows of it
``store``   the SQL of all this
"""

import asyncio
from pathlib import Path

from usance.importer.compare import Comparison, compare
from usance.importer.load import Tell, load, silent
from usance.importer.outcome import uci_sample
from usance.importer.uci import read
from usance.platform.database import Pool

__all__ = ["Comparison", "uci_credit", "uci_sample"]


async def uci_credit(
    path: Path, pool: Pool, *, workers: int = 2, progress: Tell = silent
) -> Comparison:
    """Import a file of UCI card accounts and compare; the same file again only compares.

    Raises ``Refused``: R-IMPORT-01 names line and column of a bad file, R-IMPORT-02 where the
    database holds another book; nothing has been written then. ``OSError`` if it cannot be read.
    """
    content = await asyncio.to_thread(path.read_bytes)
    accounts = read(content)
    progress(f"{len(accounts)} accounts read and checked")
    await load(pool, accounts, content, workers=workers, tell=progress)
    return await compare(pool, accounts, progress)
