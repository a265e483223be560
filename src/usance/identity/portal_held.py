"""What the portal holds of a person: told to them on request, and forgotten with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from usance.identity import portal_held_sql as sql
from usance.platform.database import Connection
from usance.platform.personal import forget, part, sealed_fields

KEY = ("cell", "borrower_id")

sealed_fields("contact_change", ("value",), (*KEY, "change_id"), "change_id")
sealed_fields("contact_flag", ("reason",), (*KEY, "flag_id"), "flag_id")
sealed_fields("sandbox_message", ("content",), (*KEY, "message_id"), "borrower_id")


def shown(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows with their moments in ISO form."""
    return [{name: said(each) for name, each in row.items()} for row in rows]


def said(value: Any) -> Any:
    """A moment in ISO form, anything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


@part("sessions", "borrower_session")
async def sessions(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """When the borrower was logged in."""
    return shown(await sql.rows(connection, sql.SESSIONS, borrower_id))


@part("devices", "device")
async def devices(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """On what."""
    return shown(await sql.rows(connection, sql.DEVICES, borrower_id))


@part("links", "portal_link")
async def links(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """Links that host applications asked for."""
    return shown(await sql.rows(connection, sql.LINKS, borrower_id))


@part("codes", "one_time_code")
async def codes(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """Codes that were sent within the last hour."""
    return shown(await sql.rows(connection, sql.CODES, borrower_id))


@part("number", "contact", "contact_change", "contact_flag")
async def number(connection: Connection, borrower_id: int) -> dict[str, Any]:
    """What is known of the phone number, its changes, and signs that staff looked at."""
    return {
        "known": shown(await sql.rows(connection, sql.CONTACTS, borrower_id)),
        "changes": shown(await sql.rows(connection, sql.CHANGES, borrower_id)),
        "signs": shown(await sql.rows(connection, sql.FLAGS, borrower_id)),
    }


@part("sandbox_messages", "sandbox_message")
async def sandbox_messages(connection: Connection, borrower_id: int) -> list[dict[str, Any]]:
    """Messages that a sandbox kept instead of sending them."""
    return shown(await sql.rows(connection, sql.SANDBOX_MESSAGES, borrower_id))


@forget
async def forget_portal(connection: Connection, borrower_id: int) -> None:
    """Nothing is left of how the person came in, nor a message on its way."""
    await sql.forget(connection, borrower_id)
