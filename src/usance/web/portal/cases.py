"""Cases of a borrower: what was said, by when an answer comes, and what came of it."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import BORROWER
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.render import Word, moved
from usance.web.portal import labels
from usance.web.portal.entrance import status_of
from usance.web.portal.render import Asked, show
from usance.web.portal.scope import Own
from usance.web.security import needs


@get("/cases", opt=needs(BORROWER))
async def cases(request: Asked) -> Response[Any]:
    """The borrower's cases, and the form for another one."""
    return await listed(request, {})


async def listed(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The list, with what was filled in and refused."""
    return show(
        request, "portal/cases.html", status=status, rows=await Own(request).cases(),
        given=given, refusal=refusal, kinds=labels.OWN_CASES,
    )  # fmt: skip


@post("/cases", opt=needs(BORROWER))
async def open_case(request: Asked) -> Response[Any]:
    """Open a case, once for a form."""
    form = await form_of(request)
    try:
        done = await Own(request).open_case(
            form.get("kind", ""), plain(form), key_of(form), hash_of(request, form)
        )
    except Refused as refused:
        return await listed(request, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{done['case_id']}")


@get("/cases/{case:str}", opt=needs(BORROWER))
async def case_page(request: Asked, case: Word) -> Response[Any]:
    """One case."""
    return await one(request, case, {})


async def one(
    request: Asked, case: str, given: dict[str, str], refusal: Refusal | None = None,
    status: int = 200,
) -> Response[Any]:  # fmt: skip
    """One case, with what was filled in and refused."""
    return show(
        request, "portal/case.html", status=status, case=await Own(request).case(case),
        given=given, refusal=refusal,
    )  # fmt: skip


@post("/cases/{case:str}/messages", opt=needs(BORROWER))
async def say(request: Asked, case: Word) -> Response[Any]:
    """A message of the borrower."""
    return await done_to(request, case, "say")


@post("/cases/{case:str}/withdraw", opt=needs(BORROWER))
async def withdraw(request: Asked, case: Word) -> Response[Any]:
    """The borrower takes the case back."""
    return await done_to(request, case, "withdraw")


@post("/cases/{case:str}/reopen", opt=needs(BORROWER))
async def reopen(request: Asked, case: Word) -> Response[Any]:
    """The borrower does not leave it at that."""
    return await done_to(request, case, "reopen")


async def done_to(request: Asked, case: str, what: str) -> Response[Any]:
    """Something that a borrower does to their case; back to it, with what was refused."""
    form, own = await form_of(request), Own(request)
    try:
        key, hashed = key_of(form), hash_of(request, form)
        if what == "withdraw":
            await own.withdraw_case(case, key, hashed)
        else:
            act = own.say_in_case if what == "say" else own.reopen_case
            await act(case, plain(form), key, hashed)
    except Refused as refused:
        return await one(request, case, form, refused.refusal, status_of(refused))
    return moved(f"/my/cases/{case}")


def plain(form: dict[str, str]) -> str:
    """What was written, with plain ends of lines."""
    return form.get("text", "").replace("\r\n", "\n")


HANDLERS = [cases, open_case, case_page, say, withdraw, reopen]
