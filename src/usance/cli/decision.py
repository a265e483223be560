"""``usance decision``: a stored decision in plain words, and decisions made again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from usance.cli.contracts import say
from usance.cli.house import opened, operator, run

if TYPE_CHECKING:
    from usance.platform.config import Settings
    from usance.platform.database import Pool
    from usance.risk.decisions import Decider
    from usance.risk.opening import Archive, Difference, Opened

DIFFERENT = 1


def explain(decision: str, *, language: Literal["en", "zh-CN"] = "en") -> None:
    """Say what was decided, why, by which way through the table, and of what; the look is noted.

    Parameters
    ----------
    decision
        Its id, such as j-1x2y3z.
    language
        Of reasons, meanings and outcome.
    """
    run(_explain(decision, "zh" if language == "zh-CN" else "en"))


def replay(
    decision: str = "", *, whole: Annotated[bool, Parameter(name="--all", negative="")] = False
) -> None:
    """Make one stored decision again, or every one; exit status 1 if anything differs.

    Parameters
    ----------
    decision
        Its id.
    whole
        Every decision of the book.
    """
    if run(_replay(decision, whole=whole)):
        sys.exit(DIFFERENT)


async def _explain(decision: str, language: str) -> None:
    async with opened() as (settings, pool):
        archive = archive_of(settings, pool)
        found = await archive.one(number_of(decision))
        async with pool.acquire() as connection:
            decider = await archive.decider(connection, found.stored)
        await look(pool, found.stored.borrower_id)
    for line in in_words(found, decider, language):
        say(line)


async def look(pool: Pool, borrower_id: int) -> None:
    """The person sees that the operator of the system has looked."""
    from usance.identity.accesses import DECISION, by_operator, noted
    from usance.platform.clock import SystemClock

    await noted(pool, [borrower_id], by_operator(operator(), DECISION, SystemClock()))


def in_words(found: Opened, decider: Decider, language: str) -> list[str]:
    """The lines of an explanation."""
    from usance.core.identifiers import written
    from usance.policy import shipped
    from usance.risk import telling

    stored, snapshot = found
    said = telling.told(stored, decider, language)
    lines = [
        f"{written('decision', stored.decision_id)}  {said['policy']} ({stored.policy})"
        f"  {stored.business_date}  {stored.status}",
        *(f"{each['meaning']}: {each['value']}" for each in said["outcome"]),
        *(f"- {each['says']}" + (f" ({each['helps']})" if each["helps"] else "")
          for each in said["reasons"]),
    ]  # fmt: skip
    lines += [row_in_words(row) for row in telling.path(stored, snapshot, decider.policy, language)]
    if snapshot is not None:
        known = telling.facts(snapshot, decider.policy, shipped.dictionary(), language)
        lines += [f"{each['name']}: {each['value']}  {each['source']}".rstrip() for each in known]
        lines += [f"{name}: -{points}" for name, points in snapshot.lost]
    if stored.score is not None:
        lines.append(f"score: {stored.score}")
    return lines


def row_in_words(row: dict[str, Any]) -> str:
    """A row that was tried."""
    asked = ", ".join(f"{each['name']} {each['says']}" for each in row["conditions"]) or "-"
    came = "=" if row["taken"] else f"x {row['failed']}: {row['value']}"
    return f"  row {row['row']}: {asked}  {came}"


async def _replay(decision: str, *, whole: bool) -> bool:
    from usance.core.refusals import Refused

    if bool(decision) == whole:
        raise Refused("R-DOC-01", "name one decision, or say --all", "DECISION")
    async with opened() as (settings, pool):
        archive = archive_of(settings, pool)
        if whole:
            found = await archive.replay_all()
            say(f"{found.made} made again, {found.forgotten} of people since forgotten,"
                f" {len(found.differences)} differ")  # fmt: skip
            return told(found.differences)
        one = await archive.one(number_of(decision))
        async with pool.acquire() as connection:
            differences = await archive.again(connection, one)
    if not one.snapshot:
        say("of a person since forgotten")
    elif not differences:
        say("the same")
    return told(differences)


def told(differences: Sequence[Difference]) -> bool:
    """Print them; whether there are any."""
    for each in differences:
        say("  ".join(each.document().values()))
    return bool(differences)


def archive_of(settings: Settings, pool: Pool) -> Archive:
    """The decisions of this home's book."""
    from usance.platform.key_client import open_keys
    from usance.risk.opening import Archive
    from usance.risk.registered import BookVersions

    return Archive(pool, open_keys(settings), BookVersions())


def number_of(text: str) -> int:
    """A decision's number; raises ``Refused``."""
    from usance.core.identifiers import parse
    from usance.core.refusals import Refused

    try:
        return parse("decision", text)
    except ValueError as error:
        raise Refused("R-DOC-01", "not the id of a decision", "DECISION") from error
