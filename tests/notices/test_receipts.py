"""What providers tell: in any order, twice, too early, and by nobody else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.api_site import opened
from usance.core.refusals import Refused
from usance.notices.outbox import ARRIVED, FAILED, GOING, TAKEN
from usance.notices.receipt_rules import (
    COUNTED,
    STATES,
    WEIGHTS,
    look_again,
    receipt_policy,
    silenced,
    state_after,
)
from usance.notices.receipt_words import (
    PROVIDER_HEADER,
    RECEIPTS_PATH,
    SIGNATURE_HEADER,
    TIME_HEADER,
    Receipt,
    Receipts,
)
from usance.notices.receipts import Heard, ReceiptDesk
from usance.platform.clock import FixedClock
from usance.platform.database import Connection, Pool
from usance.platform.signing import seconds, sign

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SECRET = "a secret of the provider's"
SECRETS = {"one": SECRET.encode(), "two": b"another provider's secret"}
WORDS = st.sampled_from(sorted(WEIGHTS))


def said_all(words: Sequence[str]) -> int:
    """The state after all of them."""
    state, before = TAKEN, frozenset[str]()
    for word in words:
        state, before = state_after(state, before, word), before | {word}
    return state


@given(st.lists(WORDS, max_size=6), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(words: list[str], lot: Any) -> None:
    """R-REPORT-03."""
    mixed = words * 2
    lot.shuffle(mixed)
    wanted = STATES[max((WEIGHTS[each] for each in words), default=0)]
    assert said_all(mixed) == said_all(words) == wanted


@pytest.mark.parametrize(("words", "wanted"), [
    ("sent", TAKEN), ("sent delivered", ARRIVED), ("delivered sent", ARRIVED),
    ("failed delivered", ARRIVED), ("delivered failed", ARRIVED), ("sent failed", FAILED),
    ("delivered bounced", FAILED), ("delivered complained", ARRIVED), ("complained", ARRIVED),
    ("sent answered", ARRIVED), ("unanswered", FAILED),
])  # fmt: skip
def test_what_words_mean(words: str, wanted: int) -> None:
    """R-REPORT-03: a late ``sent`` never undoes ``delivered``."""
    assert said_all(words.split()) == wanted


def test_what_the_house_ended_stays_ended() -> None:
    """R-REPORT-03."""
    assert state_after(FAILED, frozenset(), "delivered") == FAILED


def test_who_is_left_in_peace_and_until_when() -> None:
    """R-REPORT-04: an address for good, a number until somebody else may have it."""
    policy = receipt_policy()
    letter = silenced(policy, "bounced", "email", NOW)
    number = silenced(policy, "bounced", "sms", NOW)
    assert letter is not None
    assert letter.until is None
    assert number is not None
    assert number.until == NOW + timedelta(days=90)
    assert silenced(policy, "failed", "sms", NOW) is None
    assert silenced(policy, "complained", "inbox", NOW) is None


def test_looks_become_seldom() -> None:
    """R-REPORT-05."""
    waits = [look_again(NOW, looks) - NOW for looks in (0, 1, 5, 60)]
    assert waits == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=32),
                     timedelta(hours=1)]  # fmt: skip


# -- on a database ---------------------------------------------------------------------------------


async def planted(
    pool: Pool, reference: str, *, state: int = TAKEN, channel: str = "sms", provider: str = "one",
    contact: bytes = b"somebody",
) -> int:  # fmt: skip
    """A notice that was handed over."""
    number: int = await pool.fetchval(
        "INSERT INTO notice (cell, borrower_id, key, template_id, purpose, audience, facts,"
        " business_date, not_before, until, state, channel, provider, reference, contact_hash)"
        " VALUES (1, 7, $1, 'due-today', 'servicing', 'borrower', '{}', '2026-01-05', now(), now(),"
        " $2, $3, $4, $1, $5) RETURNING notice_id",
        *(reference, state, channel, provider, contact),
    )
    return number


def signed(
    receipts: Sequence[Receipt] | bytes, provider: str = "one", secret: str = SECRET,
    at: datetime = NOW,
) -> tuple[dict[str, str], bytes]:  # fmt: skip
    body = receipts if isinstance(receipts, bytes) else msgspec.json.encode(Receipts([*receipts]))
    headers = {
        PROVIDER_HEADER: provider, TIME_HEADER: str(seconds(at)),
        SIGNATURE_HEADER: sign(secret.encode(), at, body),
    }  # fmt: skip
    return headers, body


def desk(pool: Pool, clock: FixedClock | None = None, **more: Any) -> ReceiptDesk:
    return ReceiptDesk(pool, clock or FixedClock(NOW), SECRETS, **more)


async def states(pool: Pool) -> dict[str, tuple[int, str]]:
    rows = await pool.fetch("SELECT reference, state, because FROM notice")
    return {row["reference"]: (row["state"], row["because"]) for row in rows}


async def counted(pool: Pool) -> dict[tuple[str, str], tuple[int, ...]]:
    minute = int(NOW.timestamp()) // 60
    rows = await pool.fetch("SELECT * FROM sending_slot WHERE slot = $1", minute)
    return {(row["kind"], row["name"]): tuple(row[each] for each in COUNTED) for row in rows}


async def test_receipts_change_notices_once(pool: Pool) -> None:
    """R-REPORT-01, R-REPORT-03, R-REPORT-04: however often the same is told."""
    for reference in ("m-1", "m-2", "m-3"):
        await planted(pool, reference)
    await planted(pool, "m-4", contact=b"other")
    told = [
        Receipt("m-1", "delivered"), Receipt("m-1", "sent"), Receipt("m-2", "bounced", "no such"),
        Receipt("m-3", "delivered"), Receipt("m-3", "complained"), Receipt("m-4", "failed"),
        Receipt("m-1", "delivered"),
    ]  # fmt: skip
    found = desk(pool)
    assert await found.receive(*signed(told)) == {"new": 6, "waiting": 0}
    for order in (told, told[::-1]):
        assert await found.receive(*signed(order)) == {"new": 0, "waiting": 0}
    assert await states(pool) == {
        "m-1": (ARRIVED, ""), "m-2": (FAILED, "no such"), "m-3": (ARRIVED, ""),
        "m-4": (FAILED, "failed"),
    }  # fmt: skip
    assert await counted(pool) == dict.fromkeys(
        (("channel", "sms"), ("template", "due-today"), ("provider", "sms one")), (1, 1, 1)
    )
    rows = await pool.fetch("SELECT contact_hash, channel, because, until FROM suppression")
    assert [tuple(row) for row in rows] == [
        (b"somebody", "sms", "bounced", NOW + timedelta(days=90))
    ]
    steps = await pool.fetch(
        "SELECT kind, provider, said, at, trace FROM notice_step ORDER BY notice_id, number"
    )
    assert [row["said"] for row in steps] == [
        "delivered", "sent", "bounced", "delivered", "complained", "failed",
    ]  # fmt: skip
    assert {(row["kind"], row["provider"], row["at"]) for row in steps} == {("receipt", "one", NOW)}
    assert steps[2]["trace"] == '["no such"]'


async def test_a_silence_is_never_shortened(pool: Pool) -> None:
    """R-REPORT-04."""
    for number in range(4):
        await planted(pool, f"m-{number}")
    clock = FixedClock(NOW)
    found = desk(pool, clock)

    async def until() -> datetime | None:
        found: datetime | None = await pool.fetchval("SELECT until FROM suppression")
        return found

    await found.receive(*signed([Receipt("m-0", "bounced")]))
    await found.receive(*signed([Receipt("m-1", "complained")]))
    assert await until() == NOW + timedelta(days=90)
    clock.advance(timedelta(days=200))
    await found.receive(*signed([Receipt("m-2", "complained")], at=clock.now()))
    assert await until() == clock.now() + timedelta(days=30)
    await pool.execute("UPDATE suppression SET until = NULL, because = 'by hand'")
    await found.receive(*signed([Receipt("m-3", "bounced")], at=clock.now()))
    assert await until() is None
    assert await pool.fetchval("SELECT because FROM suppression") == "by hand"


async def test_what_comes_too_early_waits_for_its_message(pool: Pool) -> None:
    """R-REPORT-05: a provider may tell before we have noted that it took the message."""
    clock = FixedClock(NOW)
    found = desk(pool, clock)
    early = [Receipt("m-1", "delivered"), Receipt("m-1", "sent"), Receipt("m-9", "sent")]
    assert await found.receive(*signed(early)) == {"new": 0, "waiting": 3}
    assert await found.receive(*signed(early)) == {"new": 0, "waiting": 3}
    assert await found.look() == 0
    clock.advance(timedelta(seconds=1))
    assert await found.look() == 3
    await planted(pool, "m-1", state=GOING)
    clock.advance(timedelta(seconds=2))
    assert await found.look() == 3
    await pool.execute("UPDATE notice SET state = $1", TAKEN)
    clock.advance(timedelta(seconds=4))
    assert await found.look() == 3
    assert await states(pool) == {"m-1": (ARRIVED, "")}
    assert await pool.fetchval("SELECT count(*) FROM receipt_waiting") == 1
    clock.advance(timedelta(days=4))
    assert await found.look() == 1
    assert await pool.fetchval("SELECT count(*) FROM receipt_waiting") == 0


async def test_another_providers_message_is_not_touched(pool: Pool) -> None:
    """R-REPORT-02: references are each provider's own."""
    await planted(pool, "m-1", provider="two")
    assert await desk(pool).receive(*signed([Receipt("m-1", "failed")])) == {"new": 0, "waiting": 1}
    assert await states(pool) == {"m-1": (TAKEN, "")}


