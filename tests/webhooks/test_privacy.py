"""No person is in a message (R-HOOK-08): what is planted in the book never leaves by a webhook."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.servicing.books import KEYS
from tests.webhooks.hooks import House
from tests.webhooks.receiver import Receiver
from usance.core.identifiers import parse
from usance.identity.borrowers import Borrowers
from usance.identity.people import Person
from usance.servicing import commands as asked
from usance.servicing import debit_file
from usance.servicing.debit_rows import HEADER

PERSON = Person(
    "Planted Name", "+8613912345678", "110101199003071234", "planted@example.org", "zh-CN"
)
MERCHANT, REFERENCE = "Planted Merchant", "planted-reference"
PLANTED = ("planted", "13912345678", "19900307", "example.org", "staff:77")


async def live(home: House) -> None:
    """One person, with everything that can be written about one."""
    answer = await Borrowers(home.pool, KEYS).register(PERSON, actor="staff:77")
    who = parse("borrower", answer.document["borrower_id"])
    do = home.book.do
    account = await home.book.line(who, "pay_later")
    await home.book.line(who, "cash_loan")
    loan = await home.book.loan(who, instalments=3)
    hold = asked.Authorise(borrower_id=who, product="pay_later", amount=900, merchant=MERCHANT)
    made = await do(hold, actor="staff:77")
    number = parse("authorisation", made["authorisation_id"])
    await do(asked.Capture(borrower_id=who, authorisation_id=number, amount=900))
    row = f"{REFERENCE},c-1001,5.00,00,2025-01-01,{REFERENCE}"
    content = "\n".join([",".join(HEADER), row, ""])
    await debit_file.load(home.book.book, f"{REFERENCE}.csv", content.encode(), "staff:77")
    await home.book.close_days(50)
    await do(asked.Settle(contract_id=loan), actor="staff:77")
    await do(asked.Repay(contract_id=account, amount=100), actor="staff:77")


async def test_planted_data_is_in_no_message(
    home: House, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    await home.register(receiver.url)
    await live(home)
    await home.told()
    assert len(receiver.received) > 30
    sent = b"\n".join(each.body for each in receiver.received).decode().lower()
    kept = "\n".join(
        str(dict(row)) for row in await home.pool.fetch("SELECT * FROM webhook_delivery")
    ).lower()
    for text in (sent, kept, caplog.text.lower()):
        assert [each for each in PLANTED if each.lower() in text] == []
    dump = await home.pool.fetchval("SELECT string_agg(t::text, '') FROM authorisation t")
    assert MERCHANT in dump, "it was there to be found"


async def test_messages_hold_ids_kinds_amounts_and_days_and_nothing_else(
    home: House, receiver: Receiver
) -> None:
    await home.register(receiver.url)
    await live(home)
    await home.told()
    names: set[str] = set()
    for each in receiver.received:
        names |= flat(each.document["data"])
    assert names <= {
        "borrower_id", "contract_id", "product", "event", "effective_on", "booked_on", "amount",
        "currency", "parts", "parts.principal", "parts.interest", "parts.fee", "parts.penalty",
        "parts.credit", "of_event", "number", "due_on", "required", "balance", "days", "due",
        "status", "status_before", "limit", "limit_before", "version", "statement_day", "woken",
        "events", "statements", "notices", "transfers", "digest",
    }  # fmt: skip


def flat(document: Any, path: str = "") -> set[str]:
    """Every name in a document."""
    assert not isinstance(document, list), json.dumps(document)
    if not isinstance(document, dict):
        return set()
    found: set[str] = set()
    for name, value in document.items():
        found |= {path + name} | flat(value, f"{path}{name}.")
    return found
