"""Names and arithmetic of backups: no file is opened here.

A position in the write-ahead log (LSN) is a number of bytes; a segment is 16 MiB of it, in a file
named by timeline and number. The segment that is being received ends in ``.partial``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from usance.core.refusals import Refused
from usance.core.rules import rule

SEGMENT = 16 * 1024 * 1024
PAGE = 8192
LONG_HEAD = 40
"""Bytes of the head of a segment's first page; other pages have less."""
TORN = 1024 * 1024
"""What the last write before a power cut may leave unreadable at the very end: at most so much."""
PARTIAL = ".partial"
SEGMENTS_OF_A_LOG = 2**32 // SEGMENT
SEGMENT_NAME = re.compile(r"[0-9A-F]{24}")
NAME = "%Y%m%dT%H%M%SZ"
KEEP_MAX = 1000


# -- positions and segments -----------------------------------------------------------------------


def position(text: str) -> int:
    """``0/3002100`` as a number."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def position_text(at: int) -> str:
    """The way back."""
    return f"{at >> 32:X}/{at & 0xFFFFFFFF:X}"


def segment_name(timeline: int, number: int) -> str:
    """The file of the segment that begins at ``number * SEGMENT``."""
    log, segment = divmod(number, SEGMENTS_OF_A_LOG)
    return f"{timeline:08X}{log:08X}{segment:08X}"


def segment_number(name: str) -> int:
    """The way back."""
    return int(name[8:16], 16) * SEGMENTS_OF_A_LOG + int(name[16:24], 16)


def segments_in(names: Iterable[str], timeline: int) -> dict[int, str]:
    """Segments of a timeline by number: whole ones, and the one that is being received."""
    found: dict[int, str] = {}
    for name in sorted(names, reverse=True):  # a whole one after, so instead of, its partial
        whole = name.removesuffix(PARTIAL)
        if SEGMENT_NAME.fullmatch(whole) and int(whole[:8], 16) == timeline:
            found[segment_number(whole)] = name
    return found


def up_to_gap(found: dict[int, str], first: int) -> list[int]:
    """The numbers of whole segments from ``first`` on, and the last one in whatever state."""
    numbers = []
    last = max(found, default=-1)
    for number in range(first, last + 1):
        if number not in found or (found[number].endswith(PARTIAL) and number != last):
            break
        numbers.append(number)
    return numbers


@rule("R-BACKUP-05")
def refuse_gap(found: dict[int, str], timeline: int, first: int) -> None:
    """The log is whole from its first segment to its last one; the first missing one is named."""
    numbers = up_to_gap(found, first)
    missing = first + len(numbers)
    if found and missing <= max(found):
        raise Refused(
            "R-BACKUP-05", "the write-ahead log has a gap: there is no whole "
            f"{segment_name(timeline, missing)}, and it goes on to {found[max(found)]}",
        )  # fmt: skip


# -- where a segment ends -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageHead:
    """What a page of the log says of itself: its own position, and what of a record it goes on."""

    at: int
    rest: int
    """Bytes still to come, on this page or later ones, of a record begun earlier; 0: none."""


def unread(end: int, pages: Iterable[PageHead], limit: int | None = None) -> int:
    """Bytes behind the place where recovery ended, if whole records lie there; else 0.

    The last record may have been received in part only: then later pages do nothing but go on
    with it. Nothing was received from ``limit`` on.
    """
    beyond = 2**64 if limit is None else limit
    later = [page for page in pages if end < page.at < beyond]
    whole = [
        page for page in later if page.rest < PAGE - LONG_HEAD and page.at + page.rest < beyond
    ]
    return max(page.at for page in later) + PAGE - end if whole else 0


# -- names and numbers of backups -----------------------------------------------------------------


def backup_name(moment: datetime) -> str:
    """A backup is named by the second it began in, in UTC."""
    return moment.astimezone(UTC).strftime(NAME)


def is_backup_name(text: str) -> bool:
    """Whether it is such a name."""
    try:
        return datetime.strptime(text, NAME).replace(tzinfo=UTC).strftime(NAME) == text
    except ValueError:
        return False


@rule("R-BACKUP-10")
def kept(names: Sequence[str], parents: dict[str, str], keep: int) -> set[str]:
    """The newest ``keep`` backups, and those that they rest on."""
    if not 1 <= keep <= KEEP_MAX:
        raise Refused("R-BACKUP-10", f"between 1 and {KEEP_MAX} backups are kept", "--keep")
    found = set(sorted(names)[-keep:])
    for name in sorted(found, reverse=True):
        while name := parents.get(name, ""):
            found.add(name)
    return found


@rule("R-BACKUP-07")
def moment(text: str) -> datetime:
    """A moment to restore to, with its zone: 2026-11-22T10:30:00+08:00."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refused(
            "R-BACKUP-07", "a moment is written with its zone, such as 2026-11-22T10:30:00+08:00",
            "--until",
        )  # fmt: skip
    return found.astimezone(UTC)
