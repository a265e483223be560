"""The SQL of consents. An agreement is changed under the lock of its row; nothing here commits."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

from usance.consents.documents import ConsentDocument, canonical
from usance.consents.records import Evidence, Party, Record
from usance.consents.rules import ACTIONS, GIVEN, YEAR
from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
SAID = (
    "grantor_kind, grantor_id, counterparty_kind, counterparty_id, document_id, version,"
    " document_digest, language, scopes, channels, method, state, at, valid_until, linked_id,"
    " operation_id"
)
COLUMNS = f"borrower_id, record_id, {SAID}, events"
EVENT_COLUMNS = f"borrower_id, record_id, {SAID}, number AS events, actor, evidence, evidence_hash"
DOCUMENT_COLUMNS = (
    "document_id, version, body, digest, effective_on, retired_on, adopted_by, adopted_at,"
    " operation_id, retired_by"
)
DIGEST = """sha256(convert_to(jsonb_build_array(e.borrower_id, e.record_id, e.number,
e.grantor_kind, e.grantor_id, e.counterparty_kind, e.counterparty_id, e.document_id, e.version,
encode(e.document_digest, 'hex'), e.language, e.scopes, e.channels, e.method, e.state,
(extract(epoch FROM e.at) * 1000000)::bigint,
(extract(epoch FROM e.valid_until) * 1000000)::bigint, e.linked_id, e.actor,
encode(e.evidence_hash, 'hex'))::text, 'UTF8'))"""
"""Over a thing ``e`` that was said: SHA-256 of it, spelled as JSON. Of evidence only the hash,
because its ciphertext changes with the person's key and is forgotten with the person."""
SAID_ACTIONS = ", ".join(f"'{action}'" for action in ACTIONS.values())
"""Actions of the audit events of what was said."""


# -- documents -------------------------------------------------------------------------------------


async def insert_document(
    connection: Connection, document: ConsentDocument, by: str, at: datetime, operation_id: int = 0
) -> None:
    """A version; one that is there already stays as it is where it came with the book."""
    await connection.execute(
        "INSERT INTO consent_document (document_id, version, purpose, two_sided, body, digest,"
        " effective_on, adopted_by, adopted_at, operation_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        + ("" if operation_id else " ON CONFLICT DO NOTHING"),
        document.document_id, document.version, document.purpose, document.two_sided,
        canonical(document).decode(), document.digest, document.effective_on, by, at, operation_id,
    )  # fmt: skip


async def last_version(connection: Connection, document_id: str) -> int:
    """The newest version of a document; 0 for none."""
    found: int = await connection.fetchval(
        "SELECT coalesce(max(version), 0) FROM consent_document WHERE document_id = $1", document_id
    )
    return found


async def document_alone(connection: Connection, document_id: str, version: int) -> Row | None:
    """A version, locked: nobody sends anything by it meanwhile."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {DOCUMENT_COLUMNS} FROM consent_document"
        " WHERE document_id = $1 AND version = $2 FOR UPDATE",
        *(document_id, version),
    )
    return row


async def retire(
    connection: Connection, document_id: str, version: int, on: date, operation_id: int
) -> None:
    """A version justifies nothing from a day on."""
    await connection.execute(
        "UPDATE consent_document SET retired_on = $3, retired_by = $4"
        " WHERE document_id = $1 AND version = $2",
        *(document_id, version, on, operation_id),
    )


async def in_force(
    connection: Connection, document_id: str, today: date, *, held: bool = False
) -> Row | None:
    """The version that can be agreed to today: the newest that has begun and is not retired."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {DOCUMENT_COLUMNS} FROM consent_document WHERE document_id = $1"
        " AND effective_on <= $2 AND (retired_on IS NULL OR retired_on > $2)"
        " ORDER BY version DESC LIMIT 1" + (" FOR SHARE" if held else ""),
        *(document_id, today),
    )
    return row


