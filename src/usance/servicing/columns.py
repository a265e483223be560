"""Columns of the kernel's tables in a fixed order, and statements made from them.

The same few shapes serve one row and thousands: a statement takes all its rows as one array.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from usance.contract.records import Contract, Due, names
from usance.platform import locks, schema, schema_behaviour
from usance.platform.schema import RENAMED

CONTRACT_HEAD = (
    "cell", "contract_id", "borrower_id", "product_id", "terms_id", "parent_id", "version",
)  # fmt: skip
CONTRACT_STATE = tuple(RENAMED.get(name, name) for name in names(Contract))
CONTRACT = CONTRACT_HEAD + CONTRACT_STATE
DUE = ("cell", "contract_id", *(RENAMED.get(name, name) for name in names(Due)))
EVENT = (
    "cell", "contract_id", "seq", "kind", "effective_on", "booked_on", "amount", "of_seq",
    "component", "days", "pinned", "principal", "interest", "fee", "penalty", "credit", "cycle",
    "operation_id",
)  # fmt: skip
TRANSFER = (
    "cell", "contract_id", "event_seq", "number", "debit", "credit", "amount", "effective_on",
    "booked_on", "product_id",
)  # fmt: skip
CHANGE = (
    "cell", "contract_id", "version", "stream", "denominator", "product_id", "day_count",
    "booked_on", "from_weight", "whole", "rest", "slope", "slope_rest", "rounding",
)  # fmt: skip
STATEMENT = (
    "cell", "contract_id", "number", "issued_on", "due_on", "from_on", "cycle", "principal",
    "interest", "fee", "penalty", "required", "balance", "credit", "plans_due", "event_seq",
)  # fmt: skip
NOTICE = ("cell", "contract_id", "n", "kind", "send_on", "days")
LATENESS = ("cell", "contract_id", "number", "booked_on", "was", "late_from")

LINE = (
    "cell", "borrower_id", "product_id", "limit_amount", "held", "status", "contract_id",
    "opened_on", "version",
)  # fmt: skip

_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def type_of(table: sa.Table, column: str) -> str:
    """SQL type of a column."""
    return str(table.c[column].type.compile(dialect=_dialect))


def unnested(table: sa.Table, columns: Sequence[str]) -> str:
    """Rows of whole numbers as ``numbers`` puts them: $1 all of them, $2 where each row begins."""
    read = ", ".join(f"{told(table, name, n)} AS {name}" for n, name in enumerate(columns, 1))
    return (
        f"(SELECT {read} FROM (SELECT $1::text::bigint[] AS a OFFSET 0) AS said, "
        "unnest($2::text::int[]) AS i) AS given"
    )


def told(table: sa.Table, column: str, place: int) -> str:
    """A column from its number: a day from its ordinal."""
    if isinstance(table.c[column].type, sa.Date):
        return f"date '0001-01-01' + (a[i + {place}] - 1)::int"
    return f"a[i + {place}]::{type_of(table, column)}"


def row_bytes(table: sa.Table, columns: Sequence[str], alias: str) -> str:
    """A row as ``ledger.digest`` hashes it, in SQL: days as ordinals, moments in microseconds."""
    parts = []
    for name in columns:
        kind, value = table.c[name].type, f"{alias}.{name}"
        if isinstance(kind, sa.LargeBinary):
            parts.append(value)
            continue
        if isinstance(kind, sa.Date):
            value = f"({value} - date '0001-01-01' + 1)"
        elif isinstance(kind, sa.DateTime):
            value = f"(extract(epoch FROM {value}) * 1000000)"
        parts.append(f"int8send({value}::int8)")
    return " || ".join(parts)


def table_bytes(name: str, rows: str, data: str) -> str:
    """A table as ``ledger.digest`` hashes it: SQL of the number of rows, and of their bytes."""
    count = f"coalesce({rows}, 0)"
    return f"convert_to('{name}:' || {count} || ':', 'UTF8') || coalesce({data}, '')"


def insert(table: sa.Table, columns: Sequence[str]) -> str:
    """Insert rows."""
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "
        f"SELECT {', '.join(columns)} FROM {unnested(table, columns)}"
    )


def upsert(table: sa.Table, columns: Sequence[str], key: Sequence[str]) -> str:
    """Insert rows or overwrite those with the same key."""
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return f"{insert(table, columns)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"


def update(table: sa.Table, columns: Sequence[str], key: Sequence[str], guard: str = "") -> str:
    """Overwrite rows by key."""
    updates = ", ".join(f"{name} = given.{name}" for name in columns if name not in key)
    same = " AND ".join(f"{table.name}.{name} = given.{name}" for name in key)
    return (
        f"UPDATE {table.name} SET {updates} FROM {unnested(table, columns)} WHERE {same}{guard}"
    )


def listed(values: Iterable[int]) -> str:
    """Whole numbers as an array in PostgreSQL's notation: far cheaper for the driver than a list.

    Its notation is that of JSON but for the braces, and a library writes that fastest.
    """
    return f"{{{msgspec.json.encode(list(values))[1:-1].decode()}}}"


def numbers(rows: Sequence[Sequence[int]]) -> tuple[str, str]:
    """Rows for ``unnested``: one array for all costs less than one for each."""
    width = len(rows[0])
    return listed(chain.from_iterable(rows)), starts(len(rows), width)


@lru_cache(maxsize=4096)
def starts(count: int, width: int) -> str:
    """Where each of so many rows begins."""
    return listed(range(0, count * width, width))


LOCK = f"SELECT pg_advisory_xact_lock_shared({locks.BOOKING})"
"""Joins those that book."""

KEYS = "(SELECT * FROM unnest($1::text::smallint[], $2::text::bigint[]))"
SELECT_CONTRACT = f"SELECT {', '.join(CONTRACT)} FROM contract"
LOAD_CONTRACTS = (
    f"{SELECT_CONTRACT} WHERE (cell, contract_id) IN {KEYS} ORDER BY contract_id FOR UPDATE"
)
LOAD_BORROWERS = (
    f"{SELECT_CONTRACT} WHERE (cell, borrower_id) IN {KEYS} AND status <> 2 "
    "ORDER BY contract_id FOR UPDATE"
)
READ_AT_ONCE = f"""
SELECT (SELECT business_date FROM book),
  ARRAY(SELECT row(client, key, request_hash, status, answer, operation_id) FROM idempotency
        WHERE (client, key) IN (SELECT * FROM unnest($3::text[], $4::text[]))),
  ARRAY(SELECT ARRAY[{", ".join(f"d.{name}::bigint" for name in DUE[2:])}] FROM due d
        WHERE d.cell = c.cell AND d.contract_id = c.contract_id
          AND d.n >= greatest(least(c.first_open, c.due_count), 1) ORDER BY d.n),
  {", ".join(f"c.{name}" for name in CONTRACT)}
