"""What can wait goes together, once a day, as one message; and nothing is lost or told twice."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.notices.house import NIGHT, NOON, PHONE, House, house
from tests.servicing.books import ACTOR, KEYS, identity_number
from usance.identity.borrowers import Borrowers
from usance.identity.changing import Asking
from usance.identity.people import Person
from usance.notices.documents import TemplateDocument, document_in
from usance.notices.health import Health
from usance.notices.lints import findings
from usance.notices.outbox import ARRIVED, DROPPED, FAILED, STOPPED, TAKEN, WAITS, Telling
from usance.notices.own import OwnNotices
from usance.notices.policy import template_policy
from usance.notices.preferences import Preferences, choose
from usance.notices.providers import LATER, REFUSED, UNKNOWN, Order, Outcome
from usance.notices.reading import hashes_of
from usance.notices.receipt_words import (
    PROVIDER_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Receipt,
    Receipts,
)
from usance.notices.receipts import ReceiptDesk
from usance.notices.sending import sending
from usance.notices.starting import starting_set
from usance.notices.tellings import tellings
from usance.platform.database import Pool
from usance.platform.signing import sign

EVENING = 20 * 60
SECRET = b"s" * 32
OWN, STAFF = Asking("borrower"), Asking("staff:1")
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""Eight in the evening in Shanghai."""


async def with_addresses(home: House, count: int) -> list[int]:
    """Borrowers with an e-mail address too."""
    people = [Person(f"Li {n}", f"+861390000{n:04}", identity_number(n), f"li{n}@example.com",
                     "zh-CN") for n in range(count)]  # fmt: skip
    return await Borrowers(home.pool, KEYS).register_many(people, actor=ACTOR)


async def person(home: House, **columns: Any) -> int:
    """Somebody who is told in the evening."""
    (who,) = await with_addresses(home, 1)
    await home.prefers(who, digest_at=EVENING, **columns)
    return who


async def three(home: House, who: int) -> None:
    """Three payments, which wait."""
    for n, key in enumerate("abc", start=1):
        await home.paid(who, key, n * 1_000)
    await home.sent()
    assert home.sms.orders == home.email.orders == []


async def stands(home: House) -> dict[str, tuple[int, str, str]]:
    return {each["key"]: (each["state"], each["channel"], each["because"])
            for each in await home.rows()}  # fmt: skip


async def until_evening(home: House) -> None:
    home.clock.advance(AT - home.clock.now())
    await home.sent()


