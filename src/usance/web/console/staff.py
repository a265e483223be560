"""Accounts of staff: who may do what, and what others do to an account."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from usance.core.identifiers import written
from usance.core.refusals import Refusal, Refused
from usance.identity import acts
from usance.identity.acts import StaffAct
from usance.identity.once import Answer
from usance.identity.passwords import checked_hash, initial_password
from usance.identity.permissions import SCOPES, STAFF_ONLY
from usance.identity.roles import known, roles
from usance.identity.staff import Account
from usance.web.console.actions import asking_of, form_of
from usance.web.console.deeds import ask_for
from usance.web.console.render import INTEGER_MAX, Asked, Number, language_of, moved, services, show
from usance.web.problems import not_found
from usance.web.security import needs

STAFF_PAGES = "/console/staff"


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done to an account on a page. ``fits``: whether it can be now."""

    name: str
    label: str
    sentence: str
    build: Callable[[int, dict[str, str]], Awaitable[tuple[StaffAct, str]]]
    fits: Callable[[Account], bool]
    grave: bool = False


Built: TypeAlias = tuple[StaffAct, str]
"""An act, and the password that was made for it (told once), if one was."""


def only(act: type[Any]) -> Callable[[int, dict[str, str]], Awaitable[Built]]:
    """An act that needs nothing but the account."""

    async def build(staff_id: int, _form: dict[str, str]) -> Built:
        return act(staff_id), ""

    return build


async def roles_changed(staff_id: int, form: dict[str, str]) -> Built:
    """Roles that are ticked and were not, and the other way round."""
    wanted = set(ticked(form))
    had = {each for each in form.get("had", "").split(",") if each}
    grant, revoke = sorted(wanted - had), sorted(had - wanted)
    return acts.ChangeRoles(staff_id, tuple(grant), tuple(revoke)), ""


async def password_given(staff_id: int, _form: dict[str, str]) -> Built:
    """A new password to be told to its holder."""
    password = initial_password()
    return acts.GivePassword(staff_id, await checked_hash(password)), password


def ticked(form: dict[str, str]) -> list[str]:
    """Roles whose boxes are ticked."""
    return [each.removeprefix("role-") for each in form if each.startswith("role-")]


DEEDS = (
    Deed("roles", _("Change roles"),
         _("Holds at once, also for sessions that are open."),
         roles_changed, lambda a: a.active),
    Deed("password", _("Give a new password"),
         _("For who has forgotten theirs. It is shown once and must be changed at the next log-in;"
           " every session ends."), password_given, lambda a: a.active),
    Deed("reset-factor", _("Reset the second factor"),
         _("For who has lost the telephone and the recovery codes. A new one is enrolled at the"
           " next log-in; every session ends."),
         only(acts.ResetFactor), lambda a: a.active and a.has_factor, grave=True),
    Deed("end-sessions", _("End all sessions"),
         _("The next request of every session is refused."),
         only(acts.EndSessions), lambda _account: True),
    Deed("deactivate", _("Lock the account out"),
         _("The next request of every session is refused, and nobody can log in with it."),
         only(acts.DeactivateStaff), lambda a: a.active, grave=True),
    Deed("reactivate", _("Let the account in again"),
         _("With the password, the factor and the roles that it had."),
         only(acts.ReactivateStaff), lambda a: not a.active),
)  # fmt: skip


def role_names(request: Asked) -> dict[str, str]:
    """Every role by its code, in the reader's language."""
    chinese = language_of(request) == "zh"
    return {code: each.name_zh if chinese else each.name_en for code, each in roles().items()}


@get("/staff", opt=needs("staff:read"))
async def staff_page(request: Asked) -> Response[str]:
    """Every account."""
    return await show(
        request, "staff.html", accounts=await services(request).staff.accounts(),
        names=role_names(request),
    )  # fmt: skip


