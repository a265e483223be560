"""Coming in: a code to a number, one more question where it is due, a signed link, log-out."""

from typing import Any

from litestar import Response, get, post

from usance.core.refusals import Refusal, Refused
from usance.identity.once import STATUS
from usance.identity.permissions import BORROWER, PUBLIC
from usance.web.console.actions import form_of
from usance.web.console.render import moved
from usance.web.portal.door import Door
from usance.web.portal.render import Asked, remember, show
from usance.web.portal.scope import Own
from usance.web.security import needs


def next_of(address: str) -> str:
    """Where to go: a page of the portal, never another site."""
    plain = address.isascii() and address.isprintable() and "\\" not in address
    inside = address == "/my" or address.startswith("/my/")
    return address if plain and inside else "/my"


def number_form(
    request: Asked, target: str, number: str = "", refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The form that asks for the number."""
    return show(
        request, "portal/login.html", status=status, next=target, number=number, refusal=refusal,
        is_open=Door(request).is_open,
    )  # fmt: skip


@get("/login", opt=needs(PUBLIC))
async def login_page(request: Asked) -> Response[Any]:
    """The form that asks for the number."""
    return number_form(request, next_of(request.query_params.get("next", "")))


@post("/login", opt=needs(PUBLIC, changes=False))
async def ask(request: Asked) -> Response[Any]:
    """Send a code, and on to where it is typed in: for every number alike."""
    form, door = await form_of(request), Door(request)
    target, number = next_of(form.get("next", "")), form.get("number", "")
    try:
        half = await door.ask(number)
    except Refused as refused:
        status = 429 if refused.refusal.rule == "R-LOGIN-05" else 422
        return number_form(request, target, number, refused.refusal, status)
    answer = moved("/my/login/code", next=target)
    door.keep_half(answer, half)
    return answer


def code_form(
    request: Asked, target: str, refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The form that takes the code."""
    return show(request, "portal/code.html", status=status, next=target, refusal=refusal)


@get("/login/code", opt=needs(PUBLIC))
async def code_page(request: Asked) -> Response[Any]:
    """The form for the code, or for the question after it."""
    target = next_of(request.query_params.get("next", ""))
    if await Door(request).waits() == "identity":
        return show(request, "portal/identity.html", next=target, refusal=None)
    return code_form(request, target)


@post("/login/code", opt=needs(PUBLIC))
async def enter(request: Asked) -> Response[Any]:
    """Begin a session with a code."""
    form, door = await form_of(request), Door(request)
    target = next_of(form.get("next", ""))
    try:
        begun = await door.enter(form.get("code", ""))
    except Refused as refused:
        return code_form(request, target, refused.refusal, status_of(refused))
    if begun is None:
        return moved("/my/login/code", next=target)
    answer = moved(target)
    door.keep(answer, begun)
    return answer


@post("/login/identity", opt=needs(PUBLIC))
async def answer_question(request: Asked) -> Response[Any]:
    """Begin a session with the end of the identity number, after a right code."""
    form, door = await form_of(request), Door(request)
    target = next_of(form.get("next", ""))
    try:
        begun = await door.answer(form.get("digits", ""))
    except Refused as refused:
        if await door.waits() != "identity":
            return code_form(request, target, refused.refusal, 422)
        return show(
            request, "portal/identity.html", status=422, next=target, refusal=refused.refusal
        )
    answer = moved(target)
    door.keep(answer, begun)
    return answer


@post("/login/not-me", opt=needs(PUBLIC))
async def not_me(request: Asked) -> Response[Any]:
    """Whoever holds the number says that it is not the borrower's; the code proves the number."""
    form, door = await form_of(request), Door(request)
    try:
        await door.not_me(form.get("code", ""))
    except Refused as refused:
        target = next_of(form.get("next", ""))
        return code_form(request, target, refused.refusal, status_of(refused))
    answer = show(request, "portal/not_me.html")
    remember(request, answer, "half", "", 0, strict=True)
    return answer


def status_of(refused: Refused) -> int:
    """429 where somebody is to slow down."""
    rule = refused.refusal.rule
    return 429 if rule == "R-LOGIN-05" else STATUS.get(rule, 422)


@get("/enter", opt=needs(PUBLIC))
async def link_page(request: Asked) -> Response[Any]:
    """A link's page: one button. Looking at it uses nothing up."""
    token = request.query_params.get("t", "")
    await Door(request).check_link(token)
    return show(request, "portal/enter.html", token=token)


@post("/enter", opt=needs(PUBLIC))
async def use_link(request: Asked) -> Response[Any]:
    """Begin a session with a link."""
    form, door = await form_of(request), Door(request)
    begun, target = await door.use_link(form.get("t", ""))
    answer = moved(f"/my/{target}" if target else "/my")
    door.keep(answer, begun)
    return answer


@post("/logout", opt=needs(BORROWER))
async def logout(request: Asked) -> Response[Any]:
    """End the session."""
    await Own(request).log_out()
    answer = moved("/my/login")
    remember(request, answer, "my", "", 0)
    return answer


HANDLERS = [
    login_page, ask, code_page, enter, answer_question, not_me, link_page, use_link, logout,
]