async def test_many_at_once_from_everywhere(pool: Pool) -> None:
    """R-REPORT-03: the same receipts by ten connections at once count once."""
    told = []
    for number in range(40):
        await planted(pool, f"m-{number}", contact=b"%d" % number)
        told += [Receipt(f"m-{number}", "sent"), Receipt(f"m-{number}", "bounced")]
    answers = await asyncio.gather(
        *(desk(pool).receive(*signed(told[place:] + told[:place])) for place in range(0, 40, 4))
    )
    assert sum(each["new"] for each in answers) == 80
    assert set((await counted(pool)).values()) == {(0, 40, 0)}
    assert await pool.fetchval("SELECT count(*) FROM suppression") == 40


async def test_who_listens_is_told_of_new_words_in_the_same_transaction(pool: Pool) -> None:
    """R-REPORT-03: of a call, whether it was taken; nothing is noted where that fails."""
    heard: list[tuple[str, str]] = []
    fails = iter([True, False, False])

    async def listener(_: Connection, new: Sequence[Heard], __: datetime) -> None:
        if next(fails):
            raise RuntimeError
        heard.extend((each.channel, each.word) for each in new)

    await planted(pool, "c-1", channel="voice")
    found = desk(pool, listener=listener)
    with pytest.raises(RuntimeError):
        await found.receive(*signed([Receipt("c-1", "answered")]))
    assert await states(pool) == {"c-1": (TAKEN, "")}
    await found.receive(*signed([Receipt("c-1", "answered")]))
    await found.receive(*signed([Receipt("c-1", "answered")]))
    assert heard == [("voice", "answered")]


