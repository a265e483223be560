"""How a link ends: either side takes it back, at once and without a reason, or its ground ends.

Whatever way an agreement of one side ends (here, by telephone, by the API), ``agreement_ended`` is
called in the same transaction: the other side's agreement becomes invalid, what was planned in that
scope does not go, and a link without a scope is no link.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from usance.consents import saying
from usance.consents import store as consents
from usance.consents.records import BORROWER, Party, Record, Saying, borrower
from usance.consents.rules import GIVEN, INVALIDATED, WITHDRAWN
from usance.core.rules import rule
from usance.family import store
from usance.family.links import Kit, following, noted
from usance.family.records import (
    ACTIVE,
    ENDED,
    LAPSED,
    LEFT,
    PAUSED,
    REFUSED,
    TAKEN_BACK,
    UNANSWERED,
    Link,
    member_of,
)
from usance.identity import portal_store
from usance.identity.changing import Change
from usance.notices.outbox import Telling, tell
from usance.platform.database import Connection, transaction


async def held(connection: Connection, borrower_id: int, member_id: int) -> Link | None:
    """A link as it stays until the transaction ends: borrower, agreements, then the link."""
    await consents.who(connection, borrower_id, held=True)
    await consents.of_borrower(connection, borrower_id, lock=True)
    return await store.one(connection, borrower_id, member_id, lock="FOR UPDATE")


# -- what an agreement's end does ------------------------------------------------------------------


@saying.when_ended
@rule("R-FAMILY-04", "R-FAMILY-10")
async def agreement_ended(change: Change, record: Record) -> None:
    """An agreement about a relative ended: whatever rests on it ends with it.

    Of an invitation that was refused, which nobody knows, as of one that still waits.
    """
    member_id = member_of(record)
    if not member_id:
        return
    link = await store.one(change.connection, record.borrower_id, member_id, lock="FOR UPDATE")
    if link is None or (link.state == ENDED and not link.looks_open):
        return
    gone = tuple(each for each in link.scopes if each in record.scopes)
    if not gone:
        return
    left = tuple(each for each in link.scopes if each not in gone)
    now = record.at
    dropped = gone if left else ("", *gone)
    await store.drop_waiting(change.connection, link, dropped, now)
    after = replace(link, scopes=left)
    if not left:
        because = _because(record)
        stays_refused = link.looks_open and because == TAKEN_BACK
        after = replace(after, taken_back_at=now) if stays_refused else ended(after, because, now)
    await store.save(change.connection, after)
    await noted(
        following(change), after, "EndMember" if not left else "NarrowMember",
        because=after.because, scopes=list(gone),
    )  # fmt: skip
    other, document_id = record.counterparty, record.document_id
    await _invalidate(change.connection, other, document_id, record.grantor, now)
    if not left and record.state != INVALIDATED:
        await _word(change.connection, link, after, now)


def _because(record: Record) -> str:
    """Why a link ended, by what ended its last agreement."""
    if record.state != WITHDRAWN:
        return LAPSED
    return TAKEN_BACK if record.grantor.kind == BORROWER else LEFT


def ended(link: Link, because: str, now: datetime) -> Link:
    """The link as it ends."""
    taken_back = now if because == TAKEN_BACK else link.taken_back_at
    return replace(link, state=ENDED, because=because, ended_at=now, taken_back_at=taken_back)


async def counterpart(connection: Connection, now: datetime, said: Saying) -> None:
    """The other side's agreement to the same, which no longer has one beside it, is invalid."""
    await _invalidate(connection, said.counterparty, said.document_id, said.grantor, now)


async def _invalidate(
    connection: Connection, grantor: Party, document_id: str, counterparty: Party, now: datetime
) -> None:
    other = await consents.of_parties(connection, grantor, document_id, counterparty)
    if other is not None and other.state == GIVEN:
        await saying.invalidate(connection, other, now)


@rule("R-FAMILY-11")
async def _word(connection: Connection, before: Link, after: Link, now: datetime) -> None:
    """The other side hears once, neutrally, that it has ended; never why."""
    if before.accepted_at is None:
        return
    facts, key = {"day": now.date().isoformat()}, f"family end {after.member_id}"
    if after.because == LEFT:
        await tell(connection, [Telling(after.borrower_id, key, "family-ended", facts)], now)
    else:
        await tell(connection, [Telling(
            after.borrower_id, key, "family-withdrawn", facts, member_id=after.member_id
        )], now)  # fmt: skip


# -- the borrower ----------------------------------------------------------------------------------


