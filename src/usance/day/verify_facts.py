"""The rows that the proof of a contract needs, by portions of cells."""

import json
from collections.abc import AsyncIterator

from usance.core.identifiers import CELLS
from usance.day import store as sql
from usance.day.verify_replay import Facts
from usance.platform.database import Connection
from usance.servicing import store

PORTION = 400
"""Contracts handed to a process at a time."""


async def portions(connection: Connection, count: int, step: int) -> AsyncIterator[list[Facts]]:
    """Contracts and what their proof needs, by ranges of cells; every ``step``-th with its past."""
    width = max(CELLS * PORTION // max(count, 1), 1)
    for low in range(0, CELLS, width):
        found = await facts_of(connection, low, min(low + width, CELLS) - 1, step)
        if found:
            yield found


async def facts_of(connection: Connection, low: int, high: int, step: int) -> list[Facts]:
    """The rows of the contracts of some cells."""
    found = {}
    for place, row in enumerate(await connection.fetch(sql.CONTRACTS_OF, low, high)):
        found[row[1]] = Facts(tuple(row), replayed=(low + place) % step == 0)
    for row in await connection.fetch(sql.DUES_OF, low, high):
        found[row[1]].dues.append(tuple(row)[2:])
    await load_pasts(connection, low, high, found)
    return list(found.values())


async def load_pasts(
    connection: Connection, low: int, high: int, found: dict[int, Facts]
) -> None:
    """Terms, openings, events and what they booked, of those contracts that are to be replayed."""
    await store.load_terms(connection, {each.contract[4] for each in found.values()})
    wanted = [each for each, facts in found.items() if facts.replayed]
    for row in await connection.fetch(sql.OPENINGS_OF, low, high, wanted):
        found[row[0]].opening = json.loads(row[1])
    await store.load_terms(
        connection, {f.opening["terms_id"] for f in found.values() if f.opening is not None}
    )
    for row in await connection.fetch(sql.EVENTS_OF, low, high, wanted):
        found[row[0]].events.append(tuple(row)[1:])
    for row in await connection.fetch(sql.STATEMENTS_OF, low, high, wanted):
        found[row[0]].statements[row[1]] = said(tuple(row)[2:])
    for contract_id, debit, credit, amount in await connection.fetch(
        sql.PAIRS_OF, low, high, wanted
    ):
        found[contract_id].pairs[debit, credit] = amount


def said(row: tuple[object, ...]) -> tuple[object, ...]:
    """A statement's row with its days as ordinals."""
    return tuple(v.toordinal() if hasattr(v, "toordinal") else v for v in row)
