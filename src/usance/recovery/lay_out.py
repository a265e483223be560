"""A checked backup and the write-ahead log after it become a data directory, ready to recover.

The log is copied into the new directory, so recovery depends on nothing outside of it: the server
runs as another user than whoever can read the backups. Settings of the old server stay behind.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.postgres import Cluster
from usance.platform.postgres_client import run_client
from usance.recovery import rules
from usance.recovery.checks import check_copy, check_segment, open_segment, pages_of
from usance.recovery.directory import Backup, Directory

SPARE = 256 * 1024 * 1024
"""What a recovering server needs on top of the copy and its log."""
OWN_FILES = {
    "postgresql.conf": "",
    "postgresql.auto.conf": "",
    "pg_hba.conf": "local all all trust\nlocal replication all trust\n",
    "pg_ident.conf": "",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be restored."""

    backup: Backup
    chain: list[Backup]
    """Full backup first, then what changed."""
    log: list[Path]
    """Segments of the write-ahead log, in order; empty: only what is in the backup itself."""
    until: datetime | None
    """A moment to stop at; None: the newest."""
    end: int | None = None
    """Nothing of the log from this position (LSN) on, as if it had never been received."""


def planned(
    directory: Directory, *, until: datetime | None = None, name: str | None = None,
    end: int | None = None,
) -> Plan:  # fmt: skip
    """Choose the backup, and see that its log has no gap; before a moment one may lie behind it."""
    backup = directory.backup(name, until)
    folder = directory.log_of(backup)
    log: list[Path] = []
    if folder is not None:
        names = segments(folder, backup)
        first = backup.first // rules.SEGMENT
        if until is None:
            rules.refuse_gap(names, backup.timeline, first)
        numbers = [
            each
            for each in rules.up_to_gap(names, first)
            if end is None or each * rules.SEGMENT < end
        ]
        log = [folder / names[each] for each in numbers]
    return Plan(backup, directory.chain(backup), log, until, end)


def segments(folder: Path, backup: Backup) -> dict[int, str]:
    """The log of a backup, by number."""
    return rules.segments_in(os.listdir(folder), backup.timeline)


def refuse_gap(directory: Directory, plan: Plan) -> None:
    """A moment was not reached: the log must not go on behind a gap."""
    folder = directory.log_of(plan.backup)
    if folder is not None:
        first = plan.backup.first // rules.SEGMENT
        rules.refuse_gap(segments(folder, plan.backup), plan.backup.timeline, first)


def check(directory: Directory, plan: Plan) -> None:
    """Every file that will be used is whole."""
    for file in plan.log:
        check_segment(file, directory.identity().system)
    for each in plan.chain:
        check_copy(directory.data(each.name))


@rule("R-BACKUP-11")
def check_room(plan: Plan, target: Path) -> None:
    """There is room for the copy and its log."""
    needed = sum(each.bytes for each in plan.chain) + len(plan.log) * rules.SEGMENT + SPARE
    free = shutil.disk_usage(target).free
    if free < needed:
        raise Refused(
            "R-BACKUP-11", f"{target} has room for {free >> 20} MB, and {needed >> 20} are needed"
        )


def lay_out(directory: Directory, plan: Plan, cluster: Cluster) -> None:
    """Make ``cluster.data``, owned by the server's user, with what tells it to recover."""
    data = cluster.data
    if len(plan.chain) == 1:
        shutil.copytree(directory.data(plan.backup.name), data, symlinks=True)
    else:
        folders = [str(directory.data(each.name)) for each in plan.chain]
        run_client("pg_combinebackup", f"--output={data}", "--copy", *folders)
    for name, text in OWN_FILES.items():
        (data / name).write_text(text)
    for file in plan.log:
        add_segment(file, data / "pg_wal" / file.name.removesuffix(rules.PARTIAL), plan.end)
    aim(cluster, plan.until)
    hand_over(cluster)


def add_segment(file: Path, target: Path, end: int | None) -> None:
    """Add what was received, unless the backup itself brought more of this segment."""
    if target.exists() and len(pages_of(target)) > len(pages_of(file)):
        return
    with open_segment(file) as source, open(target, "wb") as written:
        shutil.copyfileobj(source, written, rules.SEGMENT)
    if end is not None:
        cut(target, end)


def aim(cluster: Cluster, until: datetime | None) -> None:
    """Recover to a moment or to the end of the log, then be a server of its own."""
    settings = {
        "restore_command": "false",  # everything is in pg_wal already
        "recovery_target_timeline": "current",
        "recovery_target_action": "promote",
        "hot_standby": "off",
    }
    if until is not None:
        settings["recovery_target_time"] = until.isoformat(sep=" ")
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    (cluster.data / "postgresql.auto.conf").write_text("".join(lines))
    (cluster.data / "recovery.signal").touch()


def aim_no_more(cluster: Cluster) -> None:
    """Recovery is over; the next start is an ordinary one."""
    (cluster.data / "postgresql.auto.conf").write_text("")


def hand_over(cluster: Cluster) -> None:
    """To the user that the server runs as."""
    cluster.data.chmod(0o700)
    for folder, _, files in os.walk(cluster.data):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, *cluster.owner, follow_symlinks=False)


def cut(segment: Path, end: int) -> None:
    """Nothing from ``end`` on."""
    begin = rules.segment_number(segment.name) * rules.SEGMENT
    if begin < end < begin + rules.SEGMENT:
        with open(segment, "r+b") as file:
            file.seek(end - begin)
            file.write(b"\0" * (begin + rules.SEGMENT - end))