ONE = [Receipt("m-1", "delivered")]


@pytest.mark.parametrize(("how", "rule"), [
    ({"secret": "wrong"}, "R-REPORT-02"), ({"provider": "two"}, "R-REPORT-02"),
    ({"provider": "nobody"}, "R-REPORT-02"), ({"provider": ""}, "R-REPORT-02"),
    ({"at": NOW - timedelta(minutes=6)}, "R-REPORT-02"),
    ({"at": NOW + timedelta(minutes=6)}, "R-REPORT-02"),
    ({"receipts": b"{"}, "R-DOC-01"), ({"receipts": b"[" * 100_000}, "R-DOC-01"),
    ({"receipts": b'{"receipts":[]}'}, "R-DOC-01"),
    ({"receipts": b'{"receipts":[{"reference":"m-1","state":"read"}]}'}, "R-DOC-01"),
    ({"receipts": b'{"receipts":[{"reference":"","state":"sent"}]}'}, "R-DOC-01"),
    ({"receipts": b'{"receipts":[{"reference":"m","state":"sent","error":"a@b"}]}'}, "R-DOC-01"),
    ({"receipts": ONE * 501}, "R-DOC-01"), ({"receipts": b" " * 200_001}, "R-DOC-01"),
])  # fmt: skip
async def test_what_is_refused_changes_nothing(pool: Pool, how: dict[str, Any], rule: str) -> None:
    """R-REPORT-01, R-REPORT-02."""
    await planted(pool, "m-1")
    with pytest.raises(Refused, match=rule):
        await desk(pool).receive(*signed(**({"receipts": ONE} | how)))
    assert await states(pool) == {"m-1": (TAKEN, "")}


