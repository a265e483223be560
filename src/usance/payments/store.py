"""The SQL of payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool

INTENT = (
    "borrower_id, intent_id, contract_id, amount, status, form_key, bank_reference, bank_page,"
    " paid, outcome, rule, operation_id, receipt_id, created_at, expires_at, settled_at"
)


async def business_date(connection: Connection) -> date | None:
    """The open day of the book."""
    found: date | None = await connection.fetchval("SELECT business_date FROM book")
    return found


async def insert_operation(
    connection: Connection, row: tuple[int, str, str, int, int, date, bytes], detail: dict[str, Any]
) -> None:
    """Id, actor, action, borrower, contract, business date, digest; and details."""
    await connection.execute(
        "INSERT INTO operation (operation_id, actor, action, borrower_id, contract_id,"
        " business_date, digest, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *(*row, msgspec.json.encode(detail).decode()),
    )


async def insert_intent(connection: Connection, row: tuple[Any, ...]) -> bool:
    """Borrower, intent, contract, amount, key, created at, expires at; False: the key was used."""
    tag: str = await connection.execute(
        "INSERT INTO payment_intent (cell, borrower_id, intent_id, contract_id, amount, form_key,"
        " created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (cell, borrower_id, form_key) DO NOTHING",
        *(cell_of_borrower(row[0]), *row),
    )
    return tag == "INSERT 0 1"


async def lock_borrower(connection: Connection, borrower_id: int) -> bool:
    """Intents of a borrower are made one after the other."""
    found = await connection.fetchval(
        "SELECT borrower_id FROM borrower WHERE cell = $1 AND borrower_id = $2 FOR NO KEY UPDATE",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found is not None


async def intent_of_key(connection: Either, borrower_id: int, form_key: str) -> Row | None:
    """The intent that a form made."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {INTENT} FROM payment_intent WHERE cell = $1 AND borrower_id = $2"
        " AND form_key = $3",
        *(cell_of_borrower(borrower_id), borrower_id, form_key),
    )
    return row


async def intent(
    connection: Either, borrower_id: int, intent_id: int, *, lock: bool = False
) -> Row | None:
    """One intent."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {INTENT} FROM payment_intent WHERE cell = $1 AND borrower_id = $2"
        f" AND intent_id = $3{' FOR UPDATE' if lock else ''}",
        *(cell_of_borrower(borrower_id), borrower_id, intent_id),
    )
    return row


async def intents(pool: Pool, borrower_id: int, count: int) -> Sequence[Row]:
    """A borrower's intents, the newest first."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT {INTENT} FROM payment_intent WHERE cell = $1 AND borrower_id = $2"
        " ORDER BY intent_id DESC LIMIT $3",
        *(cell_of_borrower(borrower_id), borrower_id, count),
    )
    return rows


