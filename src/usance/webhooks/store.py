"""The SQL of endpoints, their secrets, and what is queued for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import msgspec

from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]

WAITING, DELIVERED, GIVEN_UP = 0, 1, 2
ENDPOINT = """e.endpoint_id, e.client_id, e.url, e.types, e.active, e.stopped_by, e.data_key,
    e.last_sequence, e.failures, e.resting_until, e.created_at"""
DELIVERY = """sequence, type, data, happened_at, business_date, operation_id, state, attempts,
    not_before, created_at, done_at"""
LISTENS = "e.active AND c.active"
"""An endpoint that is sent something: stopped by nobody, of a client that may come in."""


# -- endpoints -------------------------------------------------------------------------------------


async def client_scopes(connection: Connection, client_id: int) -> frozenset[str] | None:
    """What an active client may do; None without one. Locked: its endpoints are counted."""
    found = await connection.fetchval(
        "SELECT scopes FROM machine_client WHERE client_id = $1 AND active FOR UPDATE", client_id
    )
    return None if found is None else frozenset(msgspec.json.decode(found, type=list[str]))


async def count_endpoints(connection: Connection, client_id: int) -> int:
    """How many endpoints a client has."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM webhook_endpoint WHERE client_id = $1 AND deleted_at IS NULL",
        client_id,
    )
    return found


async def new_endpoint_id(connection: Connection) -> int:
    """The number of an endpoint to come: its data key is wrapped for it."""
    found: int = await connection.fetchval(
        "SELECT nextval(pg_get_serial_sequence('webhook_endpoint', 'endpoint_id'))"
    )
    return found


async def insert_endpoint(
    connection: Connection, endpoint_id: int, client_id: int, url: str, types: Sequence[str],
    data_key: bytes,
) -> None:  # fmt: skip
    """A new endpoint; it is told of this transaction and all that begin after it."""
    await connection.execute(
        "INSERT INTO webhook_endpoint (endpoint_id, client_id, url, types, data_key)"
        " VALUES ($1, $2, $3, $4, $5)",
        *(endpoint_id, client_id, url, msgspec.json.encode(types).decode(), data_key),
    )


async def take_endpoint(
    connection: Connection, endpoint_id: int, client_id: int | None
) -> Row | None:
    """An endpoint, locked; only of this client, if one is given."""
    row: Row | None = await connection.fetchrow(
        f"SELECT {ENDPOINT} FROM webhook_endpoint e WHERE endpoint_id = $1"
        " AND deleted_at IS NULL AND ($2::bigint IS NULL OR client_id = $2) FOR UPDATE",
        *(endpoint_id, client_id),
    )
    return row


async def endpoints(pool: Pool, client_id: int | None, after: int, limit: int) -> Sequence[Row]:
    """Endpoints in the order of their numbers, with how much waits for each and was given up."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT {ENDPOINT}, c.name AS client, {COUNTS} FROM webhook_endpoint e"
        " JOIN machine_client c USING (client_id)"
        " WHERE deleted_at IS NULL AND ($1::bigint IS NULL OR client_id = $1)"
        " AND endpoint_id > $2 ORDER BY endpoint_id LIMIT $3",
        *(client_id, after, limit),
    )
    return rows


COUNTS = f"""
(SELECT count(*) FROM webhook_delivery d WHERE d.endpoint_id = e.endpoint_id AND state = {WAITING})
    AS waiting,
(SELECT count(*) FROM webhook_delivery d WHERE d.endpoint_id = e.endpoint_id
    AND state = {GIVEN_UP}) AS given_up,
(SELECT count(*) FROM webhook_secret s WHERE s.endpoint_id = e.endpoint_id
    AND retired_at IS NULL) AS secrets
