"""Cases and keys: a new key takes them along, an erasure forgets them, an export tells them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases import corpus
from tests.cases.house import House, Keyed
from tests.servicing.books import fingerprint
from usance.cases import read, rules
from usance.cases.intake import Opening
from usance.cases.remedies import Remedy
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity import erasure, rewrap, rotation
from usance.platform.crypto import MissingKeyError
from usance.platform.personal import SEALED
from usance.web import personal

BORROWER = Acting("borrower:1")


async def told_everything(house: House) -> tuple[int, int]:
    """A borrower and a case with words in every place."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower, kind="correction")
    work, anna = house.room.work, house.by("anna")
    await work.say(case_id, rules.NOTE, "A note.", anna)
    await house.room.own.attach(borrower, case_id, "bill.png", corpus.GOOD["png"], BORROWER)
    remedy = Remedy("correction", detail="email")
    number = await house.propose(case_id, remedy=remedy, value="new@example.org")
    await house.room.deciding.send_back(case_id, number, "Not yet.", house.by("clara"))
    return borrower, case_id


async def words(house: House, case_id: int) -> list[Any]:
    """Everything of a case in clear."""
    found = await read.opened(house.room.desk, case_id)
    seal, (outcome,) = found.seal, found.outcomes
    file = await read.file(house.room.desk, case_id, 1)
    return [
        seal.text_of(found.case), [seal.message(each) for each in found.messages],
        *(seal.outcome(outcome, name) for name in ("reasons", "value", "note")),
        [seal.name_of(each) for each in found.attachments], file.content,
    ]  # fmt: skip


WORDS = ["You charged me twice.", ["A note."], "It was our mistake.", "new@example.org",
         "Not yet.", ["bill.png"], corpus.GOOD["png"]]  # fmt: skip


async def test_a_new_key_of_a_person_takes_words_and_files_along(keyed: Keyed) -> None:
    """R-KEY-06: pictures too, which are no text."""
    house = keyed.house
    borrower, case_id = await told_everything(house)
    assert await words(house, case_id) == WORDS
    before = await house.pool.fetchval("SELECT content FROM case_attachment")
    await rotation.renew_borrower(house.pool, keyed.keys, borrower, actor="operator")
    assert await house.pool.fetchval("SELECT content FROM case_attachment") != before
    assert await words(house, case_id) == WORDS
    tables = {"case_file", "case_message", "case_attachment", "case_outcome"}
    assert tables <= SEALED.keys()


async def test_the_keys_of_cases_are_wrapped_anew(keyed: Keyed) -> None:
    """R-KEY-02, R-KEY-04: an incident's own key goes over to a new master key before the old one
    is retired; a process with an old file makes none any more."""
    house = keyed.house
    asked = Opening(kind="incident", text="The disk is full.")
    answer = await house.room.work.open(asked, rules.CONSOLE, house.by("anna"))
    case_id = parse("case", answer.document["case_id"])
    old = keyed.another()  # a process that has read the file before
    number = await rotation.add_master_key(house.pool, keyed.path, actor="operator")
    with pytest.raises(Refused) as refused:
        await rotation.retire_master_key(house.pool, keyed.path, number - 1, actor="operator")
    assert refused.value.refusal.rule == "R-KEY-04"
    assert "case_file.data_key" in refused.value.refusal.detail
    await rewrap.rewrap(house.pool, keyed.keys)
    await rotation.retire_master_key(house.pool, keyed.path, number - 1, actor="operator")
    found = await read.opened(house.room.desk, case_id)
    assert found.seal.text_of(found.case) == "The disk is full."
    before = await fingerprint(house.pool)
    with pytest.raises(MissingKeyError):
        await keyed.room(old).work.open(asked, rules.CONSOLE, house.by("anna"))
    assert await fingerprint(house.pool) == before


async def test_a_person_is_not_erased_while_a_case_is_open(keyed: Keyed) -> None:
    """R-ERASE-01, R-ERASE-02: nor before the records of the case may go; then nothing is left."""
    house, list_file = keyed.house, keyed.path.with_name("erased")

    async def erase() -> int:
        return await erasure.erase(
            house.pool, borrower, "request", actor="operator", list_file=list_file
        )

    borrower = await house.book.borrower()
    case_id = await house.given(borrower)
    await house.room.own.attach(borrower, case_id, "a.png", corpus.GOOD["png"], BORROWER)
    await house.propose(case_id)
    said = await house.refused("R-ERASE-01", erase())
    assert said.refusal.detail == "a case is still open"
    await house.room.own.withdraw(borrower, case_id, BORROWER)
    await house.refused("R-ERASE-02", erase())
    await house.pool.execute(
        "UPDATE case_file SET received_on = '1990-01-01', ended_on = '1990-01-02'"
    )
    await erase()
    for table, columns in {
        "case_file": "data_key, text", "case_attachment": "name, content",
        "case_outcome": "reasons, value, note",
    }.items():  # fmt: skip
        rows = await house.pool.fetch(f"SELECT {columns} FROM {table}")
        assert rows
        assert {bytes(each) for row in rows for each in row} == {b""}
    found = await read.opened(house.room.desk, case_id)
    assert (found.seal.text_of(found.case), found.seal.name_of(found.attachments[0])) == ("", "")
    assert await house.kinds(case_id) == ["opened", "assigned", "attached", "proposed", "withdrawn"]
    await house.whole()


async def test_a_person_is_told_everything_of_their_cases(keyed: Keyed) -> None:
    """Notes and findings too; who of the house it was is said by kind."""
    house = keyed.house
    borrower, _ = await told_everything(house)
    found = await personal.export(house.pool, keyed.keys, borrower, None, own=True)
    assert found is not None
    (case,) = found.parts["cases"]
    assert [each["text"] for each in case["messages"]] == ["A note."]
    assert [each["name"] for each in case["attachments"]] == ["bill.png"]
    (outcome,) = case["outcomes"]
    assert (outcome["reasons"], outcome["note"]) == ("It was our mistake.", "Not yet.")
    assert (outcome["proposed_by"], outcome["decided_by"]) == ("staff", "staff")
    assert "staff:" not in str(case)
    other = await house.book.borrower()
    found = await personal.export(house.pool, keyed.keys, other, None, own=True)
    assert found is not None
    assert found.parts["cases"] == []
