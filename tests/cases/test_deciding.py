"""Who decides, what is carried out, and that it happens once, whatever breaks or comes at once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cases.house import House
from tests.servicing.books import KEYS, fingerprint
from usance.approvals.delegation import Delegations
from usance.approvals.rules import policy
from usance.approvals.service import Approvals
from usance.cases import read, rules, store, subjects
from usance.cases.remedies import Remedy
from usance.cases.work import SYSTEM, Acting
from usance.core.identifiers import parse, written
from usance.core.refusals import Refused
from usance.identity.borrowers import Borrowers
from usance.identity.once import Answer
from usance.servicing import commands as ask
from usance.web.acts import acts
from usance.web.app import case_room


async def outcomes(house: House, case_id: int) -> list[Any]:
    return await store.outcomes(house.pool, await read.one(house.room.desk, case_id))


async def last(house: House, action: str) -> Any:
    return await house.pool.fetchrow(
        "SELECT * FROM operation WHERE action = $1 ORDER BY operation_id DESC", action
    )


async def events_of(house: House, contract_id: int) -> list[int]:
    rows = await house.pool.fetch(
        "SELECT kind FROM event WHERE contract_id = $1 ORDER BY seq", contract_id
    )
    return [row["kind"] for row in rows]


# -- who -------------------------------------------------------------------------------------------


async def test_who_handled_a_case_does_not_decide_it(house: House) -> None:
    """R-CASE-09: the handler, an earlier handler, who wrote a finding; nor do they send it back."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower, to="clara")
    await house.room.work.assign(case_id, house.ids["dora"], house.by("ben"))
    number = await house.propose(case_id, by="dora")
    deciding = house.room.deciding
    for name in ("clara", "dora"):
        said = await house.refused("R-CASE-09", deciding.decide(case_id, number, house.by(name)))
        assert said.refusal.detail == "who handled the case does not decide it"
        await house.refused(
            "R-CASE-09", deciding.send_back(case_id, number, "No.", house.by(name))
        )
    answer = await deciding.decide(case_id, number, house.by("cora"))
    assert answer.document["state"] == "decided"
    await house.whole()


@pytest.mark.parametrize("subject", ["operation", "event"])
async def test_who_did_what_a_case_is_about_does_not_decide_it(
    house: House, subject: str
) -> None:
    """R-CASE-09: known from the audit event of what was done."""
    borrower, account = await house.account()
    await house.book.do(
        ask.Charge(contract_id=account, component="fee", amount=900),
        actor=house.by("clara").actor,
    )
    charge = (await last(house, "Charge"))["operation_id"]
    about = {"subject": "operation", "subject_id": charge}
    if subject == "event":
        about = {"subject": "event", "subject_id": account, "subject_number": 3}
    case_id = await house.given(borrower, kind="human_review", **about)
    number = await house.propose(case_id)
    refused = house.room.deciding.decide(case_id, number, house.by("clara"))
    said = await house.refused("R-CASE-09", refused)
    assert said.refusal.detail == "who did what the case is about does not decide it"
    assert (await house.room.deciding.decide(case_id, number, house.by("dora"))).status == 201


