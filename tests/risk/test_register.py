"""The register of policies on a real book: adopted by two people, never changed, as of a day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
import pytest_asyncio

from tests.policy.documents import document
from tests.risk.registering import (
    ANNA,
    BEGINS,
    CARD,
    DAY,
    Office,
    adopt,
    office_of,
    register,
    says,
)
from tests.servicing.books import OPENED_ON, TestBook, fingerprint, fresh
from usance.approvals.proposal import Proposal
from usance.approvals.rules import DONE, FAILED
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.day.verify_policies_sql import ADOPTED
from usance.identity.changing import Asking, complete
from usance.identity.staff import Staff
from usance.platform.database import Pool, transaction
from usance.policy import shipped
from usance.policy.dictionary import dictionary_in
from usance.risk import register as registry
from usance.risk import store
from usance.risk.register import Policies, as_before, body_of, in_force
from usance.risk.registered import BookVersions
from usance.risk.scorecards import Scorecards
from usance.risk.shipping import adopt_shipped


@pytest_asyncio.fixture
async def book(pool: Pool) -> AsyncIterator[TestBook]:
    async with fresh(pool) as found:
        yield found


@pytest.fixture
def policies(book: TestBook) -> Policies:
    return Policies(book.pool)


@pytest_asyncio.fixture
async def office(book: TestBook) -> Office:
    return await office_of(book)


async def number(pool: Pool, on: date, name: str = "cn-tier") -> int:
    """The version in force on a day, of the tables and of what was read of them."""
    listed = in_force(await Policies(pool).versions(name), on)
    async with transaction(pool) as connection:
        if listed is None:
            with pytest.raises(Refused, match="R-POLICY-16"):
                await BookVersions().policy_in_force(connection, name, on)
            return 0
        assert await BookVersions().policy_in_force(connection, name, on) == listed.policy
    return listed.number


async def refused(policies: Any, act: Any, rule: str, path: str) -> None:
    """The act is refused, and nothing changed."""
    before = await fingerprint(policies.pool)
    for ask in (policies.perform(act, ANNA), policies.rehearse(act, "staff:1")):
        with pytest.raises(Refused) as found:
            await ask
        assert (found.value.refusal.rule, found.value.refusal.path) == (rule, path)
    assert await fingerprint(policies.pool) == before


async def test_a_book_begins_with_the_policies(book: TestBook) -> None:
    """R-POLICY-17: adopted by usance, word for word, with one audit event."""
    rows = await store.policy_versions(book.pool)
    assert [row["policy_id"] for row in rows] == [each.says.id for each in shipped.policies()]
    event = await book.pool.fetchrow(
        "SELECT * FROM operation WHERE action = 'AdoptShippedPolicies'"
    )
    assert (event["actor"], event["detail"]) == ("usance", f'{{"policies": {len(rows)}}}')
    for row, policy in zip(rows, shipped.policies(), strict=True):
        assert (row["adopted_by"], row["operation_id"]) == ("usance", event["operation_id"])
        assert (row["digest"].hex(), row["body"]) == (policy.digest, body_of(policy.says))
    assert [await number(book.pool, BEGINS + n * DAY) for n in (-1, 0)] == [0, 1]
    await book.holds()


async def test_a_book_of_before_gets_what_it_lacks_once(book: TestBook) -> None:
    """R-POLICY-17: by many at once; nothing decided before the day on which it came."""
    before = await fingerprint(book.pool)
    await complete(book.pool, adopt_shipped)
    assert await fingerprint(book.pool) == before
    await book.pool.execute("DELETE FROM policy_version WHERE policy_id <> 'cn-draw'")
    await book.pool.execute("UPDATE book SET business_date = '2026-03-02'")
    await asyncio.gather(*(complete(book.pool, adopt_shipped) for _ in range(5)))
    async with transaction(book.pool) as connection:
        assert await adopt_shipped(connection, date(2026, 3, 2)) == 0
    rows = await store.policy_versions(book.pool)
    assert len(rows) == len(shipped.policies())
    assert {row["effective_on"] for row in rows if row["policy_id"] != "cn-draw"} == {
        date(2026, 3, 2)
    }  # fmt: skip
    events = await book.pool.fetch(
        "SELECT detail FROM operation WHERE action = 'AdoptShippedPolicies' ORDER BY operation_id"
    )
    assert [row["detail"] for row in events][1:] == [f'{{"policies": {len(rows) - 1}}}']


async def test_versions_follow_one_another(book: TestBook, policies: Policies) -> None:
    """R-POLICY-15, R-POLICY-16: the last that began decides; one of before may come in between."""
    await refused(policies, adopt(1), "R-POLICY-15", "version")
    await refused(policies, adopt(3), "R-POLICY-15", "version")
    await refused(policies, adopt(2, OPENED_ON - DAY), "R-POLICY-15", "effective_on")
    await refused(policies, adopt(2, decides="warning"), "R-POLICY-15", "decides")
    await refused(policies, adopt(2, jurisdiction="EU"), "R-POLICY-15", "jurisdiction")
    await policies.perform(adopt(2, BEGINS + 10 * DAY), ANNA)
    await refused(policies, adopt(2, BEGINS + 10 * DAY), "R-POLICY-15", "version")
    found = [await number(book.pool, BEGINS + n * DAY) for n in (0, 9, 10, 99)]
    assert found == [1, 1, 2, 2]
    await policies.perform(adopt(3, BEGINS + 5 * DAY), ANNA)
    found = [await number(book.pool, BEGINS + n * DAY) for n in (4, 5, 9, 10)]
    assert found == [1, 3, 3, 2]
    await policies.perform(adopt(4, BEGINS + 10 * DAY), ANNA)
    assert await number(book.pool, BEGINS + 10 * DAY) == 4


async def test_what_checks_find_is_refused_by_their_rule(policies: Policies) -> None:
    """R-POLICY-15: with the row, and how much more there is."""
    plain = document("cn-tier")
    without = [each for each in plain["rows"] if each.get("when")]
    await refused(policies, adopt(rows=without), "R-POLICY-06", "")
    twice = [plain["rows"][0], *plain["rows"]]
    await refused(policies, adopt(rows=twice), "R-POLICY-06", "rows[1]")
    unknown = [{"when": {"days_late": ">= 1 CNY"}, "then": {"tier": "E"}}, *plain["rows"]]
    await refused(policies, adopt(rows=unknown), "R-POLICY-03", "rows[0].when.days_late")
    await refused(policies, adopt(inputs=[*plain["inputs"], "stars"]), "R-POLICY-02", "inputs")
    with pytest.raises(Refused, match=r"and \d+ more"):
        await policies.rehearse(adopt(rows=without, sources=["NOBODY"]), "staff:1")


async def test_a_policy_goes_back_to_what_it_said(book: TestBook, policies: Policies) -> None:
    """R-POLICY-16: earlier words are a further version, and the past stays as it was."""
    (first,) = await policies.versions("cn-tier")
    stricter = [{"when": {"score": "< 300"}, "then": {"tier": "E"}, "because": ["score-low"]}]
    rows = [*document("cn-tier")["rows"][:2], *stricter, *document("cn-tier")["rows"][2:]]
    title = {"en": "Risk tier, stricter", "zh": "风险等级（从严）"}
    await policies.perform(adopt(2, BEGINS + DAY, title=title, rows=rows), ANNA)
    back = registry.AdoptPolicy(as_before(first.policy.says, 3, BEGINS + 2 * DAY))
    await policies.perform(back, ANNA)
    third, second, _ = await policies.versions("cn-tier")
    assert third.policy.table == first.policy.table
    assert third.policy.says.title == first.policy.says.title != second.policy.says.title
    assert [await number(book.pool, BEGINS + n * DAY) for n in (0, 1, 2)] == [1, 2, 3]
    async with transaction(book.pool) as connection:
        for each in (first, second, third):
            registry.PARSED.clear()
            assert await BookVersions().policy_of(connection, each.policy.digest) == each.policy
        for nobody in ("00" * 32, "no digest"):
            with pytest.raises(Refused) as found:
                await BookVersions().policy_of(connection, nobody)
            assert found.value.refusal.rule == "R-FOUND-01"


async def test_a_version_reads_as_it_did_when_the_dictionary_changes(
    book: TestBook, policies: Policies, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-POLICY-15: what was adopted is not changed by a later dictionary either."""
    await policies.perform(adopt(2), ANNA)
    before = [each.policy for each in await policies.versions("cn-tier")]
    registry.PARSED.clear()
    monkeypatch.setattr(shipped, "dictionary", lambda: dictionary_in({"features": []}))
    assert [each.policy for each in await policies.versions("cn-tier")] == before
    await refused(policies, adopt(3), "R-POLICY-02", "inputs")


