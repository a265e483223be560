"""Proofs handed to somebody without the book: what they prove, and that nothing else passes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import msgspec
import pytest

from tests.audit.trees import CHECKPOINTS, KEY, OTHER, Signed, signed_book
from usance.audit import proofs, store
from usance.audit.documents import shown
from usance.audit.merkle import leaf_hash
from usance.audit.note import NotProven, signed_checkpoint
from usance.core.refusals import Refused
from usance.platform.database import Pool

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def book(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed_book(new_database(), tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def proven(book: Signed) -> list[tuple[int, dict[str, Any]]]:
    """Every event's proof."""

    async def all_of(pool: Pool) -> list[tuple[int, dict[str, Any]]]:
        rows = await pool.fetch("SELECT operation_id FROM operation ORDER BY 1")
        found = [(row[0], await proofs.inclusion(pool, row[0], KEY.public)) for row in rows]
        return [(each, msgspec.to_builtins(proof)) for each, proof in found]

    return book.ask(all_of)


def raw(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def test_every_event_of_the_book_can_be_proven(proven: list[tuple[int, dict[str, Any]]]) -> None:
    """R-PROOF-05: with the key pinned, and with the one inside."""
    assert len(proven) > 20
    for operation_id, document in proven:
        for keys in ([KEY.public], [OTHER.public, KEY.public], []):
            found = shown(raw(document), keys)
            assert found.believed == KEY.public
            assert f"event {operation_id}: " in found.lines[0]
            assert f"leaf {document['leaf_index']} of " in found.lines[1]
    assert {document["leaf_index"] for _, document in proven} == set(range(len(proven)))


def test_a_pinned_key_is_the_only_one_believed(proven: list[tuple[int, dict[str, Any]]]) -> None:
    """R-PROOF-07: a proof that somebody signed themselves names their key, and fails against it."""
    _, document = proven[3]
    with pytest.raises(NotProven, match="not signed by usance/other"):
        shown(raw(document), [OTHER.public])
    forged = forge(document)
    assert shown(raw(forged), []).believed == OTHER.public
    with pytest.raises(NotProven, match="not signed by usance/test"):
        shown(raw(forged), [KEY.public])


def forge(document: dict[str, Any]) -> dict[str, Any]:
    """A tree of one invented event, signed with a key of one's own."""
    event = document["event"].replace('"Repay"', '"Forged"')
    made = signed_checkpoint(OTHER, "usance/test", 1, leaf_hash(event.encode()), NOON)
    return document | {
        "event": event, "leaf_index": 0, "path": [], "checkpoint": made.note,
        "public_key": str(OTHER.public),
    }  # fmt: skip


def test_no_changed_byte_of_a_proof_passes(proven: list[tuple[int, dict[str, Any]]]) -> None:
    """Of the event, the path and what was signed; also where the file still can be read."""
    rng = Random(5)
    for _, document in proven[::7]:
        whole = raw(document)
        wanted = shown(whole, [KEY.public]).lines
        for _ in range(400):
            place, change = rng.randrange(len(whole)), rng.randrange(1, 256)
            edited = bytes([*whole[:place], whole[place] ^ change, *whole[place + 1 :]])
            try:
                found = shown(edited, [KEY.public])
            except NotProven:
                continue
            # What is left is the key inside, which is not asked, and the time of the signature
            # where its line now seems to be somebody else's.
            assert json.loads(edited)["event"] == document["event"]
            assert found.lines[0] == wanted[0]
            assert found.lines[1].partition(" signed")[0] == wanted[1].partition(" signed")[0]


@pytest.mark.parametrize("edit", [
    {"leaf_index": 0}, {"leaf_index": -1}, {"leaf_index": 10**30}, {"path": []},
    {"path": ["zz" * 32]}, {"path": ["00" * 31]}, {"path": ["00" * 32] * 500}, {"path": None},
    {"event": "{}"}, {"event": 7}, {"checkpoint": ""}, {"format": "usance audit proof 2"},
    {"format": None}, {"more": 1}, {"public_key": None},
])  # fmt: skip
def test_what_is_no_proof(proven: list[tuple[int, dict[str, Any]]], edit: dict[str, Any]) -> None:
    _, document = proven[5]
    with pytest.raises(NotProven):
        shown(raw(document | edit), [KEY.public])


@pytest.mark.parametrize("content", [
    b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"x" * 3_000_000, b'{"format": []}',
])  # fmt: skip
def test_what_is_no_document(content: bytes) -> None:
    with pytest.raises(NotProven):
        shown(content, [])


def test_without_its_own_key_a_document_proves_nothing(
    proven: list[tuple[int, dict[str, Any]]],
) -> None:
    _, document = proven[5]
    with pytest.raises(NotProven, match="base 64"):
        shown(raw(document | {"public_key": ""}), [])


# -- consistency -----------------------------------------------------------------------------------


def test_every_checkpoint_extends_every_earlier_one(book: Signed) -> None:
    """R-PROOF-06."""

    async def all_pairs(pool: Pool) -> list[dict[str, Any]]:
        sizes = [each.size for each in await store.checkpoints(pool)]
        assert len(sizes) >= CHECKPOINTS
        return [
            msgspec.to_builtins(await proofs.consistency(pool, old, new, KEY.public))
            for old in sizes for new in sizes if old <= new
        ]  # fmt: skip

    documents = book.ask(all_pairs)
    for document in documents:
        found = shown(raw(document), [KEY.public])
        assert found.lines[0].startswith("the tree of ")
        if document["path"]:
            with pytest.raises(NotProven, match="does not lead"):
                shown(raw(document | {"path": [*document["path"][::-1], "00" * 32]}), [])
        swapped = document | {"old": document["new"], "new": document["old"]}
        if document["old"] != document["new"]:
            with pytest.raises(NotProven, match="does not lead"):
                shown(raw(swapped), [])
    other = signed_checkpoint(KEY, "usance/another-log", 3, b"0" * 32, NOON)
    with pytest.raises(NotProven, match="two logs"):
        shown(raw(documents[0] | {"old": other.note}), [])


async def refused(pool: Pool, rule: str, *sizes: int) -> None:
    with pytest.raises(Refused) as refusal:
        await proofs.consistency(pool, *sizes, KEY.public)
    assert refusal.value.refusal.rule == rule


def test_what_there_is_no_proof_of(book: Signed) -> None:
    """R-PROOF-06, R-PROOF-11: no such event, no such checkpoint, the wrong way round."""

    async def ask(pool: Pool) -> None:
        with pytest.raises(Refused) as refusal:
            await proofs.inclusion(pool, 5, KEY.public)
        assert refusal.value.refusal.rule == "R-FOUND-01"
        newest, *_, first = [each.size for each in await store.checkpoints(pool)]
        await refused(pool, "R-PROOF-06", newest, first)
        for size in (0, -1, 10**30, first + newest):
            await refused(pool, "R-PROOF-06", size, newest)

    book.ask(ask)


async def test_what_no_checkpoint_covers_yet(pool: Pool) -> None:
    """R-PROOF-11."""
    await pool.execute("INSERT INTO operation (operation_id, actor, action, business_date, digest) "
                       "VALUES (1, 'staff:1', 'Repay', '2026-01-05', '')")  # fmt: skip
    with pytest.raises(Refused) as refusal:
        await proofs.inclusion(pool, 1, KEY.public)
    assert refusal.value.refusal.rule == "R-PROOF-11"


@pytest.mark.parametrize("damage", [
    "UPDATE operation SET actor = 'staff:2' WHERE operation_id = $1",
    "UPDATE audit_leaf SET hash = sha256('x') WHERE leaf_index = (SELECT leaf_index # 1 FROM "
    "audit_leaf WHERE operation_id = $1)",
    "DELETE FROM audit_leaf WHERE leaf_index = (SELECT leaf_index # 1 FROM audit_leaf WHERE "
    "operation_id = $1)",
])  # fmt: skip
def test_an_edited_event_has_no_proof(book: Signed, damage: str) -> None:
    """R-PROOF-10: what does not hold is not given away as a proof."""

    async def ask() -> None:
        connection = await asyncpg.connect(book.url)
        undone = connection.transaction()
        await undone.start()
        chosen = await connection.fetchval("SELECT operation_id FROM audit_leaf WHERE leaf_index=8")
        await connection.execute(damage, chosen)
        with pytest.raises(Refused) as refusal:
            await proofs.inclusion(connection, chosen, KEY.public)
        await undone.rollback()
        await connection.close()
        assert refusal.value.refusal.rule == "R-PROOF-10"

    asyncio.run(ask())


def test_checkpoints_lie_outside(book: Signed) -> None:
    assert len(list(Path(book.kept).iterdir())) >= CHECKPOINTS
