"""Cases of the borrower: tell us what is wrong, talk about it, add files, and read the answer."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.once import STATUS
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, form_with_file, hash_of, key_of
from usance.web.console.render import Number, Word, moved
from usance.web.portal import labels
from usance.web.portal.own_known import OwnKnown
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs

UPLOAD_MOST = 5_200_000
"""Bytes of a form with a file in it; how large the file may be, R-FILE-02 says."""
INTEGER_MAX = 2**31 - 1


@get("/cases", opt=needs(BORROWER))
async def cases(request: Asked) -> Response[Any]:
    """All of the borrower's cases."""
    return show(request, "portal/cases.html", cases=await Own(request).cases())


async def opening_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """What is wrong, and with what."""
    own, contract = Own(request), given.get("contract", "")
    against = given.get("against", "")
    if against:
        await own.case(against)
    return show(
        request, "portal/new_case.html", status=status, given=given, refusal=refusal,
        contract=contract, against=against, kinds=labels.CASES_TO_OPEN,
        fact=await OwnKnown(request).one(given["fact"]) if given.get("fact") else None,
        contracts=(await own.home()).owed.contracts, products=await own.products(),
        events=await own.contract_events(contract) if contract else [],
    )  # fmt: skip


@get("/cases/new", opt=needs(BORROWER))
async def new_case(request: Asked) -> Response[Any]:
    """The form; the address may say which contract, entry or decision is meant."""
    return await opening_form(request, dict(request.query_params))


@post("/cases/new", opt=needs(BORROWER))
async def open_case(request: Asked) -> Response[Any]:
    """Open a case; its page says its number and until when it is answered."""
    form = await form_of(request)
    try:
        number = await Own(request).open_case(form, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await opening_form(request, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{number}", done="opened")


def status_of(refused: Refused) -> int:
    """The status of a refusal on a page."""
    return STATUS.get(refused.refusal.rule, 422)


async def one(
    request: Asked, case: str, given: dict[str, str], refusal: Refusal | None = None,
    status: int = 200,
) -> Response[Any]:  # fmt: skip
    """The page of a case, with what was refused."""
    found = await Own(request).case(case)
    return show(
        request, "portal/case.html", status=status, case=found, number=case, given=given,
        refusal=refusal, done=request.query_params.get("done", ""),
    )  # fmt: skip


@get("/cases/{case:str}", opt=needs(BORROWER))
async def case_page(request: Asked, case: Word) -> Response[Any]:
    """One case: where it stands, what was said, its files."""
    return await one(request, case, {})


Step = Callable[[Own, dict[str, str], str, bytes], Awaitable[None]]


async def done(request: Asked, case: str, step: Step) -> Response[Any]:
    """A step by a form; back to the case, with the refusal if there is one."""
    form = await form_of(request)
    try:
        await step(Own(request), form, key_of(form), hash_of(request, form))
    except Refused as refused:
        return await one(request, case, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{case}")


@post("/cases/{case:str}/say", opt=needs(BORROWER))
async def say(request: Asked, case: Word) -> Response[Any]:
    """Write to the house."""
    return await done(
        request, case,
        lambda own, form, key, hashed: own.write_in_case(case, form.get("text", ""), key, hashed),
    )  # fmt: skip


@post("/cases/{case:str}/reopen", opt=needs(BORROWER))
async def reopen(request: Asked, case: Word) -> Response[Any]:
    """Not leave it at that."""
    return await done(
        request, case,
        lambda own, form, key, hashed: own.reopen_case(case, form.get("text", ""), key, hashed),
    )  # fmt: skip


@post("/cases/{case:str}/withdraw", opt=needs(BORROWER))
async def withdraw(request: Asked, case: Word) -> Response[Any]:
    """Take it back."""
    return await done(
        request, case, lambda own, _, key, hashed: own.withdraw_case(case, key, hashed)
    )


@post("/cases/{case:str}/attach", opt=needs(BORROWER), request_max_body_size=UPLOAD_MOST)
async def attach(request: Asked, case: Word) -> Response[Any]:
    """Add a file."""
    form, name, content = await form_with_file(request)
    try:
        if not name:
            await Own(request).case(case)
            raise Refused("R-FORM-01", "choose a file", "file")
        await Own(request).attach_to_case(
            case, name, content, key_of(form), hash_of(request, form)
        )
    except Refused as refused:
        return await one(request, case, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{case}")


@get("/cases/{case:str}/attachments/{number:int}", opt=needs(BORROWER))
async def case_file(request: Asked, case: Word, number: Number) -> Response[bytes]:
    """A file, to be stored and not to be shown in place."""
    found = await Own(request).file_of_case(case, min(number, INTEGER_MAX))
    headers = {"content-disposition": found.disposition}
    return Response(found.content, media_type=found.media_type, headers=headers)


HANDLERS = [
    cases, new_case, open_case, case_page, say, reopen, withdraw, attach, case_file,
]