async def test_the_same_request_is_done_once(policies: Policies) -> None:
    """R-IDEM-01."""
    asking = Asking("staff:1", "key", b"h")
    first, again = [await policies.perform(adopt(), asking) for _ in range(2)]
    assert (first.document, again.replayed) == (again.document, True)


async def test_two_people_adopt(office: Office) -> None:
    """R-POLICY-15, R-APPR-03: nothing is in force before, and nobody agrees with themselves."""
    pool = office.book.pool
    waiting = await office.proposed(adopt())
    assert await number(pool, BEGINS) == 1
    await not_approved(office, waiting, int(office.anna.removeprefix("staff:")), "R-APPR-06")
    done = await office.approvals.approve(waiting.proposal_id, office.bert, waiting.digest, "")
    assert (done.state, done.outcome["digest"]) == (DONE, shipped.policy_of(says(2)).digest)
    both = await Staff(pool).create("cleo", "correct horse battery", ["risk", "compliance"])
    answer = await office.approvals.submit(adopt(3), actor=f"staff:{both}")
    own = await office.approvals.found(parse("proposal", answer.document["proposal_id"]))
    await not_approved(office, own, both, "R-APPR-02")
    assert await number(pool, BEGINS) == 2
    await office.book.holds()


async def not_approved(office: Office, waiting: Proposal, who: int, rule: str) -> None:
    with pytest.raises(Refused) as found:
        await office.approvals.approve(waiting.proposal_id, who, waiting.digest, "")
    assert found.value.refusal.rule == rule