async def documents(connection: Connection | Pool, document_id: str = "") -> Sequence[Row]:
    """Every version of one document or of all, the newest first."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {DOCUMENT_COLUMNS} FROM consent_document WHERE $1 IN ('', document_id)"
        " ORDER BY document_id, version DESC",
        document_id,
    )
    return rows


# -- agreements ------------------------------------------------------------------------------------


async def who(connection: Connection, borrower_id: int, *, held: bool = False) -> Row | None:
    """A borrower's status and wrapped key; ``held``: they stay until the transaction ends."""
    row: Row | None = await connection.fetchrow(
        "SELECT borrower_id, status, data_key FROM borrower WHERE cell = $1 AND borrower_id = $2"
        + (" FOR SHARE" if held else ""),
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return row


async def of_parties(
    connection: Connection, grantor: Party, document_id: str, counterparty: Party, *,
    lock: str = "FOR UPDATE",
) -> Record | None:  # fmt: skip
    """The agreement of a grantor and a counterparty on a document, locked."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM consent WHERE grantor_kind = $1 AND grantor_id = $2"
        f" AND document_id = $3 AND counterparty_kind = $4 AND counterparty_id = $5 {lock}",
        *(grantor.kind, grantor.number, document_id, counterparty.kind, counterparty.number),
    )
    return record_of(row)


async def record(
    connection: Connection | Pool, borrower_id: int, record_id: int, *, lock: bool = False
) -> Record | None:
    """An agreement in a borrower's book."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM consent WHERE cell = $1 AND borrower_id = $2 AND record_id = $3"
        + (" FOR UPDATE" if lock else ""),
        *(cell_of_borrower(borrower_id), borrower_id, record_id),
    )
    return record_of(row)


async def insert_event(
    connection: Connection, record: Record, actor: str, evidence: Evidence
) -> bytes:
    """What was said, and where the agreement stands by it. The digest for its audit event."""
    values = (record.cell, record.borrower_id, record.record_id, *_values(record), record.events)
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    sets = ", ".join(f"{name} = excluded.{name}" for name in [*SAID.split(", "), "events"])
    await connection.execute(
        f"INSERT INTO consent (cell, borrower_id, record_id, {SAID}, events) VALUES ({places})"
        f" ON CONFLICT (cell, borrower_id, record_id) DO UPDATE SET {sets}",
        *values,
    )
    more = ", ".join(f"${len(values) + n}" for n in range(1, 4))
    digest: bytes = await connection.fetchval(
        f"WITH noted AS (INSERT INTO consent_event (cell, borrower_id, record_id, {SAID}, number,"
        f" actor, evidence, evidence_hash) VALUES ({places}, {more}) RETURNING *)"
        f" SELECT {DIGEST} FROM noted e",
        *(*values, actor, evidence.sealed, evidence.hashed),
    )
    return digest


async def live(
    connection: Connection, grantor: Party, what: tuple[str, str, str], now: datetime,
    counterparty: Party,
) -> list[tuple[Record, bool]]:  # fmt: skip
    """Agreements that justify it (purpose, scope, channel) now, held; whether each has two sides.

    The share lock waits for who is about to withdraw, and the row is then looked at as it has
    become; who withdraws later waits for the end of this transaction.
    """
    rows = await connection.fetch(
        f"SELECT {', '.join(f'c.{name}' for name in COLUMNS.split(', '))}, d.two_sided"
        " FROM consent c JOIN consent_document d ON d.document_id = c.document_id"
        " AND d.version = c.version WHERE c.grantor_kind = $1 AND c.grantor_id = $2"
        " AND c.counterparty_kind = $3 AND c.counterparty_id = $4 AND d.purpose = $5"
        " AND jsonb_exists(c.scopes, $6) AND jsonb_exists(c.channels, $7)"
        f" AND c.state = {GIVEN} AND (c.valid_until IS NULL OR c.valid_until > $8)"
        " AND (d.retired_on IS NULL OR d.retired_on > $9) ORDER BY c.record_id FOR SHARE",
        *(grantor.kind, grantor.number, counterparty.kind, counterparty.number, *what, now),
        now.date(),
    )
    return [(made(row), row["two_sided"]) for row in rows]