async def waiting(connection: Either, borrower_id: int, now: datetime) -> int:
    """How many are on their way."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM payment_intent WHERE cell = $1 AND borrower_id = $2"
        " AND status IN (1, 2) AND expires_at > $3",
        *(cell_of_borrower(borrower_id), borrower_id, now),
    )
    return found


async def submit_intent(
    connection: Either, borrower_id: int, intent_id: int, reference: str, page: str
) -> None:
    """The bank has the order."""
    await connection.execute(
        "UPDATE payment_intent SET status = 2, bank_reference = $4, bank_page = $5"
        " WHERE cell = $1 AND borrower_id = $2 AND intent_id = $3 AND status = 1",
        *(cell_of_borrower(borrower_id), borrower_id, intent_id, reference, page),
    )


async def expire_intent(
    connection: Either, borrower_id: int, intent_id: int, now: datetime
) -> None:
    """Nothing was heard of it in time."""
    await connection.execute(
        "UPDATE payment_intent SET status = 5 WHERE cell = $1 AND borrower_id = $2"
        " AND intent_id = $3 AND status IN (1, 2) AND outcome = '' AND expires_at <= $4",
        *(cell_of_borrower(borrower_id), borrower_id, intent_id, now),
    )


async def note_word(
    connection: Connection, found: Row, status: int, outcome: str, paid: int, now: datetime | None
) -> None:
    """What the bank said of an intent that is locked."""
    await connection.execute(
        "UPDATE payment_intent SET status = $4, outcome = $5, paid = $6, settled_at = $7"
        " WHERE cell = $1 AND borrower_id = $2 AND intent_id = $3",
        *(cell_of_borrower(found["borrower_id"]), found["borrower_id"], found["intent_id"]),
        *(status, outcome, paid, now),
    )


async def settle_intent(connection: Either, found: Row, row: tuple[Any, ...]) -> bool:
    """Outcome, rule, operation, receipt, now; False when somebody else was first."""
    tag: str = await connection.execute(
        "UPDATE payment_intent SET status = 3, outcome = $4, rule = $5, operation_id = $6,"
        " receipt_id = $7, settled_at = $8 WHERE cell = $1 AND borrower_id = $2 AND intent_id = $3"
        " AND outcome = 'received'",
        *(cell_of_borrower(found["borrower_id"]), found["borrower_id"], found["intent_id"], *row),
    )
    return tag == "UPDATE 1"


async def held(connection: Connection, borrower_id: int) -> Sequence[Row]:
    """All intents of a borrower, and what the bank said of each."""
    rows: Sequence[Row] = await connection.fetch(
        "SELECT intent_id, amount, paid, status, outcome, created_at,"
        " ARRAY(SELECT result FROM bank_notification n WHERE n.borrower_id = i.borrower_id"
        " AND n.intent_id = i.intent_id ORDER BY received_at) AS said"
        " FROM payment_intent i WHERE cell = $1 AND borrower_id = $2 ORDER BY intent_id",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return rows


async def unsettled(connection: Connection, borrower_id: int) -> bool:
    """Whether a payment waits for the bank, or for being booked."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM payment_intent WHERE cell = $1 AND borrower_id = $2"
        " AND (outcome = 'received' OR status IN (1, 2) AND expires_at > now()))",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return found


# -- notifications ---------------------------------------------------------------------------------


async def use_signature(connection: Connection, digest: bytes, now: datetime) -> bool:
    """Remember a signature; False when it was seen before."""
    tag: str = await connection.execute(
        "INSERT INTO bank_signature (digest, seen_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        *(digest, now),
    )
    return tag == "INSERT 0 1"


async def forget_signatures(connection: Connection, before: datetime) -> None:
    """Signatures that are no longer good for anything."""
    await connection.execute(
        "DELETE FROM bank_signature WHERE digest IN (SELECT digest FROM bank_signature"
        " WHERE seen_at < $1 LIMIT 100 FOR UPDATE SKIP LOCKED)",
        before,
    )


async def insert_notification(connection: Connection, row: tuple[Any, ...]) -> bool:
    """Id, digest, borrower, intent, result, amount; False when it was taken before."""
    tag: str = await connection.execute(
        "INSERT INTO bank_notification (notification_id, digest, borrower_id, intent_id, result,"
        " amount) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (notification_id) DO NOTHING",
        *row,
    )
    return tag == "INSERT 0 1"


async def notification_digest(connection: Connection, notification_id: str) -> bytes | None:
    """What a notification said before, as a digest."""
    found: bytes | None = await connection.fetchval(
        "SELECT digest FROM bank_notification WHERE notification_id = $1", notification_id
    )
    return found


# -- the bank of the sandbox -----------------------------------------------------------------------


async def sandbox_order_for(connection: Connection, row: tuple[Any, ...]) -> str:
    """Reference, intent, amount, currency: the reference, of an earlier order if there is one."""
    reference: str = await connection.fetchval(
        "INSERT INTO sandbox_order (reference, intent, amount, currency) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (intent) DO UPDATE SET intent = excluded.intent RETURNING reference",
        *row,
    )
    return reference


async def sandbox_order(connection: Either, reference: str) -> Row | None:
    """One order."""
    row: Row | None = await connection.fetchrow(
        "SELECT reference, intent, amount, currency, status, paid, delivered FROM sandbox_order"
        " WHERE reference = $1",
        reference,
    )
    return row


async def decide_sandbox_order(
    connection: Connection, reference: str, status: int, paid: int
) -> bool:
    """The payer has decided; False when they had before."""
    tag: str = await connection.execute(
        "UPDATE sandbox_order SET status = $2, paid = $3 WHERE reference = $1 AND status = 1",
        *(reference, status, paid),
    )
    return tag == "UPDATE 1"


async def deliver_sandbox_order(connection: Either, reference: str) -> None:
    """The notification was taken."""
    await connection.execute(
        "UPDATE sandbox_order SET delivered = true WHERE reference = $1", reference
    )
