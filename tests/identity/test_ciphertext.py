"""Ciphertext belongs to its place: who can write to the database cannot pass one for another.

As superuser, bytes are put where they do not belong: into another row, column or table, an older
version of themselves, or changed; the book then says so and shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.identity.house import house, people
from usance.identity import rotation
from usance.identity.borrowers import Borrowers
from usance.platform.crypto import DecryptionError, KeyService, encrypt_field
from usance.platform.database import Pool

FIELDS = ("name", "phone", "identity_number", "email")
MOVE = "UPDATE borrower SET {to} = (SELECT {of} FROM borrower WHERE borrower_id = $2)"
HERE = " WHERE borrower_id = $1"


@dataclass
class Two:
    """Two people in the database, and what they were before."""

    pool: Pool
    borrowers: Borrowers
    keys: KeyService
    one: int
    two: int

    async def tamper(self, statement: str, *values: object) -> None:
        assert await self.pool.execute(statement + HERE, self.one, *values) == "UPDATE 1"

    async def row(self) -> Any:
        return await self.pool.fetchrow("SELECT * FROM borrower" + HERE, self.one)

    async def restore(self, row: Any) -> None:
        columns = (*FIELDS, "data_key")
        values = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
        await self.tamper(f"UPDATE borrower SET {values}", *(row[name] for name in columns))

    async def does_not_open(self) -> None:
        with pytest.raises(DecryptionError):
            await self.borrowers.read(self.one)
        assert await self.borrowers.read(self.two) is not None


@pytest.fixture
def two(pool: Pool, tmp_path: Path) -> Callable[[], object]:
    async def make() -> Two:
        borrowers, keys = await house(pool, tmp_path / "master.key")
        one, other = await borrowers.register_many(people(2), actor="demo")
        return Two(pool, borrowers, keys, one, other)

    return make


async def test_between_rows(two: Callable) -> None:
    found = await two()
    row = await found.row()
    for field in FIELDS:
        await found.tamper(MOVE.format(to=field, of=field), found.two)
        await found.does_not_open()
        await found.restore(row)


async def test_a_whole_row_with_its_key(two: Callable) -> None:
    """The key of the other comes along, and is bound to the other."""
    found = await two()
    columns = ", ".join((*FIELDS, "data_key"))
    await found.tamper(MOVE.format(to=f"({columns})", of=columns), found.two)
    await found.does_not_open()


async def test_only_the_key(two: Callable) -> None:
    found = await two()
    await found.tamper(MOVE.format(to="data_key", of="data_key"), found.two)
    await found.does_not_open()


async def test_between_columns_of_a_row(two: Callable) -> None:
    found = await two()
    row = await found.row()
    for to, of in ((a, b) for a in FIELDS for b in FIELDS if a != b):
        await found.tamper(f"UPDATE borrower SET {to} = {of}")
        await found.does_not_open()
        await found.restore(row)


async def test_from_another_table_of_the_same_person(two: Callable) -> None:
    """Same key, same column name, same number, but made for another table."""
    found = await two()
    row = await found.row()
    data_key = found.keys.unwrap(row["data_key"], found.one)
    foreign = encrypt_field(data_key, "王", table="contact", column="name", row_id=found.one)
    await found.tamper("UPDATE borrower SET name = $2", foreign)
    await found.does_not_open()


async def test_a_key_that_wraps_another_tables_rows(two: Callable) -> None:
    found = await two()
    wrapped = found.keys.wrap(bytes(32), found.one, "staff")
    await found.tamper("UPDATE borrower SET data_key = $2", wrapped)
    await found.does_not_open()


async def test_an_old_version_after_the_key_was_renewed(two: Callable) -> None:
    """What was copied before a suspected leak was answered cannot be put back."""
    found = await two()
    before = await found.row()
    await rotation.renew_borrower(found.pool, found.keys, found.one, actor="operator")
    after = await found.row()
    for column in (*FIELDS, "data_key"):
        assert (await found.borrowers.read(found.one)).name.startswith("张小")
        await found.tamper(f"UPDATE borrower SET {column} = $2", before[column])
        await found.does_not_open()
        await found.restore(after)


async def test_any_byte_changed_or_cut(two: Callable) -> None:
    found = await two()
    row = await found.row()
    for column in (*FIELDS, "data_key"):
        good: bytes = row[column]
        wrong = [good[:n] + bytes([good[n] ^ 1]) + good[n + 1 :] for n in range(len(good))]
        for changed in (*wrong, good[:-1], good[1:], good[:5], good + b"\0"):
            await found.tamper(f"UPDATE borrower SET {column} = $2", changed)
            await found.does_not_open()
        await found.restore(row)
    assert await found.borrowers.read(found.one) is not None


async def test_a_key_is_not_simply_taken_away(two: Callable) -> None:
    """An empty key shows a person without data: never somebody else's."""
    found = await two()
    await found.tamper("UPDATE borrower SET data_key = ''")
    shown = await found.borrowers.read(found.one)
    assert {getattr(shown, field) for field in FIELDS} == {""}
