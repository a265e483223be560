"""The SQL of facts: written once, read as of a moment."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec

from usance.consents.rules import GIVEN
from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.identity.borrowers import ACTIVE
from usance.identity.contact_store import DONE
from usance.platform.crypto import KeyService, beside, decrypt_field, encrypt_field
from usance.platform.database import Connection, Pool
from usance.risk.facts import Kept, Known, of_age, standing
from usance.risk.facts_policy import fact_policy

Row: TypeAlias = Mapping[str, Any]
Either: TypeAlias = Connection | Pool
SALT_BYTES = 16
PHONE = "phone"
COLUMNS = (
    "borrower_id, fact_id, name, source, value, value_hash, observed_at, recorded_at, valid_until,"
    " consent_id, consent_number, other_id, other_consent_id, other_consent_number, corrects,"
    " pull_id, operation_id"
)
ROW_DIGEST = """sha256(convert_to(jsonb_build_array(f.borrower_id, f.fact_id, f.name, f.source,
encode(f.value_hash, 'hex'), (extract(epoch FROM f.observed_at) * 1000000)::bigint,
(extract(epoch FROM f.recorded_at) * 1000000)::bigint,
(extract(epoch FROM f.valid_until) * 1000000)::bigint, f.consent_id, f.consent_number, f.other_id,
f.other_consent_id, f.other_consent_number, f.corrects, f.pull_id)::text, 'UTF8'))"""
"""Over a fact ``f``: of what it says only the salted hash, because its ciphertext changes with the
person's key and is forgotten with the person."""
DIGEST = f"sha256(string_agg({ROW_DIGEST}, ''::bytea ORDER BY f.fact_id))"
"""Over the facts of one operation."""


def agreed(record: str, number: str, owner: str) -> str:
    """Whether an agreement that a fact ``f`` rests on stood at $2, without a break since then.

    Columns of its number, of the last thing that had been said of it, and of whose book it is in.
    What was said later, and what ends later, is not looked at; $3 and $4 are sources and scopes.
    """
    return f"""(f.{record} = 0 OR EXISTS (SELECT FROM consent_event e
    JOIN consent_document d USING (document_id, version)
    WHERE e.cell = f.{owner} % 1024 AND e.borrower_id = f.{owner} AND e.record_id = f.{record}
    AND e.number = (SELECT max(l.number) FROM consent_event l WHERE l.cell = e.cell
        AND l.borrower_id = e.borrower_id AND l.record_id = e.record_id AND l.at <= $2)
    AND (e.valid_until IS NULL OR e.valid_until > $2)
    AND (d.retired_on IS NULL OR d.retired_on > ($2 AT TIME ZONE 'UTC')::date)
    AND EXISTS (SELECT FROM unnest($3::text[], $4::text[]) AS s (source, scope)
        WHERE s.source = f.source AND jsonb_exists(e.scopes, s.scope)))
    AND NOT EXISTS (SELECT FROM consent_event e WHERE e.cell = f.{owner} % 1024
        AND e.borrower_id = f.{owner} AND e.record_id = f.{record} AND e.number > f.{number}
        AND e.at <= $2 AND e.state <> {GIVEN}))"""


AGREED = (
    f"({agreed('consent_id', 'consent_number', 'borrower_id')}"
    f" AND {agreed('other_consent_id', 'other_consent_number', 'other_id')})"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a fact says: its value (None: nothing is known after all) and what it refers to."""

    value: int | None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreement that a fact rests on; ``number``: of the last thing that was said of it."""

    record_id: int = 0
    number: int = 0
    other_id: int = 0
    other_record_id: int = 0
    other_number: int = 0


NONE = Agreement()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A fact to be written."""

    borrower_id: int
    fact_id: int
    name: str
    source: str
    said: Said
    observed_at: datetime
    recorded_at: datetime
    valid_until: datetime
    agreement: Agreement = NONE
    corrects: int = 0
    pull_id: int = 0


# -- writing ---------------------------------------------------------------------------------------


@rule("R-FACT-12")
async def insert(
    connection: Connection, data_key: bytes, facts: Sequence[Written], operation_id: int
) -> bytes:
    """Write the facts of one operation; the digest for its audit event."""
    await connection.executemany(
        f"INSERT INTO fact (cell, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
        " $12, $13, $14, $15, $16, $17, $18)",
        [_values(each, data_key, operation_id) for each in facts],
    )
    digest: bytes = await connection.fetchval(
        f"SELECT {DIGEST} FROM fact f WHERE operation_id = $1", operation_id
    )
    return digest


def _values(fact: Written, data_key: bytes, operation_id: int) -> tuple[Any, ...]:
    agreement = fact.agreement
    said = msgspec.json.encode((fact.said.value, fact.said.reference)).decode()
    salted = secrets.token_hex(SALT_BYTES) + said
    sealed = encrypt_field(data_key, salted, table="fact", column="value", row_id=fact.fact_id)
    return (
        cell_of_borrower(fact.borrower_id), fact.borrower_id, fact.fact_id, fact.name, fact.source,
        sealed, hashlib.sha256(salted.encode()).digest(), fact.observed_at, fact.recorded_at,
        fact.valid_until, agreement.record_id, agreement.number, agreement.other_id,
        agreement.other_record_id, agreement.other_number, fact.corrects, fact.pull_id,
        operation_id,
    )  # fmt: skip


def opened(row: Row, data_key: bytes) -> Said:
    """What a fact says, in clear."""
    text = decrypt_field(
        data_key, row["value"], table="fact", column="value", row_id=row["fact_id"]
    )
    value, reference = msgspec.json.decode(text[2 * SALT_BYTES :])
    return Said(value, reference)


async def forget(connection: Connection, borrower_id: int) -> None:
    """Nothing of what facts say, or bureaus answered, is left; salted hashes say nothing."""
    place = cell_of_borrower(borrower_id), borrower_id
    for change in ("fact SET value = ''", "bureau_pull SET answer = ''"):
        await connection.execute(f"UPDATE {change} WHERE cell = $1 AND borrower_id = $2", *place)


# -- reading ---------------------------------------------------------------------------------------


async def history(connection: Either, borrower_id: int, at: datetime) -> Sequence[Row]:
    """Every fact that had been recorded by a moment, oldest first; ``agreed`` as of then."""
    scopes = fact_policy().scopes()
    rows: Sequence[Row] = await connection.fetch(
        f"SELECT {COLUMNS}, {AGREED} AS agreed FROM fact f"
        " WHERE f.cell = $5 AND f.borrower_id = $1 AND f.recorded_at <= $2 ORDER BY f.fact_id",
        borrower_id, at, [each[0] for each in scopes], [each[1] for each in scopes],
        cell_of_borrower(borrower_id),
    )  # fmt: skip
    return rows


def kept(row: Row) -> Kept:
    """A row without what it says."""
    return Kept(
        row["fact_id"], row["name"], row["source"], row["observed_at"], row["recorded_at"],
        row["valid_until"], row["corrects"], row["agreed"],
    )  # fmt: skip


async def corrected(connection: Connection, borrower_id: int, fact_id: int) -> bool:
    """Whether another fact stands in the place of this one."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM fact WHERE cell = $1 AND borrower_id = $2 AND corrects = $3)",
        *(cell_of_borrower(borrower_id), borrower_id, fact_id),
    )
    return found


