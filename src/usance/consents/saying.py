"""Something is said of a consent: an event, where it stands by it, and the audit event, in one.

Everything here runs inside a change of the caller, so that another room can have a consent given
together with what it is for. The borrower is held first, then the agreement.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from usance.consents import rules, store, telling
from usance.consents.documents import ConsentDocument, document_of
from usance.consents.records import NO_EVIDENCE, Evidence, Record, Saying, borrower
from usance.consents.rules import ACTIONS, EXPIRED, GIVEN, INVALIDATED, STATES, WITHDRAWN
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.identity.borrower_sessions import actor_of
from usance.identity.borrowers import ERASED
from usance.identity.boxes import Boxes
from usance.identity.changing import Change
from usance.ledger.digest import digest
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id

SYSTEM = "usance"
Ended: TypeAlias = Callable[[Change, Record], Awaitable[None]]
ENDED: list[Ended] = []
"""What rests on agreements, and ends with them in the same transaction."""
SALT_BYTES = 16


def when_ended(act: Ended) -> Ended:
    """Enter what is done when an agreement is refused or ends, whoever ends it and how."""
    ENDED.append(act)
    return act


@rule("R-CONSENT-03", "R-CONSENT-07")
async def say(
    change: Change, boxes: Boxes, saying: Saying, state: int, now: datetime
) -> Record:
    """A document is agreed to (``GIVEN``) or not (``REFUSED``). Raises ``Refused``."""
    connection = change.connection
    who = await store.who(connection, saying.borrower_id, held=True)
    if who is None or who["status"] == ERASED:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    document = await shown(connection, saying, now)
    rules.check_saying(saying, document, change.actor, state)
    grantor, counterparty = saying.grantor, saying.counterparty
    before = await store.of_parties(connection, grantor, document.document_id, counterparty)
    other = None
    if counterparty.kind:
        other = await store.of_parties(
            connection, counterparty, document.document_id, grantor, lock=""
        )
    record = Record(
        borrower_id=saying.borrower_id,
        record_id=before.record_id if before else new_operation_id(),
        grantor=grantor, counterparty=counterparty,
        document_id=document.document_id, version=document.version,
        document_digest=document.digest, language=saying.language,
        scopes=saying.scopes or document.scopes, channels=saying.channels or document.channels,
        method=saying.method, state=state, at=now,
        valid_until=rules.valid_until(document, now) if state == GIVEN else None,
        linked_id=other.record_id if other else 0, events=before.events if before else 0,
    )  # fmt: skip
    evidence = await sealed(boxes, who, saying.evidence, change.operation_id)
    return await noted(change, record, evidence)


@rule("R-CONSENT-02")
async def shown(connection: Connection, saying: Saying, now: datetime) -> ConsentDocument:
    """The document that was shown, if it is the one in force; raises ``Refused``."""
    row = await store.in_force(connection, saying.document_id, now.date(), held=True)
    if row is None:
        raise Refused("R-FOUND-01", "there is no such document in force", "document")
    if row["version"] != saying.version:
        detail = f"version {row['version']} is in force"
        raise Refused("R-CONSENT-02", detail, "version")
    return document_of(row["body"])


@rule("R-CONSENT-05")
async def withdraw(
    change: Change, boxes: Boxes, place: tuple[int, int], method: str, evidence: str, now: datetime
) -> Record:
    """Take back what was given, at once and without a reason; again it changes nothing.

    ``place``: borrower and agreement. Raises ``Refused`` (R-FOUND-01) where there is none.
    """
    rules.check_method(method, evidence, change.actor, WITHDRAWN)
    who = await store.who(change.connection, place[0], held=True)
    record = await store.record(change.connection, *place, lock=True)
    if who is None or record is None or not _may_take_back(change.actor, record):
        raise Refused("R-FOUND-01", "there is no such consent", "record_id")
    if not rules.can_withdraw(record.state):
        await _asked_again(change, record)
        return record
    said = await sealed(boxes, who, evidence, change.operation_id)
    return await noted(change, replace(record, state=WITHDRAWN, at=now, method=method), said)


def _may_take_back(actor: str, record: Record) -> bool:
    """A borrower takes back their own word, and never that of another in their book."""
    own = borrower(record.borrower_id)
    return actor != actor_of(record.borrower_id) or record.grantor == own


async def _asked_again(change: Change, record: Record) -> None:
    """Who asked knows by an audit event of its own that nothing had to be changed."""
    rows = [(record.cell, record.borrower_id, record.record_id, record.events)]
    detail = {"consent": written("consent", record.record_id), "state": STATES[record.state]}
    await change.note(
        "WithdrawConsentAgain", digest([("consent", rows)]), detail, borrower_id=record.borrower_id
    )


@rule("R-CONSENT-06")
async def expire(connection: Connection, record: Record, now: datetime) -> None:
    """It is past its end: that is written down. Nothing depends on when."""
    await _ended(connection, record, EXPIRED, now)


@rule("R-CONSENT-09")
async def invalidate(connection: Connection, record: Record, now: datetime) -> None:
    """It justifies nothing any more, for a reason that is not the grantor's word."""
    await _ended(connection, record, INVALIDATED, now)


async def _ended(connection: Connection, record: Record, state: int, now: datetime) -> None:
    """By itself, unless it ended with another one meanwhile."""
    found = await store.record(connection, record.borrower_id, record.record_id, lock=True)
    if found is not None and found.state == GIVEN:
        change = await of_itself(connection)
        await noted(change, replace(found, state=state, at=now), NO_EVIDENCE)


async def of_itself(connection: Connection) -> Change:
    """A change that nobody asked for."""
    on = await identity.business_date(connection)
    assert on is not None, "there is no consent without a book"
    return Change(connection, new_operation_id(), SYSTEM, on)


@rule("R-CONSENT-08")
async def noted(change: Change, record: Record, evidence: Evidence) -> Record:
    """Write it down with its audit event; the agreement as it stands now."""
    now = replace(record, operation_id=change.operation_id, events=record.events + 1)
    hashed = await store.insert_event(change.connection, now, change.actor, evidence)
    detail = {
        "consent": written("consent", now.record_id), "event": now.events,
        "document": now.document_id, "version": now.version, "method": now.method,
    }  # fmt: skip
    await change.note(ACTIONS[now.state], hashed, detail, borrower_id=now.borrower_id)
    if now.state != GIVEN:
        for act in ENDED:
            await act(change, now)
    await telling.of_saying(change.connection, now)
    return now


async def sealed(
    boxes: Boxes, who: store.Row, text: str, operation_id: int
) -> Evidence:
    """Evidence under the borrower's key, with a salt, so that its hash says nothing without it."""
    if not text.strip():
        return NO_EVIDENCE
    salted = secrets.token_hex(SALT_BYTES) + text.strip()
    ciphertext = await boxes.seal(
        who, salted, table="consent_event", column="evidence", row_id=operation_id
    )
    return Evidence(ciphertext, hashlib.sha256(salted.encode()).digest())


def unsalted(text: str) -> str:
    """The words of opened evidence."""
    return text[2 * SALT_BYTES :]
