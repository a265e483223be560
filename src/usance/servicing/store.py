"""The SQL that loads contracts into the hand and writes them back.

A fixed few statements, whatever the number of contracts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from usance.contract.records import Contract, Due, Event, Terms
from usance.contract.replay import History, Opening
from usance.contract.schedule import Fee, Plan
from usance.core.identifiers import CELLS, cell_of_borrower, cell_of_contract
from usance.core.rules import rule
from usance.ledger.digest import digest
from usance.platform.database import Connection
from usance.servicing import columns as sql
from usance.servicing.hand import (
    Authorisation,
    Booked,
    BorrowerBook,
    Hand,
    Line,
    Offer,
    statement_event,
)

HEAD = len(sql.CONTRACT_HEAD)
TERMS: dict[int, Terms] = {}
"""Agreed terms by id; rows never change, so a process keeps what it has seen."""

Rows = list[tuple[Any, ...]]


def day(ordinal: int) -> date:
    """A day for a date column."""
    return date.fromordinal(ordinal)


async def lock(connection: Connection) -> int:
    """Join those that may book; gives the business date as an ordinal."""
    await connection.execute(sql.LOCK)
    today: date = await connection.fetchval("SELECT business_date FROM book")
    return today.toordinal()


async def load(
    connection: Connection, books: dict[int, BorrowerBook], contracts: Iterable[int]
) -> None:
    """Load and lock: lines, named contracts, then all open ones of books that are wanted whole.

    What opens or closes a contract writes a line or holds the borrower's row, so whoever has the
    lines sees every contract.
    """
    await load_lines(connection, books)
    named = sorted(set(contracts))
    rows = []
    if named:
        cells = [cell_of_contract(each) for each in named]
        rows = await connection.fetch(
            sql.LOAD_CONTRACTS, sql.listed(cells), sql.listed(named)
        )
    whole = sorted(each for each, book in books.items() if book.whole)
    if whole:
        cells = [cell_of_borrower(each) for each in whole]
        known = {row[1] for row in rows}
        more = await connection.fetch(sql.LOAD_BORROWERS, sql.listed(cells), sql.listed(whole))
        rows += [row for row in more if row[1] not in known]
    await load_terms(connection, {row[4] for row in rows})
    for row in rows:
        books[row[2]].hands[row[1]] = hand_of(row)
    await load_dues(connection, [books[row[2]].hands[row[1]] for row in rows])


def hand_of(row: Sequence[int]) -> Hand:
    """A contract's row as a hand, its dues still missing."""
    return Hand(
        contract_id=row[1], product_id=row[3], terms_id=row[4], terms=TERMS[row[4]],
        state=Contract(*row[HEAD:]), dues=[], parent_id=row[5], version=row[6],
    )  # fmt: skip


async def load_dues(connection: Connection, hands: list[Hand]) -> None:
    """Dues from the first open one on; a contract with none open keeps its last."""
    if not hands:
        return
    wanted = {hand.contract_id: hand for hand in hands}
    first = [max(min(h.state.first_open, h.state.count), 1) for h in hands]
    rows = await connection.fetch(
        sql.LOAD_DUES, sql.listed([h.cell for h in hands]),
        sql.listed([h.contract_id for h in hands]), sql.listed(first),
    )
    for row in rows:
        wanted[row[1]].dues.append(Due(*row[2:]))
    for hand in hands:
        hand.remember()


async def load_terms(connection: Connection, wanted: set[int]) -> None:
    """Terms that this process has not seen yet."""
    missing = wanted - TERMS.keys()
    if missing:
        rows = await connection.fetch(
            "SELECT terms_id, numbers FROM terms WHERE terms_id = ANY($1::int[])", list(missing)
        )
        for row in rows:
            TERMS[row[0]] = terms_from(json.loads(row[1]))


def terms_from(numbers: dict[str, Any]) -> Terms:
    """Terms as stored."""
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in numbers.items()}
    return Terms(**given)


