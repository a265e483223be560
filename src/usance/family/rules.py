"""What a nomination and an answer must have, and what stands in the way. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.family.policy import FamilyPolicy
from usance.family.records import (
    ACTIVE,
    ENDED,
    INVITED,
    LAPSED,
    LEFT,
    MEMBER,
    PAUSED,
    STATES,
    Acceptance,
    Details,
    Link,
    Nomination,
)
from usance.identity.people import LANGUAGES, email_of, name_of, phone_of
from usance.notices.gate import Gate, Notice

SCOPES = ("borrowing", "plan", "overdue")
OVERDUE = "overdue"
DOCUMENTS = {each: f"family-{each}" for each in SCOPES}
"""The document that is agreed to for each scope."""
CHANNELS = ("sms", "email")
"""By which ways a relative, who has no inbox here, is told."""
RELATIONS = ("parent", "child", "spouse", "sibling", "other")
BEFORE, AFTER = "before", "after"
TELLS = (BEFORE, AFTER)
DAY = 24 * 60
NEVER = datetime.max.replace(tzinfo=UTC)


# -- who and what ----------------------------------------------------------------------------------


@rule("R-FAMILY-01")
def checked(asked: Nomination) -> Details:
    """Who is named, in one spelling; raises ``Refused`` with the path, never the value."""
    if asked.relation not in RELATIONS:
        raise Refused("R-FAMILY-01", f"a relation is one of {', '.join(RELATIONS)}", "relation")
    check_words(asked.scopes, SCOPES, "scopes")
    check_words(asked.channels, CHANNELS, "channels")
    if asked.tells not in TELLS:
        raise Refused("R-FAMILY-01", f"each is named once, of {', '.join(TELLS)}", "tells")
    check_way(asked.speaks, asked.opens, asked.closes)
    if "email" in asked.channels and not asked.email.strip():
        raise Refused("R-FAMILY-01", "an e-mail address is needed for that way", "email")
    return Details(
        name_of(asked.name), asked.relation, phone_of(asked.phone), email_of(asked.email.strip())
    )


@rule("R-FAMILY-01")
def check_way(speaks: str, opens: int | None, closes: int | None) -> None:
    """A language that we speak, and hours that open before they close; raises ``Refused``."""
    if speaks not in LANGUAGES:
        raise Refused("R-FAMILY-01", f"a language is one of {', '.join(LANGUAGES)}", "speaks")
    if (opens is None) != (closes is None):
        raise Refused("R-FAMILY-01", "hours open before they close, within a day", "hours")
    if opens is not None and closes is not None and not 0 <= opens < closes <= DAY:
        raise Refused("R-FAMILY-01", "hours open before they close, within a day", "hours")


def check_words(given: Sequence[str], known: Collection[str], path: str) -> None:
    """Some of the known ones, each once; raises ``Refused``."""
    if not given or len(set(given)) < len(given) or not set(given) <= set(known):
        raise Refused("R-FAMILY-01", f"each is named once, of {', '.join(known)}", path)


@rule("R-FAMILY-02")
def check_not_own(found: Details, phone: str, email: str) -> None:
    """Nobody names themselves; raises ``Refused``."""
    if found.phone == phone:
        raise Refused("R-FAMILY-02", "this number is your own", "phone")
    if found.email and found.email.casefold() == email.casefold():
        raise Refused("R-FAMILY-02", "this address is your own", "email")


@rule("R-FAMILY-03")
def check_room(links: Sequence[Link], lookups: Collection[bytes], policy: FamilyPolicy,
               now: datetime) -> None:  # fmt: skip
    """Whether a borrower may name one more, and this one; raises ``Refused``.

    Everything that it looks at is the borrower's own doing, so the answer says nothing of others.
    """
    living = [each for each in links if shown_state(each, now) != STATES[ENDED]]
    if any(each.number_hash in lookups for each in living):
        raise Refused("R-FAMILY-03", "you have named this number already", "phone")
    if len(living) >= policy.living_most:
        detail = f"at most {policy.living_most} relatives can be named at once"
        raise Refused("R-FAMILY-03", detail)
    recent = [each for each in links if now - each.asked_at < policy.again_after]
    if any(each.number_hash in lookups for each in recent):
        detail = f"the same number can be named again after {policy.again_after.days} days"
        raise Refused("R-FAMILY-03", detail, "phone")
    if len(recent) >= policy.nominations_a_year:
        detail = f"at most {policy.nominations_a_year} relatives can be named within a year"
        raise Refused("R-FAMILY-03", detail)


# -- what may be told ------------------------------------------------------------------------------


@rule("R-FAMILY-06")
def check_again(scopes: Collection[str], *, again: bool) -> None:
    """Telling of what is overdue needs a second yes, on its own; raises ``Refused``."""
    if OVERDUE in scopes and not again:
        detail = "confirm once more that late payments are told"
        raise Refused("R-FAMILY-06", detail, "again")


@rule("R-FAMILY-05")
def possible(gate: Gate, jurisdiction: str, now: datetime) -> tuple[str, ...]:
    """The scopes that no row of the law forbids on every way; none where inviting is forbidden."""
    found = [each for each in ("", *SCOPES) if allowed(gate, jurisdiction, each, now)]
    return tuple(each for each in found if each) if "" in found else ()


def allowed(gate: Gate, jurisdiction: str, scope: str, now: datetime) -> tuple[str, ...]:
    """The ways on which no row forbids to tell a relative something of a scope."""
    return tuple(
        channel for channel in CHANNELS
        if not gate.rows(Notice("family", channel, "family_member", jurisdiction, NEVER, scope), now
                         ).forbid
    )  # fmt: skip


@rule("R-FAMILY-05")
def check_possible(scopes: Collection[str], possible_here: Collection[str]) -> None:
    """What the law forbids cannot be turned on, whoever agrees; raises ``Refused``."""
    if not set(scopes) <= set(possible_here):
        raise Refused("R-FAMILY-05", "the law here forbids to tell a relative of that", "scopes")


# -- the relative ----------------------------------------------------------------------------------


@rule("R-FAMILY-08")
def check_open(link: Link | None, now: datetime) -> Link:
    """An invitation that can still be answered; raises ``Refused``."""
    if link is None or link.state != INVITED or now >= link.until:
        detail = "the invitation is no longer valid: it was answered, taken back or is too old"
        raise Refused("R-FAMILY-08", detail)
    return link


@rule("R-FAMILY-09")
def check_acceptance(link: Link, details: Details, given: Acceptance) -> None:
    """What is accepted was asked for, by ways that lead to the relative; raises ``Refused``."""
    check_words(given.scopes, link.scopes, "scopes")
    check_words(given.channels, link.channels, "channels")
    check_way(given.speaks, given.opens, given.closes)
    if "email" in given.channels:
        typed = email_of(given.email.strip())
        if typed.casefold() != details.email.casefold():
            detail = "this is not the address that you were invited with"
            raise Refused("R-FAMILY-09", detail, "email")


# -- what is shown ---------------------------------------------------------------------------------


@rule("R-FAMILY-04")
def shown_state(link: Link, now: datetime) -> str:
    """Where a link stands, for the borrower.

    Until its last day an invitation looks the same, whether it arrived, was refused, or was never
    sent because the number takes none. Nor is it shown that a relative reported something; what
    the borrower reported is shown, whatever the relative had done.
    """
    if link.accepted_at is None and (link.taken_back_at is not None or now >= link.until):
        return STATES[ENDED]
    if link.state == PAUSED and link.because != MEMBER:
        return STATES[PAUSED]
    if link.looks_open and link.paused_at is not None:
        return STATES[PAUSED]
    if link.accepted_at is None:
        return STATES[INVITED]
    return STATES[ACTIVE if link.state in (ACTIVE, PAUSED) else ENDED]


@rule("R-FAMILY-04")
def shown_because(link: Link, now: datetime) -> str:
    """Why it ended, for the borrower: of an invitation only whether they took it back."""
    if shown_state(link, now) != STATES[ENDED]:
        return ""
    if link.taken_back_at is not None:
        return "taken_back"
    if link.accepted_at is None:
        return "unanswered"
    return LEFT if link.because == LEFT else LAPSED
