"""Borrowers and what each of them has."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.accesses import DETAILS, EXPORT, LIST, SEARCH, SEES, Access, Seen
from usance.identity.borrowers import Borrower
from usance.identity.machine import MachineClient
from usance.identity.once import Answer
from usance.identity.people import Person
from usance.identity.staff import StaffSession
from usance.servicing import api_read
from usance.servicing import read as models
from usance.web import personal
from usance.web.api import bodies, views
from usance.web.api.contracts import products, today
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.problems import not_found

LAST = 2**62


class BorrowerView(Struct):
    """A borrower's details."""

    borrower_id: str
    status: str
    name: str
    phone: str
    identity_number: str
    email: str
    language: str
    registered_on: str


class AccessView(Struct):
    """A look at a borrower's details: by whom, as what, and why."""

    access_id: str
    at: str
    actor: str
    acted_as: str
    reason: str
    note: str
    what: str


@change("POST", "/v1/borrowers", "borrowers:write")
async def register_borrower(asked: Asked[Empty], body: bodies.BorrowerBody) -> Answer:
    """Register a person; an identity number and a phone belong to one borrower each."""
    person = Person(body.name, body.phone, body.identity_number, body.email, body.language)
    return await asked.services.borrowers.register(
        person, actor=asked.caller.actor, key=asked.key, request_hash=asked.request_hash
    )


@rule("R-ACCESS-01")
def sees_people(caller: Any) -> bool:
    """Whether it is a member of staff who may see people in clear."""
    return isinstance(caller, StaffSession) and SEES in caller.permissions


@rule("R-ACCESS-01", "R-ACCESS-03")
def seen_by(asked: Asked[Any], what: str) -> Seen | None:
    """What is noted of this look; None for a member of staff who may not see, or gives no reason.

    They are shown the details masked.
    """
    caller, accesses = asked.caller, asked.services.accesses
    if isinstance(caller, MachineClient):
        return accesses.by_machine(caller.actor, caller.name, asked.reason, what)
    assert isinstance(caller, StaffSession)
    if sees_people(caller) and asked.reason:
        return accesses.by_staff(caller, asked.reason, what)
    return None


def view(found: Borrower, seen: Seen | None) -> BorrowerView:
    """In clear for whom it is noted."""
    return BorrowerView(**(found if seen else found.masked()).document())


@read("/v1/borrowers", "borrowers:read", shows_people=True)
async def borrowers(asked: Asked[PageQuery]) -> Page[BorrowerView]:
    """All borrowers, in the order of their place in the book."""
    after, seen = position(asked.query, 0, 2**53), seen_by(asked, LIST)
    found = await asked.services.borrowers.page(after, asked.query.limit, seen)
    items = [view(each, seen) for each in found]
    return page(items, asked.query, found[-1].borrower_id if found else 0)


@read("/v1/borrowers/search", "borrowers:read", method="POST", shows_people=True)
async def search_borrower(asked: Asked[Empty], body: bodies.SearchBody) -> BorrowerView:
    """Find a borrower by phone or by identity number, kept out of addresses and logs."""
    borrowers = asked.services.borrowers
    if (body.phone is None) == (body.identity_number is None):
        raise Refused("R-DOC-01", "give a phone or an identity number", "phone")
    if body.phone is not None:
        borrower_id = await borrowers.by_phone(body.phone)
    else:
        borrower_id = await borrowers.by_identity_number(body.identity_number or "")
    return await shown(asked, borrower_id or 0, SEARCH)


@read("/v1/borrowers/{borrower_id}", "borrowers:read", shows_people=True)
async def borrower(asked: Asked[Empty]) -> BorrowerView:
    """One borrower's details."""
    return await shown(asked, asked.at["borrower_id"], DETAILS)


async def shown(asked: Asked[Any], borrower_id: int, what: str) -> BorrowerView:
    """The borrower; 404 without one."""
    seen = seen_by(asked, what)
    found = await asked.services.borrowers.read(borrower_id, seen)
    if found is None:
        raise not_found("borrower", "borrower_id")
    return view(found, seen)


@read("/v1/borrowers/{borrower_id}/accesses", "borrowers:read")
async def accesses(asked: Asked[PageQuery]) -> Page[AccessView]:
    """Who was shown a borrower's details, and why; newest first.

    The inside notes are for members of staff who may see people; to others they are empty.
    """
    borrower_id = asked.at["borrower_id"]
    if not await asked.services.borrowers.exists(borrower_id):
        raise not_found("borrower", "borrower_id")
    before = position(asked.query, 2**63 - 1)
    found = await asked.services.accesses.of_borrower(
        borrower_id, before, asked.query.limit, with_notes=sees_people(asked.caller)
    )
    return page([access_view(each) for each in found], asked.query,
                found[-1].access_id if found else 0)  # fmt: skip


