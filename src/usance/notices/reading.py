"""What must be known to decide about some notices, read at once: their people, facts, counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from usance.consents import records
from usance.core.identifiers import cell_of_borrower, written
from usance.notices import queue_sql, sealing
from usance.notices.counter_rows import Counters, subjects
from usance.notices.documents import WEBHOOK, TemplateDocument
from usance.notices.documents import read as read_document
from usance.notices.failover import Provider
from usance.notices.outbox import BUNDLE
from usance.notices.queue_sql import Row
from usance.notices.recipients import Members, Person
from usance.notices.templates import Version, in_force
from usance.platform.crypto import DecryptionError, KeyService, beside, decrypt_field
from usance.platform.database import Connection
from usance.platform.logs import conceal
from usance.webhooks.store import listens
from usance.webhooks.types import NOTICE_PUSH

CONTACT = "notice-contact"
"""The purpose of the keyed hash of a number or an address."""
BY_PHONE = ("sms", "voice")


@dataclass(slots=True, repr=False)
class Reader:
    """A recipient while it is decided about: who, hashes of their contacts, the borrower's key."""

    person: Person
    hashes: Mapping[str, bytes]
    lookups: Mapping[str, Sequence[bytes]]
    data_key: bytes
    borrower_name: str
    suspended: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Bundled:
    """One notice that goes in a message with others: its words and its facts."""

    document: TemplateDocument
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Known:
    """Everything that a batch is decided by."""

    lender: str
    currency: str
    on: date
    templates: dict[str, Version] = field(default_factory=dict)
    readers: dict[tuple[int, int], Reader] = field(default_factory=dict)
    reaching: dict[int, Reader] = field(default_factory=dict)
    """By notice: its reader, where it goes to another number than theirs."""
    of_members: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)
    secrets: dict[int, dict[str, str]] = field(default_factory=dict)
    """By notice, where it has some."""
    unreadable: set[int] = field(default_factory=set)
    dues: dict[tuple[int, int], Row] = field(default_factory=dict)
    suppressed: set[tuple[bytes, str]] = field(default_factory=set)
    counters: Counters = field(default_factory=Counters)
    open_breakers: set[tuple[str, str]] = field(default_factory=set)
    providers: dict[str, list[Provider]] = field(default_factory=dict)
    app_listens: bool = False
    """Whether a host application takes what is pushed."""
    bundled: dict[int, list[Bundled]] = field(default_factory=dict)
    """By the notice of a message: what goes in it."""

    def reader_of(self, row: Row) -> Reader | None:
        """Who gets a notice, as they are reached by it."""
        return self.reaching.get(row["notice_id"]) or self.readers.get(
            (row["borrower_id"], row["member_id"])
        )


async def read(
    connection: Connection, keys: KeyService, members: Members | None, rows: Sequence[Row],
    now: datetime,
) -> Known:  # fmt: skip
    """Everything about these notices, locked where it must stay as it is."""
    book = await connection.fetchrow(queue_sql.BOOK)
    known = Known(book["name"], book["currency"], book["business_date"])
    for template_id in {row["template_id"] for row in rows}:
        version = await in_force(connection, template_id, known.on)
        if version is not None:
            known.templates[template_id] = version
    known.dues = await _dues(connection, rows)
    known.bundled = await _bundled(connection, rows)
    await _readers(connection, keys, members, rows, known)
    await beside(keys, lambda: _open_boxes(keys, rows, known))
    if any(WEBHOOK in each.person.contacts for each in known.readers.values()):
        known.app_listens = await listens(connection, NOTICE_PUSH.name, now)
    lookups = {each for reader in (*known.readers.values(), *known.reaching.values())
               for hashes in reader.lookups.values() for each in hashes}  # fmt: skip
    known.suppressed = {
        (row["contact_hash"], row["channel"])
        for row in await connection.fetch(queue_sql.SUPPRESSED, list(lookups), now)
    }
    open_ones = await connection.fetch(queue_sql.OPEN_BREAKERS, [each.hex() for each in lookups])
    known.open_breakers = {tuple(row) for row in open_ones}
    for row in await connection.fetch(queue_sql.WEIGHTS):
        of_channel = known.providers.setdefault(row["channel"], [])
        of_channel.append(Provider(row["name"], row["weight"], row["resting"]))
    wanted = {
        each for row in rows if (reader := known.reader_of(row))
        for each in subjects(reader.hashes.values(), reader.person.party, row["contract_id"])
    }  # fmt: skip
    await known.counters.lock(connection, wanted)
    return known


async def _dues(connection: Connection, rows: Sequence[Row]) -> dict[tuple[int, int], Row]:
    asked = [
        (row["cell"], row["contract_id"], facts["n"])
        for row in rows if "n" in (facts := msgspec.json.decode(row["facts"]))
    ]  # fmt: skip
    if not asked:
        return {}
    found = await connection.fetch(queue_sql.DUES, *map(list, zip(*asked, strict=True)))
    return {(each["contract_id"], each["n"]): each for each in found}


