"""Writes what is in the hand: as many statements as there are tables, sent as one.

Whatever needs no answer is put together into a single statement of data-modifying parts, so a batch
costs one round trip. The parts see one state of the tables: no two may write the same row.
"""

import json
import re
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

from usance.contract.records import Contract, names
from usance.contract.replay import statement_event
from usance.core.identifiers import CELLS, cell_of_borrower
from usance.ledger.digest import digest
from usance.platform.clock import moment_at
from usance.platform.database import Connection
from usance.servicing import columns as sql
from usance.servicing.hand import Authorisation, Booked, BorrowerBook, Hand, Offer
from usance.servicing.store import Rows, day

CONTRACT_FIELDS = attrgetter(*names(Contract))
PARAMETER = re.compile(r"\$(\d+)")


class Beyond(Exception):
    """What is to be written needs a transaction with locks."""


class Writing:
    """Statements that need no answer, gathered and sent together.

    With ``read_on``, the business date of what was read without locks, all of it happens only if
    nothing has moved since: a single statement, committed by itself.
    """

    def __init__(self, connection: Connection, read_on: int = 0) -> None:
        self.connection = connection
        self.read_on = read_on
        self.states = 0
        self.parts: list[str] = []
        self.arguments: list[object] = []
        self.afterwards: list[tuple[object, ...]] = []

    def add(self, part: str, *columns: object) -> None:
        """One more part, with its own $1, $2, ..."""
        self.parts.append(part)
        self.arguments.extend(columns)

    def add_rows(self, part: str, rows: Rows) -> None:
        """A part that takes rows of numbers; nothing without rows."""
        if rows:
            self.add(part, *sql.numbers(rows))

    def add_columns(self, part: str, rows: Rows) -> None:
        """A part that takes one array for each column, of any type; nothing without rows."""
        if rows:
            self.add(part, *map(list, zip(*rows, strict=True)))

    def then(self, statement: str, *arguments: object) -> None:
        """What is rare, or concerns rows that a part writes: by itself, after the parts."""
        self.afterwards.append((statement, *arguments))

    def add_states(self, rows: Rows) -> None:
        """States of contracts; the first part, where what was read must still be so."""
        if self.read_on and self.parts:
            raise Beyond
        self.states = len(rows)
        self.add_rows(sql.UPDATE_AS_READ if self.read_on else sql.UPDATE_CONTRACTS, rows)

    async def send(self) -> None:
        """Everything happens."""
        if self.read_on:
            await self._send_alone()
        elif self.parts:
            await self.connection.execute(joined(tuple(self.parts)), *self.arguments)
        for statement in self.afterwards:
            await self.connection.execute(*statement)
        self.parts, self.arguments, self.afterwards = [], [], []

    async def _send_alone(self) -> None:
        """One statement or nothing."""
        if self.afterwards or not self.states:
            raise Beyond
        statement = joined(tuple(self.parts), sql.STILL_AS_READ)
        await self.connection.execute(statement, *self.arguments, day(self.read_on), self.states)


@lru_cache(maxsize=1024)
def joined(parts: tuple[str, ...], last: str = "SELECT") -> str:
    """One statement of many, their parameters numbered through; two more for ``last``."""
    found, used = [], 0
    for i, part in enumerate(parts):
        highest = max(int(each) for each in PARAMETER.findall(part))
        found.append(f"part_{i} AS ({shifted(part, used)})")
        used += highest
    return f"WITH {', '.join(found)} {last.format(day=f'${used + 1}', count=f'${used + 2}')}"


def shifted(part: str, by: int) -> str:
    """The same with other parameters."""
    return PARAMETER.sub(lambda found: f"${int(found[1]) + by}", part)


class Rowset:
    """What a transaction writes, table by table."""

    def __init__(self, operation_id: int) -> None:
        self.operation_id = operation_id
        self.events: Rows = []
        self.transfers: Rows = []

    def add(self, hand: Hand, booked: Booked) -> None:
        """Rows of one event."""
        e, p = booked.event, booked.parts.amounts
        parts = (p[3], p[2], p[1], p[0], p[4])
        if e.pinned:
            parts = (e.principal, e.interest, e.fee, e.penalty, 0)
        self.events.append(
            (hand.cell, hand.contract_id, e.seq, e.kind, e.on, e.booked_on, e.amount, e.of,
             e.component, e.days, e.pinned, *parts, booked.parts.cycle, self.operation_id)
        )  # fmt: skip
        for number, (debit, credit, amount) in enumerate(booked.transfers):
            self.transfers.append(
                (hand.cell, hand.contract_id, e.seq, number, debit, credit, amount, e.on,
                 e.booked_on, hand.product_id)
            )  # fmt: skip

    def digest(self) -> bytes:
        """Of the events and transfers written."""
        return digest([("event", self.events), ("transfer", self.transfers)])


