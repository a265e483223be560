"""Policies and scorecards of a book: proposed by one person, approved by another, tried before.

Whoever proposes or approves shows who they are, as in the console: the name of an account, its
password, and its second factor where there is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from usance.cli.contracts import say
from usance.cli.house import opened, run
from usance.cli.setting_up import password_of
from usance.risk.roles import Role

if TYPE_CHECKING:
    from usance.approvals.proposal import Proposal
    from usance.approvals.service import Approvals
    from usance.identity.staff import StaffSession
    from usance.platform.config import Settings
    from usance.platform.database import Pool
    from usance.policy.documents import PolicySays
    from usance.risk.register import Version

Who = Annotated[str, Parameter(name="--as")]


def propose(
    file: Path, *, who: Who, password_file: Path | None = None, code: str = ""
) -> None:
    """Propose a version of a policy to a second person; it is checked first.

    Parameters
    ----------
    file
        A YAML file with the version as it is to be, whole.
    who
        The account of whoever proposes it.
    password_file
        A file whose first line is the password, instead of being asked.
    code
        The code of the second factor, where the account has one.
    """
    from usance.risk.register import AdoptPolicy

    act = AdoptPolicy(says_of(file))
    run(_propose(act, who, password_of(password_file), code))


def propose_scorecard(
    file: Path, *, role: Role, effective_on: str, who: Who, share: int = 0,
    report: Path | None = None, password_file: Path | None = None, code: str = "",
) -> None:  # fmt: skip
    """Propose a scorecard, or another role for one, to a second person.

    Parameters
    ----------
    file
        The table of points that `usance scorecard fit` wrote.
    role
        champion, challenger, shadow or retired.
    effective_on
        The first day of the role, as 2026-03-01.
    who
        The account of whoever proposes it.
    share
        Of borrowers, in 1/100 %, whom a challenger scores.
    report
        The report that `usance scorecard fit --report` wrote.
    password_file
        A file whose first line is the password, instead of being asked.
    code
        The code of the second factor, where the account has one.
    """
    from usance.cli.scorecard import read

    given = (read(file), role, day_of(effective_on), share, _report_of(report))
    run(_propose_scorecard(given, who, password_of(password_file), code))


def approve(
    proposal: str, *, who: Who, password_file: Path | None = None, code: str = "",
    reason: str = "",
) -> None:  # fmt: skip
    """Agree with a proposed policy or scorecard; says first what it changes.

    Parameters
    ----------
    proposal
        The proposal's id, q-...
    who
        The account of whoever agrees: another than proposed it.
    password_file
        A file whose first line is the password, instead of being asked.
    code
        The code of the second factor, where the account has one.
    reason
        Why, in a few words.
    """
    run(_approve(proposal, who, password_file, code, reason))


def backtest(file: Path, *, against: int = 0, since: str = "") -> None:
    """Try a draft of a policy on what the book has decided; nothing is changed or kept.

    Parameters
    ----------
    file
        A YAML file with the draft.
    against
        The version to compare it with; the newest if none is named.
    since
        Decisions from this day on, as 2026-03-01; the last 90 days if none is named.
    """
    run(_backtest(says_of(file), against, since))


async def _propose(act: Any, who: str, password: str, code: str) -> None:
    async with opened() as (settings, pool), someone(settings, pool, who, password, code) as one:
        check_may(one, "policies:write")
        approvals = await approvals_of(pool)
        answer = await approvals.submit(act, actor=one.actor)
        refuse(answer.status, answer.document)
    say(f"{answer.document['proposal_id']} waits for a second person")


async def _propose_scorecard(given: Any, who: str, password: str, code: str) -> None:
    from usance.risk.scorecards import AdoptScorecard, Scorecards

    card, role, effective_on, share, report = given
    async with opened() as (settings, pool), someone(settings, pool, who, password, code) as one:
        check_may(one, "policies:write")
        entries = await Scorecards(pool).all(card.name)
        act = AdoptScorecard(
            scorecard=card, version=entries[0].entry.number + 1 if entries else 1, role=role,
            effective_on=effective_on, share=share, report=report,
        )  # fmt: skip
        answer = await (await approvals_of(pool)).submit(act, actor=one.actor)
        refuse(answer.status, answer.document)
    say(f"{answer.document['proposal_id']} waits for a second person")


async def _approve(
    proposal: str, who: str, password_file: Path | None, code: str, reason: str
) -> None:
    from usance.approvals.rules import DONE
    from usance.core.identifiers import parse
    from usance.core.refusals import Refused
    from usance.identity.permissions import DECIDE

    async with opened() as (settings, pool):
        approvals = await approvals_of(pool)
        try:
            found = await approvals.found(parse("proposal", proposal))
        except ValueError as error:
            raise Refused("R-FOUND-01", "there is no such proposal", "PROPOSAL") from error
        for line in await told(pool, found):
            say(line)
        password = password_of(password_file)
        async with someone(settings, pool, who, password, code) as one:
            check_may(one, DECIDE)
            done = await approvals.approve(found.proposal_id, one.staff_id, found.digest, reason)
    if done.state == DONE:
        say(f"{proposal} is carried out")
    elif done.outcome:
        refuse(422, done.outcome)
    else:
        say(f"{proposal} waits for another person still")


async def told(pool: Pool, proposal: Proposal) -> list[str]:
    """What a proposal would do, in words. Raises ``Refused`` for one of another kind."""
    import msgspec

    from usance.core.refusals import Refused
    from usance.policy import shipped
    from usance.policy.diff import in_words, row_said
    from usance.risk.register import AdoptPolicy, Policies
    from usance.risk.scorecards import AdoptScorecard

    if proposal.act == "AdoptScorecard":
        act = msgspec.json.decode(proposal.body, type=AdoptScorecard)
        what = f"{act.scorecard.name} {act.version}: {act.role} from {act.effective_on}"
        return [what, f"asked for by {proposal.author}"]
    if proposal.act != "AdoptPolicy":
        raise Refused("R-FOUND-01", "this is no proposal of a policy or a scorecard", "PROPOSAL")
    draft = shipped.policy_of(msgspec.json.decode(proposal.body, type=AdoptPolicy).policy)
    versions = await Policies(pool).versions(draft.says.id)
    words = (
        in_words(versions[0].policy, draft) if versions
        else [row_said(draft, row) for row in draft.table.rows]
    )  # fmt: skip
    return [f"{draft.name}, asked for by {proposal.author}", *(f"  {each}" for each in words)]


async def _backtest(says: PolicySays, against: int, since: str) -> None:
    from usance.core.refusals import Refused
    from usance.platform.clock import SystemClock
    from usance.platform.key_client import open_keys
    from usance.policy import shipped
    from usance.policy.diff import in_words
    from usance.risk.backtesting import DAYS, tried_on
    from usance.risk.decided import Decided
    from usance.risk.opening import Archive
    from usance.risk.register import Policies, numbered
    from usance.risk.registered import BookVersions

    draft = shipped.policy_of(says)
    start = SystemClock().now() - timedelta(days=DAYS)
    if since:
        start = datetime.combine(day_of(since), datetime.min.time(), UTC)
    async with opened() as (settings, pool):
        versions = await Policies(pool).versions(says.id)
        before = numbered(versions, against) if against else next(iter(versions), None)
        if before is None:
            raise Refused("R-FOUND-01", "the book has no such version of this policy", "FILE")
        archive = Archive(pool, open_keys(settings), BookVersions())
        trial = await tried_on(Decided(archive), before.policy, draft, start)
    for line in in_words(before.policy, draft):
        say(line)
    say_trial(trial, before)


def say_trial(trial: Any, before: Version) -> None:
    """A back-test as lines."""
    say(f"{trial.cases:,} cases against version {before.number}: {trial.same:,} decided alike,"
        f" {trial.unanswered:,} left out" + (", more are not looked at" if trial.cut else ""))
    for each in trial.moved:
        by = ", ".join(f"{name} {size} in all" for name, size in each.change.items())
        say(f"  {each.count:,}  {each.before}  ->  {each.after}" + (f"  ({by})" if by else ""))


# -- who asks --------------------------------------------------------------------------------------


@asynccontextmanager
async def someone(
    settings: Settings, pool: Pool, name: str, password: str, code: str
) -> AsyncIterator[StaffSession]:
    """A member of staff for one command: logged in as in the console, and out again."""
    from usance.core.refusals import Refused
    from usance.identity.staff import Staff
    from usance.platform.key_client import open_keys

    staff = Staff(pool, keys=open_keys(settings))
    token, session = await staff.log_in(name, password, "command line")
    try:
        if session.lacks == "code":
            token, session = await staff.enter_code(token, code, "command line")
        if session.lacks:
            raise Refused("R-FACTOR-01", "log in to the console first: something is missing there")
        yield session
    finally:
        await staff.log_out(token)


def check_may(session: StaffSession, permission: str) -> None:
    """Raises ``Refused``."""
    from usance.core.refusals import Refused

    if permission not in session.permissions:
        raise Refused("R-AUTH-02", f"your roles do not give {permission}")


async def approvals_of(pool: Pool) -> Approvals:
    """What lets policies and scorecards wait, as the served book does."""
    from usance.approvals.rules import policy
    from usance.approvals.service import Approvals
    from usance.core.money import DECIMALS
    from usance.servicing import read
    from usance.web.acts import acts_on_policies

    found = await read.book(pool)
    decimals = DECIMALS[found.currency] if found else 2
    return Approvals(pool, policy(decimals), acts_on_policies(pool))


def refuse(status: int, document: dict[str, Any]) -> None:
    """Raise what an answer refuses."""
    from usance.core.refusals import Refused

    if status >= 400:
        raise Refused(document["rule"], document["detail"], document.get("path", ""))


def says_of(path: Path) -> PolicySays:
    """What a file says. Raises ``Refused``."""
    from usance.cli.policy import text_in
    from usance.policy.reading import says_in

    return says_in(text_in(path))


def day_of(text: str) -> date:
    """A day as it is written. Raises ``Refused``."""
    from usance.core.refusals import Refused

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused("R-FORM-03", "a day is written as 2026-03-01", text[:20]) from error


def _report_of(path: Path | None) -> dict[str, Any] | None:
    import msgspec

    from usance.core.refusals import Refused

    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise Refused("R-SCORE-06", f"{path} is no report that can be read", "report") from error