async def fact_exists(connection: Either, borrower_id: int, fact_id: int) -> bool:
    """Whether it is a fact of the borrower."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM fact WHERE cell = $1 AND borrower_id = $2 AND fact_id = $3)",
        *(cell_of_borrower(borrower_id), borrower_id, fact_id),
    )
    return found


PERSON = "borrower_id, status, data_key, name, identity_number, registered_on"


async def person(connection: Either, borrower_id: int, *, lock: str = "") -> Row | None:
    """The borrower whose facts they are, with details as ciphertext; None for one that is not."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {PERSON} FROM borrower WHERE cell = $1 AND borrower_id = $2 {lock}",
        *(cell_of_borrower(borrower_id), borrower_id),
    )
    return row


async def seen(connection: Either, borrower_id: int, at: datetime) -> Row | None:
    """The ``person``; by a moment, when the newest ``device`` came, and the ``number`` changed."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {PERSON}, (SELECT max(first_seen_at) FROM device WHERE cell = $1"
        "  AND borrower_id = $2 AND first_seen_at <= $3) AS device,"
        " (SELECT max(ended_at) FROM contact_change WHERE cell = $1 AND borrower_id = $2"
        f"  AND ended_at <= $3 AND status = {DONE} AND kind = '{PHONE}') AS number"
        " FROM borrower WHERE cell = $1 AND borrower_id = $2",
        *(cell_of_borrower(borrower_id), borrower_id, at),
    )
    return row


@rule("R-FACT-06", "R-FACT-10")
async def known_facts(
    connection: Connection, keys: KeyService, borrower_id: int, at: datetime
) -> dict[str, Known]:
    """What was known of a borrower at a moment, by feature; nothing of who was erased.

    Only what had been recorded by then, had not expired and rested on an agreement as it stood
    then; and what the book itself could tell: whether of age, device, number.
    """
    who = await seen(connection, borrower_id, at)
    if who is None or who["status"] != ACTIVE:
        return {}
    data_key = await beside(keys, lambda: keys.unwrap(who["data_key"], borrower_id))
    rows = {row["fact_id"]: row for row in await history(connection, borrower_id, at)}
    found = {
        name: Known(
            opened(rows[each.fact_id], data_key).value, each.source, each.observed_at,
            each.fact_id, each.valid_until,
        )
        for name, each in standing([kept(row) for row in rows.values()], at).items()
    }  # fmt: skip
    return found | reckoned(who, data_key, at)


@rule("R-FACT-10")
def reckoned(who: Row, data_key: bytes, at: datetime) -> dict[str, Known]:
    """What nobody has to tell of who was ``seen``: the book has it. The age itself is nowhere."""
    found: dict[str, Known] = {}
    for name, since in (("new_device_days", "device"), ("number_changed_days", "number")):
        if who[since] is not None:
            found[name] = Known((at - who[since]).days, "device", at)
    adult = _adult(who, data_key, at.date())
    if adult is not None:
        found["of_age"] = Known(int(adult), "identity", at)
    return found


def _adult(who: Row, data_key: bytes, on: date) -> bool | None:
    if who["registered_on"] > on or not who["identity_number"]:
        return None
    number = decrypt_field(
        data_key, who["identity_number"], table="borrower", column="identity_number",
        row_id=who["borrower_id"],
    )  # fmt: skip
    return of_age(number, on)
