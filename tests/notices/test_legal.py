"""The rows of the law: each is in force, and each would be missed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from usance.identity.portal_policy import portal_policy
from usance.notices.counters import Counter, added, slot_of
from usance.notices.gate import DROP, HOLD, SEND, Gate, Notice, Recipient
from usance.notices.legal import (
    ANY,
    AUDIENCES,
    CAP,
    CONSENT,
    FORBID,
    HOURS,
    PURPOSES,
    SCOPES,
    WAYS,
    Law,
    Row,
    law,
    law_in,
)

NOON = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)  # in Shanghai


def sorts_of(row: Row) -> list[Notice]:
    """Every sort of notice that a row is about."""
    place = "CN" if row.jurisdiction == ANY else row.jurisdiction
    return [
        Notice(purpose, channel, audience, place, NOON + timedelta(days=400), scope)
        for purpose in PURPOSES for channel in WAYS for audience in AUDIENCES
        for scope in SCOPES if row.concerns(purpose, channel, audience, scope)
    ]  # fmt: skip


def recipient(rules: Law, notice: Notice) -> Recipient:
    """Somebody who has agreed to what needs it."""
    return Recipient(
        rules.zones_of(notice.jurisdiction)[0],
        consents=frozenset({(notice.purpose, notice.scope, notice.channel)}),
    )


def noon_of(zone: ZoneInfo) -> datetime:
    """Noon there, in UTC."""
    return datetime(2026, 11, 27, 12, 0, tzinfo=zone).astimezone(UTC)


def outcome(rules: Law, row: Row, notice: Notice) -> tuple[str, str]:
    """What the gate says where this row alone stands in the way: as the document has it."""
    gate, who = Gate(rules), recipient(rules, notice)
    zone = who.zone
    assert zone is not None
    now = noon_of(zone)
    if row.kind == CONSENT:
        who = replace(who, consents=frozenset())
    if row.kind == HOURS:
        now = (now - timedelta(hours=12)) + timedelta(minutes=row.closes + 1)
    counters = {each.id: Counter() for each in gate.caps(notice, now)}
    if row.id in counters:
        for _ in range(row.most):
            slot = slot_of(row.window, now, zone)
            counters[row.id] = added(counters[row.id], row.window, slot)
    found = gate.decide(notice, who, counters, now)
    return found.outcome, found.because


@pytest.mark.parametrize("row", law().rows, ids=lambda row: row.id)
def test_each_row_would_be_missed(row: Row) -> None:
    """For each row: what it stops goes out where the row, and whatever else says so, is ignored."""
    alone = replace(law(), rows=(row,))
    nobody = replace(law(), rows=())
    sorts = sorts_of(row)
    assert sorts, "it is about something"
    for notice in sorts:
        wanted = HOLD if row.kind in (HOURS, CAP) else DROP
        assert outcome(alone, row, notice) == (wanted, row.id)
        assert outcome(nobody, row, notice) == (SEND, "")
        found, because = outcome(law(), row, notice)
        assert found in (HOLD, DROP), "nothing makes up for a row"
        assert because != ""


@pytest.mark.parametrize("row", [r for r in law().rows if r.kind == CAP], ids=lambda row: row.id)
def test_a_cap_lets_through_what_it_allows_and_no_more(row: Row) -> None:
    alone = replace(law(), rows=(row,))
    notice = sorts_of(row)[0]
    gate, who = Gate(alone), recipient(alone, notice)
    assert who.zone is not None
    now = noon_of(who.zone)
    counter = Counter()
    for _ in range(row.most):
        assert gate.decide(notice, who, {row.id: counter}, now).outcome == SEND
        counter = added(counter, row.window, slot_of(row.window, now, who.zone))
    held = gate.decide(notice, who, {row.id: counter}, now)
    assert held.outcome == HOLD
    assert held.not_before is not None
    before = held.not_before - timedelta(seconds=1)
    assert gate.decide(notice, who, {row.id: counter}, before).outcome == HOLD
    assert gate.decide(notice, who, {row.id: counter}, held.not_before).outcome == SEND


@pytest.mark.parametrize("row", [r for r in law().rows if r.kind == HOURS], ids=lambda row: row.id)
def test_hours_begin_and_end_to_the_minute(row: Row) -> None:
    alone = replace(law(), rows=(row,))
    notice = sorts_of(row)[0]
    gate, who = Gate(alone), recipient(alone, notice)
    assert who.zone is not None
    midnight = datetime(2026, 11, 27, tzinfo=who.zone)

    def at(minute: int) -> str:
        now = (midnight + timedelta(minutes=minute)).astimezone(UTC)
        return gate.decide(notice, who, {}, now).outcome

    assert [at(row.opens - 1), at(row.opens), at(row.closes - 1), at(row.closes)] == [
        HOLD, SEND, SEND, HOLD,
    ]  # fmt: skip


def test_where_the_jurisdiction_is_not_known_every_row_holds() -> None:
    """R-GATE-05: 08:00 to 19:00, the strictest of all, and in every zone at once."""
    rules = law()
    assert set(rules.rows_for("XX", date(2026, 11, 27))) == set(rules.rows)
    notice = Notice("collection", "sms", "borrower", "XX", NOON + timedelta(days=30))
    gate = Gate(rules)
    counters = {row.id: Counter() for row in gate.caps(notice, NOON)}
    who = Recipient(ZoneInfo("Europe/Paris"))
    for hour, wanted in ((7, HOLD), (8, SEND), (18, SEND), (19, HOLD)):
        now = datetime(2026, 11, 27, hour, 30, tzinfo=ZoneInfo("Europe/Paris"))
        assert gate.decide(notice, who, counters, now.astimezone(UTC)).outcome == wanted


def test_strangers_who_ask_for_codes_cannot_use_up_what_protects_a_number() -> None:
    """HOUSE.SECURITY.DAY leaves room for all that R-LOGIN-05 lets anybody ask for in a day."""
    limits = portal_policy().limits
    asked = sum(
        each.most
        for of in ("sends_to_a_number", "sends_to_a_known_device", "family_codes_to_a_number")
        for each in limits[of] if each.within == timedelta(days=1)
    )  # fmt: skip
    (cap,) = (row for row in law().rows if row.id == "HOUSE.SECURITY.DAY")
    assert 0 < asked < cap.most


def test_a_row_holds_from_its_day_on() -> None:
    rules = law()
    ids = [{row.id for row in rules.rows_for("CN", day)}
           for day in (date(2026, 1, 29), date(2026, 1, 30))]  # fmt: skip
    assert ids[1] - ids[0] == {"CN.CBA2026.HOURS", "CN.CBA2026.DIAL"}


def test_the_philippine_hours_end_with_the_fifteenth_day() -> None:
    notice = Notice("collection", "inbox", "borrower", "PH", NOON + timedelta(days=30))
    night = datetime(2026, 11, 27, 23, 0, tzinfo=ZoneInfo("Asia/Manila")).astimezone(UTC)
    gate, who = Gate(law()), Recipient(ZoneInfo("Asia/Manila"))
    counters = {row.id: Counter() for row in gate.caps(notice, night)}
    late = [gate.decide(replace(notice, past_due=days), who, counters, night).outcome
            for days in (15, 16)]  # fmt: skip
    assert late == [HOLD, SEND]


@pytest.mark.parametrize(("change", "words"), [
    ({"kind": "never"}, "is not one of"), ({"purposes": ["sales"]}, "sales"),
    ({"channels": ["fax"]}, "fax"), ({"jurisdiction": "DE"}, "no jurisdiction DE"),
    ({"force": "custom"}, "custom"), ({"evidence": "hearsay"}, "hearsay"),
    ({"kind": "hours", "open": "22:00", "close": "08:00"}, "opens before it closes"),
    ({"kind": "hours", "open": "25:00", "close": "26:00"}, "no time of a day"),
    ({"kind": "cap", "counts": "sent", "of": "contact", "most": 0, "days": 1}, "is forbidden"),
    ({"kind": "cap", "counts": "sent", "of": "contact", "most": 1}, "days, hours or minutes"),
    ({"kind": "cap", "counts": "seen", "of": "contact", "most": 1, "days": 1}, "seen"),
])  # fmt: skip
def test_a_document_that_does_not_say_what_it_must_is_refused(
    change: dict[str, Any], words: str
) -> None:
    sound = {
        "id": "X", "jurisdiction": "any", "force": "house", "kind": FORBID, "source": "x",
        "evidence": "primary", "checked_on": date(2026, 1, 1),
    }  # fmt: skip
    document = {"effective_on": date(2026, 1, 1), "jurisdictions": {}, "rules": [sound | change]}
    with pytest.raises(ValueError, match=words):
        law_in(document)


def test_every_row_has_a_source_and_two_rows_never_one_id() -> None:
    for row in law().rows:
        assert row.source, row.id
        assert row.checked_on >= date(2026, 11, 1), row.id
    twice = {"effective_on": date(2026, 1, 1), "jurisdictions": {}, "rules": [
        {"id": "X", "jurisdiction": "any", "force": "house", "kind": FORBID, "source": "x",
         "evidence": "primary", "checked_on": date(2026, 1, 1)},
    ] * 2}  # fmt: skip
    with pytest.raises(ValueError, match="one id"):
        law_in(twice)
