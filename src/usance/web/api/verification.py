"""Whether a notice is genuine, reports of messages that may be forged, and alarms about both."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from usance.core.identifiers import parse, written
from usance.core.rules import rule
from usance.identity.once import Answer
from usance.notices.asking import Genuine
from usance.notices.reporting import API
from usance.notices.suspicious import Message
from usance.web.acting import acting
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, position
from usance.web.api.values import spelled
from usance.web.problems import not_found

HOURS = 48
Address = Annotated[
    str,
    Meta(max_length=100,
         description="Of whoever asks, as the host application sees it; it is counted by network."),
]  # fmt: skip


class VerifyBody(Struct, forbid_unknown_fields=True):
    """What somebody typed from a message, and the last four digits of their own number."""

    code: Annotated[str, Meta(max_length=40)]
    digits: Annotated[str, Meta(max_length=10)]
    address: Address


class GenuineView(Struct):
    """What a genuine notice says; nothing of a person, and nothing of a contract."""

    template_id: str
    event: str
    titles: dict[str, str]
    channel: str
    state: str
    sent_at: str | None
    amount: str | None
    due_on: str | None
    times_asked: int
    first_asked_at: str


class VerifyView(Struct):
    """``notice`` is null for a code never made and for a made one with other digits alike."""

    is_genuine: bool
    notice: GenuineView | None


class SuspiciousBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """A message that may be forged. With ``borrower_id`` a case of the borrower is opened."""

    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    channel: Literal["sms", "email", "voice", "other"]
    sender: Annotated[str, Meta(max_length=100)] = ""
    code: Annotated[str, Meta(max_length=40)] = ""
    address: Address = ""
    borrower_id: str | None = None


class ReasonBody(Struct, forbid_unknown_fields=True):
    """What somebody who has looked says of it: 4 to 500 printable characters, about nobody."""

    reason: Annotated[str, Meta(max_length=500)]


class FindingsView(Struct):
    """What was checked of a message, in numbers."""

    foreign_links: int
    foreign_numbers: int
    sender: str
    code: str


class ReportView(Struct):
    """A report without its words."""

    report_id: str
    at: str
    channel: str
    way: str
    case_id: str | None
    findings: FindingsView
    is_open: bool
    closed_at: str | None
    closed_by: str
    reason: str


class ReportWords(Struct):
    """A report with its words; null where the case has them, or nobody any more."""

    report: ReportView
    words: dict[str, str] | None


class AlarmView(Struct):
    """A surge of asks in vain. ``usual`` is in hundredths of one a window."""

    number: int
    raised_at: str
    missed: int
    usual: int
    mark: int
    peak: int
    calm_at: str | None
    acknowledged_at: str | None
    acknowledged_by: str
    reason: str


class AskedHour(Struct):
    """What became of asks in an hour of the epoch."""

    hour: int
    found: int
    missed: int
    refused: int


class VerificationView(Struct):
    """The newest alarms, and the last two days by the hour."""

    alarms: list[AlarmView]
    hours: list[AskedHour]


@read("/v1/verify", "verify:read", method="POST")
@rule("R-VERIFY-03", "R-VERIFY-04")
async def verify_notice(asked: Asked[Empty], body: VerifyBody) -> VerifyView:
    """Whether a notice is genuine: what it says, for its code and the last four digits."""
    found = await asked.services.genuine.asking.ask(body.code, body.digits, body.address)
    return VerifyView(found is not None, genuine_view(asked, found) if found else None)


def genuine_view(asked: Asked[Any], found: Genuine) -> GenuineView:
    """What is told, as the API says it."""
    amount = None if found.amount is None else asked.money.say(found.amount)
    return GenuineView(
        found.template_id, found.event, dict(found.titles), found.channel, found.state,
        moment(found.sent_at), amount, found.due_on, found.times, found.first_at.isoformat(),
    )  # fmt: skip


def moment(value: Any) -> str | None:
    """A moment that may be missing."""
    return value.isoformat() if value else None


@change("POST", "/v1/suspicious-messages", "verify:write")
@rule("R-VERIFY-06")
async def report_suspicious_message(asked: Asked[Empty], body: SuspiciousBody) -> Answer:
    """Report a message that may be forged, for a borrower or for somebody who is not known."""
    reports, caller = asked.services.genuine.reports, asked.caller
    message = Message(body.text, body.channel, body.sender, body.code)
    if body.borrower_id is None:
        return await reports.of_anybody(message, API, body.address, asked.asking)
    try:
        borrower_id = parse("borrower", body.borrower_id)
    except ValueError as error:
        raise not_found("borrower", "borrower_id") from error
    by = acting(caller, asked.key, asked.request_hash)
    return await reports.of_borrower(borrower_id, message, API, by)


@read("/v1/suspicious-messages", "notices:read")
async def suspicious_messages(asked: Asked[PageQuery]) -> Page[ReportView]:
    """Reports without their words, newest first."""
    before, limit = position(asked.query, 2**63 - 1), asked.query.limit
    rows = await asked.services.genuine.reports.all(before, limit + 1)
    more = str(rows[limit - 1]["report_id"]) if len(rows) > limit else None
    return Page([report_view(row) for row in rows[:limit]], more)


@read("/v1/suspicious-messages/{report_id}", "notices:write")
async def suspicious_message(asked: Asked[Empty]) -> ReportWords:
    """A report with its words."""
    found = await asked.services.genuine.reports.one(asked.at["report_id"])
    return ReportWords(report_view(found), found["words"])


def report_view(row: Any) -> ReportView:
    """A report as the API says it."""
    return ReportView(
        written("report", row["report_id"]), row["at"].isoformat(), row["channel"], row["way"],
        spelled("case", row["case_id"]), FindingsView(**row["findings"]), row["state"] == 1,
        moment(row["closed_at"]), row["closed_by"].partition(":")[0], row["reason"],
    )  # fmt: skip


@change("POST", "/v1/suspicious-messages/{report_id}/closing", "notices:write")
async def close_suspicious_message(asked: Asked[Empty], body: ReasonBody) -> Answer:
    """Somebody has looked at a report."""
    return await asked.services.genuine.reports.close(
        asked.at["report_id"], body.reason, asked.asking
    )


@read("/v1/verification", "notices:read")
async def verification(asked: Asked[Empty]) -> VerificationView:
    """Alarms about asks in vain, and how many there were."""
    watch = asked.services.genuine.watch
    alarms = [alarm_view(row) for row in await watch.alarms(2**63 - 1, 50)]
    return VerificationView(alarms, [AskedHour(**row) for row in await watch.by_hour(HOURS)])


def alarm_view(row: Any) -> AlarmView:
    """An alarm as the API says it."""
    return AlarmView(
        row["alarm_id"], row["raised_at"].isoformat(), row["missed"], row["usual"], row["mark"],
        row["peak"], moment(row["calm_at"]), moment(row["acknowledged_at"]),
        row["acknowledged_by"].partition(":")[0], row["reason"],
    )  # fmt: skip


@change("POST", "/v1/verification/alarms/{number}/acknowledgement", "notices:write")
async def acknowledge_alarm(asked: Asked[Empty], body: ReasonBody) -> Answer:
    """Somebody has looked at an alarm, and says what it was."""
    return await asked.services.genuine.watch.acknowledge(
        asked.at["number"], body.reason, asked.asking
    )