async def test_they_wait_and_go_as_one(pool: Pool) -> None:
    """R-DIGEST-01, R-DIGEST-02: by text message, short; each keeps its row and its steps."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        row = await home.row("b")
        assert (row["state"], row["because"], row["not_before"]) == (WAITS, "DIGEST", AT)
        trace = json.loads(await pool.fetchval("SELECT trace FROM notice_step LIMIT 1"))
        assert trace[-1] == ["DIGEST", "hold", "2026-03-02T12:00:00Z"]
        await home.later(hours=7, minutes=59)
        assert home.sms.orders == []
        await until_evening(home)
        (order,) = home.sms.orders
        assert order.text == (
            "您今天有3条消息，都不需要您处理。请自行打开应用，在“消息”中查看。"
            f"疑问请致电 {PHONE}。"
        )
        assert await stands(home) == {
            **dict.fromkeys("abc", (TAKEN, "sms", "")), "digest:1": (TAKEN, "sms", ""),
        }  # fmt: skip
        message = await home.row("digest:1")
        assert {(await home.row(key))["bundle"] for key in "abc"} == {message["notice_id"]}
        assert (await home.row("a"))["sent_at"] == message["sent_at"] == AT
        assert await home.steps("b") == [("hold", "DIGEST"), ("send", "DIGEST")]
        assert await home.steps("digest:1") == [("send", ""), ("taken", f"r-{order.key}")]
        await home.later(days=1)
        assert len(home.sms.orders) == 1, "once"


async def test_an_email_has_every_text(pool: Pool) -> None:
    """R-DIGEST-03: in their order, each under its heading."""
    async with house(pool) as home:
        who = await person(home, ways='["email"]')
        await home.paid(who, "a", 1_000)
        await home.tell(Telling(who, "b", "refund", {"amount": 700, "day": "2026-03-02"}))
        await home.sent()
        await until_evening(home)
        (order,) = home.email.orders
        assert order.title == "您今天的2条消息"
        places = [order.text.index(each) for each in
                  ("已收到您的还款\n", "10.00 元", "退款已入账\n", "7.00 元", PHONE)]  # fmt: skip
        assert places[:4] == sorted(places[:4])
        assert "{" not in order.text


async def test_one_alone_goes_as_itself(pool: Pool) -> None:
    async with house(pool) as home:
        who = await person(home)
        await home.paid(who, "a")
        await home.sent()
        await until_evening(home)
        assert [each.text[:3] for each in home.sms.orders] == ["已收到"]
        assert list(await stands(home)) == ["a"]


async def test_what_cannot_wait_goes_past_what_waits(pool: Pool) -> None:
    """R-DIGEST-01, R-SEND-02."""
    async with house(pool) as home:
        who = await person(home)
        await home.paid(who, "a")
        await home.sent()
        await home.book.line(who, "cash_loan")
        loan = await home.book.loan(who, 1_200_000, 3)
        facts = {"n": 1, "due_on": "2026-03-03", "amount": 1, "days": -1}
        await home.tell(
            Telling(who, "due", "due-tomorrow", facts, loan),
            Telling(who, "drawn", "drawn", {"amount": 1, "day": "2026-03-02", "instalments": 3,
                                            "due_on": "2026-04-02"}, loan),
            Telling(who, "new", "number-changed", {"day": "2026-03-02"}),
        )  # fmt: skip
        await home.sent()
        found = await stands(home)
        assert {found[key][0] for key in ("due", "drawn", "new")} == {TAKEN}
        assert found["a"][0] == WAITS


async def test_what_would_come_too_late_does_not_wait(pool: Pool) -> None:
    async with house(pool) as home:
        who = await person(home)
        await home.paid(who, "a", until=AT - timedelta(hours=1))
        await home.paid(who, "b", until=AT + timedelta(hours=1))
        await home.sent()
        found = await stands(home)
        assert (found["a"][0], found["b"][0]) == (TAKEN, WAITS)


async def test_at_night_it_waits_for_the_hours_of_the_law(pool: Pool) -> None:
    """An hour that the law closes is moved to its opening."""
    async with house(pool, NIGHT) as home:
        who = await home.book.borrower()
        await home.prefers(who, digest_at=7 * 60)
        await home.paid(who, "a")
        await home.paid(who, "b")
        await home.sent()
        assert (await home.row("a"))["not_before"] == NIGHT.replace(day=3, hour=0, minute=0)
        await home.later(hours=7, minutes=30)
        assert len(home.sms.orders) == 1


async def test_one_that_may_not_go_falls_out_alone(pool: Pool) -> None:
    """R-DIGEST-02: what was retired meanwhile is dropped, the others go."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        await home.tell(Telling(who, "r", "refund", {"amount": 700, "day": "2026-03-02"}))
        await home.tell(Telling(who, "x", "refund", {"day": "2026-03-02"}))
        await home.sent()
        await pool.execute("INSERT INTO breaker VALUES ('template', 'paid', 'open', '', $1)", NOON)
        await pool.execute("UPDATE notice SET template_id = 'contract-closed', facts = '{}'"
                           " WHERE key = 'x'")  # fmt: skip
        await until_evening(home)
        found = await stands(home)
        assert {found[key] for key in "abc"} == {(STOPPED, "", "R-BREAKER-01")}
        assert found["x"] == (DROPPED, "", "R-TEMPLATE-03")
        assert found["r"][:2] == (TAKEN, "sms"), "alone"
        assert [each.text[:4] for each in home.sms.orders] == ["商户退款"]


