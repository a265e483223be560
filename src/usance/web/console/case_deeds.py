"""What is done to a case by a form: its fields, and how it is carried out.

Words, choices and amounts are looked at by the room of cases; here only what a form can get wrong.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from usance.cases import files, read, rules
from usance.cases.deciding import Finding
from usance.cases.read import Opened
from usance.cases.records import Case
from usance.cases.remedies import Remedy
from usance.core.identifiers import parse, written
from usance.core.refusals import Refusal, Refused
from usance.identity.changing import Asking
from usance.identity.colleagues import colleagues
from usance.identity.once import STATUS, Answer
from usance.servicing import read as book
from usance.web.acting import acting
from usance.web.console import case_words
from usance.web.console.actions import form_with_file, hash_of, key_of
from usance.web.console.deeds import Deed, Place, routes_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, Word, identifier, moved, services, show
from usance.web.security import needs


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


CASE = "/cases/{case:str}"
WAY = Field(
    "way", _("What it is"), "choice",
    choices=tuple((name, case_words.WAYS[n]) for name, n in reversed(rules.WAYS.items())),
)  # fmt: skip
REASONS = Field("reasons", _("Reasons"), "words")
TO = Field("to", _("Handler"), "choice")
CONTRACT = Field("contract_id", _("Contract"), "choice", needed=False)
AMOUNT = Field("amount", _("Amount"), needed=False, hint=_("Of goodwill, a waiver or a refund."))
OF = Field("of", _("Number of the event"), "whole", needed=False,
           hint=_("Of the purchase refunded, or the event reversed."))  # fmt: skip
PROPOSAL = (
    Field("result", _("Result"), "choice",
          choices=tuple((name, case_words.RESULTS[n]) for name, n in rules.RESULTS.items())),
    replace(REASONS, hint=_("The borrower reads them in the answer.")),
    Field("remedy", _("Remedy"), "choice", choices=tuple(case_words.REMEDIES.items())),
    CONTRACT, AMOUNT,
    Field("component", _("Component"), "choice", needed=False,
          choices=(("interest", _("Interest")), ("fee", _("Fee")),
                   ("penalty", _("Penalty interest")))),
    OF,
    Field("detail", _("Detail"), "choice", needed=False,
          choices=tuple(case_words.DETAILS.items())),
    Field("value", _("New value"), "text", needed=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OnCase:
    """A deed that can be done to a case, and when it is offered."""

    deed: Deed
    act: Callable[[Asked, int, dict[str, Any], Any], Awaitable[Answer]]
    fits: Callable[[Case], bool]
    permission: str = "cases:write"


Values: TypeAlias = dict[str, Any]


async def assign(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Give it to somebody."""
    return await services(request).cases.work.assign(case, int(given["to"]), who)


