"""Scorecards: which decides, is tried or looks on; points by bin, figures; another role for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import msgspec
from litestar import Response, get

from usance.approvals.proposal import Proposal
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.policy import shipped
from usance.risk.roles import Standing, standing
from usance.risk.scorecard import Characteristic, Scorecard
from usance.risk.scorecards import AdoptScorecard, Registered
from usance.web.console.deeds import Deed, Place, ask_for, routes_of
from usance.web.console.forms import Field
from usance.web.console.names import names_of
from usance.web.console.notice_templates import today_of
from usance.web.console.policy_words import ROLES
from usance.web.console.render import Asked, Number, Word, language_of, services, show
from usance.web.problems import not_found
from usance.web.security import needs

SCORECARDS = "/console/scorecards"


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


ROLE = Deed(
    "role", _("Propose another role"),
    _("The same table of points gets another role from a day on. A second person agrees first."),
    (
        Field("role", _("Role"), "choice", choices=tuple(ROLES.items())),
        Field("effective_on", _("First day"), "day", hint=_("The business date or later.")),
        Field("share", _("Share of a challenger"), "whole", needed=False, most=10_000,
              hint=_("Of borrowers, in 1/100 %: 2000 is 20 %. Empty for any other role.")),
    ),
)  # fmt: skip


@get("/scorecards", opt=needs("policies:read"))
async def scorecards(request: Asked) -> Response[str]:
    """Every entry of the register, and which stand today."""
    today, found = await today_of(request), await services(request).scorecards.all()
    by_name: dict[str, list[Registered]] = {}
    for each in found:
        by_name.setdefault(each.scorecard.name, []).append(each)
    stands = {
        (name, n) for name, entries in by_name.items() for n in numbers_of(entries, today)
    }
    return await show(
        request, "scorecards.html", rows=found, stands=stands, today=today,
        waiting=await waiting(request), names=await names_of(request),
    )  # fmt: skip


def numbers_of(entries: Sequence[Registered], today: date) -> set[int]:
    """Which entries of one name say today's roles."""
    found: Standing = standing([each.entry for each in entries], today)
    stands = (found.champion, *found.challengers, *found.shadows)
    return {each.number for each in stands if each is not None}


async def waiting(request: Asked) -> list[tuple[Proposal, AdoptScorecard]]:
    """What waits for a second person."""
    found = await services(request).approvals.waiting_of(["AdoptScorecard"])
    return [(each, msgspec.json.decode(each.body, type=AdoptScorecard)) for each in found]


@get("/scorecards/{name:str}/{version:int}", opt=needs("policies:read"))
async def scorecard_page(request: Asked, name: Word, version: Number) -> Response[str]:
    """An entry with its table of points and what fitting told of it."""
    found, every = await one(request, name, version)
    agreed = await services(request).approvals.carried_out([found.operation_id])
    return await show(
        request, "scorecard.html", found=found, name=name,
        stands=version in numbers_of(every, await today_of(request)),
        bins=bins_of(found.scorecard, language_of(request)), report=found.report,
        figures=figures_of(found.report), agreed=agreed, names=await names_of(request),
    )  # fmt: skip


async def one(request: Asked, name: str, version: int) -> tuple[Registered, list[Registered]]:
    """An entry, and all under its name; ``ProblemError`` (404) if there is none."""
    every = await services(request).scorecards.all(name) if name else []
    found = next((each for each in every if each.entry.number == version), None)
    if found is None:
        raise not_found("scorecard")
    return found, every


def bins_of(card: Scorecard, language: str) -> list[dict[str, Any]]:
    """Each feature with its meaning, and the points of each of its bins."""
    known = shipped.dictionary()
    return [
        {"name": each.name, "bins": list(_bins(each)), "missing": each.missing,
         "meaning": known[each.name].meaning[language] if each.name in known else each.name}
        for each in card.characteristics
    ]  # fmt: skip


def _bins(each: Characteristic) -> list[tuple[str, int]]:
    """A bin as an interval of the file's own numbers, and its points."""
    edges = [f"{edge / each.scale:g}" for edge in each.edges]
    if not edges:
        return [("–", each.points[0])]
    names = [f"≤ {edges[0]}"]
    names += [f"> {low}, ≤ {high}" for low, high in pairwise(edges)]
    return list(zip([*names, f"> {edges[-1]}"], each.points, strict=True))


def figures_of(report: dict[str, Any] | None) -> list[tuple[str, dict[str, float]]]:
    """How well it tells: on rows held out, in folds, and what others would tell."""
    if report is None:
        return []
    names = (
        ("scorecard", _("Rows held out")), ("folds", _("Five folds")),
        ("challenger", _("A challenger that nobody can read")),
        ("with_protected", _("With protected columns, not used")),
    )  # fmt: skip
    return [(label, report[name]) for name, label in names if report.get(name)]


async def the_entry(request: Asked) -> Place:
    """Which entry the address means."""
    name, version = request.path_params["name"], request.path_params["version"]
    found, every = await one(request, name, version)
    known = {"found": found, "next": every[0].entry.number + 1}
    return Place(f"{name} · {version}", f"{SCORECARDS}/{name}/{version}", known)


async def change_role(
    request: Asked, place: Place, values: dict[str, Any], asking: Asking
) -> Answer:
    """Propose it."""
    found: Registered = place.known["found"]
    act = AdoptScorecard(
        scorecard=found.scorecard, version=place.known["next"], role=values["role"],
        effective_on=date.fromordinal(values["effective_on"]), share=values["share"],
        report=found.report,
    )  # fmt: skip
    return await ask_for(request, act, asking)


HANDLERS = [
    scorecards, scorecard_page,
    *routes_of("/scorecards/{name:str}/{version:int}/do/role", "policies:write", ROLE, the_entry,
               change_role),
]  # fmt: skip