@pytest.mark.parametrize("subject", ["operation", "event", "proposal"])
async def test_who_agreed_to_what_a_case_is_about_does_not_decide_it(
    house: House, subject: str
) -> None:
    """R-CASE-09: as little as in whose place they agreed, and who asked for it."""
    borrower, account = await house.account()
    approvals = Approvals(house.pool, policy(2), acts(house.pool, house.book.book))
    gift = ask.Goodwill(contract_id=account, amount=20_001)
    waiting = await approvals.submit(gift, actor=house.by("dora").actor)
    number = parse("proposal", waiting.document["proposal_id"])
    until = datetime.now(UTC) + timedelta(days=1)
    await Delegations(house.pool).delegate(house.ids["cora"], house.ids["ben"], "on leave", until)
    shown = bytes.fromhex(waiting.document["digest"])
    done = await approvals.approve(number, house.ids["ben"], shown, "")
    assert done.decisions[0].on_behalf_of == house.by("cora").actor
    about = {
        "operation": {"subject": "operation", "subject_id": done.operation_id},
        "proposal": {"subject": "operation", "subject_id": number},
        "event": {"subject": "event", "subject_id": account, "subject_number": 3},
    }[subject]
    case_id = await house.given(borrower, kind="human_review", **about)
    case = await read.one(house.room.desk, case_id)
    found = (await subjects.involved(house.pool, case)).acted
    assert found == {house.by(name).actor for name in ("ben", "cora", "dora")}
    proposed = await house.propose(case_id)
    for name in ("cora", "dora"):
        refused = house.room.deciding.decide(case_id, proposed, house.by(name))
        said = await house.refused("R-CASE-09", refused)
        assert said.refusal.detail == "who did what the case is about does not decide it"
    assert (await house.room.deciding.decide(case_id, proposed, house.by("clara"))).status == 201


async def test_an_appeal_is_not_decided_by_the_author_of_the_decision(house: House) -> None:
    """R-CASE-09, R-CASE-06: nor handled by them; the author of its finding neither."""
    borrower, _ = await house.account()
    first = await house.decided(borrower)  # anna found, clara decided
    appeal = await house.open(borrower, kind="appeal", subject="case", subject_id=first)
    for name in ("anna", "clara"):
        work = house.room.work.assign(appeal, house.ids[name], house.by("ben"))
        await house.refused("R-CASE-06", work)
    await house.room.work.assign(appeal, house.ids["ben"], house.by("ben"))
    number = await house.propose(appeal, by="ben", result="partly")
    await house.refused("R-CASE-09", house.room.deciding.decide(appeal, number, house.by("clara")))
    assert (await house.room.deciding.decide(appeal, number, house.by("cora"))).status == 201


async def test_who_decided_a_case_does_not_decide_it_again(house: House) -> None:
    """R-CASE-09: after it was reopened."""
    borrower, _ = await house.account()
    case_id = await house.decided(borrower)
    await house.room.own.reopen(borrower, case_id, "Still wrong.", Acting("borrower:1"))
    await house.room.work.assign(case_id, house.ids["ben"], house.by("ben"))
    number = await house.propose(case_id, by="ben")
    said = await house.refused(
        "R-CASE-09", house.room.deciding.decide(case_id, number, house.by("clara"))
    )
    assert said.refusal.detail == "who decided the case before does not decide it again"
    await house.room.deciding.decide(case_id, number, house.by("dora"))


async def test_only_the_handler_proposes_and_one_outcome_at_a_time(house: House) -> None:
    """R-CASE-08."""
    borrower, _ = await house.account()
    case_id = await house.open(borrower)
    await house.refused("R-CASE-08", house.propose(case_id))
    await house.room.work.assign(case_id, house.ids["anna"], house.by("ben"))
    await house.refused("R-CASE-08", house.propose(case_id, by="ben"))
    number = await house.propose(case_id)
    await house.refused("R-CASE-08", house.propose(case_id, result="not_upheld"))
    deciding, clara = house.room.deciding, house.by("clara")
    await house.refused("R-CASE-05", deciding.send_back(case_id, number, " ", clara))
    await house.refused("R-FOUND-01", deciding.decide(case_id, 7, clara))
    await deciding.send_back(case_id, number, "Ask the bank first.", clara)
    await house.refused("R-CASE-11", deciding.decide(case_id, number, clara))
    await house.refused("R-CASE-11", deciding.send_back(case_id, number, "Again.", clara))
    again = await house.propose(case_id, result="not_upheld")
    assert (await deciding.decide(case_id, again, clara)).document["result"] == "not_upheld"
    await house.refused("R-CASE-11", deciding.decide(case_id, again, house.by("dora")))
    found = await read.opened(house.room.desk, case_id)
    assert found.seal.outcome(found.outcomes[0], "note") == "Ask the bank first."
    own = await house.room.own.read(borrower, case_id)
    assert "Ask the bank" not in str(own)
    await house.whole()