async def say(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Write a message or a note."""
    way, wait = rules.WAYS[given["way"]], given["wait"] == 1
    return await services(request).cases.work.say(case, way, given["text"], who, wait=wait)


async def extend(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Put the end off."""
    return await services(request).cases.work.extend(case, given["reasons"], who)


async def propose(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Propose an outcome."""
    contract = given["contract_id"]
    remedy = Remedy(
        given["remedy"], parse("contract", contract) if contract else 0, given["amount"],
        given["component"], given["of"], given["detail"],
    )  # fmt: skip
    finding = Finding(
        result=given["result"], reasons=given["reasons"], remedy=remedy, value=given["value"]
    )
    return await services(request).cases.deciding.propose(case, finding, who)


async def decide(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Follow the proposal that the page showed; the book's refusal is raised."""
    answer = await services(request).cases.deciding.decide(case, given["proposal"], who)
    if answer.status >= 400:
        said = answer.document
        raise Refused(said["rule"], said["detail"])
    return answer


async def send_back(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Send the proposal back that the page showed."""
    deciding = services(request).cases.deciding
    return await deciding.send_back(case, given["proposal"], given["note"], who)


async def withdraw(request: Asked, case: int, _given: Values, who: Any) -> Answer:
    """The borrower takes it back."""
    return await services(request).cases.work.withdraw(case, who)


async def reopen(request: Asked, case: int, given: Values, who: Any) -> Answer:
    """Take it up again."""
    work = services(request).cases.work
    return await work.reopen(case, rules.NOTE, given["reasons"], who)


async def close(request: Asked, case: int, _given: Values, who: Any) -> Answer:
    """End it."""
    return await services(request).cases.work.close(case, who)


def under_way(case: Case) -> bool:
    """Neither decided nor ended."""
    return case.state in rules.UNDER_WAY


def takes_words(case: Case) -> bool:
    """Not yet ended."""
    return case.state in (*rules.UNDER_WAY, rules.DECIDED)


NUMBER = Field("proposal", _("Proposal"), "whole")
ON_CASE = (
    OnCase(Deed("message", _("Write"),
                _("A message to or from the borrower, or a note that the borrower never sees."),
                (WAY, Field("text", _("Words"), "words"),
                 Field("wait", _("Ask the borrower, and wait for the answer"), "check",
                       needed=False, hint=_("The clock runs on.")))),
           say, takes_words),
    OnCase(Deed("assign", _("Give to a handler"),
                _("Who did what the case is about does not handle it."), (TO,)),
           assign, under_way),
    OnCase(Deed("extend", _("Put off"),
                _("As often and as far as its rule allows. The borrower is told the new day and "
                  "the reasons."), (REASONS,)), extend, under_way),
    OnCase(Deed("propose", _("Propose an outcome"),
                _("Somebody else decides it, and it is carried out as it stands here."), PROPOSAL),
           propose, under_way),
    OnCase(Deed("close", _("Close"), _("Nothing more comes to the case.")),
           close, lambda case: case.state == rules.DECIDED),
    OnCase(Deed("reopen", _("Reopen"), _("With new clocks, and somebody else who decides."),
                (REASONS,)), reopen, lambda case: not under_way(case)),
    OnCase(Deed("withdraw", _("Withdraw"), _("The borrower has taken the case back: it ends."),
                grave=True), withdraw, under_way),
)  # fmt: skip
ON_PROPOSAL = (
    OnCase(Deed("decide", _("Follow the proposal"),
                _("The remedy is carried out, and the borrower is answered."), (NUMBER,)),
           decide, under_way, "cases:decide"),
    OnCase(Deed("send-back", _("Send it back"), _("The handler proposes something else."),
                (NUMBER, Field("note", _("Note for staff"), "words"))),
           send_back, under_way, "cases:decide"),
)  # fmt: skip


def offered(found: Opened) -> list[OnCase]:
    """Deeds that can be done to a case now."""
    case, without = found.case, set()
    states = {each.state for each in found.outcomes}
    if states & {*rules.PENDING}:
        without.add("propose")
    if states & {rules.CARRIED_OUT, rules.AWAITS}:
        without.add("withdraw")
    if case.extensions >= len(case.clock_rule.extensions):
        without.add("extend")
    return [each for each in ON_CASE if each.fits(case) and each.deed.name not in without]


def routes(on: OnCase) -> list[HTTPRouteHandler]:
    """The form of a deed and what it leads to."""

    async def find(request: Asked) -> Place:
        return await place_of(request, on.deed)

    async def do(request: Asked, place: Place, values: Values, asking: Asking) -> Answer:
        who = acting(request.user, asking.key, asking.request_hash)
        return await on.act(request, place.known["case_id"], values, who)

    return routes_of(f"{CASE}/do/{on.deed.name}", on.permission, on.deed, find, do)


async def place_of(request: Asked, deed: Deed) -> Place:
    """The case of the address, with what there is to choose from."""
    number = request.path_params["case"]
    case = await read.one(services(request).cases.desk, identifier("case", number))
    known: dict[str, tuple[tuple[str, str], ...]] = {}
    if TO in deed.fields:
        found = await colleagues(services(request).pool, "cases:write")
        known["to"] = tuple((str(each.staff_id), each.name) for each in found)
    if CONTRACT in deed.fields and case.borrower_id:
        known["contract_id"] = await contracts(request, case.borrower_id)
    if WAY in deed.fields and not case.borrower_id:
        known["way"] = WAY.choices[:1]
    fields = tuple(
        replace(each, choices=known.get(each.name, each.choices)) for each in deed.fields
    )
    return Place(number, f"/console/cases/{number}", {"case_id": case.case_id}, fields=fields)


async def contracts(request: Asked, borrower_id: int) -> tuple[tuple[str, str], ...]:
    """A borrower's contracts to choose from, newest first."""
    pool = services(request).pool
    found = await book.book(pool)
    assert found is not None
    async with pool.acquire() as connection:
        rows = await book.contracts_of(connection, borrower_id, found.today, limit=50)
    names = [written("contract", each.contract_id) for each in rows]
    return tuple((name, name) for name in names)


# -- a file, which comes in a form of several parts ------------------------------------------------

ATTACH = Deed(
    "attach", _("Attach a file"), _("It is kept encrypted, and handed out to be stored."), (WAY,)
)
ROOM = 200_000
"""Bytes of a form beside its file."""


@get(f"{CASE}/do/attach", opt=needs("cases:write"))
async def attach_form(request: Asked, case: Word) -> Response[str]:  # noqa: ARG001 - its address
    """The form for a file."""
    return await file_form(request, {})


async def file_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[str]:
    """The form, with what was refused."""
    place = await place_of(request, ATTACH)
    return await show(
        request, "case_file.html", status=status, deed=ATTACH, place=place, given=given,
        refusal=refusal, fields=place.fields,
    )  # fmt: skip


@post(
    f"{CASE}/do/attach", opt=needs("cases:write"),
    request_max_body_size=files.FILE_MOST + ROOM,
)  # fmt: skip
async def attach(request: Asked, case: Word) -> Response[Any]:
    """Keep a file."""
    words, name, content = await form_with_file(request)
    try:
        if not name:
            raise Refused("R-FORM-01", "choose a file", "file")
        way = rules.code(rules.WAYS, words.get("way", ""), "way")
        who = acting(request.user, key_of(words), hash_of(request, words))
        work = services(request).cases.work
        answer = await work.attach(identifier("case", case), way, name, content, who)
    except Refused as refused:
        status = STATUS.get(refused.refusal.rule, 422)
        return await file_form(request, words, refused.refusal, status)
    done = written("operation", answer.operation_id)
    return moved(f"/console/cases/{case}", done=done)


HANDLERS = [attach_form, attach, *(each for on in (*ON_CASE, *ON_PROPOSAL) for each in routes(on))]