@rule("R-FAMILY-04", "R-FAMILY-10")
async def take_back(
    kit: Kit, change: Change, link: Link, method: str, evidence: str = ""
) -> None:
    """The borrower does not want it any more, whatever has come of it; again it changes nothing."""
    if link.state == ENDED and link.accepted_at is None and link.because in (UNANSWERED, LAPSED):
        # As if it had not run out yet: nothing depends on when that is written down.
        link = replace(link, taken_back_at=link.taken_back_at or kit.now)
        await store.save(change.connection, link)
    await _withdraw_all(kit, change, link, borrower(link.borrower_id), method, evidence)
    await noted(change, link, "TakeBackMember")


async def _withdraw_all(
    kit: Kit, change: Change, link: Link, grantor: Party, method: str, evidence: str
) -> None:
    """Every agreement of one side about the other, as far as it stands."""
    for record in await consents.of_borrower(change.connection, link.borrower_id):
        of_link = member_of(record) == link.member_id
        if of_link and record.grantor == grantor and record.state == GIVEN:
            place = link.borrower_id, record.record_id
            await saying.withdraw(
                following(change), kit.boxes, place, method, evidence, kit.now
            )


# -- the relative ----------------------------------------------------------------------------------


@rule("R-FAMILY-04", "R-FAMILY-12")
async def refused_by_member(kit: Kit, change: Change, link: Link) -> None:
    """Nothing of the invitation is wanted: this borrower never has the number invited again.

    The borrower's own agreements stay until its last day: their end would tell of the refusal.
    So does the pause by what the borrower reported, and none but that.
    """
    now = kit.now
    await store.bar(change.connection, link.number_hash, link.borrower_id, now)
    after = ended(link, REFUSED, now)
    if link.because != BORROWER:
        after = replace(after, paused_at=None)
    await store.save(change.connection, after)
    await store.drop_waiting(change.connection, link, ("", *link.scopes), now)
    await noted(change, after, "RefuseInvitation")


async def invalidate_all(connection: Connection, link: Link, now: datetime) -> None:
    """The borrower's agreements about a relative who never agreed."""
    for record in await consents.of_borrower(connection, link.borrower_id):
        if member_of(record) == link.member_id and record.state == GIVEN:
            await saying.invalidate(connection, record, now)


@rule("R-FAMILY-10", "R-FAMILY-12")
async def leave(kit: Kit, change: Change, link: Link, *, for_ever: bool) -> list[int]:
    """The relative wants no more of it; ``for_ever``: nor of anybody else's ever again.

    The borrowers whose links that has ended.
    """
    await _left(kit, change, link)
    of = [link.borrower_id]
    if not for_ever:
        return of
    await store.bar(change.connection, link.number_hash, 0, kit.now)
    lookups = await _lookups(kit, change.connection, link)
    for at in await store.of_number(change.connection, lookups):
        other = await held(change.connection, *at)
        if other is not None:
            await _left(kit, following(change), other)
            of.append(other.borrower_id)
    return of


async def _lookups(kit: Kit, connection: Connection, link: Link) -> list[bytes]:
    """Everything that the number of a link is found by: other links may have another key's hash."""
    who = await portal_store.active_borrower(connection, link.borrower_id)
    if who is None:
        return [link.number_hash]
    return await kit.lookups((await kit.details(who, link)).phone)


async def _left(kit: Kit, change: Change, link: Link) -> None:
    if link.accepted_at is None and link.state != ENDED:
        await refused_by_member(kit, change, link)
        return
    if link.state in (ACTIVE, PAUSED):
        evidence = "the stop code of a notice"
        await _withdraw_all(kit, change, link, link.party, "code", evidence)
    await noted(change, link, "LeaveMember")


# -- by itself -------------------------------------------------------------------------------------


@rule("R-FAMILY-08")
async def lapse(kit: Kit) -> int:
    """Invitations that were not accepted end on their last day; how many. Nothing depends on when.

    From then on one that was refused stands there as one that nobody answered.
    """
    done = 0
    for at in await store.too_old(kit.pool, kit.now):
        async with transaction(kit.pool) as connection:
            link = await held(connection, *at)
            if link is None or link.accepted_at or link.taken_back_at \
                    or link.because == UNANSWERED:  # fmt: skip
                continue  # answered, taken back or written down meanwhile
            change = await saying.of_itself(connection)
            after = ended(link, UNANSWERED, kit.now)
            await store.save(connection, after)
            await noted(change, after, "LapseInvitation")
            await invalidate_all(connection, link, kit.now)
            done += 1
    return done