# -- remedies --------------------------------------------------------------------------------------


async def fee(house: House, account: int, amount: int = 900) -> None:
    await house.book.do(ask.Charge(contract_id=account, component="fee", amount=amount))


@pytest.mark.parametrize(("kind", "event"), [
    ("goodwill", 7), ("waiver", 8), ("refund", 4), ("reversal", 10),
])  # fmt: skip
async def test_a_remedy_is_carried_out_and_linked_both_ways(
    house: House, kind: str, event: int
) -> None:
    """R-CASE-12, R-CASE-13: in the name of who decided; then the borrower is answered."""
    borrower, account = await house.account()
    await fee(house, account)
    case_id = await house.given(borrower, subject="contract", subject_id=account)
    remedy = {
        "goodwill": Remedy("goodwill", account, 500),
        "waiver": Remedy("waiver", account, 900, component="fee"),
        "refund": Remedy("refund", account, 4_000, of=2),
        "reversal": Remedy("reversal", account, of=3),
    }[kind]
    number = await house.propose(case_id, remedy=remedy)
    assert await house.said_to_borrower(case_id) == ""
    answer = await house.room.deciding.decide(case_id, number, house.by("clara"))
    done = parse("operation", answer.document["remedy_operation_id"])
    audit = await house.pool.fetchrow("SELECT * FROM operation WHERE operation_id = $1", done)
    assert (audit["actor"], audit["contract_id"]) == (house.by("clara").actor, account)
    assert (await events_of(house, account))[-1] == event
    (outcome,) = await outcomes(house, case_id)
    assert (outcome.state, outcome.operation_id) == (rules.FINAL, done)
    (found,) = await read.listed(house.room.desk, store.LAST, 10, operation_id=done)
    assert found.case_id == case_id
    assert written("operation", done) in (await last(house, "DecideCase"))["detail"]
    told = await house.said_to_borrower(case_id)
    assert told.startswith("我们支持您的诉求。")
    assert "It was our mistake." in told
    assert "12378" in told
    await house.whole()


async def test_a_borrower_is_answered_in_their_language(house: House) -> None:
    borrower, _ = await house.account()
    await house.pool.execute("UPDATE borrower SET language = 'en'")
    case_id = await house.given(borrower, jurisdiction="GB")
    number = await house.propose(case_id, result="not_upheld")
    await house.room.deciding.decide(case_id, number, house.by("clara"))
    told = await house.said_to_borrower(case_id)
    assert told.startswith("We do not uphold your case.")
    assert "Financial Ombudsman" in told


async def test_a_detail_is_corrected_without_a_trace_of_its_value(house: House) -> None:
    """R-CASE-18: re-encrypted; the audit says what, who and when."""
    borrower, _ = await house.account()
    case_id = await house.given(borrower, kind="correction")
    number = await house.propose(
        case_id, remedy=Remedy("correction", detail="name"), value="  李小红 "
    )
    before = dict(await house.pool.fetchrow("SELECT * FROM borrower"))
    answer = await house.room.deciding.decide(case_id, number, house.by("clara"))
    after = dict(await house.pool.fetchrow("SELECT * FROM borrower"))
    assert [n for n in before if before[n] != after[n]] == ["name"]
    who = await Borrowers(house.pool, KEYS).read(borrower)
    assert who is not None
    assert who.name == "李小红"
    audit = await last(house, "CorrectBorrower")
    assert written("operation", audit["operation_id"]) == answer.document["remedy_operation_id"]
    assert audit["detail"] == '{"corrected": "name"}'
    assert audit["actor"] == house.by("clara").actor
    dump = [str(dict(row)) for table in ("operation", "case_outcome", "case_event", "idempotency")
            for row in await house.pool.fetch(f"SELECT * FROM {table}")]  # fmt: skip
    assert not [each for each in dump if "李小红" in each or "小红".encode().hex() in each]
    await house.whole()


