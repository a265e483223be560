"""A borrower's profile: what is known and where from, in sections that rooms add to.

A section is a template and what it shows. Values are for whom the borrower is open: who has given a
reason, which is noted and told to the borrower.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, TypeAlias

from litestar import Response, get

from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.accesses import SEES
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.policy.shipped import dictionary
from usance.risk.facts import Given
from usance.risk.facts_policy import fact_policy
from usance.web.console import profile_behaviour
from usance.web.console.access import Shown, person
from usance.web.console.deeds import Deed, Place, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, Word, identifier, language_of, services, show
from usance.web.security import needs

PROFILE = "/borrowers/{borrower:str}/profile"
Load: TypeAlias = Callable[[Asked, int, Shown], Awaitable[Mapping[str, Any]]]
"""(request, borrower id, how the borrower may be seen) -> what the section's template knows."""


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; ``permission``: for whom it is."""

    name: str
    template: str
    permission: str
    load: Load


@rule("R-ACCESS-01", "R-FACT-06")
async def facts(request: Asked, borrower_id: int, shown: Shown) -> Mapping[str, Any]:
    """What is known as of now, and everything that was recorded."""
    found = await services(request).facts.history(borrower_id)
    grounds = {each.source: each.ground for each in fact_policy().rows}
    return {
        "current": [each for each in found if each.state == "current"],
        "before": [each for each in found if each.state != "current"],
        "grounds": grounds, "is_open": shown.until is not None,
    }  # fmt: skip


async def pulls(request: Asked, borrower_id: int, _shown: Shown) -> Mapping[str, Any]:
    """Reports of a credit bureau that were asked for."""
    bureau = services(request).bureau
    return {"pulls": await bureau.of(borrower_id), "can_ask": bureau.can_ask}


SECTIONS: list[Section] = [
    Section("tier", "profile_tier.html", "decisions:read", profile_behaviour.tier),
    Section("behaviour", "profile_behaviour.html", "decisions:read", profile_behaviour.behaviour),
    Section("facts", "profile_facts.html", "facts:read", facts),
    Section("bureau", "profile_bureau.html", "facts:read", pulls),
]
"""In the order of the page; rooms that know more of a borrower add theirs."""


@get(PROFILE, opt=needs("facts:read"))
async def profile(request: Asked, borrower: Word) -> Response[str]:
    """Everything that decisions about a borrower may look at, with its source and its end."""
    borrower_id = identifier("borrower", borrower)
    shown, may = await person(request, borrower_id), request.user.permissions
    sections = [
        (each, await each.load(request, borrower_id, shown))
        for each in SECTIONS if each.permission in may
    ]  # fmt: skip
    return await show(
        request, "profile.html", borrower=borrower, who=shown.person, until=shown.until,
        sections=sections, sees=SEES in may,
    )  # fmt: skip


# -- what is done here -----------------------------------------------------------------------------

RECORD = Deed(
    "record", _("Record a fact"),
    _("What a paper or the borrower tells. It is never changed: what is newer stands in its"
      " place, and the borrower sees it on their pages."),
)  # fmt: skip
ASK = Deed(
    "ask", _("Ask the credit bureau"),
    _("The bureau is told the name and the number of the identity document. The borrower must have"
      " agreed; the answer comes by itself."),
)  # fmt: skip
VALUE = Field(
    "value", _("Value, with its unit"), "text",
    hint=_("As policies write it: 8000.00 CNY, 35.5 %, 3, true, false."),
)  # fmt: skip
OBSERVED = Field("observed_on", _("Seen on"), "day", hint=_("Today or earlier."))
REFERENCE = Field(
    "reference", _("What shows it"), "text", needed=False, hint=_("Such as: payslip of March."),
)  # fmt: skip
OTHER = Field(
    "other", _("Other side of the household"), "text", needed=False,
    hint=_("The number of a borrower; both must have agreed."),
)  # fmt: skip


def names(request: Asked) -> tuple[tuple[str, str], ...]:
    """What staff may record, in the reader's language."""
    sources = {each.source for each in fact_policy().rows if "staff" in each.by}
    language = language_of(request)
    return tuple(
        (each.name, f"{each.meaning[language]} ({each.name})") for each in dictionary().values()
        if each.source in sources and not (each.protected or each.proxy_of)
    )  # fmt: skip


async def place(request: Asked) -> Place:
    """The profile that it is done on; the person may be erased meanwhile, and is then not there."""
    borrower = str(request.path_params["borrower"])
    await person(request, identifier("borrower", borrower))
    fields = (Field("name", _("Fact"), "choice", choices=names(request)), VALUE, OBSERVED,
              REFERENCE, OTHER)  # fmt: skip
    back = f"/console/borrowers/{borrower}/profile"
    return Place(borrower, back, {"borrower": borrower}, fields=fields)


async def no_fields(request: Asked) -> Place:
    """The same where nothing is filled in."""
    borrower = str(request.path_params["borrower"])
    await person(request, identifier("borrower", borrower))
    return Place(borrower, f"/console/borrowers/{borrower}/profile", {"borrower": borrower})


async def record(
    request: Asked, where: Place, given: dict[str, Any], asking: Asking
) -> Answer:
    """Record what was filled in."""
    name = str(given["name"])
    fact = Given(
        name, dictionary()[name].source, str(given["value"]), seen_at(request, given),
        str(given["reference"]), other_id=other_side(str(given["other"])),
    )  # fmt: skip
    borrower_id = identifier("borrower", where.known["borrower"])
    return await services(request).facts.record(borrower_id, fact, asking)


def seen_at(request: Asked, given: Mapping[str, Any]) -> datetime:
    """The end of a day that is over, or now."""
    now = services(request).clock.now()
    day = datetime.fromordinal(int(given["observed_on"])).date()
    return now if day == now.date() else datetime.combine(day, time(12), UTC)


@rule("R-FOUND-01")
def other_side(text: str) -> int:
    """A borrower's number, 0 for none; what cannot be one is not there."""
    try:
        return parse("borrower", text) if text else 0
    except ValueError as error:
        raise Refused("R-FOUND-01", "there is no such borrower", "other") from error


async def ask(
    request: Asked, where: Place, _given: dict[str, Any], asking: Asking
) -> Answer:
    """Ask for a report."""
    borrower_id = identifier("borrower", where.known["borrower"])
    return await services(request).bureau.ask(borrower_id, asking)


HANDLERS = [
    profile, *routes_of(PROFILE + "/record", "facts:write", RECORD, place, record),
    *routes_of(PROFILE + "/ask", "facts:write", ASK, no_fields, ask),
]  # fmt: skip