async def write_hands(writing: Writing, hands: list[Hand], rowsets: list[Rowset]) -> None:
    """Everything that the hands hold."""
    dirty = [hand for hand in hands if hand.dirty or hand.new]
    await add_plans(writing.connection, [hand for hand in dirty if hand.statements])
    write_states(writing, dirty)
    events = [row for rowset in rowsets for row in rowset.events]
    writing.add_rows(sql.INSERT_EVENTS, events)
    transfers = [row for rowset in rowsets for row in rowset.transfers]
    writing.add_rows(sql.INSERT_TRANSFERS, transfers)
    write_extras(writing, dirty)


def write_states(writing: Writing, dirty: list[Hand]) -> None:
    """Contracts and dues."""
    for hand in dirty:
        hand.version += 1
    writing.add_states([contract_row(hand) for hand in dirty if not hand.new])
    writing.add_rows(sql.INSERT_CONTRACTS, [contract_row(hand) for hand in dirty if hand.new])
    changed = [
        (hand.cell, hand.contract_id, *values) for hand in dirty for values in hand.changed_dues()
    ]
    writing.add_rows(sql.UPSERT_DUES, changed)
    for hand in dirty:
        last = hand.dues[-1].n if hand.dues else 0
        if hand.held_before and max(hand.held_before) > last:
            writing.then(sql.DELETE_DUES, hand.cell, hand.contract_id, last)


def contract_row(hand: Hand) -> tuple[int, ...]:
    """A hand as its row."""
    borrower_id = hand.contract_id >> 12
    return (
        borrower_id % CELLS, hand.contract_id, borrower_id, hand.product_id, hand.terms_id,
        hand.parent_id, hand.version, *CONTRACT_FIELDS(hand.state),
    )  # fmt: skip


def write_extras(writing: Writing, dirty: list[Hand]) -> None:
    """Accrual changes, statements, notices, lateness, openings, reversal marks."""
    changes = [row for hand in dirty for row in change_rows(hand)]
    writing.add_rows(sql.INSERT_CHANGES, changes)
    statements = [row for hand in dirty for row in statement_rows(hand)]
    writing.add_rows(sql.INSERT_STATEMENTS, statements)
    notices = [
        (hand.cell, hand.contract_id, n.n, n.kind, n.send_on, n.days)
        for hand in dirty for n in hand.notices
    ]  # fmt: skip
    writing.add_rows(sql.INSERT_NOTICES, notices)
    late = [
        (hand.cell, hand.contract_id, hand.version * 64 + i, *each)
        for hand in dirty for i, each in enumerate(hand.lateness)
    ]  # fmt: skip
    writing.add_rows(sql.INSERT_LATENESS, late)
    openings = [
        (hand.cell, hand.contract_id, json.dumps(hand.opening))
        for hand in dirty if hand.opening is not None
    ]  # fmt: skip
    writing.add_columns(sql.INSERT_OPENINGS, openings)
    for hand in dirty:
        for seq, by in hand.reversed_events.items():
            writing.then(sql.MARK_REVERSED, hand.cell, hand.contract_id, seq, by)


async def add_plans(connection: Connection, issuing: list[Hand]) -> None:
    """A statement also says what instalment plans of the line ask by its due day."""
    said = {
        (hand.contract_id, each.due.due_on): (hand, place)
        for hand in issuing
        for place, (_, each, _) in enumerate(hand.statements)
    }
    if not said:
        return
    rows = await connection.fetch(
        sql.PLANS_DUE, [hand.cell for hand, _ in said.values()],
        [contract_id for contract_id, _ in said], [due_on for _, due_on in said],
    )  # fmt: skip
    for contract_id, amount, due_on in rows:
        hand, place = said[contract_id, due_on]
        n, issued, seq = hand.statements[place]
        hand.statements[place] = n, replace(issued, required=issued.required + amount), seq
        hand.plans_due[seq] = amount


