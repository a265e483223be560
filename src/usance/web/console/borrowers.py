"""Borrowers: the list, the search, one borrower, a line, an offer."""

from contextlib import suppress
from typing import Any

from litestar import Response, get, post

from usance.core.identifiers import cell_of_borrower, parse, written
from usance.core.refusals import Refusal, Refused
from usance.identity.borrowers import ACTIVE
from usance.identity.erasure_sql import hold as legal_hold
from usance.identity.people import LANGUAGES, Person
from usance.servicing import cost_read, read
from usance.web.console import cases, forms
from usance.web.console.access import people, person
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.erasure import deeds_for
from usance.web.console.render import Asked, Word, identifier, moved, services, show
from usance.web.problems import not_found
from usance.web.security import needs

PAGE = 50


async def today_of(request: Asked) -> int:
    """The business date as an ordinal."""
    book = await read.book(services(request).pool)
    assert book is not None  # the application does not start without one
    return book.today


@get("/borrowers", opt=needs("borrowers:read"))
async def borrowers(request: Asked) -> Response[Any]:
    """The list, all or those past due; or what a search finds."""
    query = request.query_params.get("q", "").strip()
    if query:
        return await search(request, query)
    late = request.query_params.get("late") == "1"
    today, pool = await today_of(request), services(request).pool
    if late:
        rows = await read.late_borrowers(pool, today, late_cursor(request), PAGE + 1)
    else:
        rows = await read.borrowers(pool, borrower_cursor(request), PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    shown = await people(request, [r["borrower_id"] for r in rows])
    return await show(
        request, "borrowers.html", rows=rows, query="", refusal=None, late=late, today=today,
        names={borrower_id: each.person.name for borrower_id, each in shown.items()},
        next=cursor_of(rows[-1], late=late) if more else "",
    )  # fmt: skip


def cursor_of(row: Any, *, late: bool) -> str:
    """Where the next page begins."""
    after = written("borrower", row["borrower_id"])
    return f"{row['late_from']}.{after}" if late else after


def borrower_cursor(request: Asked) -> int:
    """The id after which the page begins; from the first if it cannot be read."""
    with suppress(ValueError):
        return parse("borrower", request.query_params.get("after", ""))
    return 0


def late_cursor(request: Asked) -> tuple[int, int]:
    """The oldest unmet due day and the id after which the page begins."""
    day, _, after = request.query_params.get("after", "").partition(".")
    with suppress(ValueError):
        return min(int(day), 2**31 - 1), parse("borrower", after)
    return 0, 0


async def search(request: Asked, query: str) -> Response[Any]:
    """By id, contract id, phone or identity number: never by name, names are encrypted."""
    for kind, place in (("borrower", "borrowers"), ("contract", "contracts")):
        with suppress(ValueError):
            parse(kind, query.lower())
            return moved(f"/console/{place}/{query.lower()}")
    found = None
    for look_up in (services(request).borrowers.by_phone, by_number(request)):
        with suppress(Refused):
            found = found or await look_up(query)
    if found is not None:
        return moved(f"/console/borrowers/{written('borrower', found)}")
    refusal = Refusal("R-FOUND-01", "nobody has this id, phone or identity number")
    return await show(
        request, "borrowers.html", status=404, rows=[], query=query, refusal=refusal, late=False,
        today=0, names={}, next="",
    )  # fmt: skip


def by_number(request: Asked) -> Any:
    """The look-up by identity number."""
    return services(request).borrowers.by_identity_number


@get("/borrowers/new", opt=needs("borrowers:write"))
async def new_borrower(request: Asked) -> Response[str]:
    """The form for a new borrower."""
    return await person_form(request, {})


async def person_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[str]:
    """The form, with what was filled in."""
    return await show(
        request, "new_borrower.html", status=status, given=given, refusal=refusal,
        languages=LANGUAGES,
    )  # fmt: skip


@post("/borrowers/new", opt=needs("borrowers:write"))
async def register(request: Asked) -> Response[Any]:
    """Register a borrower."""
    form = await form_of(request)
    details = Person(
        form.get("name", ""), form.get("phone", ""), form.get("identity_number", ""),
        form.get("email", ""), form.get("language", LANGUAGES[0]),
    )  # fmt: skip
    try:
        key = key_of(form)
    except Refused as refused:
        return await person_form(request, form, refused.refusal, 422)
    answer = await services(request).borrowers.register(
        details, actor=request.user.actor, key=key, request_hash=hash_of(request, form)
    )
    if answer.status >= 400:
        found = answer.document
        refusal = Refusal(found["rule"], found["detail"], found.get("path", ""))
        return await person_form(request, form, refusal, answer.status)
    done = written("operation", answer.operation_id)
    return moved(f"/console/borrowers/{answer.document['borrower_id']}", done=done)


@get("/borrowers/{borrower:str}", opt=needs("borrowers:read"))
async def borrower_page(request: Asked, borrower: Word) -> Response[str]:
    """One borrower: lines, contracts, offers, holds, operations."""
    borrower_id = identifier("borrower", borrower)
    shown = await person(request, borrower_id)
    pool = services(request).pool
    found = await read.borrower_page(pool, borrower_id, await today_of(request))
    hold = await legal_hold(pool, borrower_id)
    return await show(
        request, "borrower.html", who=shown.person, until=shown.until, found=found,
        products=await read.products(pool), hold=hold, deeds=deeds_for(shown.person.status, hold),
        actions=forms.ON_BORROWER if shown.person.status == ACTIVE else (),
        cases=await cases.of_borrower(request, borrower_id),
        relatives=await relatives(request, borrower_id),
    )  # fmt: skip


async def relatives(request: Asked, borrower_id: int) -> list[dict[str, Any]]:
    """Whom the borrower named and how it stands, without who they are; for who may see that."""
    if "consents:read" not in request.user.permissions:
        return []
    return await services(request).family.states(borrower_id)


@get("/borrowers/{borrower:str}/operations", opt=needs("operations:read"))
async def borrower_operations(request: Asked, borrower: Word) -> Response[str]:
    """All operations of one borrower."""
    borrower_id = identifier("borrower", borrower)
    before = operation_cursor(request)
    rows = await read.operations(
        services(request).pool, borrower_id=borrower_id, before=before, limit=PAGE + 1
    )
    return await show(
        request, "operations.html", rows=rows[:PAGE], borrower=borrower,
        next=written("operation", rows[PAGE - 1]["operation_id"]) if len(rows) > PAGE else "",
    )  # fmt: skip


def operation_cursor(request: Asked) -> int:
    """The operation before which the page begins; the newest if it cannot be read."""
    with suppress(ValueError):
        return parse("operation", request.query_params.get("before", ""))
    return read.LAST


@get("/borrowers/{borrower:str}/lines/{product:str}", opt=needs("lines:read"))
async def line_page(request: Asked, borrower: Word, product: Word) -> Response[str]:
    """A line: limit, used, held; its account and contracts."""
    borrower_id, pool = identifier("borrower", borrower), services(request).pool
    products = await read.products(pool)
    found = await read.borrower_page(pool, borrower_id, await today_of(request))
    codes = {p.product_id: p for p in products.values() if p.code == product}
    line = next((each for each in found.lines if each["product_id"] in codes), None)
    if line is None:
        raise not_found("line")
    mine = [
        c for c in found.contracts
        if c.product_id == line["product_id"]
        or (c.parent_id and c.parent_id == line["contract_id"])
    ]  # fmt: skip
    return await show(
        request, "line.html", borrower=borrower, line=line, product=codes[line["product_id"]],
        contracts=mine, products=products, actions=forms.ON_LINE,
        holds=[h for h in found.authorisations if h["contract_id"] == line["contract_id"]],
    )  # fmt: skip


@get("/borrowers/{borrower:str}/offers/{offer:str}", opt=needs("offers:read"))
async def offer_page(request: Asked, borrower: Word, offer: Word) -> Response[str]:
    """An offer with its cost sheet."""
    borrower_id, offer_id = identifier("borrower", borrower), identifier("offer", offer)
    pool = services(request).pool
    found = await read.offer(pool, cell_of_borrower(borrower_id), borrower_id, offer_id)
    if found is None:
        raise not_found("offer")
    return await show(
        request, "offer.html", borrower=borrower, offer=found, today=await today_of(request),
        products=await read.products(pool), actions=forms.ON_OFFER,
        kept=await cost_read.of_offer(pool, borrower_id, offer_id),
    )  # fmt: skip


HANDLERS = [
    borrowers, new_borrower, register, borrower_page, borrower_operations, line_page, offer_page,
]