async def test_nothing_goes_where_nothing_arrives(pool: Pool) -> None:
    """By the next way, together as well."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        await pool.execute("INSERT INTO suppression VALUES ($1, 'sms', 'bounced', $2)",
                           hashes_of(KEYS, "+8613900000000")[0], NOON)  # fmt: skip
        await until_evening(home)
        assert home.sms.orders == []
        assert len(home.email.orders) == 1
        assert {each[1] for each in (await stands(home)).values()} == {"email"}


async def test_it_counts_once(pool: Pool) -> None:
    """R-SEND-04, R-DIGEST-02: the sixth word of a day, though ten are in it."""
    async with house(pool) as home:
        who = await person(home)
        for n in range(5):
            facts = {"amount": n, "day": "2026-03-02", "instalments": 3, "due_on": "2026-04-02"}
            await home.tell(Telling(who, f"d{n}", "drawn", facts))
            await home.later(minutes=5)
        for n in range(10):
            await home.paid(who, f"p{n}")
        await home.sent()
        await until_evening(home)
        assert len(home.sms.orders) == 6
        counts = json.loads(await pool.fetchval(
            "SELECT counts FROM notice_counter WHERE counts ? 'HOUSE.SERVICING.DAY'"))  # fmt: skip
        assert counts["HOUSE.SERVICING.DAY"][1] == [6]


async def test_what_nobody_answered_goes_again_word_for_word(pool: Pool) -> None:
    """R-SEND-02, R-DIGEST-02: the same key, the same texts, also after more has come."""
    async with house(pool) as home:
        who = await person(home, ways='["email"]')
        await three(home, who)
        home.email.answer = lambda order: Outcome(UNKNOWN)
        await until_evening(home)
        assert (await home.row("a"))["state"] == WAITS
        await home.paid(who, "late")
        await home.later(seconds=6)
        home.email.answer = lambda order: Outcome("taken", "r")
        await home.later(seconds=31)
        first, second, third = home.email.orders
        assert first == second == third
        assert {(await home.row(key))["state"] for key in "abc"} == {TAKEN}
        assert (await home.row("late"))["because"] == "DIGEST"


async def test_a_way_that_refuses_it_is_followed_by_the_next(pool: Pool) -> None:
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        home.sms.answer = lambda order: Outcome(REFUSED)
        home.email.answer = lambda order: Outcome(REFUSED)
        await until_evening(home)
        await home.later(seconds=1)
        await home.later(seconds=1)
        found = await stands(home)
        assert {found[key] for key in "abc"} == {(TAKEN, "inbox", "DIGEST")}, "as each by itself"
        assert found["digest:1"][0] == FAILED


async def test_one_that_is_given_up_did_not_arrive(pool: Pool) -> None:
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        home.sms.answer = lambda order: Outcome(LATER)
        await until_evening(home)
        for _ in range(20):
            await home.later(hours=2)
        assert {each[0] for each in (await stands(home)).values()} == {FAILED}


async def test_receipts_are_of_all_of_them(pool: Pool) -> None:
    """R-REPORT-03: what bounced is noted once, and stands at each."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        await until_evening(home)
        (order,) = home.sms.orders
        desk = ReceiptDesk(pool, home.clock, {"one": SECRET})

        async def told(word: str) -> None:
            body = msgspec.json.encode(Receipts([Receipt(f"r-{order.key}", word)]))
            now = home.clock.now()
            headers = {PROVIDER_HEADER: "one", TIME_HEADER: str(int(now.timestamp())),
                       SIGNATURE_HEADER: sign(SECRET, now, body)}  # fmt: skip
            assert await desk.receive(headers, body) == {"new": 1, "waiting": 0}

        await told("delivered")
        assert {each[0] for each in (await stands(home)).values()} == {ARRIVED}
        await told("bounced")
        assert {each[0] for each in (await stands(home)).values()} == {FAILED}
        counted = "SELECT sum(bounced) FROM sending_slot WHERE kind = 'channel'"
        assert await pool.fetchval(counted) == 1


