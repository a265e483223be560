"""Proofs from the book: of one event, and between two checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

from usance.audit import merkle, store
from usance.audit.documents import Consistency, Inclusion
from usance.audit.merkle import Range
from usance.audit.note import PublicKey
from usance.audit.store import Kept
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.database import Connection, Pool


@rule("R-PROOF-05", "R-PROOF-11")
async def inclusion(
    pool: Pool | Connection, operation_id: int, key: PublicKey
) -> Inclusion:
    """The proof of an event against the newest checkpoint; raises ``Refused``.

    It is proven here before it is given away: an event that was edited has no proof.
    """
    text = await store.event_text(pool, operation_id)
    if text is None:
        raise Refused("R-FOUND-01", "there is no such operation", "operation_id")
    index = await store.leaf_of(pool, operation_id)
    kept = await store.newest_checkpoint(pool)
    if index is None or kept is None or kept.size <= index:
        raise Refused("R-PROOF-11", "no checkpoint covers the event yet", "operation_id")
    path = await hashes(pool, merkle.inclusion_ranges(index, kept.size))
    leaf = merkle.leaf_hash(text.encode())
    if not merkle.includes(leaf, index, kept.size, path, kept.root):
        raise Refused("R-PROOF-10", "the event is not what was signed", "operation_id")
    return Inclusion(
        event=text, leaf_index=index, path=[each.hex() for each in path], checkpoint=kept.note,
        public_key=str(key),
    )  # fmt: skip


@rule("R-PROOF-06")
async def consistency(
    pool: Pool | Connection, old_size: int, new_size: int, key: PublicKey
) -> Consistency:
    """The proof that one checkpoint's tree begins with another's; raises ``Refused``."""
    old, new = await checkpoint(pool, old_size), await checkpoint(pool, new_size)
    if old.size > new.size:
        raise Refused("R-PROOF-06", "the first tree is the smaller one", "to")
    path = await hashes(pool, merkle.consistency_ranges(old.size, new.size))
    if not merkle.extends(old.size, old.root, new.size, new.root, path):
        raise Refused("R-PROOF-10", "the tree is not what was signed", "to")
    return Consistency(
        old=old.note, new=new.note, path=[each.hex() for each in path], public_key=str(key)
    )


async def checkpoint(pool: Pool | Connection, size: int) -> Kept:
    """The checkpoint of a tree of this size."""
    found = await store.checkpoint_at(pool, size) if 0 < size < 2**63 else None
    if found is None:
        raise Refused("R-PROOF-06", f"there is no checkpoint of {size} leaves", "size")
    return found


async def hashes(pool: Pool | Connection, ranges: Sequence[Range]) -> list[bytes]:
    """The hashes of these ranges of leaves."""
    try:
        nodes = await store.nodes(pool, merkle.nodes_wanted(ranges))
    except KeyError as missing:
        raise Refused("R-PROOF-10", f"leaf {missing} is not there", "") from None
    return [merkle.hash_of(*each, nodes) for each in ranges]
