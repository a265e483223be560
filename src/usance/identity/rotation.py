"""Keys that come and go: a new one is added, everything goes over to it, an old one is retired.

The key file is changed while a transaction holds the lock that whoever wraps or hashes takes too
(``keys_sql``), so nothing is made with a retired key and stored after it is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import keys_sql as sql
from usance.identity import store
from usance.identity.borrowers import ACTIVE
from usance.identity.rewrap import REHASH, REWRAP
from usance.ledger.digest import digest
from usance.platform import key_file
from usance.platform.crypto import (
    KeyIds,
    KeyService,
    beside,
    decrypt_bytes,
    encrypt_bytes,
    new_data_key,
)
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.personal import SEALED, WRAPPED, SealedFields


@dataclass(frozen=True, slots=True)
class Status:
    """What is made with which key: by key number, how many rows of each column."""

    wrapped: dict[int, dict[str, int]]
    hashed: dict[int, int]
    ids: KeyIds
    waiting: dict[str, int]
    given_up: dict[str, int]


async def status(pool: Pool, keys: KeyService) -> Status:
    """Every key that is there or that something still needs."""
    ids = await beside(keys, keys.ids)
    wrapped: dict[int, dict[str, int]] = {number: {} for number in ids.master}
    for column in WRAPPED.values():
        for number, count in (await sql.wrapped_under(pool, column)).items():
            wrapped.setdefault(number, {})[column.name] = count
    hashed = dict.fromkeys(ids.index, 0) | await sql.hashed_under(pool)
    jobs = {queue: await sql.count_jobs(pool, queue) for queue in (REWRAP, REHASH)}
    return Status(
        wrapped, hashed, ids,
        {queue: waiting for queue, (waiting, _) in jobs.items()},
        {queue: dead for queue, (_, dead) in jobs.items()},
    )  # fmt: skip


async def add_master_key(pool: Pool, path: Path, *, actor: str) -> int:
    """A new master key in the file: from now on it wraps. Its number."""
    async with transaction(pool, sql.ALONE) as connection:
        await _check_book(connection)
        beyond = await sql.highest(connection, sql.MASTER)
        for column in WRAPPED.values():
            beyond = max(beyond, *(await sql.wrapped_under(connection, column)), 0)
        ring = key_file.change(path, lambda held: key_file.with_master_key(held, beyond))
        number = max(ring.master_keys)
        await sql.add(connection, sql.MASTER, number)
        await _noted(connection, "AddMasterKey", actor, {"key_id": number})
    return number


async def add_index_key(pool: Pool, path: Path, *, actor: str) -> int:
    """A new index key in the file: people are entered and looked up under it too. Its number."""
    async with transaction(pool, sql.ALONE) as connection:
        await _check_book(connection)
        beyond = max(await sql.highest(connection, sql.INDEX),
                     *(await sql.hashed_under(connection)), 0)  # fmt: skip
        ring = key_file.change(path, lambda held: key_file.with_index_key(held, beyond))
        number = max(ring.index_keys)
        await sql.add(connection, sql.INDEX, number)
        await _noted(connection, "AddIndexKey", actor, {"key_id": number})
    return number


@rule("R-KEY-03", "R-KEY-04")
async def retire_master_key(
    pool: Pool, path: Path, number: int, *, actor: str, kept_in: Path | None = None
) -> None:
    """Take an old master key out of the file; raises ``Refused`` while something needs it.

    ``kept_in`` names a new file that the key is moved to, for backups that need it.
    """
    async with transaction(pool, sql.ALONE) as connection:
        held = key_file.read(path).master_keys
        if number not in held or number == max(held):
            raise Refused("R-KEY-03", "only an old key that is in the file is retired", "ID")
        for column in WRAPPED.values():
            count = (await sql.wrapped_under(connection, column)).get(number, 0)
            if count:
                detail = f"{count} keys of {column.name} are still wrapped under it"
                raise Refused("R-KEY-04", detail, "ID")
        await sql.retire(connection, sql.MASTER, number)
        await _noted(connection, "RetireMasterKey", actor, {"key_id": number})
        if kept_in is not None:
            key_file.keep_apart(kept_in, number, held[number])
        key_file.change(path, lambda ring: key_file.without_master_key(ring, number))


@rule("R-KEY-03", "R-KEY-05")
async def retire_index_key(pool: Pool, path: Path, number: int, *, actor: str) -> int:
    """Take an old index key out of the file, then its entries out of the directory; how many."""
    async with transaction(pool, sql.ALONE) as connection:
        held = key_file.read(path).index_keys
        if number in held and number != max(held):
            missing = await sql.count_unhashed(connection, max(held))
            if missing:
                detail = f"{missing} entries are not yet under the newest index key"
                raise Refused("R-KEY-05", detail, "ID")
            await sql.retire(connection, sql.INDEX, number)
            await _noted(connection, "RetireIndexKey", actor, {"key_id": number})
            key_file.change(path, lambda ring: key_file.without_index_key(ring, number))
        elif (sql.INDEX, number) not in await sql.retired(connection):
            raise Refused("R-KEY-03", "only an old key that is in the file is retired", "ID")
    return await sql.drop_hashes(pool, number)


@rule("R-KEY-06")
async def renew_borrower(pool: Pool, keys: KeyService, borrower_id: int, *, actor: str) -> int:
    """Encrypt everything of a person anew under a fresh key; the operation's id."""

    async def once() -> int:
        async with transaction(pool, sql.TOGETHER) as connection:
            return await _renewed(connection, keys, borrower_id, actor)

    return await retrying(once)


