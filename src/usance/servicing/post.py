"""The poster: many commands in one transaction, each acknowledged only after the commit.

A batch is loaded with a fixed few statements, decided in memory one command after the other, and
written with a fixed few statements, so its cost is shared. Commands of one borrower see one
another's effects in the order in which they came. A refused command leaves nothing behind and does
not disturb the others.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from usance.core.identifiers import borrower_of_contract, cell_of_contract, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.once import Answer, Kept, problem
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.servicing import columns as sql
from usance.servicing import commands as asked
from usance.servicing import receipts, store, terms
from usance.servicing.cases import ALONE, CASES, NEEDS_HISTORY, WHOLE
from usance.servicing.hand import BorrowerBook, Hand
from usance.servicing.write import Rowset, Writing, write_books, write_hands

NUMBERED = asked.OpenLine | asked.AcceptOffer
"""Commands that may open a contract, which gets the borrower's next number."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command with who asks, and the key under which it is done once."""

    command: asked.Command
    actor: str
    key: str = ""
    request_hash: bytes = b""


@dataclass(slots=True)
class Done:
    """A request that was carried out in this transaction."""

    request: Request
    operation_id: int
    document: dict[str, Any]
    rowset: Rowset
    contract_id: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Batch:
    """The state of one transaction."""

    business_date: int
    books: dict[int, BorrowerBook] = field(default_factory=dict)
    commands: Counter[int] = field(default_factory=Counter)  # by borrower
    done: list[Done] = field(default_factory=list)
    marks: dict[int, int] = field(default_factory=dict)  # contract -> events given to an operation


def answers_given(rows: Iterable[Sequence[Any]]) -> dict[tuple[str, str], Kept]:
    """First answers, by who asked and under which key."""
    return {(client, key): Kept.stored(*first) for client, key, *first in rows}


def keys_of(requests: list[Request]) -> tuple[list[str], list[str]]:
    """Who asks, and under which key."""
    keyed = [(r.actor, r.key) for r in requests if r.key]
    return [actor for actor, _ in keyed], [key for _, key in keyed]


async def post(connection: Connection, requests: list[Request]) -> list[Answer]:
    """Carry out requests in a transaction that has ``columns.LOCK``; the caller commits."""
    today, answers = await known_answers(connection, requests)
    batch = Batch(today.toordinal())
    await load(connection, batch, [r for r in requests if (r.actor, r.key) not in answers])
    given = decide(batch, requests, answers)
    await write(Writing(connection), batch)
    return await heard_meanwhile(connection, requests, given)


async def known_answers(
    connection: Connection, requests: list[Request]
) -> tuple[date, dict[tuple[str, str], Kept]]:
    """The business date, and the answers given to the keys of these requests."""
    rows = await connection.fetch(sql.KNOWN_ANSWERS, *keys_of(requests))
    return rows[0][0], answers_given(row[1:] for row in rows if row[1] is not None)


@rule("R-IDEM-01")
async def heard_meanwhile(
    connection: Connection, requests: list[Request], given: list[Answer]
) -> list[Answer]:
    """What a twin did while this batch waited for its locks is why it was refused: its answer."""
    refused = [r for r, answer in zip(requests, given, strict=True) if answer.status >= 400]
    if not any(request.key for request in refused):
        return given
    _, answers = await known_answers(connection, refused)
    return [
        answers[key].answer_to(request.request_hash)
        if answer.status >= 400 and (key := (request.actor, request.key)) in answers else answer
        for request, answer in zip(requests, given, strict=True)
    ]  # fmt: skip


def needs_no_lock(request: Request) -> bool:
    """Whether a command reads and writes one contract as it stands today, and nothing else."""
    command = request.command
    return type(command) in ALONE and getattr(command, "effective_on", 0) == 0


async def post_unlocked(connection: Connection, requests: list[Request]) -> list[Answer]:
    """The same in two statements, each committed by itself: read, and write if all is still so.

    For requests that ``needs_no_lock``. Raises what ``retrying`` knows where it lost against
    another one, and ``Beyond`` where a transaction is needed after all; nothing was changed then.
    """
    contracts = {c for r in requests for c in r.command.contracts() if 0 < c < 2**63}
    today, rows, hands = await store.read_at_once(connection, contracts, *keys_of(requests))
    batch = Batch(today.toordinal())
    for request in requests:
        borrower = request.command.borrower()
        batch.books.setdefault(borrower, BorrowerBook(borrower, batch.business_date))
        batch.commands[borrower] += 1
    for hand in hands:
        batch.books[borrower_of_contract(hand.contract_id)].hands[hand.contract_id] = hand
    given = decide(batch, requests, answers_given(rows))
    await write(Writing(connection, batch.business_date), batch)
    return given


def decide(
    batch: Batch, requests: list[Request], answers: dict[tuple[str, str], Kept]
) -> list[Answer]:
    """One request after the other, on what is in the hand; new answers come to ``answers``."""
    given = []
    for request in requests:
        key = (request.actor, request.key)
        if key in answers:
            given.append(answers[key].answer_to(request.request_hash))
        else:
            given.append(carry_out(batch, request))
            if request.key and given[-1].status < 400:
                answers[key] = Kept(request.request_hash, given[-1])
    return given