def access_view(found: Access) -> AccessView:
    """A look, as the API says it."""
    return AccessView(
        str(found.access_id), found.at.isoformat(), found.actor, found.acted_as, found.reason,
        found.note, found.what,
    )  # fmt: skip


@read("/v1/borrowers/{borrower_id}/export", "people:export", shows_people=True)
@rule("R-ACCESS-01")
async def export_borrower(asked: Asked[Empty]) -> personal.Export:
    """Everything held about a borrower, as of one moment.

    ``parts`` holds each part by its name, in the shapes of this API; later versions add parts.
    """
    services = asked.services
    seen = seen_by(asked, EXPORT)
    if seen is None:  # half of it would pass for everything
        raise Refused("R-ACCESS-01", "a reason is needed: name it in Access-Reason", "reason")
    found = await personal.export(services.pool, services.keys, asked.at["borrower_id"], seen)
    if found is None:
        raise not_found("borrower", "borrower_id")
    return found


async def whole(asked: Asked[Any]) -> models.BorrowerPage:
    """Everything of the borrower of the path; 404 without one."""
    borrower_id = asked.at["borrower_id"]
    if not await asked.services.borrowers.exists(borrower_id):
        raise not_found("borrower", "borrower_id")
    return await models.borrower_page(asked.services.pool, borrower_id, await today(asked))


@read("/v1/borrowers/{borrower_id}/lines", "lines:read")
async def lines(asked: Asked[Empty]) -> Page[views.LineView]:
    """A borrower's limits, and what is used and held of each."""
    found, named = await whole(asked), await products(asked)
    return Page([views.line_view(row, named, asked.money) for row in found.lines], None)


@read("/v1/borrowers/{borrower_id}/lines/{code}", "lines:read")
async def line(asked: Asked[Empty]) -> views.LineView:
    """One line, by its product."""
    for each in (await lines(asked)).items:
        if each.product == asked.at["code"]:
            return each
    raise not_found("line", "code")


@read("/v1/borrowers/{borrower_id}/offers", "offers:read")
async def offers(asked: Asked[Empty]) -> Page[views.OfferView]:
    """A borrower's newest offers."""
    found, named = await whole(asked), await products(asked)
    return Page([views.offer_view(row, named, asked.money) for row in found.offers], None)


@read("/v1/borrowers/{borrower_id}/offers/{offer_id}", "offers:read")
async def offer(asked: Asked[Empty]) -> views.OfferView:
    """One offer with its cost sheet."""
    named = await products(asked)
    row = await api_read.offer(asked.services.pool, asked.at["borrower_id"], asked.at["offer_id"])
    if row is None:
        raise not_found("offer", "offer_id")
    return views.offer_view(row, named, asked.money)


@read("/v1/borrowers/{borrower_id}/authorisations", "purchases:read")
async def authorisations(asked: Asked[Empty]) -> Page[views.HoldView]:
    """A borrower's newest holds."""
    found = await whole(asked)
    return Page([views.hold_view(row, asked.money) for row in found.authorisations], None)


@read("/v1/borrowers/{borrower_id}/authorisations/{authorisation_id}", "purchases:read")
async def authorisation(asked: Asked[Empty]) -> views.HoldView:
    """One hold."""
    borrower_id, hold_id = asked.at["borrower_id"], asked.at["authorisation_id"]
    row = await api_read.authorisation(asked.services.pool, borrower_id, hold_id)
    if row is None:
        raise not_found("authorisation", "authorisation_id")
    return views.hold_view(row, asked.money)


@read("/v1/borrowers/{borrower_id}/contracts", "contracts:read")
async def contracts(asked: Asked[PageQuery]) -> Page[views.ContractView]:
    """A borrower's contracts as they stand, newest first."""
    borrower_id = asked.at["borrower_id"]
    if not await asked.services.borrowers.exists(borrower_id):
        raise not_found("borrower", "borrower_id")
    on, named, before = await today(asked), await products(asked), position(asked.query, LAST)
    async with asked.services.pool.acquire() as connection:
        found = await models.contracts_of(
            connection, borrower_id, on, before=before, limit=asked.query.limit
        )
    items = [views.contract_view(each, named[each.product_id].code, asked.money) for each in found]
    return page(items, asked.query, found[-1].contract_id if found else 0)


@read("/v1/borrowers/{borrower_id}/operations", "operations:read")
async def operations_of_borrower(asked: Asked[PageQuery]) -> Page[views.OperationView]:
    """What was done to a borrower, newest first."""
    rows = await models.operations(
        asked.services.pool, borrower_id=asked.at["borrower_id"],
        before=position(asked.query, 2**63 - 1), limit=asked.query.limit,
    )  # fmt: skip
    items = [views.operation_view(row) for row in rows]
    return page(items, asked.query, rows[-1]["operation_id"] if rows else 0)
