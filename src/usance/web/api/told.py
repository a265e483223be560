"""What borrowers were told and what became of it, what they chose, and how sending fares."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from usance.core.identifiers import written
from usance.core.rules import rule
from usance.identity.once import Answer
from usance.notices.documents import Purpose, Way
from usance.notices.measuring import Effect, Outcome, effects, outcomes
from usance.notices.own import LAST
from usance.notices.preferences import Preferences, choose, chosen_by
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import spelled
from usance.web.problems import not_found

STATES = {1: "waiting", 2: "going", 3: "sent", 4: "arrived", 5: "failed", 6: "stopped",
          7: "dropped"}  # fmt: skip
"""States of a notice, in words."""
Minute = Annotated[int, Meta(ge=0, le=1440, description="Minutes since midnight.")]


class NoticeView(Struct):
    """One notice: what it was about, by which way, and where it stands. Its words are not here."""

    notice_id: str
    template_id: str
    version: int
    purpose: str
    audience: str
    scope: str
    contract_id: str | None
    facts: dict[str, Any]
    state: str
    channel: str | None
    because: str | None
    business_date: str
    planned_at: str
    not_before: str
    sent_at: str | None
    done_at: str | None
    seen_at: str | None
    together_in: str | None
    """The notice of the message in which it went with others."""


class NoticeStepView(Struct):
    """One thing that happened to a notice; ``trace`` is everything that the gate asked."""

    kind: str
    at: str
    channel: str | None
    provider: str | None
    said: str | None
    trace: list[Any]


class SwitchedOff(Struct, forbid_unknown_fields=True):
    """What is not told by a way."""

    purpose: Purpose
    channel: Way


class PreferenceBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a borrower chose; what is left out is the house's."""

    ways: Annotated[list[Way], Meta(max_length=5)] = []
    refused: Annotated[list[SwitchedOff], Meta(max_length=30)] = []
    opens: Minute | None = None
    closes: Minute | None = None
    zone: Annotated[str, Meta(max_length=60)] = ""
    digest_at: Minute | None = None


class SwitchedOffView(Struct):
    """What is not told by a way."""

    purpose: str
    channel: str


class PreferenceView(Struct):
    """What a borrower chose."""

    ways: list[str]
    refused: list[SwitchedOffView]
    opens: int | None
    closes: int | None
    zone: str
    digest_at: int | None


class BreakerView(Struct):
    """Where a breaker stands, and how many notices it keeps."""

    kind: str
    name: str
    state: str
    because: str | None
    since: str
    stopped: int


class ProviderView(Struct):
    """How much of a channel a provider carries, and how it fared lately."""

    channel: str
    name: str
    weight: int
    resting: int
    errors: int
    answered: int
    slow: int


class SendingView(Struct):
    """Breakers and providers."""

    breakers: list[BreakerView]
    providers: list[ProviderView]


class BreakerBody(Struct, forbid_unknown_fields=True):
    """Why a breaker is closed, and what becomes of the notices that it stopped."""

    reason: Annotated[str, Meta(max_length=2000)]
    stopped: Literal["send", "drop"] = "send"


@read("/v1/borrowers/{borrower_id}/notices", "contracts:read")
async def notices(asked: Asked[PageQuery]) -> Page[NoticeView]:
    """Everything that was planned to be told to a borrower or of one, newest first."""
    borrower_id, before = asked.at["borrower_id"], position(asked.query, LAST, LAST)
    await known(asked)
    rows = await asked.services.notices.own.all(borrower_id, before, asked.query.limit)
    last = rows[-1]["notice_id"] if rows else 0
    return page([notice_view(row) for row in rows], asked.query, last)


@read("/v1/borrowers/{borrower_id}/notices/{notice_id}", "contracts:read")
async def notice_steps(asked: Asked[Empty]) -> Page[NoticeStepView]:
    """What happened to one notice, in order: what the gate asked, what carriers said."""
    rows = await asked.services.notices.own.steps(
        asked.at["borrower_id"], asked.at["notice_id"]
    )
    if not rows:
        raise not_found("notice", "notice_id")
    return Page([step_view(row) for row in rows], None)