async def _bundled(connection: Connection, rows: Sequence[Row]) -> dict[int, list[Bundled]]:
    """What went in messages that are asked for again, as it went then."""
    found: dict[int, list[Bundled]] = {}
    messages = [row for row in rows if row["template_id"] == BUNDLE]
    if messages:
        places = queue_sql.places(messages)
        for row in await connection.fetch(queue_sql.BUNDLED, *places):
            each = Bundled(read_document(row["body"]), msgspec.json.decode(row["facts"]))
            found.setdefault(row["bundle"], []).append(each)
    return found


async def _readers(
    connection: Connection, keys: KeyService, members: Members | None, rows: Sequence[Row],
    known: Known,
) -> None:  # fmt: skip
    """Borrowers with their key, name and contacts; relatives as their room knows them."""
    ids = sorted({row["borrower_id"] for row in rows})
    cells = sorted({cell_of_borrower(each) for each in ids})
    found = await connection.fetch(queue_sql.BORROWERS, cells, ids)
    people = await beside(keys, lambda: [opened(keys, each) for each in found])
    known.readers = {(each["borrower_id"], 0): reader
                     for each, reader in zip(found, people, strict=True) if reader}  # fmt: skip
    for borrower_id, member_id in {(row["borrower_id"], row["member_id"]) for row in rows}:
        borrower = known.readers.get((borrower_id, 0))
        if not member_id or borrower is None or members is None:
            continue
        person = await members.person(connection, borrower_id, member_id)
        if person is not None:
            hashes = await beside(keys, partial(_hashes, keys, person.contacts))
            known.of_members[borrower_id, member_id] = await members.secrets(
                connection, borrower_id, member_id
            )
            known.readers[borrower_id, member_id] = Reader(
                person, {name: each[0] for name, each in hashes.items()}, hashes,
                borrower.data_key, borrower.borrower_name,
            )  # fmt: skip


def _open_boxes(keys: KeyService, rows: Sequence[Row], known: Known) -> None:
    """What is secret of notices, and who is reached by those that go to another number."""
    for row in rows:
        reader = known.readers.get((row["borrower_id"], row["member_id"]))
        if reader is None or not row["box"]:
            continue
        try:
            secrets = secrets_of(reader, row)
        except DecryptionError:
            known.unreadable.add(row["notice_id"])
            continue
        known.secrets[row["notice_id"]] = secrets
        to = secrets.get("to", "")
        if to and to not in reader.person.contacts.values():
            contacts = {"email": to} if "@" in to else {"sms": to, "voice": to}
            hashes = _hashes(keys, contacts)
            known.reaching[row["notice_id"]] = replace(
                reader, person=replace(reader.person, contacts=contacts), lookups=hashes,
                hashes={channel: each[0] for channel, each in hashes.items()}, suspended=False,
            )  # fmt: skip


def opened(keys: KeyService, row: Row) -> Reader | None:
    """A borrower's row in clear; None for one that cannot be read."""
    borrower_id = row["borrower_id"]
    try:
        data_key = keys.unwrap(row["data_key"], borrower_id)
        name, phone, email = (
            decrypt_field(data_key, row[column], table="borrower", column=column,
                          row_id=borrower_id) if row[column] else ""
            for column in ("name", "phone", "email")
        )  # fmt: skip
    except DecryptionError:
        return None
    conceal(tuple(each for each in (name, phone, email) if each))
    contacts = {"sms": phone, "voice": phone} if phone else {}
    contacts |= {"email": email} if email else {}
    ways = tuple(msgspec.json.decode(row["ways"] or "[]"))
    if WEBHOOK in ways:  # reached under the number by which the host application knows them
        contacts[WEBHOOK] = written("borrower", borrower_id)
    hours = (row["opens"], row["closes"]) if row["opens"] is not None else None
    person = Person(
        records.borrower(borrower_id), row["language"], name, contacts,
        ways,
        ZoneInfo(row["zone"]) if row["zone"] else None, hours,
        frozenset(map(tuple, msgspec.json.decode(row["refused"] or "[]"))), row["digest_at"],
    )  # fmt: skip
    hashes = _hashes(keys, contacts)
    newest = {channel: each[0] for channel, each in hashes.items()}
    return Reader(person, newest, hashes, data_key, name, row["suspended"])


def _hashes(keys: KeyService, contacts: Mapping[str, str]) -> dict[str, list[bytes]]:
    """The keyed hashes of each contact, the newest first; each number is hashed once."""
    once: dict[str, list[bytes]] = {}
    for to in contacts.values():
        if to not in once:
            once[to] = hashes_of(keys, to)
    return {channel: once[to] for channel, to in contacts.items()}


def hashes_of(keys: KeyService, to: str) -> list[bytes]:
    """The keyed hashes of a number or an address, the newest first."""
    return keys.blind_indexes(to.casefold(), CONTACT)


def secrets_of(reader: Reader, row: Row) -> dict[str, str]:
    """What is secret of a notice, in clear."""
    return sealing.opened(reader.data_key, row["borrower_id"], row["key"], row["box"])


def as_json(value: Mapping[str, Any]) -> str:
    """A row's JSON."""
    return msgspec.json.encode(value).decode()
