"""What is done on a page beside the book: a form of its own, and what it leads to.

Like the actions of the book (``actions``): the form carries a key made with it, so a double click
or a reload does it once; what is refused stands beside the form.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from usance.consents.acts import DocumentAct
from usance.core.identifiers import written
from usance.core.refusals import Refusal, Refused
from usance.identity.acts import StaffAct
from usance.identity.changing import Asking
from usance.identity.erasure import HeldAct
from usance.identity.machine import ClientAct
from usance.identity.once import STATUS, Answer
from usance.notices.templates import TemplateAct
from usance.risk.register import AdoptPolicy
from usance.risk.scorecards import AdoptScorecard
from usance.web.console.actions import asking_of, form_of
from usance.web.console.forms import Field
from usance.web.console.render import Asked, moved, services, show
from usance.web.security import needs
from usance.webhooks.acts import WebhookAct

Act: TypeAlias = (
    StaffAct | ClientAct | WebhookAct | HeldAct | TemplateAct | DocumentAct | AdoptPolicy
    | AdoptScorecard
)
CHECKED = "check."
"""Fields of check boxes are called so and by what they stand for."""


@dataclass(frozen=True, slots=True)
class Checks:
    """A list to choose from: (code, sentence) of each; ``checked`` before anybody did."""

    label: str
    choices: tuple[tuple[str, str], ...]
    checked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that can be done, in words, with the fields that a person fills in."""

    name: str
    label: str
    sentence: str
    fields: tuple[Field, ...] = ()
    grave: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What it is done to: where it is shown, and what is known of it."""

    words: str
    back: str
    known: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    checks: Checks | None = None
    fields: tuple[Field, ...] | None = None
    """Instead of the deed's, where choices hang on the place."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A secret that is shown once; "" where this form has been sent before."""

    title: str
    secret: str
    back: str
    sentence: str


Find: TypeAlias = Callable[[Asked], Awaitable[Place]]
Do: TypeAlias = Callable[[Asked, Place, dict[str, Any], Asking], Awaitable[Answer | Shown]]


def checked_of(form: Mapping[str, str]) -> list[str]:
    """What was checked in a form."""
    return [name.removeprefix(CHECKED) for name in form if name.startswith(CHECKED)]


async def present(
    request: Asked, deed: Deed, place: Place, given: Mapping[str, str],
    refusal: Refusal | None = None, status: int = 200,
) -> Response[str]:  # fmt: skip
    """The form, with what was filled in and what was refused."""
    sent = checked_of(given) if refusal else list(place.checks.checked if place.checks else ())
    return await show(
        request, "deed.html", status=status, deed=deed, place=place, given=given, refusal=refusal,
        fields=fields_of(deed, place), checked=sent,
    )  # fmt: skip


def fields_of(deed: Deed, place: Place) -> tuple[Field, ...]:
    """What a person fills in."""
    return deed.fields if place.fields is None else place.fields


async def carry_out(
    request: Asked, deed: Deed, place: Place, do: Do, form: dict[str, str]
) -> Response[Any]:
    """Do it; on to what was changed, to a secret that is shown once, or back with the refusal."""
    decimals = services(request).decimals
    try:
        fields = fields_of(deed, place)
        values: dict[str, Any] = {
            each.name: each.parse(form.get(each.name, ""), decimals) for each in fields
        }
        values["checked"] = checked_of(form)
        asking = asking_of(request, form)
        done = await do(request, place, values, asking)
    except Refused as refused:
        status = STATUS.get(refused.refusal.rule, 422)
        return await present(request, deed, place, form, refused.refusal, status)
    if isinstance(done, Shown):
        return await show(request, "secret.html", shown=done)
    return moved_on(done, place.back)


def moved_on(answer: Answer, back: str) -> Response[Any]:
    """On to what was changed, or to what waits for a second person."""
    if answer.status == 202:
        return moved(f"/console/approvals/{answer.document['proposal_id']}")
    return moved(back, done=written("operation", answer.operation_id))


async def ask_for(request: Asked, act: Act, asking: Asking) -> Answer:
    """Have it done, or let it wait for a second person (202). Raises ``Refused``."""
    return accepted(
        await services(request).approvals.submit(
            act, actor=asking.actor, key=asking.key, request_hash=asking.request_hash
        )
    )


def accepted(answer: Answer) -> Answer:
    """An answer that is no refusal. Raises ``Refused``."""
    if answer.status >= 400:
        found = answer.document
        raise Refused(found["rule"], found["detail"], found.get("path", ""))
    return answer


def routes_of(
    address: str, permission: str, deed: Deed, find: Find, do: Do
) -> list[HTTPRouteHandler]:
    """The form and what it leads to: two routes with one permission."""
    opt = needs(permission)

    @get(address, opt=opt, name=f"{address} form")
    async def form(request: Asked) -> Response[str]:
        """The form."""
        place = await find(request)
        given = {**place.given, **dict(request.query_params)}
        return await present(request, deed, place, given)

    @post(address, opt=opt, name=address)
    async def done(request: Asked) -> Response[Any]:
        """What it asks for."""
        place = await find(request)
        return await carry_out(request, deed, place, do, await form_of(request))

    return [form, done]