async def _renewed(
    connection: Connection, keys: KeyService, borrower_id: int, actor: str
) -> int:
    row = await sql.borrower_alone(connection, borrower_id)
    if row is None:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    if row["status"] != ACTIVE or not row["data_key"]:
        raise Refused("R-KEY-06", "the borrower has no personal data", "borrower_id")
    old = await beside(keys, lambda: keys.unwrap(row["data_key"], borrower_id))
    fresh = new_data_key()
    for fields in SEALED.values():
        for sealed in await sql.sealed_rows(connection, fields, borrower_id):
            ciphertext = _encrypted_anew(fields, sealed, old, fresh)
            await sql.replace_sealed(connection, fields, sealed, ciphertext)
    wrapped = await beside(keys, lambda: keys.wrap(fresh, borrower_id))
    await sql.replace_data_key(connection, borrower_id, wrapped)
    return await _noted(
        connection, "RenewBorrowerKey", actor, {"tables": sorted(SEALED)}, borrower_id
    )


def _encrypted_anew(
    fields: SealedFields, row: store.Row, old: bytes, fresh: bytes
) -> list[bytes]:
    """A row's fields under another key, in their places; an empty one stays empty."""
    anew = []
    for column in fields.columns:
        place = {"table": fields.table, "column": column, "row_id": row[fields.row_id]}
        held = decrypt_bytes(old, row[column], **place) if row[column] else None
        anew.append(b"" if held is None else encrypt_bytes(fresh, held, **place))
    return anew


async def _check_book(connection: Connection) -> date:
    """The business date; refused before the file is touched where no book can note it."""
    on = await store.business_date(connection)
    if on is None:
        raise Refused("R-BOOK-01", "there is no book yet; make one first")
    return on


async def _noted(
    connection: Connection, action: str, actor: str, detail: dict[str, object],
    borrower_id: int = 0,
) -> int:  # fmt: skip
    """The audit event."""
    on = await _check_book(connection)
    operation_id = new_operation_id()
    rows = [(cell_of_borrower(borrower_id), borrower_id)] if borrower_id else []
    await store.insert_operation(
        connection, operation_id, actor=actor, action=action, on=on,
        digest=digest([("borrower", rows)]), borrower_id=borrower_id, detail=detail,
    )  # fmt: skip
    return operation_id


def in_words(found: Status) -> list[str]:
    """The status as lines for a person."""
    lines = []
    for number, columns in sorted(found.wrapped.items()):
        counts = ", ".join(f"{count} of {name}" for name, count in sorted(columns.items()))
        lines.append(f"master key {number}{_mark(number, found.ids.master)}: {counts or 'nothing'}")
    for number, count in sorted(found.hashed.items()):
        mark = _mark(number, found.ids.index)
        lines.append(f"index key {number}{mark}: {count} entries of the directory")
    for queue, count in found.waiting.items():
        dead = found.given_up[queue]
        if count or dead:
            lines.append(f"{queue}: {count} portions to be done, {dead} given up")
    return lines


def _mark(number: int, there: tuple[int, ...]) -> str:
    if number not in there:
        return " (NOT HERE)"
    return " (in use)" if number == max(there) else ""