FROM unnest($1::text::smallint[], $2::text::bigint[]) AS wanted (cell, contract_id)
LEFT JOIN contract c ON c.cell = wanted.cell AND c.contract_id = wanted.contract_id
"""
"""Business date, answers already given to keys, contracts with their open dues: one snapshot,
nothing locked."""
LOAD_DUES = (
    f"SELECT {', '.join('due.' + name for name in DUE)} FROM "
    "unnest($1::text::smallint[], $2::text::bigint[], $3::text::smallint[]) "
    "AS wanted(cell, contract_id, n) "
    "JOIN due ON due.cell = wanted.cell AND due.contract_id = wanted.contract_id "
    "AND due.n >= wanted.n ORDER BY due.contract_id, due.n"
)

PLANS_DUE = """
SELECT wanted.contract_id, coalesce(sum(d.principal + d.interest + d.fee
    - d.paid_principal - d.paid_interest - d.paid_fee), 0)::bigint, wanted.due_on
FROM unnest($1::smallint[], $2::bigint[], $3::int[]) AS wanted(cell, contract_id, due_on)
JOIN contract p ON p.cell = wanted.cell AND p.borrower_id = wanted.contract_id >> 12
    AND p.parent_id = wanted.contract_id AND p.status = 1
JOIN due d ON d.cell = p.cell AND d.contract_id = p.contract_id
    AND d.n >= p.first_open AND d.due_on <= wanted.due_on
