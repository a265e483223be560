"""Proof documents: what is handed to somebody who has no access to the book. Pure.

Everything is in clear: hashes in hexadecimal, the event as the line of JSON that its leaf hashes,
checkpoints as signed notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from usance.audit import merkle
from usance.audit.note import Checkpoint, NotProven, PublicKey, checkpoint_of
from usance.core.rules import rule

INCLUSION, CONSISTENCY = "usance audit proof 1", "usance audit consistency 1"
DOCUMENT_MAX = 2_000_000
PATH_MAX = 128

Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Path = Annotated[list[Hash], Meta(max_length=PATH_MAX)]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Shape = TypeVar("Shape")


class Inclusion(Struct, forbid_unknown_fields=True, kw_only=True):
    """That an event is a leaf of a signed tree."""

    format: str = INCLUSION
    event: str
    leaf_index: Size
    path: Path
    checkpoint: str
    public_key: str


class Consistency(Struct, forbid_unknown_fields=True, kw_only=True):
    """That a signed tree begins with another signed tree."""

    format: str = CONSISTENCY
    old: str
    new: str
    path: Path
    public_key: str


class Event(Struct, kw_only=True):
    """An audit event as its leaf spells it; what a later version adds is no hindrance."""

    v: int
    operation_id: str
    actor: str
    action: str
    borrower_id: str
    contract_id: str
    business_date: str
    recorded_at: str
    digest: str
    detail: dict[str, Any]
    form: int
    xid: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What was proven, in lines; ``believed`` is the key whose signature was the ground."""

    lines: list[str]
    believed: PublicKey


def event_of(text: str | bytes) -> Event:
    """An event's line, read; ``NotProven`` if it is none of ours."""
    try:
        return msgspec.json.decode(text, type=Event)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotProven(f"the event cannot be read: {error}") from None


@rule("R-PROOF-05", "R-PROOF-06")
def shown(raw: bytes, keys: list[PublicKey]) -> Shown:
    """What a proof document proves; ``NotProven`` if it does not.

    One of ``keys`` must have signed; with none given the key in the document is believed, which
    proves no more than that the document agrees with itself.
    """
    if len(raw) > DOCUMENT_MAX:
        raise NotProven("the file is too large for a proof")
    kind = decoded(raw, Formatted).format
    if kind == INCLUSION:
        return shown_inclusion(decoded(raw, Inclusion), keys)
    if kind == CONSISTENCY:
        return shown_consistency(decoded(raw, Consistency), keys)
    raise NotProven(f"{kind[:60]!r} is no format of a proof")


class Formatted(Struct):
    """Any document that says what it is."""

    format: str


def decoded(raw: bytes, shape: type[Shape]) -> Shape:
    """A document in its shape."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotProven(f"not a proof: {error}") from None


@rule("R-PROOF-07")
def signed(note: str, keys: list[PublicKey], own: str) -> tuple[Checkpoint, PublicKey]:
    """A checkpoint, and the key that signed it: one of those given, else the document's own."""
    errors = []
    for key in keys or [PublicKey.parse(own)]:
        try:
            return checkpoint_of(note, key), key
        except NotProven as error:
            errors.append(str(error))
    raise NotProven("; ".join(errors))


def shown_inclusion(proof: Inclusion, keys: list[PublicKey]) -> Shown:
    """The event is where it says, in a tree that was signed."""
    checkpoint, key = signed(proof.checkpoint, keys, proof.public_key)
    leaf = merkle.leaf_hash(proof.event.encode())
    path = [bytes.fromhex(each) for each in proof.path]
    if not merkle.includes(leaf, proof.leaf_index, checkpoint.size, path, checkpoint.root):
        raise NotProven("the path does not lead from the event to the signed root")
    event = event_of(proof.event)
    lines = [
        f"event {event.operation_id}: {event.action} by {event.actor}, recorded at "
        f"{event.recorded_at}, business date {event.business_date}",
        f"is leaf {proof.leaf_index} of {checkpoint.size} in the tree that {said(checkpoint)}",
    ]
    return Shown(lines, key)


def shown_consistency(proof: Consistency, keys: list[PublicKey]) -> Shown:
    """The larger tree begins with the smaller one."""
    old, key = signed(proof.old, keys, proof.public_key)
    new, _ = signed(proof.new, keys, proof.public_key)
    path = [bytes.fromhex(each) for each in proof.path]
    if old.origin != new.origin:
        raise NotProven(f"the checkpoints are of two logs: {old.origin} and {new.origin}")
    if not merkle.extends(old.size, old.root, new.size, new.root, path):
        raise NotProven("the path does not lead from one signed root to the other")
    lines = [f"the tree of {old.size} events that {said(old)}",
             f"is the beginning of that of {new.size} events that {said(new)}"]  # fmt: skip
    return Shown(lines, key)


def said(checkpoint: Checkpoint) -> str:
    """Who signed when."""
    when = f" at {checkpoint.made_at:%Y-%m-%d %H:%M:%S} UTC" if checkpoint.made_at else ""
    return f"{checkpoint.origin} signed{when}"