@read("/v1/borrowers/{borrower_id}/notice-preferences", "consents:read")
async def notice_preferences(asked: Asked[Empty]) -> PreferenceView:
    """By which ways, in which hours, and what a borrower does not want to be told."""
    await known(asked)
    found = await chosen_by(asked.services.pool, asked.at["borrower_id"])
    return PreferenceView(
        list(found.ways), [SwitchedOffView(*each) for each in found.refused], found.opens,
        found.closes, found.zone, found.digest_at,
    )  # fmt: skip


@change("PUT", "/v1/borrowers/{borrower_id}/notice-preferences", "consents:write")
@rule("R-PREFER-01")
async def choose_notices(asked: Asked[Empty], body: PreferenceBody) -> Answer:
    """A borrower chooses: from the next notice on. What protects them cannot be switched off."""
    wanted = Preferences(
        tuple(body.ways), tuple((each.purpose, each.channel) for each in body.refused),
        body.opens, body.closes, body.zone, body.digest_at,
    )  # fmt: skip
    services = asked.services
    return await choose(
        services.pool, services.clock, asked.at["borrower_id"], wanted, asked.asking
    )


@read("/v1/notices/sending", "notices:read")
async def sending(asked: Asked[Empty]) -> SendingView:
    """How sending fares: breakers, and weights of providers."""
    health = asked.services.notices.health
    return SendingView(
        [BreakerView(each["kind"], each["name"], each["state"], each["because"] or None,
                     each["since"].isoformat(), each["stopped"])
         for each in await health.breakers()],
        [ProviderView(**{name: each[name] for name in ProviderView.__struct_fields__})
         for each in await health.providers()],
    )  # fmt: skip


class EffectQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Of which days (the last 90), and whether by the hour at which they went."""

    days: Annotated[int, Meta(ge=1, le=400)] = 90
    by_hour: bool = False


class EffectView(Struct):
    """What bills led to that were told, and which ways make a difference.

    Shares are per thousand; ``more`` is how many more were on time than of those held out by lot.
    """

    outcomes: list[Outcome]
    effects: list[Effect]


@read("/v1/notices/effect", "notices:read")
async def notice_effect(asked: Asked[EffectQuery]) -> EffectView:
    """What notices led to: seen, followed by a payment, on time; against those held out by lot."""
    services = asked.services
    until = services.clock.now()
    since = until - timedelta(days=asked.query.days)
    found = await outcomes(
        services.pool, since, until, services.notices.zone, by_hour=asked.query.by_hour
    )
    return EffectView(found, [] if asked.query.by_hour else effects(found))


@change("POST", "/v1/notices/breakers/{code}/{channel}/close", "notices:write")
@rule("R-BREAKER-03")
async def close_breaker(asked: Asked[Empty], body: BreakerBody) -> Answer:
    """Close the open breaker of a channel or a template; what it stopped goes on, or is dropped."""
    return await asked.services.notices.health.close(
        asked.at["code"], asked.at["channel"], body.reason, asked.asking,
        drop=body.stopped == "drop",
    )  # fmt: skip


async def known(asked: Asked[Any]) -> None:
    """The borrower of the path; not found, if there is none."""
    if not await asked.services.borrowers.exists(asked.at["borrower_id"]):
        raise not_found("borrower", "borrower_id")


def notice_view(row: Any) -> NoticeView:
    """A notice as the API shows it."""
    return NoticeView(
        written("notice", row["notice_id"]), row["template_id"], row["version"], row["purpose"],
        row["audience"], row["scope"], spelled("contract", row["contract_id"]),
        msgspec.json.decode(row["facts"]), STATES[row["state"]], row["channel"] or None,
        row["because"] or None, row["business_date"].isoformat(), row["planned_at"].isoformat(),
        row["not_before"].isoformat(), moment(row["sent_at"]), moment(row["done_at"]),
        moment(row["seen_at"]), spelled("notice", row["bundle"]),
    )  # fmt: skip


def step_view(row: Any) -> NoticeStepView:
    """A step as the API shows it."""
    return NoticeStepView(
        row["kind"], row["at"].isoformat(), row["channel"] or None, row["provider"] or None,
        row["said"] or None, msgspec.json.decode(row["trace"]),
    )  # fmt: skip


def moment(value: Any) -> str | None:
    """A moment in ISO form."""
    return value.isoformat() if value else None