async def test_of_two_that_wait_for_one_version_one_fails(office: Office) -> None:
    """R-POLICY-15: and what could not be adopted now never waits; what waits cannot be edited."""
    title = {"en": "Tier", "zh": "等级"}
    one, other = await office.proposed(adopt()), await office.proposed(adopt(title=title))
    done = await office.approvals.approve(one.proposal_id, office.bert, one.digest, "")
    late = await office.approvals.approve(other.proposal_id, office.bert, other.digest, "")
    assert [done.state, late.state] == [DONE, FAILED]
    assert late.outcome["rule"] == "R-POLICY-15"
    answer = await office.approvals.submit(adopt(9), actor=office.anna)
    assert (answer.status, answer.document["rule"]) == (422, "R-POLICY-15")
    waiting = await office.proposed(adopt(3))
    await office.book.pool.execute(
        "UPDATE proposal SET body = replace(body, 'Risk tier', 'Any tier') WHERE proposal_id = $1",
        waiting.proposal_id,
    )
    await not_approved(office, waiting, office.bert, "R-APPR-03")


TAMPERS = {
    "a word": "UPDATE policy_version SET body = replace(body, 'Risk tier', 'Risk class')"
              " WHERE policy_id = 'cn-tier'",
    "a word and its digest": "UPDATE policy_version SET digest = sha256(convert_to("
        "replace(body, 'Risk tier', 'Risk'), 'UTF8')), body = replace(body, 'Risk tier', 'Risk')"
        " WHERE policy_id = 'cn-tier' AND version = 2",
    "a body that is no JSON": "UPDATE policy_version SET body = 'x' WHERE policy_id = 'cn-tier'",
    "the dictionary of its day": "UPDATE policy_version SET features = '[]'"
                                 " WHERE policy_id = 'cn-tier'",
    "its first day": "UPDATE policy_version SET effective_on = effective_on - 1"
                     " WHERE policy_id = 'cn-tier'",
    "who adopted it": "UPDATE policy_version SET adopted_by = 'staff:9' WHERE version = 2",
    "as if it came with the book": "UPDATE policy_version SET adopted_by = 'usance'"
                                   " WHERE version = 2",
    "when": "UPDATE policy_version SET adopted_at = adopted_at - interval '1 s'",
    "a version that is gone": "DELETE FROM policy_version WHERE policy_id = 'cn-tier'",
    "its number": "UPDATE policy_version SET version = 5 WHERE version = 2",
    "a version that nobody adopted": "INSERT INTO policy_version SELECT 'cn-other', version, body,"
        " '\\x00', features, effective_on, adopted_by, adopted_at, 99 FROM policy_version"
        " WHERE policy_id = 'cn-draw'",
    "the operation": "DELETE FROM operation WHERE action = 'AdoptPolicy'",
    "whoever agreed": "DELETE FROM approval",
    "the author agreed": "UPDATE approval SET approver = p.author FROM proposal p"
                         " WHERE p.proposal_id = approval.proposal_id",
    "in the author's place": "UPDATE approval SET on_behalf_of = p.author FROM proposal p"
                             " WHERE p.proposal_id = approval.proposal_id",
    "they said no": "UPDATE approval SET decision = 2",
    "nothing was proposed": "DELETE FROM proposal",
    "points": "UPDATE scorecard_version SET body = replace(body, '60', '61')",
    "a role": "UPDATE scorecard_version SET role = 'shadow'",
    "a report": "UPDATE scorecard_version SET report = '{}'",
    "the day of a role": "UPDATE scorecard_version SET effective_on = effective_on + 1",
    "a role that is gone": "DELETE FROM scorecard_version",
}  # fmt: skip


async def test_every_tamper_is_found(office: Office) -> None:
    """R-POLICY-15, R-SCORE-06: INV-POLICY-01."""
    book = office.book
    for act in (adopt(), register()):
        assert (await office.adopted(act)).state == DONE
    await book.holds()
    for name, statement in TAMPERS.items():
        async with book.pool.acquire() as connection:
            undone = connection.transaction()
            await undone.start()
            assert await connection.execute(statement) != "UPDATE 0", name
            row = await connection.fetchrow(ADOPTED)
            await undone.rollback()
        assert row is not None, name
        assert row["expected"] != row["found"], name
    await book.pool.execute(TAMPERS["a word"])
    (finding,) = await book.findings()
    assert (finding.invariant, finding.table) == ("INV-POLICY-01", "policy_version")
    assert finding.key == "cn-tier version 1"


async def test_without_a_second_person_it_does_not_hold(book: TestBook) -> None:
    """R-POLICY-15: what one person adopted past the approvals is found."""
    await Policies(book.pool).perform(adopt(), ANNA)
    await Scorecards(book.pool).perform(register(card=CARD), ANNA)
    (finding,) = await book.findings()
    assert (finding.invariant, finding.key) == ("INV-POLICY-01", "behaviour entry 1")
