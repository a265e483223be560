"""Either side reports misuse: at once nothing more is told, and somebody looks at it.

What a relative reports is a case that the borrower does not see, and the link looks to the borrower
as it did before. What a borrower reports is a case of theirs, and the relative learns nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from usance.cases import rules as case_rules
from usance.cases.intake import Opening, opened
from usance.cases.work import Acting, Desk, within
from usance.cases.work import Change as CaseChange
from usance.consents.records import BORROWER
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family import store
from usance.family.links import Kit, following, noted
from usance.family.records import ACTIVE, INVITED, MEMBER, PAUSED, Link
from usance.identity.changing import Change

TOO_MANY = "R-CASE-16"
REPORT_MOST = 3_800
"""A case adds whom it is about."""


@rule("R-FAMILY-14")
async def pause(kit: Kit, change: Change, link: Link, by: str) -> None:
    """Nothing more is told, and an invitation is not answered, until somebody has looked.

    What the borrower reports is shown to them, also where the relative had reported or refused.
    """
    now = kit.now
    if link.state in (INVITED, ACTIVE):
        dropped = ("", *link.scopes)
        await store.drop_waiting(change.connection, link, dropped, now)
        link = replace(link, state=PAUSED, because=by, paused_at=now)
        await store.save(change.connection, link)
    elif by == BORROWER and (link.state == PAUSED or link.looks_open):
        because = link.because if link.looks_open else by
        link = replace(link, because=because, paused_at=link.paused_at or now)
        await store.save(change.connection, link)
    await noted(change, link, "PauseMember", by=by)


@rule("R-FAMILY-14")
async def resume(change: Change, link: Link) -> None:
    """Staff has looked: it goes on where it stopped. Raises ``Refused``."""
    if link.looks_open and link.paused_at is not None:
        link = replace(link, paused_at=None)
    elif link.state == PAUSED:
        state = ACTIVE if link.accepted_at else INVITED
        link = replace(link, state=state, because="", paused_at=None)
    else:
        raise Refused("R-FAMILY-14", "this relative is not paused", "member_id")
    await store.save(change.connection, link)
    await noted(change, link, "ResumeMember")


@rule("R-FAMILY-14")
async def case_of_borrower(
    change: Change, desk: Desk, link: Link, text: str, acting: Acting
) -> dict[str, Any]:
    """A complaint in the borrower's book."""
    words = f"{text}\n\n(relative {written(MEMBER, link.member_id)})"
    asked = Opening(kind="complaint", text=words, borrower_id=link.borrower_id)
    return await _opened(change, desk, asked, acting)


@rule("R-FAMILY-14")
async def case_of_member(change: Change, desk: Desk, link: Link, text: str) -> dict[str, Any]:
    """An incident of the house, in nobody's book: the borrower does not see it."""
    of = f"relative {written(MEMBER, link.member_id)}, borrower"
    words = f"{text}\n\n({of} {written(BORROWER, link.borrower_id)})"
    asked = Opening(kind="incident", text=words)
    return await _opened(change, desk, asked, Acting(change.actor))


async def _opened(
    change: Change, desk: Desk, asked: Opening, acting: Acting
) -> dict[str, Any]:
    """The case; none where somebody has opened too many, because the pause counts more."""
    async def act(under_way: CaseChange) -> dict[str, Any]:
        return await opened(under_way, asked, case_rules.PORTAL)

    try:
        document = await within(following(change), desk, acting, act)
    except Refused as refused:
        if refused.refusal.rule != TOO_MANY:
            raise
        return {"case_id": None}
    return {"case_id": document["case_id"]}


def checked_words(text: str) -> str:
    """What is reported, in some words; raises ``Refused``."""
    plain = case_rules.checked_text(text)
    if len(plain) > REPORT_MOST:
        raise Refused("R-FAMILY-14", f"a report has at most {REPORT_MOST} characters", "text")
    return plain


def stands(link: Link | None) -> Link:
    """A link that is there; raises ``Refused``."""
    if link is None:
        raise Refused("R-FOUND-01", "there is no such relative", "member_id")
    return link
