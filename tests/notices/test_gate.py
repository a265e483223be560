"""The gate: what it asks in which order, and its moments against a search minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usance.notices.counters import Counter, added, slot_of
from usance.notices.gate import DROP, HOLD, SEND, Gate, Notice, Recipient, Verdict
from usance.notices.legal import CAP, law

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
REMINDER = Notice("servicing", "sms", "borrower", "CN", NOON + timedelta(days=3))
OVERDUE = replace(REMINDER, purpose="collection")
CODE = replace(REMINDER, purpose="security")
TO_FAMILY = Notice("family", "sms", "family_member", "CN", NOON + timedelta(days=3), "overdue")
GATE = Gate(law())


def decided(
    notice: Notice = REMINDER, who: Recipient | None = None, now: datetime = NOON, **full: Counter
) -> Verdict:
    """What the gate says where nothing has been sent yet, but for the counters given."""
    counters = {row.id: Counter() for row in GATE.caps(notice, now)}
    named = {name.replace("_", "."): counter for name, counter in full.items()}
    assert named.keys() <= counters.keys()
    return GATE.decide(notice, who or Recipient(SHANGHAI), counters | named, now)


def test_a_notice_at_noon_goes_and_says_what_was_asked() -> None:
    """R-GATE-01."""
    found = decided()
    assert (found.outcome, found.because, found.not_before) == (SEND, "", None)
    assert [step.id for step in found.trace] == [
        "SUPPRESSED", "HOUSE.SERVICING.DAY", "CN.CARRIER.MINUTE", "CN.CARRIER.HOUR",
        "CN.CARRIER.DAY", "HOUSE.HOURS",
    ]  # fmt: skip


def test_where_nothing_arrives_nothing_goes_not_even_a_code() -> None:
    """R-GATE-02."""
    for notice in (REMINDER, OVERDUE, CODE):
        found = decided(notice, Recipient(SHANGHAI, suppressed=True))
        assert (found.outcome, found.because) == (DROP, "SUPPRESSED")


def test_what_was_switched_off_does_not_go_but_what_protects_does() -> None:
    """R-GATE-02."""
    who = Recipient(SHANGHAI, refused=frozenset({"servicing", "security"}))
    assert decided(REMINDER, who).because == "PREFERENCE"
    assert decided(OVERDUE, who).outcome == SEND
    assert decided(CODE, who).outcome == SEND


def test_marketing_and_family_need_a_consent_for_this_very_purpose_and_channel() -> None:
    """R-GATE-03."""
    offer = replace(REMINDER, purpose="marketing")
    for notice, scope in ((offer, ""), (TO_FAMILY, "overdue")):
        right = (notice.purpose, scope, notice.channel)
        for wrong in ((notice.purpose, scope, "email"), ("other", scope, notice.channel),
                      (notice.purpose, "plan", notice.channel)):  # fmt: skip
            assert decided(notice, Recipient(SHANGHAI, consents=frozenset({wrong}))).outcome == DROP
        found = decided(notice, Recipient(SHANGHAI, consents=frozenset({right})))
        assert found.outcome == SEND


def test_where_the_law_forbids_no_consent_helps() -> None:
    """R-GATE-03: also not one that was given elsewhere."""
    who = Recipient(None, consents=frozenset({("family", "overdue", "sms")}))
    for place, row in (("US", "US.1692C.B"), ("PH", "PH.SECMC18.CONTACTS"),
                       ("IN", "IN.RBI2025.THIRD"), ("XX", "US.1692C.B")):  # fmt: skip
        found = decided(replace(TO_FAMILY, jurisdiction=place), who)
        assert (found.outcome, found.because) == (DROP, row)


def test_without_its_counter_a_cap_is_full() -> None:
    """R-GATE-04: fail closed, and ask again soon."""
    found = GATE.decide(REMINDER, Recipient(SHANGHAI), {}, NOON)
    assert (found.outcome, found.because) == (HOLD, "HOUSE.SERVICING.DAY")
    assert found.not_before == NOON + timedelta(minutes=5)


def test_the_latest_of_what_holds_decides() -> None:
    """R-GATE-04: then the hours have their say, once more."""
    rows = {row.id: row for row in GATE.caps(OVERDUE, NOON)}
    counters = {}
    for name in ("HOUSE.COLLECTION.DAY", "CN.CARRIER.MINUTE"):
        row, full = rows[name], Counter()
        for _ in range(row.most):
            full = added(full, row.window, slot_of(row.window, NOON, SHANGHAI))
        counters[name] = full
    found = GATE.decide(OVERDUE, Recipient(SHANGHAI), {n: Counter() for n in rows} | counters, NOON)
    held = {step.id for step in found.trace if step.says == HOLD}
    assert held == {*counters, "HOUSE.HOURS"}
    assert found.not_before == datetime(2026, 11, 28, 8, 0, tzinfo=SHANGHAI)


def test_what_would_come_too_late_is_dropped() -> None:
    """R-GATE-01: and says whose fault it was."""
    night = datetime(2026, 11, 27, 22, 30, tzinfo=SHANGHAI)
    notice = replace(REMINDER, until=datetime(2026, 11, 28, 8, 0, tzinfo=SHANGHAI))
    found = decided(notice, now=night.astimezone(UTC))
    assert (found.outcome, found.because) == (DROP, "HOUSE.HOURS")
    assert found.trace[-1].id == "TOO-LATE"
    later = replace(notice, until=notice.until + timedelta(minutes=1))
    assert decided(later, now=night.astimezone(UTC)).outcome == HOLD


def test_the_recipients_own_hours_join_the_laws() -> None:
    """R-GATE-06."""
    who = Recipient(SHANGHAI, hours=(18 * 60, 20 * 60))
    found = decided(REMINDER, who)
    assert (found.because, found.not_before) == (
        "PREFERENCE", datetime(2026, 11, 27, 18, 0, tzinfo=SHANGHAI),
    )  # fmt: skip
    assert decided(CODE, who).outcome == SEND
    nights = Recipient(SHANGHAI, hours=(22 * 60, 23 * 60))
    assert decided(REMINDER, nights).outcome == DROP, "no moment suits both"


def test_a_row_is_set_aside_only_by_who_agreed_and_only_if_it_allows_that() -> None:
    """R-GATE-05."""
    night = datetime(2026, 11, 27, 21, 30, tzinfo=SHANGHAI).astimezone(UTC)
    agreed = frozenset({"HOUSE.HOURS", "HOUSE.SERVICING.DAY"})
    assert decided(REMINDER, now=night).outcome == HOLD
    found = decided(REMINDER, Recipient(SHANGHAI, agreed=agreed), night)
    assert found.outcome == SEND
    assert "HOUSE.SERVICING.DAY" in {step.id for step in found.trace}


def test_who_may_be_anywhere_is_told_when_it_is_day_everywhere() -> None:
    """R-GATE-05: in the United States from 13:00 to 18:00 of New York, in winter."""
    notice = replace(OVERDUE, jurisdiction="US")
    new_york = ZoneInfo("America/New_York")
    for hour, wanted in ((12, HOLD), (13, SEND), (20, SEND), (21, HOLD)):
        now = datetime(2026, 11, 27, hour, 30, tzinfo=new_york).astimezone(UTC)
        assert decided(notice, Recipient(None), now).outcome == wanted, hour


ZONES = ["Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe",
         "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", None]  # fmt: skip


def allowed(notice: Notice, who: Recipient, now: datetime) -> bool:
    """Whether hours alone would let it go, said without the gate."""
    places = (who.zone,) if who.zone else law().zones_of(notice.jurisdiction)
    spans = [
        (row.opens, row.closes) for row in law().rows_for(notice.jurisdiction, now.date())
        if row.kind == "hours" and row.holds_at(notice.past_due)
        and row.concerns(notice.purpose, notice.channel, notice.audience, notice.scope)
    ]  # fmt: skip
    if who.hours and notice.purpose != "security":
        spans.append(who.hours)
    locals_ = [now.astimezone(place) for place in places]
    minutes = [each.hour * 60 + each.minute for each in locals_]
    return all(opens <= minute < closes for minute in minutes for opens, closes in spans)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["CN", "US", "IN", "PH", "GB", "XX"]), st.sampled_from(ZONES),
    st.sampled_from(["servicing", "collection", "security"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.one_of(st.none(), st.tuples(st.integers(480, 900), st.integers(901, 1_200))),
    st.integers(0, 30),
)  # fmt: skip
def test_what_is_held_goes_at_the_first_minute_that_may_be(
    place: str, zone: str | None, purpose: str, naive: datetime, hours: tuple[int, int] | None,
    late: int,
) -> None:
    """R-GATE-05, R-GATE-06: over changes of the clock too."""
    now = naive.replace(tzinfo=UTC, second=0, microsecond=0)
    notice = Notice(purpose, "sms", "borrower", place, now + timedelta(days=400), past_due=late)
    who = Recipient(ZoneInfo(zone) if zone else None, hours=hours)
    found = decided(notice, who, now)
    moment = now
    for _ in range(3 * 24 * 60):
        if allowed(notice, who, moment):
            break
        moment += timedelta(minutes=1)
    else:
        assert found.outcome == DROP, "there is no such moment"
        return
    assert (found.not_before or now) == moment, found
    assert found.outcome == (SEND if moment == now else HOLD)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20_000), max_size=60), st.sampled_from([REMINDER, OVERDUE]))
def test_whatever_is_asked_when_no_cap_is_ever_passed(gaps: list[int], notice: Notice) -> None:
    """R-GATE-04: what leaves is counted, and looked at afterwards as a list of moments."""
    counters = {row.id: Counter() for row in GATE.caps(notice, NOON)}
    sent, now, who = list[datetime](), NOON, Recipient(SHANGHAI)
    for gap in gaps:
        now += timedelta(seconds=gap)
        asked = replace(notice, until=now + timedelta(9))
        if GATE.decide(asked, who, counters, now).outcome != SEND:
            continue
        sent.append(now)
        for row in GATE.caps(notice, now, "sent"):
            slot = slot_of(row.window, now, SHANGHAI)
            counters[row.id] = added(counters[row.id], row.window, slot)
    for row in law().rows_for("CN", NOON.date()):
        if row.kind != CAP or row.counts != "sent" or row.id not in counters:
            continue
        for each in sent:
            if row.window.seconds:
                since = each - timedelta(seconds=(row.window.slots - 1) * row.window.seconds)
                lately = [s for s in sent if since < s <= each]
            else:
                last = each.astimezone(SHANGHAI).date()
                first = last - timedelta(days=row.window.slots - 1)
                lately = [s for s in sent if first <= s.astimezone(SHANGHAI).date() <= last]
            assert len(lately) <= row.most, row.id


@pytest.mark.parametrize("notice", [REMINDER, OVERDUE, TO_FAMILY, CODE])
def test_the_gate_keeps_nothing_of_who_asked(notice: Notice) -> None:
    who = Recipient(SHANGHAI, consents=frozenset({("family", "overdue", "sms")}))
    assert decided(notice, who) == decided(notice, who)
    assert decided(notice, Recipient(SHANGHAI, suppressed=True)).outcome == DROP
    assert decided(notice, who).outcome == SEND


SEVEN = 19 * 60


@pytest.mark.parametrize(("minute", "now", "until", "at"), [
    (SEVEN, NOON, 30, NOON.replace(hour=11)),
    (SEVEN, NOON.replace(hour=11), 30, None),
    (SEVEN, NOON.replace(hour=11, second=1), 30, NOON.replace(day=28, hour=11)),
    (SEVEN, NOON, 6, None), (SEVEN, NOON, 7, None), (SEVEN, NOON, 7.1, NOON.replace(hour=11)),
    (23 * 60, NOON, 30, NOON.replace(day=28, hour=0)), (23 * 60, NOON, 19, None),
    (6 * 60, NOON, 30, NOON.replace(day=28, hour=0)),
    (SEVEN, NOON.replace(hour=20), 30, NOON.replace(day=28, hour=11)),
    (SEVEN, NOON.replace(hour=20), 8, NOON.replace(day=28, hour=0)),
])  # fmt: skip
def test_what_can_wait_waits_for_the_hour_of_its_reader(
    minute: int, now: datetime, until: float, at: datetime | None
) -> None:
    """R-DIGEST-01: within the hours of the law (8 to 21), and never until it is of no use."""
    notice = replace(REMINDER, until=now + timedelta(hours=until))
    found = decided(notice, Recipient(SHANGHAI, digest=minute), now)
    assert (found.outcome, found.not_before) == (HOLD if at else SEND, at)
    if at and at.hour == 11:
        assert found.because == found.trace[-1].id == "DIGEST"
    assert decided(notice, Recipient(SHANGHAI), now).because in ("", "HOUSE.HOURS")


def test_a_digest_waits_for_room_under_a_cap_too() -> None:
    """R-DIGEST-01: the first such moment at which there is room."""
    row = next(each for each in GATE.law.rows if each.id == "HOUSE.SERVICING.DAY")
    full = Counter()
    for _ in range(row.most):
        full = added(full, row.window, slot_of(row.window, NOON, SHANGHAI))
    found = decided(REMINDER, Recipient(SHANGHAI, digest=SEVEN), NOON, HOUSE_SERVICING_DAY=full)
    assert (found.because, found.not_before) == ("DIGEST", NOON.replace(day=28, hour=11))


def test_a_digest_is_no_way_around_what_never_goes() -> None:
    """R-GATE-02, R-GATE-03."""
    who = Recipient(SHANGHAI, digest=SEVEN, suppressed=True)
    assert decided(REMINDER, who).because == "SUPPRESSED"
    late = replace(REMINDER, until=NOON - timedelta(hours=1))
    assert decided(late, Recipient(SHANGHAI, digest=SEVEN)).because == "TOO-LATE"