@get("/staff/new", opt=needs("staff:write"))
async def new_account(request: Asked) -> Response[str]:
    """The form for a new account."""
    return await new_form(request, {})


async def new_form(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None
) -> Response[str]:
    """The form, with what was wrong."""
    return await show(
        request, "staff_new.html", status=422 if refusal else 200, given=given, refusal=refusal,
        names=role_names(request), ticked=ticked(given),
    )  # fmt: skip


@post("/staff/new", opt=needs("staff:write"))
async def create_account(request: Asked) -> Response[Any]:
    """Make it; its first password is told once, on the page that answers."""
    form = await form_of(request)
    password = initial_password()
    try:
        given = tuple(known(ticked(form)))
        act = acts.CreateStaff(form.get("name", ""), given, await checked_hash(password))
        answer = await ask_for(request, act, asking_of(request, form))
    except Refused as refused:
        return await new_form(request, form, refused.refusal)
    return await told(request, act.name, answer, password)


async def told(request: Asked, name: str, answer: Answer, password: str) -> Response[Any]:
    """On to the account, or to what waits; where a password was made, a page that tells it."""
    if answer.status == 202:
        on = f"/console/approvals/{answer.document['proposal_id']}"
    else:
        on = f"{STAFF_PAGES}/{answer.document['staff_id']}"
    if password and not answer.replayed:
        waits = answer.status == 202
        return await show(
            request, "staff_told.html", name=name, password=password, on=on, waits=waits
        )
    done = {"done": written("operation", answer.operation_id)} if answer.status != 202 else {}
    return moved(on, **done)


async def account_of(request: Asked, staff_id: int) -> Account:
    """An account; ``ProblemError`` (404) if there is none."""
    found = await services(request).staff.account(min(staff_id, INTEGER_MAX))
    if found is None:
        raise not_found("account")
    return found


@get("/staff/{staff_id:int}", opt=needs("staff:read"))
async def account_page(request: Asked, staff_id: Number) -> Response[str]:
    """One account: its roles, what they give, its factor, its sessions."""
    account = await account_of(request, staff_id)
    may = sorted(frozenset().union(*(roles()[r].may for r in account.roles if r in roles())))
    return await show(
        request, "staff_account.html", account=account, names=role_names(request), may=may,
        deeds=[each for each in DEEDS if each.fits(account)],
        sessions=await services(request).staff.sessions.of_account(account.staff_id),
        permissions=len(SCOPES | STAFF_ONLY),
    )  # fmt: skip


def routes_of(deed: Deed) -> list[HTTPRouteHandler]:
    """The form of a deed and what it leads to."""
    address, opt = f"/staff/{{staff_id:int}}/do/{deed.name}", needs("staff:write")

    @get(address, opt=opt, name=f"{address} form")
    async def form(request: Asked, staff_id: Number) -> Response[str]:
        """The form."""
        return await deed_form(request, staff_id, deed)

    @post(address, opt=opt, name=address)
    async def done(request: Asked, staff_id: Number) -> Response[Any]:
        """The deed."""
        sent = await form_of(request)
        account = await account_of(request, staff_id)
        try:
            act, password = await deed.build(account.staff_id, sent)
            answer = await ask_for(request, act, asking_of(request, sent))
        except Refused as refused:
            return await deed_form(request, staff_id, deed, refused.refusal)
        return await told(request, account.name, answer, password)

    return [form, done]


async def deed_form(
    request: Asked, staff_id: int, deed: Deed, refusal: Refusal | None = None
) -> Response[str]:
    """The form of a deed, with what was refused."""
    return await show(
        request, "staff_deed.html", status=422 if refusal else 200, refusal=refusal, deed=deed,
        account=await account_of(request, staff_id), names=role_names(request),
    )  # fmt: skip


HANDLERS = [
    staff_page, new_account, create_account, account_page,
    *(handler for deed in DEEDS for handler in routes_of(deed)),
]  # fmt: skip
