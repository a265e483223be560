"""Cases: the list with its clocks, one case, a new one, a file of one, and all of them in sums."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

import msgspec
from litestar import Response, get, post

from usance.cases import read, rules, statistics, store
from usance.cases.intake import Opening
from usance.cases.records import Case
from usance.core.identifiers import borrower_of_contract, parse, written
from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.once import STATUS
from usance.web.acting import acting, looked
from usance.web.charts import Chart, Series
from usance.web.console import case_deeds, case_words
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.forms import Field
from usance.web.console.names import names_of
from usance.web.console.render import (
    INTEGER_MAX,
    Asked,
    Number,
    Word,
    identifier,
    moved,
    services,
    show,
    translated,
)
from usance.web.security import needs
from usance.web.services import CaseRoom

PAGE = 50
VIEWS = ("soon", "late", "mine", "all")


def room(request: Asked) -> CaseRoom:
    """The room of cases."""
    return services(request).cases


@get("/cases", opt=needs("cases:read"))
async def cases(request: Asked) -> Response[str]:
    """The most urgent first; or those that are late, one's own, or all that fit."""
    query, desk = request.query_params, room(request).desk
    which = query.get("view", "soon") if query.get("view", "soon") in VIEWS else "soon"
    state, kind = one_of(query.get("state"), rules.STATES), one_of(query.get("kind"), rules.KINDS)
    if which in ("soon", "late"):
        rows = await read.by_clock(desk, which, due_cursor(query.get("after", "")), PAGE + 1)
    else:
        before = store.LAST
        with suppress(ValueError):
            before = parse("case", query.get("after", ""))
        mine = request.user.staff_id if which == "mine" else 0
        rows = await read.listed(desk, before, PAGE + 1, state=state, kind=kind, assignee=mine)
    return await show(
        request, "cases.html", rows=rows[:PAGE], which=which, state=state, kind=kind,
        ends=ends_of(request, rows), names=await names_of(request),
        soon_days=desk.policy.soon_days,
        next=cursor_of(rows[PAGE - 1], which) if len(rows) > PAGE else "",
    )  # fmt: skip


def one_of(text: str | None, table: dict[str, int]) -> str:
    """A name of a table; empty for any."""
    return text if text in table else ""


def due_cursor(text: str) -> tuple[date, int]:
    """Day and number of the last case of the page before; from the first if it cannot be read."""
    day, _, number = text.partition(".")
    with suppress(ValueError):
        return date.fromisoformat(day), parse("case", number)
    return date.min, 0


def cursor_of(case: Case, which: str) -> str:
    """Where the next page begins."""
    number = written("case", case.case_id)
    return f"{case.decide_by}.{number}" if which in ("soon", "late") else number


def ends_of(request: Asked, rows: list[Case]) -> dict[int, read.Ends]:
    """Where the clock of each case stands."""
    return {each.case_id: read.clock(room(request).desk, each) for each in rows}


@get("/cases/{case:str}", opt=needs("cases:read"))
async def case_page(request: Asked, case: Word) -> Response[str]:
    """One case: its words, clocks, messages, files, outcomes and history."""
    desk = room(request).desk
    found = await read.opened(desk, identifier("case", case))
    await looked(services(request), request.user, found.case.borrower_id)
    return await show(
        request, "case.html", found=found, case=found.case, number=case, seal=found.seal,
        ends=read.clock(desk, found.case), rule=found.case.clock_rule,
        details=[msgspec.json.decode(row["detail"]) for row in found.events],
        deeds=[each.deed for each in case_deeds.offered(found)], attach=case_deeds.ATTACH,
        takes_words=case_deeds.takes_words(found.case), names=await names_of(request),
        proposed=next((o for o in found.outcomes if o.state == rules.PROPOSED), None),
        decidable=rules.UNDER_WAY,
    )  # fmt: skip


@get("/cases/{case:str}/attachments/{number:int}", opt=needs("cases:read"))
async def case_file(request: Asked, case: Word, number: Number) -> Response[bytes]:
    """A file, to be stored and not to be shown in place."""
    desk = room(request).desk
    found = await read.file(desk, identifier("case", case), min(number, INTEGER_MAX))
    await looked(services(request), request.user, found.borrower_id)
    return Response(
        found.content, media_type=found.media_type,
        headers={"content-disposition": found.disposition},
    )  # fmt: skip


# -- a new case ------------------------------------------------------------------------------------

KIND = Field(
    "kind", "", "choice",
    choices=tuple((name, case_words.KINDS[n]) for name, n in rules.KINDS.items()),
)  # fmt: skip
TEXT = Field("text", "", "words")
ABOUT = {rules.OPERATION: "operation", rules.CASE: "case", rules.FACT: "fact"}