async def test_a_person_lets_it_fall_with_all_that_is_in_it(pool: Pool) -> None:
    """R-BREAKER-03."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        await pool.execute("INSERT INTO breaker VALUES ('template', 'digest', 'open', '', $1)",
                           NOON)  # fmt: skip
        await until_evening(home)
        found = await stands(home)
        assert found["digest:1"][0] == STOPPED
        health = Health(pool, home.clock, {})
        waiting = await health.waiting()
        assert (waiting["due"], waiting["stopped"]) == (0, 1)
        await health.close("template", "digest", "the words were looked at", STAFF, drop=True)
        found = await stands(home)
        assert {each[0] for each in found.values()} == {DROPPED}
        await home.later(hours=1)
        assert home.sms.orders == []


async def test_the_inbox_has_each_by_itself(pool: Pool) -> None:
    """R-SEND-05."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        await until_evening(home)
        own = OwnNotices(pool, KEYS, home.clock, PHONE)
        shown = await own.page(who, "en")
        assert [each.template_id for each in shown] == ["paid"] * 3
        assert {each.channel for each in shown} == {"sms"}
        assert await own.unseen(who) == 3
        steps = await own.steps(who, (await home.row("b"))["notice_id"])
        assert [each["kind"] for each in steps] == ["hold", "send", "send", "taken"]


async def test_another_choice_is_asked_anew_at_once(pool: Pool) -> None:
    """R-PREFER-02."""
    async with house(pool) as home:
        who = await person(home)
        await three(home, who)
        await choose(pool, home.clock, who, Preferences(digest_at=18 * 60), OWN)
        await home.sent()
        assert (await home.row("a"))["not_before"] == AT - timedelta(hours=2)
        await choose(pool, home.clock, who, Preferences(), OWN)
        await home.sent()
        assert len(home.sms.orders) == 3


async def test_who_dies_in_between_leaves_one_message(pool: Pool) -> None:
    """R-DIGEST-02: what another process takes over has the same key and the same texts."""
    async with house(pool) as home:
        who = await person(home, ways='["email"]')
        await three(home, who)

        async def die(order: Order) -> None:
            raise InterruptedError

        home.email.meanwhile = die
        home.clock.advance(AT - home.clock.now())
        with pytest.raises(InterruptedError):
            await home.delivery().turn()
        await home.paid(who, "late")
        home.email.meanwhile = None
        await home.sent()
        assert len(home.email.orders) == 1, "somebody has it in the hand"
        await home.later(minutes=1)
        first, second = home.email.orders
        assert first == second
        assert {(await home.row(key))["state"] for key in "abc"} == {TAKEN}


async def test_more_than_fit_go_in_several(pool: Pool) -> None:
    async with house(pool) as home:
        who = await person(home)
        for n in range(45):
            await home.paid(who, f"p{n}")
        await home.sent()
        await until_evening(home)
        texts = [each.text for each in home.sms.orders]
        assert [int(each[4 : each.index("条")]) for each in texts] == [20, 20, 5]


def test_what_can_wait_asks_for_nothing() -> None:
    """R-DIGEST-01: no code, no bill; it speaks where texts stand together, and is of use a day."""
    documents = {each.id: each for each in starting_set()}
    lasts = {each.template: each.hours for each in tellings().events.values()}
    for name in sending().digest.templates:
        document = documents[name]
        assert (document.purpose, document.audience) == ("servicing", "borrower")
        assert document.event not in template_policy().bills
        assert "code" not in {each.type for each in document.placeholders.values()}
        assert {"sms", "email", "inbox"} <= document.channels.keys()
        assert lasts.get(name, 72) >= 25