async def of_borrower(
    connection: Connection | Pool, borrower_id: int, *, lock: bool = False
) -> list[Record]:
    """All agreements in a borrower's book, oldest first."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM consent WHERE cell = $1 AND borrower_id = $2 ORDER BY record_id"
        + (" FOR UPDATE" if lock else ""),
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return [made(row) for row in rows]


async def events(
    connection: Connection | Pool, borrower_id: int, record_id: int = 0
) -> Sequence[Row]:
    """Everything that was said of one agreement or of all of a borrower's, oldest first."""
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {EVENT_COLUMNS} FROM consent_event WHERE cell = $1 AND borrower_id = $2"
        " AND $3::bigint IN (0, record_id) ORDER BY record_id, number",
        *(cell_of_borrower(borrower_id), borrower_id, record_id),
    )
    return rows


async def forget_evidence(connection: Connection, borrower_id: int) -> None:
    """Nothing of what was written down as evidence is left; its salted hash says nothing."""
    await connection.execute(
        "UPDATE consent_event SET evidence = '' WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id),
    )


# -- what comes by itself --------------------------------------------------------------------------


async def past_their_end(connection: Connection, now: datetime, count: int) -> list[Record]:
    """Given and past their end, locked; those that somebody else holds are left to them."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM consent WHERE state = {GIVEN} AND valid_until <= $1"
        " ORDER BY valid_until LIMIT $2 FOR UPDATE SKIP LOCKED",
        *(now, count),
    )
    return [made(row) for row in rows]


async def to_remind(
    connection: Connection, now: datetime, count: int, purposes: Collection[str]
) -> list[Record]:
    """Given and in force, and for a year nobody told the person so; locked, oldest first.

    ``purposes``: only of documents for these.
    """
    rows = await connection.fetch(
        f"SELECT {', '.join(f'c.{name}' for name in COLUMNS.split(', '))} FROM consent c"
        " JOIN consent_document d ON d.document_id = c.document_id AND d.version = c.version"
        f" WHERE c.state = {GIVEN} AND c.at <= $2 AND (c.valid_until IS NULL OR c.valid_until > $1)"
        " AND greatest(c.at, c.reminded_at) <= $2 AND (d.retired_on IS NULL OR d.retired_on > $3)"
        " AND d.purpose = ANY($5) ORDER BY c.at LIMIT $4 FOR UPDATE OF c SKIP LOCKED",
        *(now, now - YEAR, now.date(), count, list(purposes)),
    )
    return [made(row) for row in rows]


async def purpose_of(connection: Connection, record: Record) -> str:
    """What the document of an agreement is for."""
    found: str = await connection.fetchval(
        "SELECT purpose FROM consent_document WHERE document_id = $1 AND version = $2",
        *(record.document_id, record.version),
    )
    return found


async def mark_reminded(connection: Connection, record: Record, now: datetime) -> None:
    """The person was told that it is on."""
    await connection.execute(
        "UPDATE consent SET reminded_at = $4"
        " WHERE cell = $1 AND borrower_id = $2 AND record_id = $3",
        *(record.cell, record.borrower_id, record.record_id, now),
    )


# -- rows ------------------------------------------------------------------------------------------


def _values(record: Record) -> list[Any]:
    return [json.dumps(each) if isinstance(each, list) else each for each in record.said]


def record_of(row: Row | None) -> Record | None:
    """The agreement of a row; None for none."""
    return None if row is None else made(row)


def made(row: Row) -> Record:
    """A row of either table as an agreement, or as it stood when something was said."""
    plain = {
        name: row[name] for name in (
            "borrower_id", "record_id", "document_id", "version", "document_digest", "language",
            "method", "state", "at", "valid_until", "linked_id", "operation_id", "events",
        )
    }  # fmt: skip
    return Record(
        **plain, grantor=Party(row["grantor_kind"], row["grantor_id"]),
        counterparty=Party(row["counterparty_kind"], row["counterparty_id"]),
        scopes=tuple(json.loads(row["scopes"])), channels=tuple(json.loads(row["channels"])),
    )  # fmt: skip
