"""Borrowers: one person once, details in clear nowhere, found through the directory only."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio

from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity.borrowers import Borrowers
from usance.identity.people import Person
from usance.platform.crypto import LocalKeyService
from usance.platform.database import Pool
from usance.platform.logs import JsonFormatter
from usance.servicing.setup import create_book

PLANTED = Person("欧阳小满", "+8613912345678", "110101199003071234", "xiaoman@example.cn")


@pytest_asyncio.fixture
async def borrowers(pool: Pool, tmp_path: Path) -> AsyncIterator[Borrowers]:
    await create_book(pool, name="Test", opened_on=date(2026, 1, 5))
    yield Borrowers(pool, LocalKeyService.open(tmp_path / "master.key"))


async def test_a_person_is_read_as_registered(borrowers: Borrowers) -> None:
    answer = await borrowers.register(PLANTED, actor="machine:1")
    borrower_id = parse("borrower", answer.document["borrower_id"])
    found = await borrowers.read(borrower_id)
    assert answer.status == 201
    assert found is not None
    assert (found.name, found.phone, found.email) == (PLANTED.name, PLANTED.phone, PLANTED.email)
    assert found.registered_on == date(2026, 1, 5)
    assert await borrowers.by_phone("139 1234 5678") == borrower_id
    assert await borrowers.by_identity_number("110101-19900307-1234") == borrower_id
    assert await borrowers.by_phone("13900000000") is None
    assert await borrowers.exists(borrower_id)
    assert not await borrowers.exists(borrower_id + 1024)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"phone": "+8613900000000"}, "R-BORR-02"),
        ({"identity_number": "110101199003079999"}, "R-BORR-03"),
    ],
)
async def test_nobody_is_registered_twice(
    borrowers: Borrowers, pool: Pool, change: dict[str, str], rule: str
) -> None:
    await borrowers.register(PLANTED, actor="machine:1")
    fields = ("name", "phone", "identity_number", "email", "language")
    other = Person(**({name: getattr(PLANTED, name) for name in fields} | change))
    answer = await borrowers.register(other, actor="machine:1")
    assert (answer.status, answer.document["rule"]) == (409, rule)
    assert await pool.fetchval("SELECT count(*) FROM borrower") == 1
    assert await pool.fetchval("SELECT count(*) FROM directory") == 2


@pytest.mark.parametrize(
    ("person", "path"),
    [
        (Person("", "13912345678", "ABCD1234"), "name"),
        (Person("a\x00b", "13912345678", "ABCD1234"), "name"),
        (Person("a", "12", "ABCD1234"), "phone"),
        (Person("a", "13912345678", "#"), "identity_number"),
        (Person("a", "13912345678", "ABCD1234", "no address"), "email"),
        (Person("a", "13912345678", "ABCD1234", "", "fr"), "language"),
    ],
)
async def test_details_that_cannot_be_are_refused_without_being_repeated(
    borrowers: Borrowers, pool: Pool, person: Person, path: str
) -> None:
    answer = await borrowers.register(person, actor="machine:1")
    assert (answer.status, answer.document["rule"], answer.document["path"]) == (
        422, "R-BORR-01", path,
    )  # fmt: skip
    assert await pool.fetchval("SELECT count(*) FROM borrower") == 0
    value = getattr(person, path)
    assert len(value) < 3 or value not in str(answer.document)


async def test_the_same_key_registers_once_however_many_ask(
    borrowers: Borrowers, pool: Pool
) -> None:
    asked = [
        borrowers.register(PLANTED, actor="machine:1", key="k", request_hash=b"h")
        for _ in range(20)
    ]
    answers = await asyncio.gather(*asked)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.document["borrower_id"] for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await pool.fetchval("SELECT count(*) FROM borrower") == 1
    other = await borrowers.register(PLANTED, actor="machine:1", key="k", request_hash=b"x")
    assert (other.status, other.document["rule"]) == (409, "R-IDEM-01")
    assert other.document["detail"] == "the Idempotency-Key was used with another request"


async def test_many_are_registered_together_or_not_at_all(
    borrowers: Borrowers, pool: Pool
) -> None:
    people = [Person(f"p{n}", f"+86139{n:08}", f"ID{n:06}") for n in range(300)]
    found = await borrowers.register_many(people, actor="demo")
    assert [person.name for person in await borrowers.read_many(found)] == [p.name for p in people]
    with pytest.raises(Refused, match="R-BORR-02"):
        await borrowers.register_many(
            [Person("new", "+8615800000000", "NEW1"), people[7]], actor="demo"
        )
    assert await pool.fetchval("SELECT count(*) FROM borrower") == 300
    seen: list[int] = []
    while page := await borrowers.page(seen[-1] if seen else 0, 70):
        seen += [each.borrower_id for each in page]
    assert sorted(seen) == sorted(found)


async def test_planted_details_are_in_no_table_and_in_no_log(
    borrowers: Borrowers, pool: Pool
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        answer = await borrowers.register(PLANTED, actor="machine:1", key="k", request_hash=b"h")
        found = await borrowers.read(parse("borrower", answer.document["borrower_id"]))
        logging.getLogger("usance.test").warning("seen %s", found, extra={"person": PLANTED})
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    tables = await pool.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
    )
    dump = b""
    for (table,) in tables:
        rows = await pool.fetch(f'SELECT * FROM "{table}"')
        dump += b"".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in row.values()
        )
    assert answer.document["operation_id"].encode() in dump
    for value in (PLANTED.name, PLANTED.phone[3:], PLANTED.identity_number, PLANTED.email):
        assert value.encode() not in dump
        assert value not in stream.getvalue()
    assert "seen" in stream.getvalue()


async def test_a_ciphertext_does_not_open_in_another_row(borrowers: Borrowers, pool: Pool) -> None:
    people = [PLANTED, Person("b", "+8613900000001", "ID000001")]
    first, second = await borrowers.register_many(people, actor="demo")
    await pool.execute(
        "UPDATE borrower SET name = (SELECT name FROM borrower WHERE borrower_id = $1),"
        " data_key = (SELECT data_key FROM borrower WHERE borrower_id = $1)"
        " WHERE borrower_id = $2",
        first,
        second,
    )
    with pytest.raises(Exception, match="wrong key, wrong place"):
        await borrowers.read(second)


async def test_a_number_that_another_process_took_first_is_no_accident(
    borrowers: Borrowers, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes drew one number and asked within a millisecond: it is done again."""
    other = Person("李雷", "+8613900000001", "110101199003070002")
    taken = (await borrowers.register(other, actor="machine:1")).operation_id
    taken = taken or await pool.fetchval("SELECT max(operation_id) FROM operation")
    numbers = iter([taken, taken, taken + 1])
    monkeypatch.setattr("usance.identity.borrowers.new_operation_id", lambda: next(numbers))
    answer = await borrowers.register(PLANTED, actor="machine:1")
    assert answer.status == 201
    assert next(numbers, None) is None, "the last number was the one that was free"
    assert await pool.fetchval("SELECT count(*) FROM borrower") == 2
