"""Borrowers: registered with their details encrypted under a key of their own.

Erasing a person is destroying that key. A phone or an identity number finds its borrower through
the directory, a table of keyed hashes outside the cells; while the index key changes it is entered
and looked up under the old one and the new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec

from usance.core.identifiers import borrower_of, cell_of_borrower, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import keys_sql, store
from usance.identity.accesses import Seen, noted
from usance.identity.once import Answer, problem
from usance.identity.people import Person, checked, identity_number_of, phone_of
from usance.ledger.digest import digest
from usance.platform.crypto import (
    KeyService,
    MissingKeyError,
    beside,
    decrypt_field,
    encrypt_field,
    index_id_of,
    master_id_of,
    new_data_key,
)
from usance.platform.database import Connection, Pool, retrying, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.logs import conceal
from usance.platform.personal import sealed_fields, wrapped_keys

PRIVATE_FIELDS = ("name", "phone", "identity_number", "email")
FOUND_BY = ("identity_number", "phone")
"""Details that are in the directory, under their own names as purposes."""
ACTIVE, ERASED = 1, 2
STATUS = {ACTIVE: "active", ERASED: "erased"}

wrapped_keys("borrower", "data_key", "borrower_id", has_cells=True)
sealed_fields("borrower", PRIVATE_FIELDS, ("cell", "borrower_id"), "borrower_id")


@dataclass(frozen=True, slots=True, repr=False)
class Borrower:
    """A borrower with the details in clear; never printed."""

    borrower_id: int
    status: int
    name: str
    phone: str
    identity_number: str
    email: str
    language: str
    registered_on: date

    @rule("R-ACCESS-01")
    def masked(self) -> Borrower:
        """Enough to recognise who it is, and no more."""
        return replace(
            self, name=self.name[:1] + "••" if self.name else "", phone=masked(self.phone),
            identity_number=masked(self.identity_number), email=masked(self.email),
        )  # fmt: skip

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "borrower_id": written("borrower", self.borrower_id),
            "status": STATUS[self.status],
            **{field: getattr(self, field) for field in PRIVATE_FIELDS},
            "language": self.language,
            "registered_on": self.registered_on.isoformat(),
        }


def masked(text: str) -> str:
    """Only the end of a personal detail."""
    return f"••••{text[-4:]}" if len(text) > 4 else text and "••••"


class _TakenError(Exception):
    """Another request with the same key was committed first."""


class Borrowers:
    """The borrowers of a book."""

    def __init__(self, pool: Pool, keys: KeyService) -> None:
        self._pool = pool
        self._keys = keys

    async def register(
        self, person: Person, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Register a person once for a client's key; refusals are answers and are not kept."""
        if key and (kept := await self._kept(actor, key, request_hash)):
            return kept
        try:
            known = checked(person)
            return await retrying(lambda: self._register_once(known, actor, key, request_hash))
        except Refused as refused:
            if key and (kept := await self._kept(actor, key, request_hash)):
                return kept  # a twin of this request was committed meanwhile
            return problem(refused.refusal)
        except _TakenError:
            kept = await self._kept(actor, key, request_hash)
            assert kept is not None
            return kept

    async def register_many(self, people: Sequence[Person], *, actor: str) -> list[int]:
        """Register people in one transaction; raises ``Refused`` at the first who cannot be."""
        persons = [checked(person) for person in people]
        async with transaction(self._pool, keys_sql.TOGETHER) as connection:
            borrowers, _ = await self._insert(connection, persons, actor)
        return borrowers

    async def read(self, borrower_id: int, seen: Seen | None = None) -> Borrower | None:
        """One borrower, decrypted; ``seen`` notes who is shown the details."""
        found = await self.read_many([borrower_id], seen)
        return found[0] if found else None

    async def masked(self, identifiers: Sequence[int]) -> list[Borrower]:
        """The same for whom no reason opens them: a first letter, the last digits."""
        return [each.masked() for each in await self.read_many(identifiers)]

    async def exists(self, borrower_id: int) -> bool:
        """Whether there is such a borrower."""
        return await store.borrower_exists(self._pool, borrower_id)

    @rule("R-ACCESS-03")
    async def read_many(
        self, identifiers: Sequence[int], seen: Seen | None = None
    ) -> list[Borrower]:
        """Borrowers, decrypted, in the order of the ids; unknown ones are left out.

        Whoever shows them to anybody but the borrower says to whom and why: ``seen`` is noted for
        each of them before they are given out.
        """
        found = await store.borrowers(self._pool, identifiers)
        rows = {row["borrower_id"]: row for row in found}
        wanted = [rows[each] for each in identifiers if each in rows]
        people = await beside(self._keys, lambda: [decrypted(self._keys, row) for row in wanted])
        if seen is not None:
            await noted(self._pool, list(rows), seen)
        return people

    async def page(self, after: int, count: int, seen: Seen | None = None) -> list[Borrower]:
        """The next borrowers after an id (0: the first ones), in the order of the key."""
        return await self.read_many(await store.borrower_ids_after(self._pool, after, count), seen)

    async def by_phone(self, text: str) -> int | None:
        """The borrower with this phone; raises ``Refused`` if it is not one."""
        return await self._find("phone", phone_of(text))

    async def by_identity_number(self, text: str) -> int | None:
        """The borrower with this identity number; raises ``Refused`` if it is not one."""
        return await self._find("identity_number", identity_number_of(text))

    async def _find(self, purpose: str, value: str) -> int | None:
        conceal((value,))
        lookups = await beside(self._keys, lambda: self._keys.blind_indexes(value, purpose))
        newest = index_id_of(lookups[0])
        found, retired = await store.borrower_by_lookups(self._pool, purpose, lookups, newest)
        if retired:
            raise MissingKeyError("the directory is hashed by an index key that is not here")
        return found

    async def _kept(self, actor: str, key: str, request_hash: bytes) -> Answer | None:
        """The first answer to this key; a refusal when it was another request."""
        first = await store.first_answer(self._pool, actor, key)
        return None if first is None else first.answer_to(request_hash)

    async def _register_once(
        self, person: Person, actor: str, key: str, request_hash: bytes
    ) -> Answer:
        async with transaction(self._pool, keys_sql.TOGETHER) as connection:
            (borrower_id,), operation_id = await self._insert(connection, [person], actor)
            document = {
                "borrower_id": written("borrower", borrower_id),
                "operation_id": written("operation", operation_id),
            }
            if key:
                answer = msgspec.json.encode(document).decode()
                kept = actor, key, request_hash, 201, answer, operation_id
                if not await store.keep_answer(connection, kept):
                    raise _TakenError
        return Answer(201, document, operation_id)

    async def _insert(
        self, connection: Connection, people: Sequence[Person], actor: str
    ) -> tuple[list[int], int]:
        on = await store.business_date(connection)
        if on is None:
            raise Refused("R-BOOK-01", "there is no book yet; make one with `usance book create`")
        first = await store.take_numbers(connection, len(people))
        borrowers = [borrower_of(first + n) for n in range(len(people))]
        pairs = list(zip(borrowers, people, strict=True))
        made = await beside(self._keys, lambda: [_Made.of(self._keys, *pair, on) for pair in pairs])
        await self._enter(connection, made)
        await store.insert_borrowers(connection, [each.row for each in made])
        operation_id = new_operation_id()
        rows = [(cell_of_borrower(each), each, 1, on.toordinal()) for each in borrowers]
        await store.insert_operation(
            connection, operation_id, actor=actor, action="RegisterBorrower", on=on,
            digest=digest([("borrower", rows)]),
            borrower_id=borrowers[0] if len(borrowers) == 1 else 0,
            detail={"borrowers": len(borrowers)},
        )  # fmt: skip
        return borrowers, operation_id

    @rule("R-BORR-02", "R-BORR-03")
    async def _enter(self, connection: Connection, made: Sequence[_Made]) -> None:
        """Enter people into the directory; nobody may be there already."""
        await check_current(connection, made)
        entries = [entry for each in made for entry in each.entries]
        taken = {purpose for purpose, _ in await store.insert_directory(connection, entries)}
        twice = len({entry[:2] for entry in entries}) < len(entries)
        if "identity_number" in taken or twice:
            detail = "a borrower with this identity number is registered"
            raise Refused("R-BORR-02", detail, "identity_number")
        if taken:
            raise Refused("R-BORR-03", "the phone is another borrower's", "phone")