async def load_lines(connection: Connection, books: dict[int, BorrowerBook]) -> None:
    """Lines of the books that are wanted whole."""
    whole = sorted(each for each, book in books.items() if book.whole)
    if not whole:
        return
    rows = await connection.fetch(
        "SELECT borrower_id, product_id, limit_amount, held, status, contract_id, opened_on, "
        f"version FROM line WHERE (cell, borrower_id) IN {sql.KEYS} "
        "ORDER BY borrower_id, product_id FOR UPDATE",
        sql.listed([cell_of_borrower(each) for each in whole]), sql.listed(whole),
    )  # fmt: skip
    for borrower_id, product_id, limit, held, status, contract_id, opened_on, version in rows:
        books[borrower_id].lines[product_id] = Line(
            borrower_id, product_id, limit, held, status, contract_id, opened_on.toordinal(),
            version,
        )  # fmt: skip


async def load_offer(connection: Connection, book: BorrowerBook, offer_id: int) -> None:
    """An offer of the borrower, locked."""
    row = await connection.fetchrow(
        "SELECT offer_id, borrower_id, product_id, document, cost, principal, valid_until, status, "
        "contract_id, parent_id, cycle FROM offer "
        "WHERE cell = $1 AND offer_id = $2 AND borrower_id = $3 FOR UPDATE",
        cell_of_borrower(book.borrower_id), offer_id, book.borrower_id,
    )  # fmt: skip
    if row is not None:
        book.offers[offer_id] = Offer(
            row[0], row[1], row[2], json.loads(row[3]), json.loads(row[4]), row[5],
            row[6].toordinal(), *row[7:],
        )  # fmt: skip


async def load_authorisation(connection: Connection, book: BorrowerBook, wanted: int) -> None:
    """A hold of the borrower, locked."""
    row = await connection.fetchrow(
        "SELECT authorisation_id, borrower_id, contract_id, amount, captured, status, merchant, "
        "authorised_on, expires_on FROM authorisation "
        "WHERE cell = $1 AND authorisation_id = $2 AND borrower_id = $3 FOR UPDATE",
        cell_of_borrower(book.borrower_id), wanted, book.borrower_id,
    )  # fmt: skip
    if row is not None:
        book.authorisations[wanted] = Authorisation(
            *row[:7], *(each.toordinal() for each in row[7:])
        )


async def last_contracts(connection: Connection, books: list[BorrowerBook]) -> None:
    """Lock borrowers whose contracts are about to be numbered; note those that do not exist."""
    if not books:
        return
    cells = [cell_of_borrower(each.borrower_id) for each in books]
    rows = await connection.fetch(
        "SELECT borrower_id, last_contract, (SELECT currency FROM book) FROM borrower "
        f"WHERE (cell, borrower_id) IN {sql.KEYS} ORDER BY borrower_id FOR UPDATE",
        sql.listed(cells), sql.listed([each.borrower_id for each in books]),
    )  # fmt: skip
    found = {row[0]: row for row in rows}
    for book in books:
        book.known = book.borrower_id in found
        if book.known:
            _, book.last_contract, book.currency = found[book.borrower_id]


@rule("R-REV-01")
async def load_history(connection: Connection, hand: Hand) -> None:
    """All events of a contract, for what must replay or refer to them."""
    opening = await connection.fetchval(
        "SELECT document FROM contract_opening WHERE cell = $1 AND contract_id = $2",
        hand.cell, hand.contract_id,
    )  # fmt: skip
    rows = await connection.fetch(
        "SELECT seq, kind, effective_on, booked_on, amount, of_seq, component, days, pinned, "
        "principal, interest, fee, penalty, credit, reversed_by FROM event "
        "WHERE cell = $1 AND contract_id = $2 ORDER BY seq",
        hand.cell, hand.contract_id,
    )  # fmt: skip
    document = json.loads(opening)
    await load_terms(connection, {document["terms_id"]})
    hand.history = history_of(document, rows)
    pairs = await connection.fetch(
        "SELECT debit, credit, sum(amount)::bigint FROM transfer "
        "WHERE cell = $1 AND contract_id = $2 GROUP BY debit, credit",
        hand.cell, hand.contract_id,
    )  # fmt: skip
    hand.stored_pairs = {(row[0], row[1]): row[2] for row in pairs}


