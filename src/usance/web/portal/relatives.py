"""Pages of relatives, who have no account: answer an invitation, stop it, report misuse."""

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie

from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import PUBLIC
from usance.web import i18n
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.pages import YEAR
from usance.web.console.render import THEMES, moved
from usance.web.portal.entrance import status_of
from usance.web.portal.family_door import FamilyDoor
from usance.web.portal.render import Asked, show
from usance.web.security import needs

START = "/family"
SECOND_YES = "R-FAMILY-06"
KEY_MOST = 200
DONE = ("accepted", "refused", "stopped", "never", "reported")


@post("/settings", opt=needs(PUBLIC, changes=False))
async def settings(request: Asked) -> Response[Any]:
    """Language and colours of this browser; nothing of the book changes."""
    form = await form_of(request)
    back = form.get("back", "")
    plain = back.isascii() and back.isprintable() and "\\" not in back
    inside = plain and (back == START or back.startswith(f"{START}/"))
    answer = moved(back if inside else START)
    for name, values in (("language", tuple(i18n.LANGUAGES)), ("theme", THEMES)):
        if form.get(name) in values:
            answer.set_cookie(
                Cookie(key=name, value=form[name], path=START, samesite="lax", max_age=YEAR)
            )
    return answer


def code_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The code of the invitation, and the end of one's own number."""
    return show(
        request, "family/start.html", status=status, given=given, refusal=refusal,
        is_open=FamilyDoor(request).is_open,
    )  # fmt: skip


@get("/", opt=needs(PUBLIC))
async def start(request: Asked) -> Response[Any]:
    """Where somebody who was invited begins."""
    return code_form(request, {})


@post("/", opt=needs(PUBLIC))
async def knock(request: Asked) -> Response[Any]:
    """A one-time code goes to the number that was invited."""
    form, door = await form_of(request), FamilyDoor(request)
    try:
        half = await door.knock(form.get("code", ""), form.get("digits", ""))
    except Refused as refused:
        return code_form(request, form, refused.refusal, status_of(refused))
    answer = moved(f"{START}/code")
    door.keep_half(answer, half)
    return answer


def number_form(
    request: Asked, refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """The one-time code."""
    return show(request, "family/code.html", status=status, refusal=refusal)


@get("/code", opt=needs(PUBLIC))
async def number_page(request: Asked) -> Response[Any]:
    """Where the one-time code is typed in."""
    return number_form(request)


@post("/code", opt=needs(PUBLIC))
async def enter(request: Asked) -> Response[Any]:
    """The number is theirs: on to what is asked."""
    form, door = await form_of(request), FamilyDoor(request)
    try:
        token = await door.enter(form.get("code", ""))
    except Refused as refused:
        return number_form(request, refused.refusal, status_of(refused))
    answer = moved(f"{START}/invitation")
    door.keep(answer, token)
    return answer


async def invitation_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """Who asks, for what, in which words, and what may come of it."""
    found = await FamilyDoor(request).invitation()
    return show(
        request, "family/invitation.html", status=status, found=found, given=given, refusal=refusal
    )


@get("/invitation", opt=needs(PUBLIC))
async def invitation(request: Asked) -> Response[Any]:
    """The invitation, for whoever has shown the number."""
    return await invitation_form(request, {})


@post("/invitation", opt=needs(PUBLIC))
async def answer_invitation(request: Asked) -> Response[Any]:
    """Accept some of it or nothing; for late payments one more question comes first."""
    form, door = await form_of(request), FamilyDoor(request)
    try:
        accepted = await door.answer(form, key_of(form), hash_of(request, form))
    except Refused as refused:
        if refused.refusal.rule == SECOND_YES:
            found = await door.invitation()
            return show(
                request, "portal/family_again.html", given=form,
                document=found.documents["overdue"], action=f"{START}/invitation",
                back=f"{START}/invitation",
            )  # fmt: skip
        if refused.refusal.rule == "R-FAMILY-08":
            raise
        return await invitation_form(request, form, refused.refusal, status_of(refused))
    answer = moved(f"{START}/done", what="accepted" if accepted else "refused")
    door.forget(answer)
    return answer


def stop_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """One code, one press."""
    return show(request, "family/stop.html", status=status, given=given, refusal=refusal)


@get("/stop", opt=needs(PUBLIC))
async def stop_page(request: Asked) -> Response[Any]:
    """Where a relative ends it."""
    return stop_form(request, {})


@post("/stop", opt=needs(PUBLIC))
async def stop(request: Asked) -> Response[Any]:
    """It ends, at once and without a reason; for ever and from anybody, if that is wanted."""
    form = await form_of(request)
    for_ever = bool(form.get("never"))
    key = form.get("key", "")  # without one it ends too: nothing stands in the way
    fits = len(key) <= KEY_MOST and key.isascii() and key.isprintable()
    try:
        await FamilyDoor(request).leave(
            form.get("code", ""), key if fits else "", hash_of(request, form), for_ever=for_ever
        )
    except Refused as refused:
        return stop_form(request, form, refused.refusal, status_of(refused))
    return moved(f"{START}/done", what="never" if for_ever else "stopped")


def report_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[Any]:
    """What is wrong."""
    return show(request, "family/report.html", status=status, given=given, refusal=refusal)


@get("/report", opt=needs(PUBLIC))
async def report_page(request: Asked) -> Response[Any]:
    """Where a relative reports misuse."""
    return report_form(request, {})


@post("/report", opt=needs(PUBLIC))
async def report(request: Asked) -> Response[Any]:
    """Nothing more is told until somebody has looked; the borrower does not learn of it."""
    form = await form_of(request)
    try:
        await FamilyDoor(request).report(
            form.get("code", ""), form.get("text", ""), key_of(form), hash_of(request, form)
        )
    except Refused as refused:
        return report_form(request, form, refused.refusal, status_of(refused))
    return moved(f"{START}/done", what="reported")


@get("/done", opt=needs(PUBLIC))
async def done(request: Asked) -> Response[Any]:
    """What was done."""
    what = request.query_params.get("what", "")
    return show(request, "family/done.html", what=what if what in DONE else "")


HANDLERS = [
    settings, start, knock, number_page, enter, invitation, answer_invitation, stop_page, stop,
    report_page, report, done,
]
