"""Borrowers: registered with their details encrypted under a key of their own.

Erasing a person is destroying that key. A phone or an identity number finds its borrower through
the directory, a table of keyed hashes outside the cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from usance.core.identifiers import borrower_of, cell_of_borrower, written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store
from usance.identity.once import Answer, problem
from usance.identity.people import Person, checked, identity_number_of, phone_of
from usance.ledger.digest import digest
from usance.platform.crypto import KeyService, decrypt_field, encrypt_field, new_data_key
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id

PRIVATE_FIELDS = ("name", "phone", "identity_number", "email")
STATUS = {1: "active", 2: "erased"}


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

    def document(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "borrower_id": written("borrower", self.borrower_id),
            "status": STATUS[self.status],
            **{field: getattr(self, field) for field in PRIVATE_FIELDS},
            "language": self.language,
            "registered_on": self.registered_on.isoformat(),
        }


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
            return await self._register_once(checked(person), actor, key, request_hash)
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
        async with transaction(self._pool) as connection:
            borrowers, _ = await self._insert(connection, persons, actor)
        return borrowers

    async def read(self, borrower_id: int) -> Borrower | None:
        """One borrower, decrypted."""
        found = await self.read_many([borrower_id])
        return found[0] if found else None

    async def exists(self, borrower_id: int) -> bool:
        """Whether there is such a borrower."""
        return await store.borrower_exists(self._pool, borrower_id)

    async def read_many(self, identifiers: Sequence[int]) -> list[Borrower]:
        """Borrowers, decrypted, in the order of the ids; unknown ones are left out."""
        rows = {row["borrower_id"]: row for row in await store.borrowers(self._pool, identifiers)}
        return [self._decrypted(rows[each]) for each in identifiers if each in rows]

    async def page(self, after: int, count: int) -> list[Borrower]:
        """The next borrowers after an id (0: the first ones), in the order of the key."""
        return await self.read_many(await store.borrower_ids_after(self._pool, after, count))

    async def by_phone(self, text: str) -> int | None:
        """The borrower with this phone; raises ``Refused`` if it is not one."""
        return await self._find("phone", phone_of(text))

    async def by_identity_number(self, text: str) -> int | None:
        """The borrower with this identity number; raises ``Refused`` if it is not one."""
        return await self._find("identity_number", identity_number_of(text))

    async def _find(self, purpose: str, value: str) -> int | None:
        lookup = self._keys.blind_index(value, purpose)
        return await store.borrower_by_lookup(self._pool, purpose, lookup)

    async def _kept(self, actor: str, key: str, request_hash: bytes) -> Answer | None:
        """The first answer to this key; a refusal when it was another request."""
        first = await store.first_answer(self._pool, actor, key)
        return None if first is None else first.answer_to(request_hash)

    async def _register_once(
        self, person: Person, actor: str, key: str, request_hash: bytes
    ) -> Answer:
        async with transaction(self._pool) as connection:
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
        await self._enter(connection, pairs)
        await store.insert_borrowers(connection, [self._encrypted(*pair, on) for pair in pairs])
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
    async def _enter(self, connection: Connection, pairs: list[tuple[int, Person]]) -> None:
        """Enter people into the directory; nobody may be there already."""
        entries = []
        for borrower_id, person in pairs:
            for purpose in ("identity_number", "phone"):
                lookup = self._keys.blind_index(getattr(person, purpose), purpose)
                entries.append((purpose, lookup, borrower_id))
        taken = {purpose for purpose, _ in await store.insert_directory(connection, entries)}
        twice = len({entry[:2] for entry in entries}) < len(entries)
        if "identity_number" in taken or twice:
            detail = "a borrower with this identity number is registered"
            raise Refused("R-BORR-02", detail, "identity_number")
        if taken:
            raise Refused("R-BORR-03", "the phone is another borrower's", "phone")

    def _encrypted(self, borrower_id: int, person: Person, on: date) -> tuple[Any, ...]:
        """The row of a person under a fresh key."""
        data_key = new_data_key()
        private = (
            encrypt_field(
                data_key, getattr(person, field), table="borrower", column=field, row_id=borrower_id
            )
            for field in PRIVATE_FIELDS
        )
        wrapped = self._keys.wrap(data_key, borrower_id)
        cell = cell_of_borrower(borrower_id)
        return cell, borrower_id, 1, wrapped, *private, person.language, on

    def _decrypted(self, row: store.Row) -> Borrower:
        borrower_id: int = row["borrower_id"]
        if not row["data_key"]:  # imported without personal data
            return Borrower(
                borrower_id, row["status"], "", "", "", "", row["language"], row["registered_on"]
            )
        data_key = self._keys.unwrap(row["data_key"], borrower_id)
        private = {
            field: decrypt_field(
                data_key, row[field], table="borrower", column=field, row_id=borrower_id
            )
            for field in PRIVATE_FIELDS
        }
        return Borrower(
            borrower_id=borrower_id, status=row["status"], language=row["language"],
            registered_on=row["registered_on"], **private,
        )  # fmt: skip
