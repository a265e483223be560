"""Which row it is, where the digest of an operation is not the hash of its rows.

A digest says of many rows that one of them is wrong. The kernel says of each event what it does,
one after the other, so the first event that does something else than is stored is the row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from usance.contract.records import (
    DAY,
    GOODWILL,
    OPEN,
    PAYOUT,
    RECOVERY,
    REPAYMENT,
    STATEMENT,
    Event,
)
from usance.contract.replay import History, Parts
from usance.core.identifiers import CELLS
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.day import store as sql
from usance.day.verify_facts import load_pasts
from usance.day.verify_replay import Facts, issue, learn, same_parts
from usance.ledger.transfers import Pair, differences, pairs_of, transfers_of
from usance.platform.database import Connection
from usance.servicing import store

MOST = 5_000
"""Contracts of one operation that are looked at."""
FEW = 3
"""Rows that are all named where none stands out."""
DAY_NAME = re.compile(r"\d{4}-\d\d-\d\d")
AMOUNT_ONLY = (REPAYMENT, RECOVERY, GOODWILL, PAYOUT)
"""Events that take an amount and nothing else."""
Transfers = dict[int, list[tuple[int, ...]]]
"""By event: number, debit, credit, amount."""


@dataclass(slots=True)
class Suspects:
    """The contracts that an operation wrote to, and how often."""

    facts: list[Facts] = field(default_factory=list)
    transfers: dict[int, Transfers] = field(default_factory=dict)  # by contract
    mine: dict[int, list[int]] = field(default_factory=dict)  # events of the operation


@rule("R-VERIFY-01", "R-PROOF-09")
def first_wrong(facts: Facts, stored: Transfers) -> str:
    """The first event whose rows are not what a replay makes of it; nothing if all are."""
    contract_id = facts.contract[1]
    if facts.opening is None:
        return f"{contract_id}"
    history = History(store.opening_of(facts.opening))
    booked: dict[Pair, int] = {}
    for place, row in enumerate(facts.events, 1):
        if row[0] != place:
            return f"{contract_id} event {min(row[0], place)}"
        try:
            if not agrees(facts, history, row):
                return f"{contract_id} event {row[0]}"
            now = pairs_of(history.state.effects)
            wanted = transfers_of(differences(now, booked))
        except (AssertionError, ArithmeticError, LookupError, TypeError, Refused):
            return f"{contract_id} event {row[0]}"
        if wrong := wrong_transfer(wanted, stored.get(row[0], [])):
            return f"{contract_id} event {row[0]} {wrong}"
        booked = now
    surplus = sorted(stored.keys() - {row[0] for row in facts.events})
    return f"{contract_id} event {surplus[0]}" if surplus else ""


def agrees(facts: Facts, history: History, row: tuple[Any, ...]) -> bool:
    """Whether the event does what its row says; the history has it afterwards."""
    event = Event(row[0], row[1], row[2].toordinal(), row[3].toordinal(), *row[4:14])
    if event.kind == OPEN:
        plan, on = history.opening.plan, history.state.contract.on
        wanted = replace(Event(), seq=1, kind=OPEN, on=on, booked_on=on)
        return event == replace(wanted, amount=plan.principal if plan else 0) and row[15] == 0
    if event.kind == STATEMENT:
        plain = (event.amount, event.of, event.component, event.days, event.credit, row[15])
        said = not list(issue(history, facts, event)) and plain == (0,) * 6
        history.state.advance(event.on + 1)
        return said and event.booked_on == event.on and event.pinned == 1
    if event.kind == DAY:
        if event.on < history.state.contract.on or event.booked_on != event.on:
            return False
        history.state.advance(event.on + 1)
        return not any(row[4:14]) and row[15] == 0
    if event.kind in AMOUNT_ONLY and any((event.of, event.component, event.days, event.pinned)):
        return False
    learn(history, event)
    parts = history.state.parts.get(event.seq, Parts())
    return parts.cycle == row[15] and not list(same_parts(facts, event, parts))


def wrong_transfer(wanted: list[tuple[int, int, int]], stored: list[tuple[int, ...]]) -> str:
    """The first transfer that is not what it should be: ``number 2``; nothing if all are."""
    rows = sorted(stored)
    for number, sides in enumerate(wanted):
        if number >= len(rows) or rows[number] != (number, *sides):
            found = rows[number][0] if number < len(rows) else number
            return f"number {min(found, number)}"
    return f"number {rows[len(wanted)][0]}" if len(rows) > len(wanted) else ""


async def name_rows(connection: Connection, operation_id: int) -> str:
    """Rows of the operation that are wrong, as far as they can be told; in words for a key."""
    found = await suspects_of(connection, operation_id)
    for each in found.facts:
        if wrong := first_wrong(each, found.transfers.get(each.contract[1], {})):
            return wrong
    rows = [f"{contract} event {seq}" for contract, seqs in found.mine.items() for seq in seqs]
    for cell, event, number in await connection.fetch(sql.RECEIPTS_BY, operation_id):
        rows.append(f"cell {cell} event {event} number {number}")
    return ", ".join(rows) if len(rows) <= FEW else f"one of {len(rows)} events"


async def name_accrual(connection: Connection, key: str) -> str:
    """The accrual of a finished day that is wrong: where the ledger is not what is posted."""
    day = next((each for each in key.split() if DAY_NAME.fullmatch(each)), "")
    last = await connection.fetchval(sql.LAST_FINISHED)
    if not day or last is None:
        return ""
    place = f"event {date.fromisoformat(day).toordinal()} number"
    for cell, product, stream, said, balance in await connection.fetch(
        sql.POSTED_AND_BALANCE, last
    ):
        if said != balance:
            return f"cell {cell} {place} {product * 8 + stream}"
    row = await connection.fetchrow(sql.ROUNDING_BOOKED)
    if row is None:
        return ""
    _, cell, _, product = row[0].split()
    return f"cell {cell} {place} {int(product) * 8 + 5}"


async def suspects_of(connection: Connection, operation_id: int) -> Suspects:
    """Everything about the contracts that an operation wrote to."""
    found = Suspects()
    rows = await connection.fetch(sql.EVENTS_BY, operation_id)
    for _, contract_id, seq in rows:
        found.mine.setdefault(contract_id, []).append(seq)
    wanted = sorted(found.mine)[:MOST]
    everywhere = 0, CELLS - 1
    rows = await connection.fetch(sql.CONTRACTS_AMONG, *everywhere, wanted)
    facts = {row[1]: Facts(tuple(row)) for row in rows}
    await load_pasts(connection, *everywhere, facts)
    found.facts = list(facts.values())
    for contract_id, seq, *transfer in await connection.fetch(
        sql.TRANSFERS_AMONG, *everywhere, wanted
    ):
        events = found.transfers.setdefault(contract_id, {})
        events.setdefault(seq, []).append(tuple(transfer))
    return found
