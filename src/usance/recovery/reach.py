"""How far a backup directory reaches: what a restore of its newest backup would come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from usance.core.refusals import Refused
from usance.recovery import rules
from usance.recovery.checks import pages_of
from usance.recovery.directory import Directory
from usance.recovery.lay_out import planned


@dataclass(frozen=True, slots=True)
class Reach:
    """Of the write-ahead log after the newest backup."""

    segments: int
    end: str
    """Position (LSN) of the last page that was received; empty: no log is kept."""
    written_at: datetime | None
    """When its file was last written, by the clock of the disk."""
    problem: str
    """Why it could not be used; empty: it could."""

    def document(self) -> dict[str, Any]:
        """For a program."""
        at = self.written_at.isoformat() if self.written_at else None
        return {"segments": self.segments, "end": self.end, "written_at": at,
                "problem": self.problem}  # fmt: skip

    def sentence(self) -> str:
        """For a person."""
        if self.problem:
            return self.problem
        if not self.end:
            return "no write-ahead log is kept here: a restore ends where the backup ends"
        return (
            f"the write-ahead log goes on to {self.end}, last written {self.written_at:%F %T} UTC,"
            f" {self.segments} segments"
        )


def reach_of(directory: Directory) -> Reach:
    """Look at the directory; nothing is changed."""
    try:
        log = planned(directory).log
    except Refused as refused:
        return Reach(0, "", None, refused.refusal.detail)
    if not log:
        return Reach(0, "", None, "")
    pages = [page for file in log[-2:] for page in pages_of(file)]
    end = max((page.at + rules.PAGE for page in pages), default=0)
    at = max(datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in log[-2:])
    return Reach(len(log), rules.position_text(end), at, "")
