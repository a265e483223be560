"""Loads contracts into the hand: a fixed few statements, whatever their number."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from usance.contract.records import Contract, Event, Terms
from usance.contract.replay import History, Opening
from usance.contract.schedule import Fee, Plan
from usance.core.identifiers import cell_of_borrower, cell_of_contract
from usance.core.rules import rule
from usance.platform.clock import microseconds
from usance.platform.database import Connection
from usance.servicing import columns as sql
from usance.servicing.hand import (
    Authorisation,
    BorrowerBook,
    CostSheet,
    Hand,
    Line,
    Offer,
)

HEAD = len(sql.CONTRACT_HEAD)
TERMS: dict[int, Terms] = {}
"""Agreed terms by id; rows never change, so a process keeps what it has seen."""

Rows = list[tuple[Any, ...]]


def day(ordinal: int) -> date:
    """A day for a date column."""
    return date.fromordinal(ordinal)


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


async def read_at_once(
    connection: Connection, contracts: Iterable[int], clients: list[str], keys: list[str]
) -> tuple[date, Rows, list[Hand]]:
    """Business date, answers given to keys, contracts with their open dues, as of one moment."""
    named = sorted(set(contracts)) or [0]  # one row at least, for the date
    cells = [cell_of_contract(each) for each in named]
    rows = await connection.fetch(
        sql.READ_AT_ONCE, sql.listed(cells), sql.listed(named), clients, keys
    )
    found = [(tuple(row[3:]), row[2]) for row in rows if row[4] is not None]
    await load_terms(connection, {row[4] for row, _ in found})
    hands = []
    for row, dues in found:
        hand = hand_of(row)
        hand.hold(dues)
        hands.append(hand)
    return rows[0][0], rows[0][1], hands


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
    first = [max(min(h.state.first_open, h.state.count), 1) for h in hands]
    rows = await connection.fetch(
        sql.LOAD_DUES, sql.listed([h.cell for h in hands]),
        sql.listed([h.contract_id for h in hands]), sql.listed(first),
    )
    found: dict[int, Rows] = {hand.contract_id: [] for hand in hands}
    for row in rows:
        found[row[1]].append(row[2:])
    for hand in hands:
        hand.hold(found[hand.contract_id])


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


async def load_sheet(connection: Connection, book: BorrowerBook, offer_id: int) -> None:
    """The cost sheet of an offer of the borrower, locked."""
    place = cell_of_borrower(book.borrower_id), offer_id, book.borrower_id
    row = await connection.fetchrow(sql.LOAD_SHEET, *place)
    if row is not None:
        shown, confirmed = (microseconds(row[at]) if row[at] else 0 for at in (6, 9))
        book.sheets[offer_id] = CostSheet(
            row[0], row[1], row[2], row[3], row[4], row[5], shown, row[7], row[8], confirmed,
            row[10],
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
        "SELECT borrower_id, last_contract, status = 2, (SELECT currency FROM book) FROM borrower "
        f"WHERE (cell, borrower_id) IN {sql.KEYS} ORDER BY borrower_id FOR UPDATE",
        sql.listed(cells), sql.listed([each.borrower_id for each in books]),
    )  # fmt: skip
    found = {row[0]: row for row in rows}
    for book in books:
        book.known = book.borrower_id in found
        if book.known:
            _, book.last_contract, book.erased, book.currency = found[book.borrower_id]


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


class Overtaken(Exception):
    """Somebody else wrote a contract after it was read; nothing of this transaction stays."""
