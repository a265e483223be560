"""A borrower names a relative, agrees to what they are told, and one invitation is planned.

What is answered rests on the borrower's own doings only. Whether an invitation really goes out is
asked when it is sent (``members``): a number that takes none looks like one that does not answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from usance.consents import saying
from usance.consents.records import Saying, borrower
from usance.consents.rules import GIVEN
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family import links, rules, sources, store
from usance.family.links import Kit, following, new_code, noted
from usance.family.records import INVITED, Details, Link, Nomination, member
from usance.family.sources import NOWHERE, Source
from usance.identity import contact_store, portal_store
from usance.identity.changing import Change
from usance.notices import sealing
from usance.notices.outbox import Telling, tell
from usance.platform.identifiers import new_operation_id

TEMPLATE = "family-invitation"
SEVERAL = "several"
WHAT: dict[tuple[str, ...], str] = {
    ("borrowing",): "borrowing", ("plan",): "plan", ("overdue",): "late",
}
"""What an invitation says that it is about."""


@rule("R-FAMILY-01", "R-FAMILY-02", "R-FAMILY-03", "R-FAMILY-05", "R-FAMILY-06")
async def nominate(
    kit: Kit, change: Change, borrower_id: int, asked: Nomination, source: Source = NOWHERE
) -> dict[str, Any]:
    """Name a relative; the document to answer with. Raises ``Refused``."""
    connection, now = change.connection, kit.now
    if not await contact_store.lock_borrower(connection, borrower_id):
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    who = await portal_store.active_borrower(connection, borrower_id)
    if who is None:
        raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
    rules.check_possible(asked.scopes, rules.possible(kit.gate, kit.jurisdiction, now))
    details = rules.checked(asked)
    rules.check_again(asked.scopes, again=asked.again)
    email = await kit.boxes.detail(who, "email") if who["email"] else ""
    rules.check_not_own(details, await kit.boxes.detail(who, "phone"), email)
    lookups = await kit.lookups(details.phone)
    known = await store.of_borrower(connection, borrower_id)
    rules.check_room(known, lookups, kit.policy, now)
    await sources.count(kit, connection, borrower_id, source)
    link = await _link(kit, change, who, asked, details, lookups[0])
    await _agree(kit, change, link, asked)
    return document(link)


async def _link(
    kit: Kit, change: Change, who: portal_store.Row, asked: Nomination, details: Details,
    number_hash: bytes,
) -> Link:  # fmt: skip
    """The link, with its codes and its invitation."""
    member_id, now, code, stop = new_operation_id(), kit.now, new_code(), new_code()
    digits = f"{code}{details.phone[-4:]}"
    link = Link(
        borrower_id=who["borrower_id"], member_id=member_id, state=INVITED, because="",
        number_hash=number_hash, box=await kit.sealed(who, member_id, details),
        digits_hash=await kit.keyed.mac(links.DIGITS, digits),
        stop_hash=await kit.keyed.mac(links.STOP, stop),
        stop_box=await kit.boxes.seal(who, stop, **links.place("stop_box", member_id)),
        scopes=ordered(asked.scopes), channels=tuple(asked.channels), tells=asked.tells,
        language=asked.speaks, opens=asked.opens, closes=asked.closes, asked_at=now,
        until=now + kit.policy.invited_for,
    )  # fmt: skip
    code_hash = await kit.keyed.mac(links.INVITATION, code)
    await store.insert(change.connection, link, code_hash)
    await noted(change, link, "NominateMember", scopes=list(link.scopes))
    await _invite(change, kit, who, link, code)
    return link


@rule("R-FAMILY-04")
async def _invite(
    change: Change, kit: Kit, who: portal_store.Row, link: Link, code: str
) -> None:
    """One invitation is planned, for every number alike."""
    key = f"{TEMPLATE} {link.member_id}"
    facts = {"what": WHAT.get(link.scopes, SEVERAL), "day": link.until.date().isoformat()}
    box = await sealing.sealed(kit.boxes, who, key, {"code": code})
    telling = Telling(
        link.borrower_id, key, TEMPLATE, facts, member_id=link.member_id, box=box, until=link.until
    )
    await tell(change.connection, [telling], kit.now)


async def _agree(kit: Kit, change: Change, link: Link, asked: Nomination) -> None:
    """The borrower's own agreement to each scope, in the words that were shown."""
    for scope in link.scopes:
        words = asked.evidence
        if scope == rules.OVERDUE:
            words = f"{words}\nconfirmed a second time".strip()
        said = Saying(
            link.borrower_id, borrower(link.borrower_id), rules.DOCUMENTS[scope],
            asked.versions.get(scope, 0), asked.language, asked.method,
            counterparty=member(link.member_id), channels=(*link.channels, "inbox"),
            evidence=words,
        )  # fmt: skip
        await saying.say(following(change), kit.boxes, said, GIVEN, kit.now)


def ordered(scopes: Collection[str]) -> tuple[str, ...]:
    """Scopes in the order in which they are always named."""
    return tuple(each for each in rules.SCOPES if each in scopes)


def document(link: Link) -> dict[str, Any]:
    """What is answered: the same for every number."""
    return {
        "member_id": written("member", link.member_id), "state": "invited",
        "scopes": list(link.scopes), "channels": list(link.channels),
        "until": link.until.isoformat(),
    }  # fmt: skip