@pytest.mark.parametrize(("channel", "purpose", "path"), [
    ("sms", "servicing", "channels.sms.en.text"), ("inbox", "servicing", "channels.inbox.en.text"),
    ("email", "marketing", "purpose"),
])  # fmt: skip
def test_texts_stand_in_an_email_alone(channel: str, purpose: str, path: str) -> None:
    """R-DIGEST-03."""
    words = {"text": "{texts}"} | {"email": {"subject": "s"}, "inbox": {"title": "t"}}.get(
        channel, {}
    )  # fmt: skip
    document: TemplateDocument = document_in({
        "id": "t", "version": 1, "event": "a.b", "purpose": purpose, "audience": "borrower",
        "effective_on": "2026-01-01", "placeholders": {"texts": {"type": "texts"}},
        "channels": {channel: {"en": words, "zh-CN": words}},
    })  # fmt: skip
    found = findings(document, template_policy())
    assert (("R-DIGEST-03", path) in {(each.rule, each.path) for each in found})


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_told_twice(pool: Pool, seed: int) -> None:
    """R-DIGEST-02: with carriers that err, processes that die, and several that send."""
    rng = random.Random(f"digests {seed}")
    async with house(pool) as home:
        people = await with_addresses(home, 4)
        for n, who in enumerate(people):
            if n:
                await home.prefers(who, digest_at=rng.randrange(9 * 60, 20 * 60),
                                   ways=rng.choice(['[]', '["email"]']))  # fmt: skip
        told = Counter[str]()
        arrived: dict[str, str] = {}

        words = ["taken", "taken", LATER, UNKNOWN, "lost"]

        def answer(order: Order) -> Outcome:
            said = rng.choice(words)
            if said in ("taken", "lost") and order.key not in arrived:
                arrived[order.key] = order.text
                told[order.key] += 1
            elif order.key in arrived:
                assert arrived[order.key] == order.text, "word for word"
            return Outcome(UNKNOWN) if said == "lost" else Outcome(said, f"r-{order.key}")

        home.sms.answer = home.email.answer = answer
        count = 0
        for _ in range(30):
            for _ in range(rng.randrange(4)):
                await home.paid(rng.choice(people), f"k{count}", count + 100,
                                until=home.clock.now() + timedelta(days=9))  # fmt: skip
                count += 1
            await sometimes_dying(home, rng)
            home.clock.advance(timedelta(minutes=rng.randrange(1, 200)))
        words[:] = ["taken"]
        for _ in range(80):
            await home.later(hours=1)
        rows = await home.rows()
        alone = [each for each in rows if not each["bundle"]]
        assert {each["state"] for each in rows} <= {TAKEN, FAILED}
        assert sum(each["template_id"] == "paid" for each in rows) == count
        by_id = {each["notice_id"]: each for each in rows}
        for each in rows:
            if each["bundle"]:
                message = by_id[each["bundle"]]
                same = [(one["state"], one["channel"], one["sent_at"]) for one in (each, message)]
                assert same[0] == same[1] or each["channel"] == "inbox"
        sent = {f"n-{each['borrower_id']}-{each['notice_id']}" for each in alone
                if each["state"] == TAKEN and each["channel"] != "inbox"}  # fmt: skip
        assert sent <= told.keys()
        assert max(told.values()) == 1
        inside = Counter(each["bundle"] for each in rows if each["bundle"])
        for each in rows:
            if each["template_id"] == "digest":
                assert json.loads(each["facts"])["count"] == inside[each["notice_id"]] > 1


async def sometimes_dying(home: House, rng: random.Random) -> None:
    """Two send at once; one of them may die with everything in its hand."""
    one, other = home.delivery(), home.delivery(2)
    if rng.random() < 0.3:
        async def nothing(*_: object) -> None:
            """It died before it noted anything."""

        one._settle = nothing  # type: ignore[method-assign]
    await one.turn()
    await other.look()
