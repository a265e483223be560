"""R-PROOF-10: the proof of the tree, one damage at a time, and what it says of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.audit.trees import KEY, OTHER, Signed, signed_book
from usance.audit import check, outside, store
from usance.audit.check import SENTENCES, Trust
from usance.audit.note import signed_checkpoint

SEALED = """WITH t AS (SELECT {size} AS size, {checkpoints} AS checkpoints, snapshot, cluster
    FROM audit_tree) UPDATE audit_tree SET size = t.size, checkpoints = t.checkpoints, seal =
    sha256((t.size || '|' || t.checkpoints || '|' || t.snapshot || '|' || t.cluster)::bytea)
    FROM t"""


@pytest.fixture(scope="module")
def book(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return signed_book(new_database(), tmp_path_factory.mktemp("kept"))


@pytest_asyncio.fixture
async def connection(book: Signed) -> AsyncIterator[asyncpg.Connection]:
    """In a transaction that is undone."""
    found = await asyncpg.connect(book.url)
    undone = found.transaction()
    await undone.start()
    yield found
    await undone.rollback()
    await found.close()


async def flaws(
    connection: asyncpg.Connection, trust: Trust, *damage: str
) -> list[tuple[str, str]]:
    """(invariant, row) of what is found."""
    for statement in damage:
        await connection.execute(statement)
    checked = await check.run(connection, trust)
    assert all(each.sentence == SENTENCES[each.invariant] for each in checked.flaws)
    return [(each.invariant, each.key) for each in checked.flaws]


async def test_a_good_tree(connection: asyncpg.Connection, book: Signed) -> None:
    for trust in (Trust(), Trust([KEY.public], book.kept, 0), Trust([OTHER.public, KEY.public])):
        checked = await check.run(connection, trust)
        assert checked.flaws == []
        assert f"{checked.size} leaves, " in checked.told[-1]
    assert await flaws(connection, Trust([OTHER.public])) == [("INV-PROOF-05", "checkpoint 1")]


@dataclass(frozen=True)
class Damage:
    """Statements, and what must be found: {last} is the last leaf, {op} the operation of leaf 7."""

    statements: tuple[str, ...]
    found: tuple[tuple[str, str], ...]


OTHER_ROOT = ("INV-PROOF-05", "checkpoint 1"), ("INV-PROOF-06", "{first}")
SHORTER = ("INV-PROOF-04", "true"), *OTHER_ROOT
"""What follows where the leaves do not go on, or are others."""
DAMAGES = {
    "a leaf that is gone": Damage(
        ("DELETE FROM audit_leaf WHERE leaf_index = 7",),
        (("INV-PROOF-01", "{op} Repay"), ("INV-PROOF-03", "leaf 7"), *SHORTER),
    ),
    "an operation that is gone": Damage(
        ("DELETE FROM operation WHERE operation_id = {op}",),
        (("INV-PROOF-02", "leaf 7 of {op}"),),
    ),
    "an operation and its leaf": Damage(
        ("DELETE FROM operation WHERE operation_id = {op}",
         "DELETE FROM audit_leaf WHERE leaf_index = 7"),
        (("INV-PROOF-03", "leaf 7"), *SHORTER),
    ),
    "an operation that was edited": Damage(
        ("UPDATE operation SET actor = 'staff:9' WHERE operation_id = {op}",),
        (("INV-PROOF-02", "{op} Repay, leaf 7"),),
    ),
    "an operation and its leaf, edited alike": Damage(
        ("UPDATE operation SET actor = 'staff:9' WHERE operation_id = {op}",
         f"UPDATE audit_leaf SET hash = (SELECT {store.HASH} FROM operation o "
         "WHERE operation_id = {op}) WHERE leaf_index = 7"),
        (("INV-PROOF-03", "leaf 7"), *OTHER_ROOT),
    ),
    "subtrees that were edited": Damage(
        ("UPDATE audit_leaf SET subtrees = subtrees || 'x' WHERE leaf_index = 7",),
        (("INV-PROOF-03", "leaf 7"),),
    ),
    "a hash that is too short": Damage(
        ("UPDATE audit_leaf SET hash = '' WHERE leaf_index = 7",),
        (("INV-PROOF-02", "{op} Repay, leaf 7"), ("INV-PROOF-03", "leaf 7"), *SHORTER),
    ),
    "the last event, and all that the database knows of it": Damage(
        ("DELETE FROM operation WHERE operation_id = (SELECT operation_id FROM audit_leaf "
         "WHERE leaf_index = {last})",
         "DELETE FROM audit_leaf WHERE leaf_index = {last}",
         "DELETE FROM audit_checkpoint WHERE size = {last} + 1",
         SEALED.format(size="size - 1", checkpoints="checkpoints - 1")),
        (("INV-PROOF-06", "{file}"),),
    ),
    "a row of the tree that is gone": Damage(
        ("DELETE FROM audit_tree",), (("INV-PROOF-04", "true"),),
    ),
    "a second row of the tree": Damage(
        ("INSERT INTO audit_tree SELECT false, size, checkpoints, snapshot, cluster, seal "
         "FROM audit_tree",), (("INV-PROOF-04", "false"),),
    ),
    "a tree that says it is larger": Damage(
        (SEALED.format(size="size + 1", checkpoints="checkpoints"),),
        (("INV-PROOF-03", "leaf {size}"), ("INV-PROOF-04", "true")),
    ),
    "a tree with another seal": Damage(
        ("UPDATE audit_tree SET cluster = cluster || '0'",), (("INV-PROOF-04", "true"),),
    ),
    "a checkpoint that is gone": Damage(
        ("DELETE FROM audit_checkpoint WHERE number = 2",),
        (("INV-PROOF-04", "true"), ("INV-PROOF-05", "checkpoint 2"), ("INV-PROOF-06", "{second}")),
    ),
    "a checkpoint with another root": Damage(
        ("UPDATE audit_checkpoint SET root = sha256('x') WHERE number = 2",),
        (("INV-PROOF-05", "checkpoint 2"),),
    ),
    "a checkpoint of another time": Damage(
        ("UPDATE audit_checkpoint SET made_at = made_at + interval '1 s' WHERE number = 2",),
        (("INV-PROOF-05", "checkpoint 2"),),
    ),
    "a note that is none": Damage(
        ("UPDATE audit_checkpoint SET note = 'x' WHERE number = 2",),
        (("INV-PROOF-05", "checkpoint 2"), ("INV-PROOF-06", "{second}")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_damage_is_found(
    connection: asyncpg.Connection, book: Signed, name: str
) -> None:
    rows = await connection.fetch("SELECT leaf_index, operation_id FROM audit_leaf ORDER BY 1")
    first, second = [row[0] for row in await connection.fetch(
        "SELECT size FROM audit_checkpoint WHERE number < 3 ORDER BY number"
    )]  # fmt: skip
    action = await connection.fetchval(
        "SELECT action FROM operation WHERE operation_id = $1", rows[7]["operation_id"]
    )
    known = {
        "last": len(rows) - 1, "size": len(rows), "op": rows[7]["operation_id"],
        "file": outside.name_of(len(rows)), "second": outside.name_of(second),
        "first": outside.name_of(first),
    }  # fmt: skip
    damage = DAMAGES[name]
    statements = [each.replace("{op}", str(known["op"])).replace("{last}", str(known["last"]))
                  for each in damage.statements]  # fmt: skip
    found = await flaws(connection, Trust([KEY.public], book.kept, 0), *statements)
    wanted = [(invariant, key.format(**known).replace("Repay", action))
              for invariant, key in damage.found]  # fmt: skip
    assert found == wanted


def test_every_invariant_of_the_tree_is_damaged() -> None:
    assert {found for each in DAMAGES.values() for found, _ in each.found} == SENTENCES.keys()


async def test_a_root_that_was_signed_and_is_not_that_of_the_tree(
    connection: asyncpg.Connection, book: Signed, tmp_path: Path
) -> None:
    """Somebody who has the key cannot sign away what is kept outside."""
    kept = await store.newest_checkpoint(connection)
    assert kept is not None
    forged = signed_checkpoint(KEY, "usance/test", kept.size, b"f" * 32, kept.made_at)
    await connection.execute("UPDATE audit_checkpoint SET root = $1, note = $2 WHERE number = $3",
                             forged.root, forged.note, kept.number)  # fmt: skip
    trust = Trust([KEY.public], book.kept, 0)
    wanted = [("INV-PROOF-05", f"checkpoint {kept.number}"),
              ("INV-PROOF-06", outside.name_of(kept.size))]  # fmt: skip
    assert await flaws(connection, trust) == wanted
    outside.keep(tmp_path, 3, "no note\n")
    assert (await flaws(connection, Trust((), tmp_path)))[-1] == (
        "INV-PROOF-06", outside.name_of(3)
    )  # fmt: skip


async def test_who_may_wait_for_a_leaf(connection: asyncpg.Connection, book: Signed) -> None:
    """A row that the sequencer has not seen may be a moment old; one that it has seen may not."""
    insert = (
        "INSERT INTO operation (operation_id, actor, action, business_date, digest, recorded_at"
        "{more}) SELECT 5, actor, action, business_date, digest, {at}{values} FROM operation "
        "LIMIT 1"
    )
    await connection.execute("SAVEPOINT s")
    for at, patience, found in (
        ("now()", None, []), ("now()", 60, []), ("now()", 0, [5]),
        ("now() - interval '2 minutes'", None, []), ("now() - interval '2 minutes'", 60, [5]),
        ("now() + interval '2 minutes'", 60, [5]),
    ):  # fmt: skip
        statement = insert.format(more="", values="", at=at)
        seen = await flaws(connection, Trust((), book.kept, patience), statement)
        assert [key.split()[0] for _, key in seen] == [str(each) for each in found], (at, patience)
        await connection.execute("ROLLBACK TO s")
    statement = insert.format(more=", xid", values=", '0'", at="now()")
    assert [key.split()[0] for _, key in await flaws(connection, Trust(), statement)] == ["5"]