GROUP BY wanted.contract_id, wanted.due_on
"""
"""What instalment plans of a line ask by the due day of its statement."""

INSERT_CONTRACTS = insert(schema.contract, CONTRACT)
UPDATE_CONTRACTS = update(schema.contract, CONTRACT, ("cell", "contract_id"))
UPDATE_AS_READ = update(
    schema.contract, CONTRACT, ("cell", "contract_id"),
    " AND contract.version = given.version - 1 RETURNING 1",
)  # fmt: skip
"""Only states that nobody wrote since they were read."""
STILL_AS_READ = "SELECT still_as_read({day}, (SELECT count(*) FROM part_0) = {count})"
"""Fails as lost against another (40001) unless the day is still open and every state was written;
joins the bookers (``LOCK``) before it looks."""
UPSERT_DUES = upsert(schema.due, DUE, ("cell", "contract_id", "n"))
DELETE_DUES = "DELETE FROM due WHERE cell = $1 AND contract_id = $2 AND n > $3"
INSERT_EVENTS = insert(schema.event, EVENT)
INSERT_TRANSFERS = insert(schema.transfer, TRANSFER)
INSERT_CHANGES = insert(schema.accrual_change, CHANGE)
INSERT_STATEMENTS = insert(schema.statement, STATEMENT)
INSERT_NOTICES = f"{insert(schema.notice_wanted, NOTICE)} ON CONFLICT DO NOTHING"
INSERT_LATENESS = insert(schema_behaviour.lateness, LATENESS)
INSERT_OPENINGS = """
INSERT INTO contract_opening (cell, contract_id, document)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::jsonb[])
"""
MARK_REVERSED = (
    "UPDATE event SET reversed_by = $4 WHERE cell = $1 AND contract_id = $2 AND seq = $3"
)
UPDATE_NUMBERS = update(
    schema.borrower, ("cell", "borrower_id", "last_contract"), ("cell", "borrower_id")
)
UPSERT_LINES = (
    f"{insert(schema.line, LINE)} ON CONFLICT (cell, borrower_id, product_id) DO UPDATE SET "
    "limit_amount = excluded.limit_amount, held = excluded.held, status = excluded.status, "
    "contract_id = excluded.contract_id, version = line.version + 1"
)
"""A new line has version 1; every later write of it adds one."""

INSERT_OPERATIONS = """
INSERT INTO operation
    (operation_id, actor, action, borrower_id, contract_id, business_date, digest)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::date[],
    $7::bytea[])
"""
INSERT_OPERATIONS_SAID = """
INSERT INTO operation
    (operation_id, actor, action, borrower_id, contract_id, business_date, digest, detail)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::date[],
    $7::bytea[], $8::jsonb[])
"""
INSERT_OPERATION = """
INSERT INTO operation (operation_id, actor, action, business_date, digest)
VALUES ($1, $2, $3, $4, $5)
"""
UPSERT_HOLD = """
INSERT INTO authorisation (cell, authorisation_id, borrower_id, contract_id, amount, captured,
    status, merchant, authorised_on, expires_on, operation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (cell, authorisation_id) DO UPDATE SET captured = $6, status = $7
"""
UPSERT_OFFER = """
INSERT INTO offer (cell, offer_id, borrower_id, product_id, document, cost, principal, parent_id,
    cycle, valid_until, status, contract_id, operation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (cell, offer_id) DO UPDATE SET status = $11, contract_id = $12
"""
INSERT_WORDS = """
INSERT INTO cost_words (digest, document)
SELECT DISTINCT * FROM unnest($1::bytea[], $2::text[]) ON CONFLICT DO NOTHING
"""
UPSERT_SHEETS = """
INSERT INTO cost_sheet (cell, sheet_id, borrower_id, kind, contract_id, digest, shown_at, language,
    nonce, confirmed_at, how, operation_id)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[],
    $6::bytea[], $7::timestamptz[], $8::text[], $9::text[], $10::timestamptz[], $11::text[],
    $12::bigint[])
ON CONFLICT (cell, sheet_id) DO UPDATE SET contract_id = excluded.contract_id,
    shown_at = excluded.shown_at, language = excluded.language, nonce = excluded.nonce,
    confirmed_at = excluded.confirmed_at, how = excluded.how, operation_id = excluded.operation_id
"""
LOAD_SHEET = """
SELECT s.sheet_id, s.borrower_id, s.kind, w.document, s.digest, s.contract_id, s.shown_at,
    s.language, s.nonce, s.confirmed_at, s.how
FROM cost_sheet s JOIN cost_words w USING (digest)
WHERE s.cell = $1 AND s.sheet_id = $2 AND s.borrower_id = $3 FOR UPDATE OF s
"""
KNOWN_ANSWERS = """
SELECT business_date, client, key, request_hash, status, answer, operation_id
FROM book LEFT JOIN idempotency
    ON (client, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""
"""Together with the business date, which a booker must not look at before it has ``LOCK``."""
INSERT_ANSWERS = """
INSERT INTO idempotency (client, key, request_hash, status, answer, operation_id)
SELECT client, key, request_hash, 201, answer, operation_id
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[])
    AS given(client, key, request_hash, answer, operation_id)
"""

OFFER_DOCUMENT = "SELECT document FROM offer WHERE cell = $1 AND offer_id = $2"
INSERT_TERMS = """
INSERT INTO terms (digest, numbers, rules_version) VALUES ($1, $2, $3)
ON CONFLICT (digest) DO NOTHING
"""
TERMS_ID = "SELECT terms_id FROM terms WHERE digest = $1"

INSERT_BOOK = """
INSERT INTO book (name, currency, opened_on, business_date, demo) VALUES ($1, $2, $3, $3, $4)
"""
INSERT_PRODUCT = """
INSERT INTO product (product_id, code, name_zh, name_en, settings) VALUES ($1, $2, $3, $4, $5)
"""
