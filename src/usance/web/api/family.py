"""Relatives: whom a borrower named, for host applications; answers to invitations stay on pages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from usance.cases.work import Acting
from usance.family.misuse import REPORT_MOST
from usance.family.records import Nomination
from usance.identity.once import Answer
from usance.web.api.consents import Evidence, Language, Method
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page
from usance.web.api.values import spelled
from usance.web.problems import not_found

Scope = Literal["borrowing", "plan", "overdue"]
Way = Literal["sms", "email"]
Minute = Annotated[int, Meta(ge=0, le=1440, description="Of the relative's own day.")]
Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Line = Annotated[str, Meta(max_length=254)]
RELATIVES = "/v1/borrowers/{borrower_id}/relatives"


class NominationBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """Whom the borrower names; ``versions`` of the documents that were shown, by scope.

    ``again``: the second yes to telling of what is overdue, which is asked on its own.
    """

    name: Line
    relation: Literal["parent", "child", "spouse", "sibling", "other"]
    phone: Annotated[str, Meta(max_length=40)]
    email: Line = ""
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)]
    channels: Annotated[list[Way], Meta(min_length=1, max_length=2)]
    tells: Literal["before", "after"] = "after"
    versions: dict[Scope, Version]
    language: Language
    speaks: Literal["zh-CN", "en"] = "zh-CN"
    opens: Minute | None = None
    closes: Minute | None = None
    again: bool = False
    method: Method
    evidence: Evidence = ""


class EndBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """How the borrower took it back; no reason is asked for."""

    method: Method
    evidence: Evidence = ""


class ReportBody(Struct, forbid_unknown_fields=True):
    """What is wrong, in the borrower's words."""

    text: Annotated[str, Meta(min_length=1, max_length=REPORT_MOST)]


class StopBody(Struct, forbid_unknown_fields=True):
    """The code of a message to a relative; ``never``: nobody may have the number invited again."""

    code: Annotated[str, Meta(max_length=40)]
    never: bool = False


class RelativeView(Struct):
    """A relative as the borrower sees them; who they are, the borrower's own pages say."""

    member_id: str
    state: Literal["invited", "active", "paused", "ended"]
    because: str
    scopes: list[str]
    channels: list[str]
    tells: str
    asked_at: str
    until: str | None
    accepted_at: str | None


class FamilyNoticeView(Struct):
    """A notice about the borrower that went to a relative."""

    member_id: str
    template: str
    channel: str
    state: Literal["waiting", "going", "taken", "arrived", "failed", "stopped", "dropped"]
    sent_at: str


STATES = ("", "waiting", "going", "taken", "arrived", "failed", "stopped", "dropped")


async def check_there(asked: Asked[Any]) -> int:
    """The borrower of the path."""
    borrower_id: int = asked.at["borrower_id"]
    if not await asked.services.borrowers.exists(borrower_id):
        raise not_found("borrower", "borrower_id")
    return borrower_id


@read(RELATIVES, "consents:read")
async def relatives(asked: Asked[Empty]) -> Page[RelativeView]:
    """Whom a borrower named and how that stands, the newest first."""
    found = await asked.services.family.states(await check_there(asked))
    return Page([RelativeView(**each) for each in found], None)


@read(f"{RELATIVES}/notices", "consents:read")
async def family_notices(asked: Asked[Empty]) -> Page[FamilyNoticeView]:
    """What relatives were told about a borrower, the newest first; never an invitation."""
    rows = await asked.services.family.told(await check_there(asked))
    return Page([
        FamilyNoticeView(
            spelled("member", row["member_id"]) or "", row["template_id"], row["channel"],
            STATES[row["state"]], row["sent_at"].isoformat(),  # type: ignore[arg-type]
        ) for row in rows
    ], None)  # fmt: skip


@change("POST", RELATIVES, "consents:write")
async def nominate(asked: Asked[Empty], body: NominationBody) -> Answer:
    """The borrower names a relative; the answer says nothing of the number but that it is one."""
    named = Nomination(
        name=body.name, relation=body.relation, phone=body.phone, email=body.email,
        scopes=tuple(body.scopes), channels=tuple(body.channels), tells=body.tells,
        versions={str(name): each for name, each in body.versions.items()},
        language=body.language, speaks=body.speaks, opens=body.opens, closes=body.closes,
        again=body.again, method=body.method, evidence=body.evidence,
    )  # fmt: skip
    return await asked.services.family.nominate(asked.at["borrower_id"], named, asked.asking)


@change("POST", f"{RELATIVES}/{{member_id}}/withdrawal", "consents:write")
async def end_relative(asked: Asked[Empty], body: EndBody) -> Answer:
    """The borrower takes it back, at once; again it changes nothing."""
    return await asked.services.family.take_back(
        asked.at["borrower_id"], asked.at["member_id"], asked.asking, body.method, body.evidence
    )


@change("POST", f"{RELATIVES}/{{member_id}}/report", "consents:write")
async def report_relative(asked: Asked[Empty], body: ReportBody) -> Answer:
    """The borrower reports misuse: nothing more is told, and a complaint is opened."""
    acting = Acting(asked.caller.actor, frozenset(), asked.key, asked.request_hash)
    return await asked.services.family.report(
        asked.at["borrower_id"], asked.at["member_id"], body.text, acting
    )


@change("POST", f"{RELATIVES}/{{member_id}}/resumption", "consents:write")
async def resume_relative(asked: Asked[Empty], body: Empty) -> Answer:  # noqa: ARG001
    """After a report was looked at, it goes on where it stopped."""
    return await asked.services.family.resume(
        asked.at["borrower_id"], asked.at["member_id"], asked.asking
    )


@change("POST", "/v1/family/stop", "consents:write")
async def stop_telling(asked: Asked[Empty], body: StopBody) -> Answer:
    """A relative ends it by the code of a message, as on the page; no log-in and no reason."""
    return await asked.services.family.leave(
        body.code, "", for_ever=body.never, key=asked.key, request_hash=asked.request_hash,
        actor=asked.caller.actor,  # who has rates of its own
    )  # fmt: skip
