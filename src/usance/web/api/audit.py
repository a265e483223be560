"""The tree over the audit events: events with their places, proofs, signed checkpoints."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

from msgspec import Meta, Struct

from usance.audit import proofs, store
from usance.audit.documents import Consistency, Inclusion
from usance.audit.store import Kept, Wanted
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.web.api import views
from usance.web.api.endpoint import Asked, Empty, read
from usance.web.api.paging import Page, PageQuery, page, position

NUMBER_MAX = 2**31 - 1
NOTE_FORMAT = "c2sp.org/tlog-checkpoint, signed by c2sp.org/signed-note and tlog-cosignature"

Text = Annotated[str, Meta(max_length=200)]
Size = Annotated[int, Meta(ge=1, le=2**53 - 1, description="Number of events.")]


class EventQuery(PageQuery, kw_only=True):
    """Which events: of an actor, an action, a borrower."""

    actor: Text = ""
    action: Text = ""
    borrower_id: Text = ""


class AuditEventView(Struct):
    """An audit event; ``leaf_index`` is its place in the tree, null while it waits for it."""

    event: views.OperationView
    digest: str
    leaf_index: int | None


class CheckpointView(Struct):
    """A signed root over the first ``size`` events."""

    number: int
    size: int
    root: str
    made_at: str
    note: str


class NewestView(Struct):
    """The newest checkpoint, the key that signs, and how a note is written."""

    checkpoint: CheckpointView
    public_key: str
    note_format: str


class SizesQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Two checkpoints, by the number of events that they cover."""

    old: Size
    new: Size


@read("/v1/audit/events", "audit:read")
async def audit_events(asked: Asked[EventQuery]) -> Page[AuditEventView]:
    """Audit events, newest first, with their places in the tree.

    A page may be short, or empty, where few events fit: ``next`` says whether there is more.
    """
    query = asked.query
    wanted = Wanted(query.actor, query.action, borrower_of(query.borrower_id))
    before = position(query, 2**63 - 1)
    rows, following = await store.events(asked.services.pool, wanted, before, query.limit)
    items = [
        AuditEventView(views.operation_view(row), row["digest"].hex(), row["leaf_index"])
        for row in rows
    ]
    return Page(items, str(following) if following else None)


def borrower_of(text: str) -> int:
    """A borrower's id in the query; 0 for none."""
    try:
        return parse("borrower", text) if text else 0
    except ValueError:
        raise Refused("R-DOC-01", "not a borrower id", "borrower_id") from None


@read("/v1/audit/events/{operation_id}/proof", "audit:read")
async def audit_proof(asked: Asked[Empty]) -> Inclusion:
    """The proof that an event is in the signed tree; needs no database to be verified.

    The event is the line that its leaf hashes. Refused by R-PROOF-11 until a checkpoint covers it.
    """
    services = asked.services
    return await proofs.inclusion(services.pool, asked.at["operation_id"], services.audit_key)


@read("/v1/audit/checkpoint", "audit:read")
async def audit_checkpoint(asked: Asked[Empty]) -> NewestView:
    """The newest checkpoint, and the public key with which it can be verified."""
    found = await store.newest_checkpoint(asked.services.pool)
    if found is None:
        raise Refused("R-PROOF-11", "there is no checkpoint yet")
    return NewestView(checkpoint_view(found), str(asked.services.audit_key), NOTE_FORMAT)


@read("/v1/audit/checkpoints", "audit:read")
async def audit_checkpoints(asked: Asked[PageQuery]) -> Page[CheckpointView]:
    """Checkpoints, newest first."""
    before = position(asked.query, NUMBER_MAX, NUMBER_MAX)
    rows = await store.checkpoints(asked.services.pool, before=before, limit=asked.query.limit)
    return page([checkpoint_view(row) for row in rows], asked.query, rows[-1].number if rows else 0)


@read("/v1/audit/consistency", "audit:read")
async def audit_consistency(asked: Asked[SizesQuery]) -> Consistency:
    """The proof that the tree of one checkpoint begins with that of an earlier one."""
    services, query = asked.services, asked.query
    return await proofs.consistency(services.pool, query.old, query.new, services.audit_key)


def checkpoint_view(kept: Kept) -> CheckpointView:
    """A checkpoint."""
    root = b64encode(kept.root).decode()
    return CheckpointView(kept.number, kept.size, root, kept.made_at.isoformat(), kept.note)