"""


async def change_endpoint(
    connection: Connection, endpoint_id: int, url: str, types: Sequence[str]
) -> None:
    """Another address, other types."""
    await connection.execute(
        "UPDATE webhook_endpoint SET url = $2, types = $3 WHERE endpoint_id = $1",
        *(endpoint_id, url, msgspec.json.encode(types).decode()),
    )


async def start_endpoint(connection: Connection, endpoint_id: int) -> None:
    """It is told again, of what begins from now on."""
    await connection.execute(
        "UPDATE webhook_endpoint SET active = true, stopped_by = '', failures = 0,"
        " resting_until = NULL, since = pg_current_xact_id(), since_at = now()"
        " WHERE endpoint_id = $1",
        endpoint_id,
    )


async def stop_endpoint(connection: Connection, endpoint_id: int, by: str) -> None:
    """It is told nothing more; what waits for it waits on."""
    await connection.execute(
        "UPDATE webhook_endpoint SET active = false, stopped_by = $2 WHERE endpoint_id = $1",
        *(endpoint_id, by),
    )


async def delete_endpoint(connection: Connection, endpoint_id: int, now: datetime) -> None:
    """It is gone, with its secrets; what waited for it is given up."""
    await connection.execute(
        "UPDATE webhook_endpoint SET active = false, deleted_at = $2, data_key = ''"
        " WHERE endpoint_id = $1",
        *(endpoint_id, now),
    )
    await connection.execute("DELETE FROM webhook_secret WHERE endpoint_id = $1", endpoint_id)
    await connection.execute(
        f"UPDATE webhook_delivery SET state = {GIVEN_UP}, done_at = $2 WHERE endpoint_id = $1"
        f" AND state = {WAITING}",
        *(endpoint_id, now),
    )


# -- secrets ---------------------------------------------------------------------------------------


async def new_secret_id(connection: Connection) -> int:
    """The number of a secret to come: it is encrypted for its row."""
    found: int = await connection.fetchval(
        "SELECT nextval(pg_get_serial_sequence('webhook_secret', 'secret_id'))"
    )
    return found


async def insert_secret(
    connection: Connection, secret_id: int, endpoint_id: int, sealed: bytes, now: datetime
) -> None:
    """A new secret."""
    await connection.execute(
        "INSERT INTO webhook_secret (secret_id, endpoint_id, sealed, created_at)"
        " VALUES ($1, $2, $3, $4)",
        *(secret_id, endpoint_id, sealed, now),
    )


async def secrets_of(connection: Connection | Pool, endpoint_id: int) -> Sequence[Row]:
    """The secrets that sign, oldest first, with the key that opens them."""
    rows: Sequence[Row] = await connection.fetch(
        "SELECT secret_id, sealed, data_key FROM webhook_secret"
        " JOIN webhook_endpoint USING (endpoint_id)"
        " WHERE endpoint_id = $1 AND retired_at IS NULL ORDER BY secret_id",
        endpoint_id,
    )
    return rows


async def retire_secret(connection: Connection, secret_id: int, now: datetime) -> None:
    """It signs nothing any more; its ciphertext goes."""
    await connection.execute(
        "UPDATE webhook_secret SET retired_at = $2, sealed = '' WHERE secret_id = $1",
        *(secret_id, now),
    )


# -- what is queued --------------------------------------------------------------------------------


async def queue_one(
    connection: Connection, endpoint_id: int, type_: str, data: object, now: datetime, on: date,
    operation_id: int,
) -> int:  # fmt: skip
    """One message for an endpoint that is locked; its number."""
    sequence: int = await connection.fetchval(
        "UPDATE webhook_endpoint SET last_sequence = last_sequence + 1 WHERE endpoint_id = $1"
        " RETURNING last_sequence",
        endpoint_id,
    )
    await connection.execute(
        "INSERT INTO webhook_delivery (endpoint_id, sequence, type, data, happened_at,"
        " business_date, operation_id, not_before) VALUES ($1, $2, $3, $4, $5, $6, $7, $5)",
        *(endpoint_id, sequence, type_, msgspec.json.encode(data).decode(), now, on, operation_id),
    )
    return sequence


async def listening_to(connection: Connection, type_: str) -> list[int]:
    """Endpoints that are told of a type, locked in the order in which the feed locks them."""
    rows = await connection.fetch(
        "SELECT e.endpoint_id FROM webhook_endpoint e JOIN machine_client c USING (client_id)"
        f" WHERE {LISTENS} AND e.types ? $1 ORDER BY e.endpoint_id FOR UPDATE OF e",
        type_,
    )
    return [row["endpoint_id"] for row in rows]


async def listens(connection: Connection | Pool, type_: str, now: datetime) -> bool:
    """Whether anybody is told of a type now: an endpoint that does not rest after failures."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM webhook_endpoint e JOIN machine_client c USING (client_id)"
        f" WHERE {LISTENS} AND e.types ? $1"
        " AND (e.resting_until IS NULL OR e.resting_until <= $2))",
        *(type_, now),
    )
    return found


async def business_date(connection: Connection) -> date:
    """The open one."""
    found: date = await connection.fetchval("SELECT business_date FROM book")
    return found


async def state_of(connection: Connection, endpoint_id: int, sequence: int) -> int | None:
    """The state of a message, locked; None without one."""
    found: int | None = await connection.fetchval(
        "SELECT state FROM webhook_delivery WHERE endpoint_id = $1 AND sequence = $2 FOR UPDATE",
        *(endpoint_id, sequence),
    )
    return found


