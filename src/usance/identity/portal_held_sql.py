"""The SQL of what the portal holds of a person. $1: cell, $2: borrower."""

from __future__ import annotations

from asyncpg import Record

from usance.core.identifiers import cell_of_borrower
from usance.platform.database import Connection

OF = "WHERE cell = $1 AND borrower_id = $2"
SESSIONS = f"""
SELECT opened_by, created_at, seen_at, ended_at FROM borrower_session {OF} ORDER BY session_id"""
DEVICES = f"""
SELECT family, first_seen_at, last_seen_at, forgotten_at FROM device {OF} ORDER BY device_id"""
LINKS = f"""
SELECT target, made_at, expires_at, used_at FROM portal_link {OF} ORDER BY link_id"""
CODES = """
SELECT purpose, attempts, made_at, expires_at FROM one_time_code
WHERE borrower_id = $2 AND $1::smallint IS NOT NULL AND purpose <> 'family' ORDER BY made_at"""
CONTACTS = f"SELECT kind, verified_at, used_at, suspended_at FROM contact {OF} ORDER BY kind"
CHANGES = f"""
SELECT kind, status, asked_at, new_proven_at, old_proven_at, effective_at, ended_at
FROM contact_change {OF} ORDER BY change_id"""
FLAGS = f"SELECT kind, raised_at, closed_at FROM contact_flag {OF} ORDER BY flag_id"
SANDBOX_MESSAGES = f"SELECT kind, recorded_at FROM sandbox_message {OF} ORDER BY message_id"

FORGOTTEN = ("borrower_session", "device", "portal_link", "contact", "contact_change",
             "contact_flag", "sandbox_message")  # fmt: skip
"""Tables in which nothing of an erased person stays."""


async def rows(connection: Connection, query: str, borrower_id: int) -> list[Record]:
    """The rows of one of these queries."""
    return list(await connection.fetch(query, cell_of_borrower(borrower_id), borrower_id))


async def forget(connection: Connection, borrower_id: int) -> None:
    """Delete everything of a borrower."""
    for table in FORGOTTEN:
        await connection.execute(
            f"DELETE FROM {table} {OF}", cell_of_borrower(borrower_id), borrower_id
        )
    await connection.execute("DELETE FROM one_time_code WHERE borrower_id = $1", borrower_id)
