"""Names and arithmetic of backups, without a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from usance.core.refusals import Refused
from usance.recovery import rules
from usance.recovery.rules import PAGE, SEGMENT, PageHead


@pytest.mark.parametrize(("text", "at"), [
    ("0/0", 0), ("0/3002100", 0x3002100), ("1/0", 2**32), ("A/FFFFFFFF", 11 * 2**32 - 1),
])  # fmt: skip
def test_a_position_and_back(text: str, at: int) -> None:
    assert rules.position(text) == at
    assert rules.position_text(at) == text


@pytest.mark.parametrize(("number", "name"), [
    (1, "000000010000000000000001"), (255, "0000000100000000000000FF"),
    (256, "000000010000000100000000"), (0x1234, "000000010000001200000034"),
])  # fmt: skip
def test_a_segment_and_back(number: int, name: str) -> None:
    assert rules.segment_name(1, number) == name
    assert rules.segment_number(name) == number
    assert rules.segment_number(name + rules.PARTIAL) == number


def names(*numbers: int, partial: int | None = None) -> list[str]:
    whole = [rules.segment_name(1, each) for each in numbers]
    return whole + ([rules.segment_name(1, partial) + rules.PARTIAL] if partial else [])


def test_segments_of_one_timeline_are_found_and_strangers_are_not() -> None:
    listed = [*names(4, 5, partial=6), rules.segment_name(2, 5), "00000002.history", "notes",
              *names(partial=5)]  # fmt: skip
    found = rules.segments_in(listed, 1)
    assert found == dict(zip((4, 5, 6), names(4, 5, partial=6), strict=True))


def test_a_log_without_a_gap() -> None:
    """R-BACKUP-05: from the first segment that is needed to the last one that there is."""
    for listed, numbers in ((names(3, 4, 5, partial=6), [4, 5, 6]), (names(partial=4), [4])):
        found = rules.segments_in(listed, 1)
        rules.refuse_gap(found, 1, 4)
        assert rules.up_to_gap(found, 4) == numbers
    rules.refuse_gap({}, 1, 4)


@pytest.mark.parametrize(("listed", "missing"), [
    (names(5, 6), 4), (names(4, 6), 5), (names(4, 5, 7, partial=8), 6),
    ([*names(partial=5), *names(4, 6)], 5),
])  # fmt: skip
def test_a_gap_is_named(listed: list[str], missing: int) -> None:
    with pytest.raises(Refused, match="R-BACKUP-05") as refused:
        rules.refuse_gap(rules.segments_in(listed, 1), 1, 4)
    assert rules.segment_name(1, missing) in refused.value.refusal.detail
    found = rules.segments_in(listed, 1)
    assert rules.up_to_gap(found, 4) == list(range(4, missing))


def test_the_end_of_a_log_that_was_read_to_its_end() -> None:
    pages = [PageHead(place * PAGE, 0) for place in range(4)]
    assert rules.unread(3 * PAGE + 500, pages) == 0
    assert rules.unread(4 * PAGE, pages) == 0
    going_on = [*pages, PageHead(4 * PAGE, 20_000), PageHead(5 * PAGE, 12_000)]
    assert rules.unread(3 * PAGE + 500, going_on) == 0, "the last record was received in part"
    assert rules.unread(3 * PAGE + 500, [*pages, PageHead(4 * PAGE, 100)], 4 * PAGE + 50) == 0


def test_whole_records_behind_the_end_are_noticed() -> None:
    pages = [PageHead(place * PAGE, 0) for place in range(4)]
    assert rules.unread(PAGE + 500, pages) == 3 * PAGE - 500
    ends_there = [PageHead(0, 0), PageHead(PAGE, 9_000), PageHead(2 * PAGE, 800)]
    assert rules.unread(500, ends_there) == 3 * PAGE - 500


def test_a_backup_is_named_by_its_second() -> None:
    moment = datetime(2026, 11, 22, 10, 30, 5, 999, UTC)
    assert rules.backup_name(moment) == "20261122T103005Z"
    assert rules.is_backup_name("20261122T103005Z")
    for text in ("20261122T103005", ".20261122T103005Z", "20261399T103005Z", "lost+found"):
        assert not rules.is_backup_name(text)


def test_the_newest_are_kept_with_what_they_rest_on() -> None:
    """R-BACKUP-10: an incremental backup is worth nothing without the full one below it."""
    parents = {"a": "", "b": "a", "c": "b", "d": "", "e": "d"}
    assert rules.kept([*parents], parents, 1) == {"e", "d"}
    assert rules.kept([*parents], parents, 3) == {"a", "b", "c", "d", "e"}
    assert rules.kept(["a", "d"], parents, 1) == {"d"}
    for keep in (0, -1, rules.KEEP_MAX + 1):
        with pytest.raises(Refused, match="R-BACKUP-10"):
            rules.kept([*parents], parents, keep)


def test_a_moment_has_its_zone() -> None:
    """R-BACKUP-07: a time without one is another time for whoever reads it elsewhere."""
    assert rules.moment("2026-11-22T10:30:00+08:00") == datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
    assert rules.moment("2026-11-22 10:30:00Z") == datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    for text in ("2026-11-22T10:30:00", "2026-11-22", "yesterday", ""):
        with pytest.raises(Refused, match="R-BACKUP-07"):
            rules.moment(text)


def test_a_segment_holds_sixteen_megabytes() -> None:
    assert SEGMENT == 16 * 1024**2
