"""What store.py is, for second factors: secrets of one-time codes, and recovery codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from usance.platform.database import Connection, Pool

Row: TypeAlias = Mapping[str, Any]
ENROLLING, IN_FORCE = 1, 2


async def secret(connection: Connection | Pool, staff_id: int, state: int) -> Row | None:
    """The encrypted secret of an account."""
    row: Row | None = await connection.fetchrow(
        "SELECT data_key, secret, last_step FROM staff_factor WHERE staff_id = $1 AND state = $2",
        *(staff_id, state),
    )
    return row


async def begin(
    connection: Connection, staff_id: int, data_key: bytes, sealed: bytes, now: datetime
) -> None:
    """A secret that is to be confirmed, in place of one that was not."""
    await connection.execute(
        "INSERT INTO staff_factor (staff_id, state, data_key, secret, made_at)"
        f" VALUES ($1, {ENROLLING}, $2, $3, $4) ON CONFLICT (staff_id, state) DO UPDATE SET"
        " data_key = excluded.data_key, secret = excluded.secret, last_step = 0,"
        " made_at = excluded.made_at",
        *(staff_id, data_key, sealed, now),
    )


async def accept_step(connection: Connection, staff_id: int, step: int) -> bool:
    """Use a time step of the factor in force; False if it, or a later one, was used before."""
    tag: str = await connection.execute(
        f"UPDATE staff_factor SET last_step = $2 WHERE staff_id = $1 AND state = {IN_FORCE}"
        " AND last_step < $2",
        *(staff_id, step),
    )
    return tag == "UPDATE 1"


async def confirm(connection: Connection, staff_id: int, step: int) -> bool:
    """Put in force what is being enrolled, in place of what was; False if nothing is."""
    await connection.execute(
        f"DELETE FROM staff_factor WHERE staff_id = $1 AND state = {IN_FORCE} AND EXISTS ("
        f" SELECT FROM staff_factor WHERE staff_id = $1 AND state = {ENROLLING})",
        staff_id,
    )
    tag: str = await connection.execute(
        f"UPDATE staff_factor SET state = {IN_FORCE}, last_step = $2"
        f" WHERE staff_id = $1 AND state = {ENROLLING}",
        *(staff_id, step),
    )
    return tag == "UPDATE 1"


async def forget(connection: Connection, staff_id: int) -> int:
    """No factor and no recovery code any more; returns how many rows there were."""
    found = 0
    for table in ("staff_factor", "staff_recovery_code"):
        tag = await connection.execute(f"DELETE FROM {table} WHERE staff_id = $1", staff_id)
        found += int(tag.removeprefix("DELETE "))
    return found


async def replace_codes(
    connection: Connection, staff_id: int, hashes: Sequence[bytes]
) -> None:
    """New recovery codes in place of all others."""
    await connection.execute("DELETE FROM staff_recovery_code WHERE staff_id = $1", staff_id)
    await connection.execute(
        "INSERT INTO staff_recovery_code (staff_id, code_hash) SELECT $1, unnest($2::bytea[])",
        *(staff_id, list(hashes)),
    )


async def use_code(
    connection: Connection, staff_id: int, code_hash: bytes, now: datetime
) -> bool:
    """Use a recovery code; False if it is none, or was used before."""
    tag: str = await connection.execute(
        "UPDATE staff_recovery_code SET used_at = $3"
        " WHERE staff_id = $1 AND code_hash = $2 AND used_at IS NULL",
        *(staff_id, code_hash, now),
    )
    return tag == "UPDATE 1"