def history_of(document: dict[str, Any], rows: Iterable[Sequence[Any]]) -> History:
    """A history that knows the stored events; its state is not yet rebuilt."""
    history = History(opening_of(document))
    for row in rows:
        event = Event(row[0], row[1], row[2].toordinal(), row[3].toordinal(), *row[4:14])
        history.take(event, reversed_by=row[14])
    return history


def opening_of(document: dict[str, Any]) -> Opening:
    """The opening that a contract was stored with."""
    terms = TERMS[document["terms_id"]]
    if document.get("plan") is None:
        return Opening(terms, None, document["opened_on"], document["statement_day"])
    plan = dict(document["plan"])
    plan["fees"] = tuple(Fee(**fee) for fee in plan["fees"])
    return Opening(terms, Plan(**plan), plan["disbursed_on"])


# -- writing ------------------------------------------------------------------------------------


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


def dated(rows: Rows, places: Sequence[int]) -> list[str]:
    """Columns of rows as arrays in text, with ordinals at ``places`` as dates."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    for place in places:
        columns[place] = [day(each) for each in columns[place]]
    return [sql.listed(column) for column in columns]


async def write_hands(connection: Connection, hands: list[Hand], rowsets: list[Rowset]) -> None:
    """Write everything that the hands hold."""
    dirty = [hand for hand in hands if hand.dirty or hand.new]
    await add_plans(connection, [hand for hand in dirty if hand.statements])
    await write_states(connection, dirty)
    events = [row for rowset in rowsets for row in rowset.events]
    if events:
        await connection.execute(sql.INSERT_EVENTS, *dated(events, (4, 5)))
    transfers = [row for rowset in rowsets for row in rowset.transfers]
    if transfers:
        await connection.execute(sql.INSERT_TRANSFERS, *dated(transfers, (7, 8)))
    await write_extras(connection, dirty)


async def write_states(connection: Connection, dirty: list[Hand]) -> None:
    """Contracts and dues."""
    for new in (False, True):
        rows = []
        for hand in dirty:
            if hand.new == new:
                hand.version += 1
                rows.append(contract_row(hand))
        if rows:
            statement = sql.INSERT_CONTRACTS if new else sql.UPDATE_CONTRACTS
            await connection.execute(statement, *dated(rows, ()))
    dues = [
        (hand.cell, hand.contract_id, *values) for hand in dirty for values in hand.changed_dues()
    ]
    if dues:
        await connection.execute(sql.UPSERT_DUES, *dated(dues, ()))
    for hand in dirty:
        last = hand.dues[-1].n if hand.dues else 0
        if hand.held_before and max(hand.held_before) > last:
            await connection.execute(
                "DELETE FROM due WHERE cell = $1 AND contract_id = $2 AND n > $3",
                hand.cell, hand.contract_id, last,
            )  # fmt: skip


def contract_row(hand: Hand) -> tuple[int, ...]:
    """A hand as its row."""
    borrower_id = hand.contract_id >> 12
    return (
        borrower_id % CELLS, hand.contract_id, borrower_id, hand.product_id, hand.terms_id,
        hand.parent_id, hand.version, *CONTRACT_FIELDS(hand.state),
    )  # fmt: skip


def _contract_fields() -> Any:
    from operator import attrgetter

    from usance.contract.records import names

    return attrgetter(*names(Contract))


CONTRACT_FIELDS = _contract_fields()


async def write_extras(connection: Connection, dirty: list[Hand]) -> None:
    """Accrual changes, statements, notices, openings, reversal marks."""
    changes = []
    for hand in dirty:
        changes += change_rows(hand)
    if changes:
        await connection.execute(sql.INSERT_CHANGES, *dated(changes, (7,)))
    statements = [row for hand in dirty for row in statement_rows(hand)]
    if statements:
        await connection.execute(sql.INSERT_STATEMENTS, *dated(statements, (3, 4, 5)))
    notices = [
        (hand.cell, hand.contract_id, n.n, n.kind, n.send_on, n.days)
        for hand in dirty
        for n in hand.notices
    ]
    if notices:
        await connection.execute(sql.INSERT_NOTICES, *dated(notices, (4,)))
    await write_rare(connection, dirty)


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
        e = statement_event(said, seq, said.on)
        number = hand.state.statements - len(hand.statements) + len(found) + 1
        found.append(
            (hand.cell, hand.contract_id, number, said.on, said.due.due_on, said.due.from_on, n,
             e.principal, e.interest, e.fee, e.penalty, said.required, said.balance,
             said.credit, hand.plans_due.get(seq, 0), seq)
        )  # fmt: skip
    return found


async def write_rare(connection: Connection, dirty: list[Hand]) -> None:
    """What only new contracts and reversals write."""
    openings = [
        (hand.cell, hand.contract_id, json.dumps(hand.opening))
        for hand in dirty
        if hand.opening is not None
    ]
    if openings:
        await connection.execute(sql.INSERT_OPENINGS, *dated(openings, ()))
    for hand in dirty:
        for seq, by in hand.reversed_events.items():
            await connection.execute(
                "UPDATE event SET reversed_by = $4 "
                "WHERE cell = $1 AND contract_id = $2 AND seq = $3",
                hand.cell, hand.contract_id, seq, by,
            )  # fmt: skip


async def write_operation(
    connection: Connection, operation_id: int, actor: str, action: str, today: int, hashed: bytes
) -> None:
    """The audit event of work that no one borrower asked for."""
    await connection.execute(
        "INSERT INTO operation (operation_id, actor, action, business_date, digest) "
        "VALUES ($1, $2, $3, $4, $5)",
        operation_id, actor, action, day(today), hashed,
    )  # fmt: skip


async def write_books(connection: Connection, books: list[tuple[BorrowerBook, int]]) -> None:
    """Lines, offers, holds and numbering of borrowers, each under its operation."""
    lines = [
        (cell_of_borrower(x.borrower_id), x.borrower_id, x.product_id, x.limit, x.held, x.status,
         x.contract_id, x.opened_on, 1)
        for book, _ in books for x in book.lines.values() if x.dirty or x.new
    ]  # fmt: skip
    if lines:
        await connection.execute(sql.UPSERT_LINES, *dated(sorted(lines), (7,)))
    for book, operation_id in books:
        cell = cell_of_borrower(book.borrower_id)
        for offer in book.offers.values():
            if offer.dirty or offer.new:
                await write_offer(connection, cell, offer, operation_id)
        for hold in book.authorisations.values():
            if hold.dirty or hold.new:
                await write_hold(connection, cell, hold, operation_id)
    numbered = [
        (cell_of_borrower(book.borrower_id), book.borrower_id, book.last_contract)
        for book, _ in books if book.new_contracts
    ]  # fmt: skip
    if numbered:
        await connection.execute(sql.UPDATE_NUMBERS, *dated(numbered, ()))


async def write_hold(
    connection: Connection, cell: int, hold: Authorisation, operation_id: int
) -> None:
    """A hold, new or with another status."""
    await connection.execute(
        "INSERT INTO authorisation (cell, authorisation_id, borrower_id, contract_id, "
        "amount, captured, status, merchant, authorised_on, expires_on, operation_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
        "ON CONFLICT (cell, authorisation_id) DO UPDATE SET captured = $6, status = $7",
        cell, hold.authorisation_id, hold.borrower_id, hold.contract_id, hold.amount,
        hold.captured, hold.status, hold.merchant, day(hold.authorised_on),
        day(hold.expires_on), operation_id,
    )  # fmt: skip


async def write_offer(
    connection: Connection, cell: int, offer: Offer, operation_id: int
) -> None:
    """An offer, new or with another status."""
    await connection.execute(
        "INSERT INTO offer (cell, offer_id, borrower_id, product_id, document, cost, principal, "
        "parent_id, cycle, valid_until, status, contract_id, operation_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) "
        "ON CONFLICT (cell, offer_id) DO UPDATE SET status = $11, contract_id = $12",
        cell, offer.offer_id, offer.borrower_id, offer.product_id, json.dumps(offer.document),
        json.dumps(offer.cost), offer.principal, offer.parent_id, offer.cycle,
        day(offer.valid_until), offer.status, offer.contract_id, operation_id,
    )  # fmt: skip


class Overtaken(Exception):
    """Somebody else wrote a contract after it was read; nothing of this transaction stays."""