@pytest.mark.parametrize(("detail", "value", "rule"), [
    ("name", "", "R-BORR-01"), ("name", "x" * 101, "R-BORR-01"), ("email", "none", "R-BORR-01"),
    ("phone", "+8613800000001", "R-CASE-12"), ("", "x", "R-CASE-12"),
])  # fmt: skip
async def test_a_detail_that_is_none(house: House, detail: str, value: str, rule: str) -> None:
    borrower, _ = await house.account()
    case_id = await house.given(borrower, kind="correction")
    proposal = house.propose(case_id, remedy=Remedy("correction", detail=detail), value=value)
    await house.refused(rule, proposal)


async def test_nothing_is_corrected_of_who_has_no_details(house: House) -> None:
    """R-CASE-18: the refusal comes from where it would be done, and the case is as before."""
    borrower, _ = await house.account()
    await house.pool.execute("UPDATE borrower SET data_key = ''")
    case_id = await house.given(borrower, kind="correction")
    number = await house.propose(
        case_id, remedy=Remedy("correction", detail="email"), value="a@example.org"
    )
    before = await fingerprint(house.pool)
    answer = await house.room.deciding.decide(case_id, number, house.by("clara"))
    assert (answer.status, answer.document["rule"]) == (422, "R-CASE-18")
    assert await fingerprint(house.pool) == before


async def test_a_remedy_fits_its_case(house: House) -> None:
    """R-CASE-12: another borrower's contract is not there; what is not upheld has no remedy."""
    borrower, account = await house.account()
    _, others = await house.account()
    case_id = await house.given(borrower)
    for remedy, rule in [
        (Remedy("goodwill", others, 500), "R-FOUND-01"), (Remedy("goodwill", account), "R-CASE-12"),
        (Remedy("goodwill", 0, 500), "R-CASE-12"), (Remedy("waiver", account, 5), "R-CASE-12"),
        (Remedy("waiver", account, 5, component="principal"), "R-CASE-12"),
        (Remedy("goodwill", account, 5, component="fee"), "R-CASE-12"),
        (Remedy("goodwill", account, 5, of=2), "R-CASE-12"),
        (Remedy("reversal", account), "R-CASE-12"),
        (Remedy("reversal", account, 5, of=2), "R-CASE-12"),
        (Remedy("gift", account, 5), "R-CASE-12"), (Remedy("nothing", account), "R-CASE-12"),
    ]:  # fmt: skip
        await house.refused(rule, house.propose(case_id, remedy=remedy))
    goodwill = Remedy("goodwill", account, 500)
    await house.refused("R-CASE-12", house.propose(case_id, result="not_upheld", remedy=goodwill))
    await house.refused("R-CASE-12", house.propose(case_id, remedy=goodwill, value="x"))
    await house.refused("R-DOC-01", house.propose(case_id, result="perhaps"))


async def test_a_case_opens_no_door(house: House) -> None:
    """R-CASE-12, R-AUTH-02: who may not ask for a command may not propose it either."""
    borrower, account = await house.account()
    case_id = await house.given(borrower, to="clara")  # a supervisor does not book
    goodwill = Remedy("goodwill", account, 500)
    await house.refused("R-AUTH-02", house.propose(case_id, by="clara", remedy=goodwill))
    assert await house.propose(case_id, by="clara")


# -- the book refuses ------------------------------------------------------------------------------


async def test_what_the_book_refuses_leaves_the_case_as_it_was(house: House) -> None:
    """R-CASE-13: its rule is the answer, nothing changed, and the same can be decided later."""
    borrower, account = await house.account()
    await fee(house, account)
    case_id = await house.given(borrower)
    for remedy, rule in [
        (Remedy("refund", account, 500_001, of=2), "R-REFUND-03"),
        (Remedy("waiver", account, 901, component="fee"), "R-WAIVE-02"),
        (Remedy("reversal", account, of=99), "R-SEQ-01"),
    ]:
        number = await house.propose(case_id, remedy=remedy)
        before = await fingerprint(house.pool)
        keyed = house.by("clara", f"key {rule}", b"h")
        answer = await house.room.deciding.decide(case_id, number, keyed)
        assert (answer.status, answer.document["rule"]) == (422, rule)
        assert await fingerprint(house.pool) == before
        await house.room.deciding.send_back(case_id, number, rule, house.by("clara"))
    number = await house.propose(case_id, remedy=Remedy("waiver", account, 1800, component="fee"))
    refused = await house.room.deciding.decide(case_id, number, house.by("clara", "same", b"h"))
    assert refused.status == 422
    await fee(house, account)  # now there is so much to waive
    answer = await house.room.deciding.decide(case_id, number, house.by("clara", "same", b"h"))
    assert answer.status == 201
    assert "returned" in await house.kinds(case_id)
    await house.whole()