async def test_receipts_over_http(database: str, tmp_path: Path) -> None:
    """R-REPORT-01, R-REPORT-02: no key of the API opens the door, and none is needed."""
    file = tmp_path / "carriers.yaml"
    file.write_text(
        "providers: [{channel: sms, name: one, url: 'https://one.example', token: t,"
        f' receipts_secret: "{SECRET}"}}]'
    )
    file.chmod(0o600)
    environment = {"USANCE_CARRIERS_FILE": str(file), "USANCE_LENDER_PHONE": "95000"}
    async with opened(
        database, tmp_path, clock=FixedClock(NOW), environment=environment
    ) as site:
        room = site.services.notices
        assert room.delivery is not None, "notices go by the file's carriers"
        await room.health.look()
        weights = await room.health.providers()
        assert [(row["channel"], row["name"], row["weight"]) for row in weights] == [
            ("sms", "one", 100), ("webhook", "webhooks", 100),
        ]  # fmt: skip
        await planted(site.pool, "m-1")
        headers, body = signed(ONE)
        unsigned = await site.client.post(RECEIPTS_PATH, content=body)
        assert (unsigned.status_code, unsigned.json()["rule"]) == (401, "R-REPORT-02")
        del site.client.headers["authorization"]
        for wanted in (1, 0):
            answer = await site.client.post(RECEIPTS_PATH, content=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"new": wanted, "waiting": 0})
        headers, body = signed(b"{}")
        odd = await site.client.post(RECEIPTS_PATH, content=body, headers=headers)
        assert (odd.status_code, odd.json()["rule"]) == (422, "R-DOC-01")
        large = await site.client.post(RECEIPTS_PATH, content=b"x" * 300_000, headers=headers)
        assert large.status_code == 413
        assert (await site.client.get(RECEIPTS_PATH)).status_code == 405


def test_every_word_has_a_weight() -> None:
    shape = msgspec.json.schema(Receipt)["$defs"]["Receipt"]["properties"]["state"]["enum"]
    assert set(shape) == WEIGHTS.keys()
    assert all(said_all(each) for each in itertools.permutations(WEIGHTS, 2))


async def test_however_many_came_too_early(pool: Pool) -> None:
    """R-REPORT-05: one look takes them all."""
    clock = FixedClock(NOW)
    found = desk(pool, clock)
    for place in range(0, 1_200, 400):
        await found.receive(*signed([Receipt(f"m-{place + n}", "sent") for n in range(400)]))
    clock.advance(timedelta(seconds=1))
    assert await found.look() == 1_200
    assert await found.look() == 0
