"""``usance import uci-credit`` and ``usance bench``: long runs with their own rooms."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from usance.cli.house import opened, run

BENCHES = {
    "kernel": "kernel:run", "quote": "quote:run", "day": "day:run_day",
    "day-peak": "day:run_peak", "day-idle": "idle:run", "repay": "repay:run",
    "read": "read:run", "audit": "audit:run", "drill": "drill:run", "start": "start:run_start",
    "policy": "policy:run", "decide": "decide:run",
    "features": "features:run", "tiers": "features:run_tiers",
    "notices": "notices:run", "notices-gate": "notices:run_gate",
    "notices-plan": "notices:run_plan", "notices-send": "notices:run_send",
}  # fmt: skip
"""Where each lives: a function ``(*, as_json: bool) -> Result``."""


def uci_credit(
    file: Path, *, report: Path | None = None, sample: Path | None = None, workers: int = 2
) -> None:
    """Bring a UCI file of card accounts through six months of a new book; compare book and file.

    Exit status 1 if a balance differs. The same file again changes nothing and compares again.

    Parameters
    ----------
    file
        The CSV file.
    report
        Also write the report there, as Markdown.
    sample
        Also write a file for `usance scorecard fit`: what is known of accounts, and what came.
    workers
        How many ranges of contracts a day close works on at once.
    """
    sys.exit(run(_uci_credit(file, report, sample, workers)))


async def _uci_credit(
    file: Path, report: Path | None, sample: Path | None, workers: int
) -> int:
    from usance.importer import uci_credit, uci_sample
    from usance.importer.report import markdown

    async with opened() as (_, pool):
        found = await uci_credit(file, pool, workers=workers, progress=print)
        if sample is not None:
            await uci_sample(file, pool, sample)
    text = markdown(found)
    print(text)
    if report is not None:
        await asyncio.to_thread(report.write_text, text, "utf-8")
    return 0 if found.ok else 1


def bench(name: str, *, json: bool = False) -> None:
    """Measure against a yardstick of the same run; exit status 1 below what is to be reached.

    Parameters
    ----------
    name
        kernel, quote, day, repay, read, audit, drill, start or notices; list names all.
    json
        Print one JSON line.
    """
    from importlib import import_module

    from usance.core.refusals import Refused

    if name == "list":
        print("\n".join(BENCHES))
        return
    if name not in BENCHES:
        raise Refused("R-FOUND-01", f"there is no bench {name!r}, but {', '.join(BENCHES)}", "NAME")
    module, _, function = BENCHES[name].partition(":")
    result = getattr(import_module(f"usance.bench.{module}"), function)(as_json=json)
    sys.exit(0 if result.ok else 1)