# -- once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [100, 0])
async def test_two_deciders_at_once_make_one_decision(house: House, amount: int) -> None:
    """R-CASE-11: and one remedy, and one answer to the borrower."""
    borrower, account = await house.account()
    for _ in range(5):
        case_id = await house.given(borrower)
        remedy = Remedy("goodwill", account, amount) if amount else Remedy()
        number = await house.propose(case_id, remedy=remedy)
        answers = await asyncio.gather(
            *(house.room.deciding.decide(case_id, number, house.by(name, f"{case_id}", b"h"))
              for name in ("clara", "dora", "cora", "clara", "dora")),
            return_exceptions=True,
        )  # fmt: skip
        good = [each for each in answers if not isinstance(each, BaseException)]
        assert len({each.operation_id for each in good}) == 1
        rest = [each for each in answers if isinstance(each, BaseException)]
        assert {each.refusal.rule for each in rest if isinstance(each, Refused)} == {"R-CASE-11"}
        assert all(isinstance(each, Refused) for each in rest)
        assert (await house.kinds(case_id)).count("decided") == 1
        assert (await house.row(case_id))["messages"] == 1
    assert (await events_of(house, account)).count(7) == (5 if amount else 0)
    await house.whole()


async def test_fifty_requests_under_one_key_are_one_decision(house: House) -> None:
    """R-IDEM-01: one effect, one answer."""
    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    answers = await asyncio.gather(
        *(house.room.deciding.decide(case_id, number, house.by("clara", "one", b"h"))
          for _ in range(50))
    )  # fmt: skip
    assert len({str(each.document) for each in answers}) == 1
    assert {each.status for each in answers} == {201}
    assert (await events_of(house, account)).count(7) == 1
    other = house.room.deciding.decide(case_id, number, house.by("clara", "one", b"other"))
    await house.refused("R-IDEM-01", other)
    await house.whole()


@pytest.mark.parametrize("who", ["asked again", "the watch"])
async def test_what_broke_off_before_the_book_was_asked_goes_on(house: House, who: str) -> None:
    """R-CASE-13: the mark stays; nobody else decides; whoever finds it goes on, once."""
    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    deciding = house.room.deciding
    house.gate.breaks = 1
    with pytest.raises(ConnectionError):
        await deciding.decide(case_id, number, house.by("clara", "k", b"h"))
    await house.refused("R-CASE-11", deciding.decide(case_id, number, house.by("dora")))
    await house.refused("R-CASE-11", house.room.work.withdraw(case_id, Acting("borrower:1")))
    assert await house.room.watch.look() == 0  # perhaps it is still under way
    if who == "asked again":
        answer = await deciding.decide(case_id, number, house.by("clara", "k", b"h"))
        assert answer.status == 201
    else:
        house.clock.advance(timedelta(seconds=61))
        assert await house.room.watch.look() == 1
    assert (await events_of(house, account)).count(7) == 1
    (outcome,) = await outcomes(house, case_id)
    assert (outcome.state, outcome.decided_by) == (rules.FINAL, house.by("clara").actor)
    assert await house.room.watch.look() == 0
    await house.whole()