AGAIN = f"""
UPDATE webhook_delivery SET state = {WAITING}, began_at_attempt = attempts, not_before = $2,
    lease_until = NULL, done_at = NULL
"""


async def send_again(
    connection: Connection, endpoint_id: int, sequence: int, now: datetime
) -> None:
    """A message waits again, with its schedule from the start."""
    await connection.execute(
        f"{AGAIN} WHERE endpoint_id = $1 AND sequence = $3", endpoint_id, now, sequence
    )


async def send_given_up(connection: Connection, endpoint_id: int, now: datetime) -> int:
    """Everything that was given up waits again; how much."""
    tag: str = await connection.execute(
        f"{AGAIN} WHERE endpoint_id = $1 AND state = {GIVEN_UP}", endpoint_id, now
    )
    return int(tag.removeprefix("UPDATE "))


async def deliveries(
    pool: Pool, endpoint_id: int, state: int | None, before: int, limit: int
) -> Sequence[Row]:
    """Messages to an endpoint, newest first."""
    rows: Sequence[Row] = await pool.fetch(
        f"SELECT {DELIVERY} FROM webhook_delivery WHERE endpoint_id = $1 AND sequence < $2"
        " AND ($3::smallint IS NULL OR state = $3) ORDER BY sequence DESC LIMIT $4",
        *(endpoint_id, before, state, limit),
    )
    return rows


async def delivery(pool: Pool, endpoint_id: int, sequence: int) -> Row | None:
    """One message."""
    row: Row | None = await pool.fetchrow(
        f"SELECT {DELIVERY} FROM webhook_delivery WHERE endpoint_id = $1 AND sequence = $2",
        *(endpoint_id, sequence),
    )
    return row


async def attempts(pool: Pool, endpoint_id: int, sequence: int) -> Sequence[Row]:
    """Attempts to deliver a message, newest first."""
    rows: Sequence[Row] = await pool.fetch(
        "SELECT number, began_at, milliseconds, status, error, answer FROM webhook_attempt"
        " WHERE endpoint_id = $1 AND sequence = $2 ORDER BY number DESC LIMIT 200",
        *(endpoint_id, sequence),
    )
    return rows


# -- sending ---------------------------------------------------------------------------------------

DUE = f"""d.state = {WAITING} AND d.not_before <= $1
    AND (d.lease_until IS NULL OR d.lease_until <= $1)"""


async def endpoints_due(pool: Pool, now: datetime) -> list[int]:
    """Endpoints for which something waits that may be sent now."""
    rows = await pool.fetch(
        "SELECT e.endpoint_id FROM webhook_endpoint e JOIN machine_client c USING (client_id)"
        f" WHERE {LISTENS} AND (e.resting_until IS NULL OR e.resting_until <= $1) AND EXISTS"
        f" (SELECT FROM webhook_delivery d WHERE d.endpoint_id = e.endpoint_id AND {DUE})",
        now,
    )
    return [row["endpoint_id"] for row in rows]


async def address_of(pool: Pool, endpoint_id: int, now: datetime) -> Row | None:
    """Where an endpoint is, if it may be sent something now."""
    row: Row | None = await pool.fetchrow(
        "SELECT e.url, e.failures FROM webhook_endpoint e JOIN machine_client c USING (client_id)"
        f" WHERE e.endpoint_id = $2 AND {LISTENS}"
        " AND (e.resting_until IS NULL OR e.resting_until <= $1)",
        *(now, endpoint_id),
    )
    return row


async def claim(
    pool: Pool, endpoint_id: int, now: datetime, lease: timedelta, most: int
) -> Sequence[Row]:
    """Take messages that are due, the ones that wait longest; one statement, committed by itself.

    Whoever takes one gets a fence, which rises with every claim, and counts an attempt.
    """
    rows: Sequence[Row] = await pool.fetch(
        "UPDATE webhook_delivery SET fence = fence + 1, attempts = attempts + 1, lease_until = $3"
        " WHERE endpoint_id = $2 AND sequence IN (SELECT d.sequence FROM webhook_delivery d"
        f" WHERE d.endpoint_id = $2 AND {DUE} ORDER BY d.not_before, d.sequence LIMIT $4"
        " FOR UPDATE SKIP LOCKED)"
        " RETURNING sequence, type, data, happened_at, business_date, operation_id, fence,"
        " attempts, began_at_attempt",
        *(now, endpoint_id, now + lease, most),
    )
    return sorted(rows, key=lambda row: row["sequence"])