@get("/cases/new", opt=needs("cases:write"))
async def new_case(request: Asked) -> Response[str]:
    """The form for a case; the address says whom and what it is about."""
    return await opening_form(request, dict(request.query_params))


async def opening_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[str]:
    """The form, with what was filled in and refused."""
    return await show(
        request, "new_case.html", status=status, given=given, refusal=refusal, kinds=KIND.choices,
        jurisdictions=list(room(request).desk.policy.jurisdictions), home=room(request).desk.home,
        subjects=[(name, case_words.SUBJECTS[n]) for name, n in rules.SUBJECTS.items() if n],
    )  # fmt: skip


@post("/cases/new", opt=needs("cases:write"))
async def open_case(request: Asked) -> Response[Any]:
    """Open a case."""
    form = await form_of(request)
    try:
        who = acting(request.user, key_of(form), hash_of(request, form))
        answer = await room(request).work.open(opening_of(form), rules.CONSOLE, who)
    except Refused as refused:
        status = STATUS.get(refused.refusal.rule, 422)
        return await opening_form(request, form, refused.refusal, status)
    done = written("operation", answer.operation_id)
    return moved(f"/console/cases/{answer.document['case_id']}", done=done)


def opening_of(form: dict[str, str]) -> Opening:
    """What a filled-in form opens; raises ``Refused``."""
    subject = form.get("subject") or "nothing"
    code = rules.code(rules.SUBJECTS, subject, "subject")
    number = Field("number", "", "whole", needed=False).parse(form.get("number", ""), 0)
    return Opening(
        kind=str(KIND.parse(form.get("kind", ""), 0)),
        text=str(TEXT.parse(form.get("text", ""), 0)), jurisdiction=form.get("jurisdiction", ""),
        borrower_id=id_of("borrower", form.get("borrower", ""), "borrower"), subject=subject,
        subject_id=id_of(ABOUT.get(code, "contract"), form.get("about", ""), "about"),
        subject_number=int(number),
    )  # fmt: skip


@rule("R-FOUND-01")
def id_of(kind: str, text: str, path: str) -> int:
    """An id, 0 for none; what cannot be one is not there."""
    if not text.strip():
        return 0
    with suppress(ValueError):
        return parse(kind, text.strip())
    raise Refused("R-FOUND-01", f"there is no such {kind}", path)


async def of_borrower(request: Asked, borrower_id: int) -> list[Case]:
    """A borrower's newest cases, for the borrower's page; none for who may not read them."""
    if "cases:read" not in request.user.permissions:
        return []
    return await store.of_borrower(services(request).pool, borrower_id, limit=20)


async def of_contract(request: Asked, contract_id: int) -> list[Case]:
    """The newest cases about a contract, for its page."""
    if "cases:read" not in request.user.permissions:
        return []
    owner = borrower_of_contract(contract_id)
    found = await store.of_borrower(services(request).pool, owner, limit=200)
    about = (rules.CONTRACT, rules.EVENT, rules.NOTICE)
    return [each for each in found if each.subject in about and each.subject_id == contract_id]


# -- sums ------------------------------------------------------------------------------------------


@get("/cases/statistics", opt=needs("cases:read"))
async def case_statistics(request: Asked) -> Response[str]:
    """How many, how old, in time, upheld, after how many days."""
    since, until = (day_of(request.query_params.get(name, "")) for name in ("since", "until"))
    found = await statistics.statistics(room(request).desk, since, until)

    def _(message: str) -> str:
        return translated(request, message)

    return await show(
        request, "case_statistics.html", found=found, ages=ages_chart(found, _), whole=str,
        age_names=[_(each) for each in case_words.AGES],
    )  # fmt: skip


def day_of(text: str) -> date | None:
    """A day; None if it cannot be read."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None


def ages_chart(found: statistics.Statistics, _: Callable[[str], str]) -> Chart:
    """Open cases by age and kind."""
    kinds = [
        (_(case_words.KINDS[rules.KINDS[name]]), each.ages)
        for name, each in found.kinds.items() if any(each.ages)
    ]  # fmt: skip
    return Chart(
        "stacked", _("Open cases by age"),
        _("How many cases are open or wait for the borrower, by days since they came in, and kind. "
          "Whatever day they came in."),
        _("Days"), [_(each) for each in case_words.AGES],
        [Series(name, ages) for name, ages in kinds] or [Series(_("Cases"), [0] * 5)], str,
    )  # fmt: skip


HANDLERS = [
    cases, case_statistics, new_case, open_case, case_page, case_file, *case_deeds.HANDLERS,
]