@dataclass(frozen=True, slots=True, repr=False)
class _Made:
    """A person's row under a fresh key, and the entries of the directory."""

    row: tuple[Any, ...]
    entries: list[tuple[str, bytes, int]]
    master_id: int

    @classmethod
    def of(cls, keys: KeyService, borrower_id: int, person: Person, on: date) -> _Made:
        """Everything of a person that needs keys."""
        entries = [
            (purpose, lookup, borrower_id)
            for purpose in FOUND_BY
            for lookup in keys.blind_indexes(getattr(person, purpose), purpose)
        ]
        data_key = new_data_key()
        private = sealed(data_key, borrower_id, {f: getattr(person, f) for f in PRIVATE_FIELDS})
        wrapped = keys.wrap(data_key, borrower_id)
        row = cell_of_borrower(borrower_id), borrower_id, ACTIVE, wrapped, *private
        return cls((*row, person.language, on), entries, master_id_of(wrapped))


@rule("R-KEY-02")
async def check_current(connection: Connection, made: Sequence[_Made]) -> None:
    """Nothing is stored that a retired key has made; in a transaction that began ``TOGETHER``."""
    retired = await keys_sql.retired(connection)
    masters = {(keys_sql.MASTER, each.master_id) for each in made}
    newest = {(keys_sql.INDEX, index_id_of(each.entries[0][1])) for each in made}
    if retired & (masters | newest):
        raise MissingKeyError("the key file of this process is an old one")


def sealed(data_key: bytes, borrower_id: int, details: dict[str, str]) -> list[bytes]:
    """A borrower's details, encrypted in their order."""
    return [
        encrypt_field(data_key, text, table="borrower", column=field, row_id=borrower_id)
        for field, text in details.items()
    ]


def opened(data_key: bytes, row: store.Row) -> dict[str, str]:
    """A row's details in clear; from now on they are masked in what this request logs."""
    borrower_id: int = row["borrower_id"]
    private = {
        field: decrypt_field(
            data_key, row[field], table="borrower", column=field, row_id=borrower_id
        )
        for field in PRIVATE_FIELDS
    }
    conceal(private.values())
    return private


def decrypted(keys: KeyService, row: store.Row) -> Borrower:
    """A borrower in clear. Who was imported without personal data, or was erased, has no key."""
    borrower_id: int = row["borrower_id"]
    private = dict.fromkeys(PRIVATE_FIELDS, "")
    if row["data_key"]:
        private = opened(keys.unwrap(row["data_key"], borrower_id), row)
    return Borrower(
        borrower_id=borrower_id, status=row["status"], language=row["language"],
        registered_on=row["registered_on"], **private,
    )  # fmt: skip
