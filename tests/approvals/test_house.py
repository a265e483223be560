"""Acts beside the book, each behind a second person: webhooks, a person's data, the day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.servicing.books import fingerprint
from tests.webhooks.hooks import ACTOR, House, house
from usance.approvals.rules import DONE, FAILED, policy_in
from usance.approvals.service import Approvals
from usance.core.identifiers import parse
from usance.day.begin import BeginClose
from usance.identity.erasure import EraseBorrower, LiftLegalHold, SetLegalHold
from usance.identity.staff import Staff
from usance.platform.database import Pool
from usance.web import personal  # noqa: F401 (enters what stands in the way of an erasure)
from usance.web.acts import acts, acts_of_the_house
from usance.web.closing import Closing
from usance.webhooks.acts import ChangeWebhook, DeleteWebhook, RetireWebhookSecret

URL = "http://127.0.0.1:9/hook"
LIGHT = {"light": {"approvers": 1, "days": 7}}
ALL = (EraseBorrower, SetLegalHold, LiftLegalHold, BeginClose, ChangeWebhook, DeleteWebhook,
       RetireWebhookSecret)  # fmt: skip
ANNA = "staff:1"


@dataclass
class Office:
    """A house where every act beside the book waits."""

    house: House
    approvals: Approvals
    closing: Closing
    bert: int
    borrower: int
    hook: int
    erasures: Path

    async def day(self) -> str:
        """The open business date."""
        found: date = await self.house.pool.fetchval("SELECT business_date FROM book")
        return found.isoformat()


@pytest_asyncio.fixture
async def office(pool: Pool, tmp_path: Path) -> AsyncIterator[Office]:
    async with house(pool) as found:
        staff = Staff(pool, found.clock)
        await staff.create("anna", "correct horse battery", ["service"])
        bert = await staff.create("bert", "correct horse battery", ["supervisor"])
        rows = {each.__name__: [{"weight": "light"}] for each in ALL}
        weighs = policy_in({"effective_on": "x", "weights": LIGHT, "acts": rows}, 2)
        closing, listed = Closing(), tmp_path / "erasures"
        known = acts(pool, found.book.book)
        known |= acts_of_the_house(pool, found.endpoints, closing, listed)
        approvals = Approvals(pool, weighs, known, found.clock)
        borrower = await found.book.borrower()
        hook = await found.register(URL)
        await found.endpoints.rotate(hook, None, ACTOR)
        yield Office(found, approvals, closing, bert, borrower, hook, listed)
        await closing.stop()


async def state(office: Office) -> tuple[Any, ...]:
    """What the acts change."""
    row = await office.house.pool.fetchrow(
        "SELECT (SELECT status FROM borrower WHERE borrower_id = $1), "
        "(SELECT count(*) FROM legal_hold), (SELECT business_date FROM book)::text, "
        "(SELECT string_agg(url || active, ',') FROM webhook_endpoint), "
        "(SELECT count(*) FROM webhook_secret WHERE sealed <> '')",
        office.borrower,
    )
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
async def test_it_waits_and_then_happens_once(office: Office, kind: type[Any]) -> None:
    """R-APPR-01, R-APPR-08."""
    hold = SetLegalHold(office.borrower, "court")
    if kind is LiftLegalHold:
        await office.approvals._acts["SetLegalHold"].run(hold, ANNA, "first", b"h")
    asked: dict[type[Any], Any] = {
        EraseBorrower: EraseBorrower(office.borrower, "request"), SetLegalHold: hold,
        LiftLegalHold: LiftLegalHold(office.borrower),
        BeginClose: BeginClose(await office.day()),
        ChangeWebhook: ChangeWebhook(office.hook, None, f"{URL}/other", None, active=False),
        DeleteWebhook: DeleteWebhook(office.hook, None),
        RetireWebhookSecret: RetireWebhookSecret(office.hook, None),
    }  # fmt: skip
    before = await state(office)
    answer = await office.approvals.submit(asked[kind], actor=ANNA, key="k", request_hash=b"h")
    assert (answer.status, await state(office)) == (202, before)
    number = parse("proposal", answer.document["proposal_id"])
    waiting = await office.approvals.found(number)
    assert waiting.borrower_id == getattr(asked[kind], "borrower_id", 0)
    done = await office.approvals.approve(number, office.bert, waiting.digest, "")
    assert (done.state, done.outcome.get("detail")) == (DONE, None)
    after = await state(office)
    assert after != before
    await office.house.pool.execute("UPDATE proposal SET state = 2")  # ended before it was marked
    again = await office.approvals.carry_out(number)
    assert (again.state, again.operation_id) == (DONE, done.operation_id)
    assert await state(office) == after
    for _ in range(100):
        if not await office.house.pool.fetchval("SELECT count(*) FROM day_close "
                                                "WHERE finished_at IS NULL"):  # fmt: skip
            break
        await asyncio.sleep(0.1)
    await office.house.book.holds()
    if kind is EraseBorrower:
        assert "request" in office.erasures.read_text("ascii")


async def test_what_could_not_be_done_now_never_waits(office: Office) -> None:
    """R-APPR-01: nor does a rehearsal leave anything."""
    before = await fingerprint(office.house.pool)
    for act, rule in (
        (EraseBorrower(office.borrower + 1024, "request"), "R-FOUND-01"),
        (EraseBorrower(office.borrower, "whim"), "R-ERASE-04"),
        (SetLegalHold(office.borrower, "whim"), "R-ERASE-04"),
        (LiftLegalHold(office.borrower), "R-ERASE-03"),
        (BeginClose("2199-01-01"), "R-CLOSE-DAY-04"),
        (ChangeWebhook(office.hook + 1, None), "R-FOUND-01"),
        (ChangeWebhook(office.hook, None, "ftp://x"), "R-HOOK-02"),
        (ChangeWebhook(office.hook, None, None, ("nothing",)), "R-HOOK-03"),
        (DeleteWebhook(office.hook, 10**6), "R-FOUND-01"),
        (RetireWebhookSecret(office.hook + 1, None), "R-FOUND-01"),
    ):
        answer = await office.approvals.submit(act, actor=ANNA)
        assert (answer.status >= 400, answer.document["rule"]) == (True, rule), act
    assert await fingerprint(office.house.pool) == before


async def test_what_has_happened_meanwhile_fails_and_says_so(office: Office) -> None:
    """R-APPR-08: two people asked for the same, both were approved."""
    numbers = []
    for actor in (ANNA, "staff:9"):
        answer = await office.approvals.submit(
            EraseBorrower(office.borrower, "request"), actor=actor
        )
        numbers.append(parse("proposal", answer.document["proposal_id"]))
    found = [await office.approvals.found(each) for each in numbers]
    ended = [
        await office.approvals.approve(each.proposal_id, office.bert, each.digest, "")
        for each in found
    ]
    assert [each.state for each in ended] == [DONE, FAILED]
    assert ended[1].outcome["rule"] == "R-ERASE-05"
    await office.house.book.holds()
