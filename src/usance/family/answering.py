"""The relative comes by the code of the invitation, shows that the number is theirs, and answers.

First the code with the last four digits of their own number, then a one-time code to that number,
then what is asked and by whom. Nothing personal is shown before that.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from usance.consents import saying
from usance.consents import store as consents
from usance.consents.documents import ConsentDocument, document_of
from usance.consents.records import Saying, borrower
from usance.consents.rules import GIVEN
from usance.consents.rules import REFUSED as SAID_NO
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family import links, rules, store
from usance.family.ending import counterpart, held, refused_by_member
from usance.family.links import Kit, following, noted
from usance.family.nominating import ordered
from usance.family.records import ACTIVE, Acceptance, Details, Link, actor_of
from usance.identity import portal_store
from usance.identity.changing import Change
from usance.identity.codes import Codes, six_digits
from usance.identity.limits import Limits
from usance.identity.messages import FAMILY_CODE, Mailbox, Message
from usance.identity.records import note
from usance.notices.codes import digits_typed, typed
from usance.platform.database import Connection, transaction
from usance.platform.identifiers import new_operation_id

PURPOSE = "family"
"""What a one-time code of a relative is for."""
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Door:
    """Codes, limits and messages, for somebody without an account."""

    kit: Kit
    limits: Limits
    codes: Codes
    mailbox: Mailbox
    code_valid: timedelta

    @rule("R-FAMILY-07")
    async def knock(self, code: str, digits: str, half: str, place: str) -> None:
        """The code of an invitation and the end of one's number: a one-time code goes there.

        A code that never was and wrong digits are refused alike; a right one that is no longer
        good is told so. Raises ``Refused``.
        """
        kit = self.kit
        plain, end = typed(code), digits_typed(digits)
        if plain is None or end is None:
            wrong()
        await self.limits.count({
            "family_tries_from_an_address": place, "family_tries_of_a_code": plain,
        })  # fmt: skip
        hashes = await kit.keyed.macs(links.INVITATION, plain)
        found = await store.by_code(kit.pool, "code_hash", hashes)
        link = await store.one(kit.pool, *found) if found else None
        ends = await kit.keyed.macs(links.DIGITS, f"{plain}{end}")
        stored = link.digits_hash if link else hashlib.sha256(NOBODY.encode()).digest()
        fits = any(hmac.compare_digest(each, stored) for each in ends)
        if link is None or not fits:
            wrong()
        await self._send(rules.check_open(link, kit.now), half)

    async def _send(self, link: Link, half: str) -> None:
        """A one-time code to the number that was invited."""
        kit = self.kit
        who = await person_of(kit.pool, link.borrower_id)
        details = await kit.details(who, link)
        await self.limits.count({"family_codes_to_a_number": details.phone})
        async with transaction(kit.pool) as connection:
            who = await person_of(connection, link.borrower_id)
            await portal_store.forget_codes(connection, kit.now - self.code_valid * 6)
            code = await self.codes.make(
                connection, half, PURPOSE, details.phone, link.borrower_id, link.member_id
            )
            message = Message(
                FAMILY_CODE, details.phone, code, until=kit.now + self.code_valid,
                member_id=link.member_id,
            )
            await self.mailbox.put(connection, who, f"family {new_operation_id()}", message)

    @rule("R-FAMILY-07")
    async def enter(self, half: str, text: str, place: str) -> str:
        """The token of a visit, for the right code; raises ``Refused``."""
        six_digits(text)
        counted = await self.limits.count({"attempts_from_an_address": place})
        row = await self.codes.check(self.kit.pool, half, PURPOSE, text)
        await self.limits.forgive(counted)
        token, now = secrets.token_urlsafe(32), self.kit.now
        async with transaction(self.kit.pool) as connection:
            at = row["borrower_id"], row["change_id"]
            ends_at = now + self.kit.policy.visit
            await store.insert_visit(connection, hash_of(token), at, now, ends_at)
            named = {"member": written("member", at[1])}
            await note(
                connection, actor_of(at[1]), "ShowNumber", at[0], [("family_visit", at[1])], named
            )
        return token


def hash_of(token: str) -> bytes:
    """What a visit is found by."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


@rule("R-FAMILY-07")
def wrong() -> NoReturn:
    """The one refusal of a code and digits that do not fit."""
    raise Refused("R-FAMILY-07", "the code and the digits do not fit an invitation", "code")