SETTLE = f"""
UPDATE webhook_delivery d SET state = given.state, not_before = given.not_before,
    lease_until = NULL, done_at = CASE WHEN given.state <> {WAITING} THEN $6::timestamptz END
FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::timestamptz[])
    AS given (sequence, fence, state, not_before)
WHERE d.endpoint_id = $1 AND d.sequence = given.sequence AND d.fence = given.fence
    AND d.state = {WAITING}
"""
NOTE = """
INSERT INTO webhook_attempt (endpoint_id, sequence, number, began_at, milliseconds, status, error,
    answer)
SELECT $1, * FROM unnest($2::bigint[], $3::int[], $4::timestamptz[], $5::int[], $6::smallint[],
    $7::text[], $8::text[])
ON CONFLICT DO NOTHING
"""


async def settle(
    connection: Connection, endpoint_id: int, outcomes: Sequence[tuple[int, int, int, datetime]],
    now: datetime,
) -> None:  # fmt: skip
    """What became of messages: (sequence, fence, state, not before), if they are still held."""
    columns = [list(column) for column in zip(*outcomes, strict=True)]
    await connection.execute(SETTLE, endpoint_id, *columns, now)


async def note_attempts(
    connection: Connection, endpoint_id: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    """(sequence, number, began at, milliseconds, status, error, answer) of attempts."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    await connection.execute(NOTE, endpoint_id, *columns)


async def note_health(
    connection: Connection, endpoint_id: int, failures: int, resting_until: datetime | None
) -> None:
    """How many failures there were in a row, and until when the endpoint rests."""
    await connection.execute(
        "UPDATE webhook_endpoint SET failures = $2, resting_until = $3 WHERE endpoint_id = $1",
        *(endpoint_id, failures, resting_until),
    )


async def give_back(
    connection: Connection, endpoint_id: int, taken: Sequence[tuple[int, int]], now: datetime
) -> None:
    """Messages that were taken and not sent, as (sequence, fence): due at once, uncounted."""
    sequences, fences = (list(column) for column in zip(*taken, strict=True))
    await connection.execute(
        "UPDATE webhook_delivery d SET lease_until = NULL, attempts = attempts - 1,"
        " not_before = $4 FROM unnest($2::bigint[], $3::bigint[]) AS given (sequence, fence)"
        " WHERE d.endpoint_id = $1 AND d.sequence = given.sequence AND d.fence = given.fence"
        f" AND d.state = {WAITING}",
        *(endpoint_id, sequences, fences, now),
    )


async def give_up_overdue(
    connection: Connection, now: datetime, before: datetime
) -> Sequence[Row]:
    """Give up what has been due since before a moment at endpoints that answer nobody."""
    rows: Sequence[Row] = await connection.fetch(
        f"UPDATE webhook_delivery d SET state = {GIVEN_UP}, done_at = $1 FROM webhook_endpoint e"
        " WHERE e.endpoint_id = d.endpoint_id AND e.active AND e.failures > 0"
        f" AND d.not_before < $2 AND {DUE} RETURNING d.type, d.data",
        *(now, before),
    )
    return rows


async def clear(pool: Pool, before: datetime, most: int) -> int:
    """Take away messages that were done before a moment, with their attempts; how many."""
    done: int = await pool.fetchval(
        "WITH old AS (DELETE FROM webhook_delivery WHERE (endpoint_id, sequence) IN"
        " (SELECT endpoint_id, sequence FROM webhook_delivery"
        f" WHERE state <> {WAITING} AND done_at < $1 LIMIT $2)"
        " RETURNING endpoint_id, sequence), tried AS (DELETE FROM webhook_attempt a USING old"
        " WHERE a.endpoint_id = old.endpoint_id AND a.sequence = old.sequence)"
        " SELECT count(*) FROM old",
        *(before, most),
    )
    return done


async def observe(pool: Pool, now: datetime) -> tuple[float, int]:
    """Age in seconds of the oldest message that is due, and how many were given up."""
    row = await pool.fetchrow(
        "SELECT coalesce(extract(epoch FROM $1 - min(d.not_before)), 0)::float8,"
        f" (SELECT count(*) FROM webhook_delivery WHERE state = {GIVEN_UP})"
        " FROM webhook_delivery d JOIN webhook_endpoint e USING (endpoint_id)"
        f" WHERE e.active AND d.state = {WAITING} AND d.not_before <= $1",
        now,
    )
    return row[0], row[1]
