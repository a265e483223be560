"""Adopting and retiring a consent document, as values: each can be kept, hashed, and done later."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from usance.consents import rules, store
from usance.consents.documents import ConsentDocument, shipped
from usance.consents.saying import SYSTEM
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, Making, once, rehearsed
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.database import Connection, Pool


class AdoptConsentDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document comes into force as it stands here."""

    document: ConsentDocument


class RetireConsentDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a day on, nobody agrees to this version, and who has agreed has agreed to nothing."""

    document_id: str
    version: int
    retired_on: date


DocumentAct = AdoptConsentDocument | RetireConsentDocument
ACTS: dict[str, type[AdoptConsentDocument] | type[RetireConsentDocument]] = {
    "AdoptConsentDocument": AdoptConsentDocument,
    "RetireConsentDocument": RetireConsentDocument,
}


async def perform(pool: Pool, clock: Clock, act: DocumentAct, asking: Asking) -> Answer:
    """Do it, once for the caller's key, with its audit event. Raises ``Refused``."""
    return await once(pool, asking, _making(act, clock.now()))


async def rehearse(pool: Pool, clock: Clock, act: DocumentAct, actor: str) -> None:
    """Whether it could be done now. Raises ``Refused`` if not."""
    await rehearsed(pool, actor, _making(act, clock.now()))


async def enter_shipped(connection: Connection, now: datetime) -> None:
    """The documents that come with the book; those that are there stay as they are.

    They have no audit event, as products have none; every agreement to one is bound to its digest.
    """
    for document in shipped():
        rules.check_document(document)
        await store.insert_document(connection, document, SYSTEM, now)


def _making(act: DocumentAct, now: datetime) -> Making:
    """How it is done."""

    async def make(change: Change) -> dict[str, Any]:
        if isinstance(act, AdoptConsentDocument):
            return await _adopted(change, act.document, now)
        return await _retired(change, act, now.date())

    return make


@rule("R-CONSENT-02")
async def _adopted(change: Change, document: ConsentDocument, now: datetime) -> dict[str, Any]:
    rules.check_document(document)
    last = await store.last_version(change.connection, document.document_id)
    rules.check_next(document, last, now.date())
    await store.insert_document(
        change.connection, document, change.actor, now, change.operation_id
    )
    named: dict[str, Any] = {"document": document.document_id, "version": document.version}
    await change.note("AdoptConsentDocument", document.digest, named)
    return named | {"digest": document.digest.hex()}


@rule("R-CONSENT-02")
async def _retired(
    change: Change, act: RetireConsentDocument, today: date
) -> dict[str, Any]:
    row = await store.document_alone(change.connection, act.document_id, act.version)
    if row is None:
        raise Refused("R-FOUND-01", "there is no such document", "document_id")
    rules.check_retirement(row["retired_on"], act.retired_on, today)
    await store.retire(
        change.connection, act.document_id, act.version, act.retired_on, change.operation_id
    )
    named: dict[str, Any] = {
        "document": act.document_id, "version": act.version,
        "retired_on": act.retired_on.isoformat(),
    }  # fmt: skip
    hashed = digest([("consent_document", [(act.version, act.retired_on.toordinal())])])
    await change.note("RetireConsentDocument", hashed, named)
    return named