async def person_of(connection: portal_store.Either, borrower_id: int) -> portal_store.Row:
    """The borrower of a link; whose borrower is gone has no invitation any more."""
    who = await portal_store.active_borrower(connection, borrower_id)
    if who is None:
        rules.check_open(None, rules.NEVER)
        raise AssertionError
    return who


@dataclass(frozen=True, slots=True, repr=False)
class Invitation:
    """What a relative is shown, once the number is theirs; never printed."""

    link: Link
    details: Details
    borrower: str
    documents: dict[str, ConsentDocument]
    """By scope: the document in force."""


@rule("R-FAMILY-08")
async def invitation(kit: Kit, token: str) -> Invitation:
    """What is asked, by whom, in which words; raises ``Refused``."""
    async with kit.pool.acquire() as connection:
        link = rules.check_open(await visited(connection, kit, token), kit.now)
        who = await person_of(connection, link.borrower_id)
        name = await name_of(kit, connection, link.borrower_id, who)
        shown = await documents(connection, kit, link.scopes)
        return Invitation(link, await kit.details(who, link), name, shown)


async def name_of(
    kit: Kit, connection: portal_store.Either, borrower_id: int, who: portal_store.Row
) -> str:
    """What the borrower is called."""
    box = await store.name_of(connection, borrower_id)
    return await kit.boxes.open(who, box, table="borrower", column="name", row_id=borrower_id)


async def documents(
    connection: Connection, kit: Kit, scopes: tuple[str, ...]
) -> dict[str, ConsentDocument]:
    """The documents in force, by scope; a scope without one cannot be agreed to."""
    found = {}
    for scope in scopes:
        row = await consents.in_force(connection, rules.DOCUMENTS[scope], kit.now.date())
        if row is not None:
            found[scope] = document_of(row["body"])
    return found


async def visited(connection: Connection, kit: Kit, token: str) -> Link | None:
    """The link of a visit."""
    at = await store.visit(connection, hash_of(token), kit.now) if token else None
    return await store.one(connection, *at) if at else None


@rule("R-FAMILY-08", "R-FAMILY-09")
async def answer(kit: Kit, change: Change, token: str, given: Acceptance) -> dict[str, Any]:
    """Accept some of what was asked, or nothing; the document to answer with."""
    connection, now = change.connection, kit.now
    at = await store.visit(connection, hash_of(token), now) if token else None
    link = rules.check_open(await held(connection, *at) if at else None, now)
    if not given.scopes:
        await refused_by_member(kit, change, link)
        return {"member_id": written("member", link.member_id), "state": "refused", "scopes": []}
    who = await person_of(connection, link.borrower_id)
    rules.check_acceptance(link, await kit.details(who, link), given)
    possible = rules.possible(kit.gate, kit.jurisdiction, now)
    rules.check_possible(given.scopes, possible)
    rules.check_again(given.scopes, again=given.again)
    return await _accepted(kit, change, link, given)


async def _accepted(
    kit: Kit, change: Change, link: Link, given: Acceptance
) -> dict[str, Any]:
    """The relative's own agreements and refusals, and the link that rests on them."""
    asked = link.scopes
    now_on = replace(
        link, state=ACTIVE, scopes=ordered(given.scopes), channels=tuple(given.channels),
        language=given.speaks, opens=given.opens, closes=given.closes, accepted_at=kit.now,
    )  # fmt: skip
    await store.save(change.connection, now_on)
    for scope in asked:
        accepted = scope in given.scopes
        said = said_of(link, scope, given)
        await saying.say(
            following(change), kit.boxes, said, GIVEN if accepted else SAID_NO, kit.now
        )
        if not accepted:
            await counterpart(change.connection, kit.now, said)
    await noted(change, now_on, "AcceptInvitation", scopes=list(now_on.scopes))
    return {
        "member_id": written("member", link.member_id), "state": "active",
        "scopes": list(now_on.scopes),
    }  # fmt: skip


def said_of(link: Link, scope: str, given: Acceptance) -> Saying:
    """What the relative says of a scope, and what shows that it was they."""
    words = "the code of the invitation, and a one-time code to the number that was invited"
    if scope == rules.OVERDUE and given.again:
        words += "\nconfirmed a second time"
    return Saying(
        link.borrower_id, link.party, rules.DOCUMENTS[scope], given.versions.get(scope, 0),
        given.language, "code", counterparty=borrower(link.borrower_id),
        channels=tuple(given.channels), evidence=words,
    )