def change_rows(hand: Hand) -> Rows:
    """Accrual changes of one write, summed where they fall together."""
    found: dict[tuple[int, ...], list[int]] = {}
    for booked_on, c in hand.changes:
        place = (c.stream, c.denominator, c.day_count, booked_on, c.from_weight)
        sums = found.setdefault(place, [0] * 5)
        values = (c.whole, c.rest, c.slope, c.slope_rest, c.rounding)
        for i, value in enumerate(values):
            sums[i] += value
    number = hand.version * 64
    return [
        (hand.cell, hand.contract_id, number + i, stream, below, hand.product_id, count,
         booked_on, weight, *sums)
        for i, ((stream, below, count, booked_on, weight), sums) in enumerate(found.items())
        if any(sums)
    ]  # fmt: skip


def statement_rows(hand: Hand) -> Rows:
    """Statements issued."""
    found: Rows = []
    for n, said, seq in hand.statements:
        e = statement_event(said, seq)
        number = hand.state.statements - len(hand.statements) + len(found) + 1
        found.append(
            (hand.cell, hand.contract_id, number, said.on, said.due.due_on, said.due.from_on, n,
             e.principal, e.interest, e.fee, e.penalty, said.required, said.balance,
             said.credit, hand.plans_due.get(seq, 0), seq)
        )  # fmt: skip
    return found


async def write_operation(
    connection: Connection, operation_id: int, actor: str, action: str, today: int, hashed: bytes
) -> None:
    """The audit event of work that no one borrower asked for."""
    await connection.execute(
        sql.INSERT_OPERATION, operation_id, actor, action, day(today), hashed
    )


def write_books(writing: Writing, books: list[tuple[BorrowerBook, int]]) -> None:
    """Lines, offers, holds and numbering of borrowers, each under its operation."""
    lines = [
        (cell_of_borrower(x.borrower_id), x.borrower_id, x.product_id, x.limit, x.held, x.status,
         x.contract_id, x.opened_on, 1)
        for book, _ in books for x in book.lines.values() if x.dirty or x.new
    ]  # fmt: skip
    writing.add_rows(sql.UPSERT_LINES, sorted(lines))
    for book, operation_id in books:
        cell = cell_of_borrower(book.borrower_id)
        for offer in book.offers.values():
            if offer.dirty or offer.new:
                write_offer(writing, cell, offer, operation_id)
        for hold in book.authorisations.values():
            if hold.dirty or hold.new:
                write_hold(writing, cell, hold, operation_id)
    write_sheets(writing, books)
    numbered = [
        (cell_of_borrower(book.borrower_id), book.borrower_id, book.last_contract)
        for book, _ in books if book.new_contracts
    ]  # fmt: skip
    writing.add_rows(sql.UPDATE_NUMBERS, numbered)


def write_sheets(writing: Writing, books: list[tuple[BorrowerBook, int]]) -> None:
    """Cost sheets: their words once, however many people they are of."""
    moved = [
        (cell_of_borrower(x.borrower_id), x, operation_id)
        for book, operation_id in books for x in book.sheets.values() if x.dirty or x.new
    ]  # fmt: skip
    writing.add_columns(sql.INSERT_WORDS, [(x.digest, x.text) for _, x, _ in moved if x.new])
    writing.add_columns(sql.UPSERT_SHEETS, [
        (cell, x.sheet_id, x.borrower_id, x.kind, x.contract_id, x.digest, instant(x.shown_at),
         x.language, x.nonce, instant(x.confirmed_at), x.how, by)
        for cell, x, by in moved
    ])  # fmt: skip


def instant(at: int) -> datetime | None:
    """A moment for a column; none for never."""
    return moment_at(at) if at else None


def write_hold(writing: Writing, cell: int, hold: Authorisation, operation_id: int) -> None:
    """A hold, new or with another status."""
    writing.then(
        sql.UPSERT_HOLD,
        cell, hold.authorisation_id, hold.borrower_id, hold.contract_id, hold.amount, hold.captured,
        hold.status, hold.merchant, day(hold.authorised_on),
        day(hold.expires_on), operation_id,
    )  # fmt: skip


def write_offer(writing: Writing, cell: int, offer: Offer, operation_id: int) -> None:
    """An offer, new or with another status."""
    writing.then(
        sql.UPSERT_OFFER,
        cell, offer.offer_id, offer.borrower_id, offer.product_id, json.dumps(offer.document),
        json.dumps(offer.cost), offer.principal, offer.parent_id, offer.cycle,
        day(offer.valid_until), offer.status, offer.contract_id, operation_id,
    )  # fmt: skip
