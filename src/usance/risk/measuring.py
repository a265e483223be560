"""Reads the book as of a closed day, measures it, and answers what was measured.

A contract without an event booked after the day stands as it did: time alone makes it late, and the
day from which it is late says since when. Every other is replayed with what was booked by the day.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from usance.core.rules import rule
from usance.platform.database import Connection, Pool
from usance.risk import portfolio
from usance.risk import portfolio_sql as sql
from usance.risk.portfolio import Part, Rolls, Vintage
from usance.servicing import store

AT_ONCE = 50
"""Contracts that are replayed before others may go on."""
CHANGED_MOST = 50_000
"""A day since which more contracts have changed is not measured any more: it would take minutes."""
MONTHS = 24
"""Of opening, that vintages show."""
PORTFOLIO = "portfolio"
Stood = tuple[int, int, int, int, int, int]
"""Cell, contract, product, opened on, band, unpaid principal."""


@rule("R-PORT-01")
async def measure(connection: Connection, day: date) -> int | None:
    """Note how a closed day ended; how many contracts were replayed. None: too much has changed."""
    changed = await connection.fetch(sql.CHANGED_SINCE, day, CHANGED_MOST + 1)
    if len(changed) > CHANGED_MOST:
        return None
    stood: list[Stood] = []
    for start in range(0, len(changed), AT_ONCE):
        batch = [(row[0], row[1]) for row in changed[start : start + AT_ONCE]]
        stood += await stood_then(connection, batch, day)
        await asyncio.sleep(0)
    columns = zip(*stood, strict=True) if stood else ([],) * 6
    await connection.execute(sql.MEASURE, day, *(list(each) for each in columns))
    return len(changed)


async def stood_then(
    connection: Connection, contracts: Sequence[tuple[int, int]], day: date
) -> list[Stood]:
    """Contracts as they stood at the end of a day, from what was booked by it."""
    keys = [list(each) for each in zip(*contracts, strict=True)]
    heads = await connection.fetch(sql.OPENINGS, *keys)
    rows = await connection.fetch(sql.EVENTS, *keys, day)
    documents = {row["contract_id"]: json.loads(row["document"]) for row in heads}
    await store.load_terms(connection, {each["terms_id"] for each in documents.values()})
    events = {
        contract: list(each) for contract, each in itertools.groupby(rows, key=lambda row: row[0])
    }
    return list(_stood(heads, documents, events, day.toordinal()))


def _stood(
    heads: Iterable[Any], documents: Mapping[int, dict[str, Any]],
    events: Mapping[int, Sequence[Any]], day: int,
) -> Iterable[Stood]:  # fmt: skip
    for cell, contract, product, opened_on, _ in heads:
        if contract not in events:
            continue  # it was not there yet
        rows = [(*row[1:], 0) for row in events[contract]]
        history = store.history_of(documents[contract], rows)
        history.rebuild(day + 1)
        c = history.state.contract
        band = portfolio.band_of(c.status, c.late_from, day)
        if band != portfolio.LEFT:
            yield cell, contract, product, opened_on, band, c.unpaid_principal


# -- what was measured -----------------------------------------------------------------------------


class Portfolio:
    """Answers about the book as it was measured; every answer is as of a closed day."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def day(self, wanted: date | None = None) -> date | None:
        """The last measured day up to one that is wanted; None if nothing was measured by then."""
        found: date | None = await self._pool.fetchval(sql.LAST_MEASURED, wanted or date.max)
        return found

    async def parts(self, day: date) -> list[Part]:
        """The day by product, month of opening and band."""
        return await parts(self._pool, day)

    async def rolls(self, day: date) -> Rolls | None:
        """From the end of the month before to the day."""
        return await rolls(self._pool, day)

    async def vintages(self, day: date, band: int) -> list[Vintage]:
        """By month of opening, how many were ever in a band or a later one."""
        return await vintages(self._pool, day, band)

    async def by_day(self, after: date, day: date) -> Sequence[Mapping[str, Any]]:
        """Contracts and principal by day and band."""
        rows: Sequence[Mapping[str, Any]] = await self._pool.fetch(sql.BY_DAY, after, day)
        return rows

    async def losses(self, after: date, day: date) -> Sequence[Mapping[str, Any]]:
        """What was written off and what came back, by month."""
        rows: Sequence[Mapping[str, Any]] = await self._pool.fetch(sql.LOSSES, after, day)
        return rows


async def parts(where: Connection | Pool, day: date) -> list[Part]:
    """The rows of a day."""
    return [Part(*row) for row in await where.fetch(sql.PARTS, day)]


async def rolls(where: Connection | Pool, day: date) -> Rolls | None:
    """From the last measured day of the month before; None if there is none."""
    first = await where.fetchval(sql.LAST_MEASURED, portfolio.month_before(day))
    if first is None:
        return None
    there = await where.fetchval(sql.THERE, first)
    moves = [tuple(row) for row in await where.fetch(sql.MOVES, first, day)]
    return portfolio.rolls_of(first, day, there, moves)


async def vintages(where: Connection | Pool, day: date, band: int) -> list[Vintage]:
    """Of the last two years."""
    first = date((day.year * 12 + day.month - 1 - MONTHS) // 12, (day.month - 1) % 12 + 1, 1)
    opened = {row["month"]: row["contracts"] for row in await where.fetch(sql.OPENED, day, first)}
    reached = [tuple(row) for row in await where.fetch(sql.REACHED, day, first, band)]
    return portfolio.vintages_of(day, opened, reached)


@rule("R-PORT-05")
async def watched(connection: Connection, day: date) -> dict[str, int]:
    """What the monitors watch of a day; it is kept with the day."""
    found = portfolio.figures(
        await parts(connection, day), await rolls(connection, day),
        await vintages(connection, day, portfolio.OVER_30),
    )  # fmt: skip
    await keep(connection, PORTFOLIO, day, found)
    return found


async def keep(
    connection: Connection, monitor: str, day: date, figures: Mapping[str, Any]
) -> None:
    """Keep what a monitor found on a day."""
    await connection.execute(sql.KEEP, monitor, day, msgspec.json.encode(figures).decode())


async def kept(
    where: Connection | Pool, monitor: str, after: date, before: date
) -> list[tuple[date, dict[str, Any]]]:
    """What it found on the days between two."""
    rows = await where.fetch(sql.KEPT, monitor, after, before)
    return [(row["day"], msgspec.json.decode(row["figures"])) for row in rows]
