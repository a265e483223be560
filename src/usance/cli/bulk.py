"""``usance import uci-credit`` and ``usance bench``: long runs with their own rooms."""

from __future__ import annotations

import sys
from pathlib import Path

from usance.cli.house import opened, run


def uci_credit(file: Path) -> None:
    """Read the UCI file of 30,000 card accounts into an empty book, and compare book and file.

    Parameters
    ----------
    file
        The CSV file.
    """
    run(_uci_credit(file))


async def _uci_credit(file: Path) -> None:
    from usance.importer import uci
    from usance.platform.crypto import LocalKeyService

    async with opened() as (settings, pool):
        keys = LocalKeyService.open(settings.master_key_file)
        print(await uci.run(pool, keys, file))


def bench(name: str, *, json: bool = False) -> None:
    """Measure against a yardstick of the same run; exit status 1 below what is to be reached.

    Parameters
    ----------
    name
        kernel, quote, day, day-peak, day-idle, repay, read or start.
    json
        Print one JSON line.
    """
    from usance import bench as benches

    sys.exit(benches.main(name, as_json=json))