async def load(connection: Connection, batch: Batch, requests: list[Request]) -> None:
    """Everything that the commands may touch, locked in a fixed order."""
    contracts: set[int] = set()
    for request in requests:
        command = request.command
        borrower = command.borrower()
        book = batch.books.setdefault(borrower, BorrowerBook(borrower, batch.business_date))
        book.whole = book.whole or type(command) in WHOLE
        contracts.update(c for c in command.contracts() if 0 < c < 2**63)
        batch.commands[borrower] += 1
    numbering = {r.command.borrower() for r in requests if isinstance(r.command, NUMBERED)}
    await store.last_contracts(connection, [batch.books[each] for each in numbering])
    await store.load(connection, batch.books, contracts)
    for request in requests:
        await load_rare(connection, batch, request.command)


async def load_rare(connection: Connection, batch: Batch, command: asked.Command) -> None:
    """What only some commands need: an offer, a hold, a history."""
    book = batch.books[command.borrower()]
    if isinstance(command, asked.AcceptOffer | asked.ShowCosts | asked.ConfirmCosts):
        await store.load_offer(connection, book, command.offer_id)
        await store.load_sheet(connection, book, command.offer_id)
    if isinstance(command, asked.Capture | asked.Void):
        await store.load_authorisation(connection, book, command.authorisation_id)
    if isinstance(command, asked.AllocateReceipt | asked.ReturnReceipt):
        await receipts.load(connection, book, command.receipt_id)
    back_dated = 0 < getattr(command, "effective_on", 0) < batch.business_date
    of_purchase = isinstance(command, asked.Refund) and command.of > 0
    if back_dated or of_purchase or type(command) in NEEDS_HISTORY:
        for contract_id in command.contracts() or sorted(book.hands):  # one, or all of them
            hand = book.hands.get(contract_id)
            if hand is not None and hand.history is None:
                await store.load_history(connection, hand)


def carry_out(batch: Batch, request: Request) -> Answer:
    """One command on the books in hand; a refusal puts the borrower's book back as it was."""
    command = request.command
    borrower = command.borrower()
    alone = batch.commands[borrower] == 1
    kept = None if alone else batch.books[borrower].copy()
    case = CASES[type(command)]
    try:
        document = case(batch.books[borrower], command)
    except Refused as refused:
        if kept is None:
            batch.books.pop(borrower)
        else:
            batch.books[borrower] = kept
        return problem(refused.refusal)
    operation_id = new_operation_id()
    rowset = Rowset(operation_id)
    book = batch.books[borrower]
    contract_id = collect(batch, book, rowset)
    document["operation_id"] = written("operation", operation_id)
    detail, book.said = book.said, {}
    batch.done.append(Done(request, operation_id, document, rowset, contract_id, detail))
    return Answer(201, document, operation_id)


def collect(batch: Batch, book: BorrowerBook, rowset: Rowset) -> int:
    """Give the events booked since the last command to this operation."""
    touched = 0
    for hand in book.hands.values():
        start = batch.marks.get(hand.contract_id, 0)
        for entry in hand.booked[start:]:
            rowset.add(hand, entry)
            touched = hand.contract_id
        batch.marks[hand.contract_id] = len(hand.booked)
    for receipt in book.receipts.values():
        if receipt.through and not receipt.operation_id:
            receipt.operation_id = rowset.operation_id
            rowset.transfers.append(receipts.taken_off(receipt, batch.business_date))
    return touched


async def write(writing: Writing, batch: Batch) -> None:
    """Write every book, the audit event of every command, and the answers to keys."""
    if not batch.done:
        return
    hands: list[Hand] = [h for book in batch.books.values() for h in book.hands.values()]
    for hand in hands:
        hand.terms_id = hand.terms_id or await terms.within(writing.connection, hand.terms)
    hands.sort(key=lambda h: (cell_of_contract(h.contract_id), h.contract_id))
    await write_hands(writing, hands, [done.rowset for done in batch.done])
    last = {done.request.command.borrower(): done.operation_id for done in batch.done}
    write_books(writing, [(batch.books[each], by) for each, by in last.items()])
    write_operations(writing, batch)
    write_keys(writing, batch)
    await writing.send()
    for book in batch.books.values():
        await receipts.write(writing.connection, book.receipts.values())


@rule("R-AUDIT-01")
def write_operations(writing: Writing, batch: Batch) -> None:
    """One audit event for each command; those that say something more do so by themselves."""
    today = store.day(batch.business_date)
    rows = [
        (d.operation_id, d.request.actor, type(d.request.command).__name__,
         d.request.command.borrower(), d.contract_id, today, d.rowset.digest())
        for d in batch.done
    ]  # fmt: skip
    plain = [row for row, d in zip(rows, batch.done, strict=True) if not d.detail]
    writing.add_columns(sql.INSERT_OPERATIONS, plain)
    said = [
        (*row, msgspec.json.encode(d.detail).decode())
        for row, d in zip(rows, batch.done, strict=True) if d.detail
    ]  # fmt: skip
    writing.add_columns(sql.INSERT_OPERATIONS_SAID, said)


@rule("R-IDEM-01")
def write_keys(writing: Writing, batch: Batch) -> None:
    """The answers, under their keys."""
    rows = [
        (d.request.actor, d.request.key, d.request.request_hash,
         msgspec.json.encode(d.document).decode(), d.operation_id)
        for d in batch.done if d.request.key
    ]  # fmt: skip
    writing.add_columns(sql.INSERT_ANSWERS, rows)