async def test_what_broke_off_after_the_book_was_asked_is_not_done_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CASE-13: the book keeps the key of the outcome, and answers what it answered."""
    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    deciding = house.room.deciding

    async def dies(*_: object) -> None:
        raise ConnectionError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(type(deciding), "_concluded", dies)
        with pytest.raises(ConnectionError):
            await deciding.decide(case_id, number, house.by("clara", "k", b"h"))
    assert (await events_of(house, account)).count(7) == 1
    assert (await house.row(case_id))["state"] == rules.OPEN
    house.clock.advance(timedelta(seconds=61))
    looks = await asyncio.gather(*(house.room.watch.look() for _ in range(4)))
    assert sum(looks) >= 1
    assert (await events_of(house, account)).count(7) == 1
    assert (await house.kinds(case_id)).count("decided") == 1
    assert (await last(house, "DecideCase"))["actor"] == SYSTEM
    await house.whole()


@dataclass
class Parting:
    """A book that answers two who ask about one outcome differently: the first one is refused.

    Where both can ask at once, the refusal comes when the other has done it, and the second answer
    when the first has given the outcome up: the worst moments of all.
    """

    house: House
    outcome: tuple[int, int]
    asked: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(self, command: Any, **how: Any) -> Answer:
        self.asked += 1
        self.begun.set()
        if self.asked == 1:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.done.wait(), 1)
            return Answer(422, {"rule": "R-GOODWILL-01", "detail": "not now"})
        answer = await self.house.book.book.submit(command, **how)
        self.done.set()
        for _ in range(20):
            (found,) = await outcomes(self.house, self.outcome[0])
            if found.state == rules.PROPOSED:
                break
            await asyncio.sleep(0.02)
        return answer


@pytest.mark.parametrize("who", ["asked twice", "the watch"])
async def test_of_two_who_carry_out_one_outcome_none_gives_up_what_the_other_did(
    house: House, who: str
) -> None:
    """R-CASE-11, R-CASE-13: then a third person decides; the remedy is in the book once."""
    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    here, book = house.room.deciding, Parting(house, (case_id, number))
    there = case_room(house.pool, KEYS, book, "CNY", house.clock, house.gate)  # another process
    here.carries = replace(here.carries, book=book)
    first = asyncio.create_task(here.decide(case_id, number, house.by("clara")))
    await book.begun.wait()
    if who == "asked twice":
        second: Any = there.deciding.decide(case_id, number, house.by("clara"))
    else:
        house.clock.advance(timedelta(seconds=61))
        second = there.watch.look()
    await asyncio.gather(first, second, return_exceptions=True)
    with contextlib.suppress(Refused):
        await here.decide(case_id, number, house.by("dora"))
    assert (await events_of(house, account)).count(7) == 1
    (outcome,) = await outcomes(house, case_id)
    assert outcome.state == rules.FINAL
    assert (await house.kinds(case_id)).count("decided") == 1
    await house.whole()


async def test_what_was_done_after_all_is_not_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-CASE-13: a refusal that was overtaken by a request that was thought lost."""
    borrower, account = await house.account()
    case_id = await house.given(borrower)
    number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
    submit = house.gate.submit

    async def refuses(*given: Any, **how: Any) -> Answer:
        await submit(*given, **how)
        return Answer(422, {"rule": "R-GOODWILL-01", "detail": "not now"})

    monkeypatch.setattr(house.gate, "submit", refuses)
    answer = await house.room.deciding.decide(case_id, number, house.by("clara"))
    assert (answer.status, answer.document["state"]) == (201, "decided")
    assert (await events_of(house, account)).count(7) == 1
    await house.whole()


async def test_many_who_decide_leave_the_book_its_connections(house: House) -> None:
    """R-CASE-13: whoever waits for a turn holds nothing that the book needs."""
    borrower, account = await house.account()
    waiting = []
    for _ in range(12):
        case_id = await house.given(borrower)
        number = await house.propose(case_id, remedy=Remedy("goodwill", account, 100))
        waiting.append(house.room.deciding.decide(case_id, number, house.by("clara")))
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 60)
    assert {each.status for each in answers} == {201}
    assert (await events_of(house, account)).count(7) == 12
