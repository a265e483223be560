"""On a borrower's page: erase the person, hold against it, and everything held as a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity import erasure
from usance.identity.accesses import EXPORT
from usance.web import personal
from usance.web.console.actions import asking_of, form_of
from usance.web.console.deeds import ask_for, moved_on
from usance.web.console.labels import REASONS
from usance.web.console.render import Asked, Word, identifier, moved, services, show
from usance.web.problems import not_found
from usance.web.security import needs


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message



@dataclass(frozen=True, slots=True)
class Deed:
    """Something done to what is held of a person, with the reasons to choose from."""

    name: str
    label: str
    sentence: str
    reasons: tuple[str, ...]
    grave: bool = False


ERASE = Deed(
    "erase", _("Erase the person"),
    _("Destroys the person's key: name, phone, identity number and e-mail can never be read again. "
      "Contracts, ledger and audit stay, about a number."),
    erasure.REASONS, grave=True,
)  # fmt: skip
HOLD = Deed(
    "legal-hold", _("Set a legal hold"), _("Nobody can erase the person while it stands."),
    erasure.HOLD_REASONS,
)  # fmt: skip
LIFT = Deed("lift-hold", _("Lift the legal hold"), _("The person can be erased again."), ())
DEEDS = {each.name: each for each in (ERASE, HOLD, LIFT)}


def deeds_for(status: int, hold: object) -> tuple[Deed, ...]:
    """What a borrower's page offers."""
    if status == 2:
        return ()
    return (LIFT,) if hold else (HOLD, ERASE)


def deed_of(name: str) -> Deed:
    """The deed of an address."""
    if name not in DEEDS:
        raise not_found("action")
    return DEEDS[name]


def act_of(deed: Deed, borrower_id: int, given: dict[str, str]) -> erasure.HeldAct:
    """What a form asks for."""
    if deed is ERASE:
        return erasure.EraseBorrower(borrower_id, given.get("reason", ""))
    if deed is HOLD:
        return erasure.SetLegalHold(borrower_id, given.get("reason", ""))
    return erasure.LiftLegalHold(borrower_id)


async def form(
    request: Asked, borrower: str, deed: Deed, given: Mapping[str, str],
    refusal: Refusal | None = None,
) -> Response[str]:  # fmt: skip
    """The form, with what was refused; 404 for nobody."""
    if not await services(request).borrowers.exists(identifier("borrower", borrower)):
        raise not_found("borrower")
    return await show(
        request, "erasure.html", status=422 if refusal else 200, borrower=borrower, deed=deed,
        given=given, refusal=refusal, reasons=[(each, REASONS[each]) for each in deed.reasons],
    )  # fmt: skip


DATA = "/borrowers/{borrower:str}/data/{name:str}"


@get(DATA, opt=needs("people:erase"))
async def data_form(request: Asked, borrower: Word, name: Word) -> Response[str]:
    """The form of a deed."""
    return await form(request, borrower, deed_of(name), {})


@post(DATA, opt=needs("people:erase"))
async def data_done(request: Asked, borrower: Word, name: Word) -> Response[Any]:
    """Erase, hold or lift, once for the key of the form, or let it wait."""
    deed, given = deed_of(name), await form_of(request)
    borrower_id = identifier("borrower", borrower)
    try:
        act = act_of(deed, borrower_id, given)
        done = await ask_for(request, act, asking_of(request, given))
    except Refused as refused:
        return await form(request, borrower, deed, given, refused.refusal)
    return moved_on(done, f"/console/borrowers/{borrower}")


@get("/borrowers/{borrower:str}/export", opt=needs("people:export"))
async def export(request: Asked, borrower: Word) -> Response[Any]:
    """Everything held about a borrower, as a file; for whom the reader gave a reason just now."""
    found, borrower_id = services(request), identifier("borrower", borrower)
    opening = (await found.accesses.opened(request.user, [borrower_id])).get(borrower_id)
    if opening is None:
        return moved(f"/console/borrowers/{borrower}/open")
    seen = found.accesses.by_staff(request.user, opening.reason, EXPORT)
    whole = await personal.export(found.pool, found.keys, borrower_id, seen)
    if whole is None:
        raise not_found("borrower")
    content = msgspec.json.format(msgspec.json.encode(whole), indent=2)
    name = {"content-disposition": f'attachment; filename="{borrower}.json"'}
    return Response(content, media_type="application/json", headers=name)


HANDLERS = [data_form, data_done, export]
