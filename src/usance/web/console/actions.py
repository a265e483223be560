"""An action's page: the form alone, refused beside the form, or done and on to what it changed.

The form carries a key made with it, so a double click, a reload or a lost answer posts once.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler

from usance.core.identifiers import borrower_of_contract, written
from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule
from usance.identity.changing import Asking
from usance.servicing import cost_read, read
from usance.servicing.receipts import one_receipt
from usance.web.console import forms
from usance.web.console.forms import Action, Field
from usance.web.console.render import (
    INTEGER_MAX,
    Asked,
    identifier,
    language_of,
    moved,
    services,
    show,
)
from usance.web.grades import is_weighty, permission_of
from usance.web.problems import ProblemError, not_found
from usance.web.security import PROOF_FIELD, needs

PRODUCT_KINDS = {"open-line": ("limit_max",), "offer": ("irr_cap", "limit_max"),
                 "authorise": ("plan_product",)}  # fmt: skip
"""Settings that a product must have to be offered by an action."""


@dataclass(frozen=True, slots=True)
class Target:
    """What an action is done to."""

    action: Action
    known: dict[str, Any]
    words: str
    back: str
    facts: list[tuple[str, int]] = field(default_factory=list)
    """Amounts that help to fill in the form."""


def chosen(table: tuple[Action, ...], name: str) -> Action:
    """The action of an address."""
    action = forms.action_of(table, name)
    if action is None:
        raise not_found("action")
    return action


async def on_contract(request: Asked, contract: str, name: str) -> Target:
    """An action on a contract, with what is owed today."""
    contract_id, pool = identifier("contract", contract), services(request).pool
    book = await read.book(pool)
    async with pool.acquire() as connection:
        found = await read.contract(connection, contract_id, book.today) if book else None
    if found is None:
        raise not_found("contract")
    facts = [("due-now", found.due_now), ("pay-off", found.pay_off)]
    return Target(
        chosen(forms.ON_CONTRACT, name), {"contract_id": contract_id}, contract,
        f"/console/contracts/{contract}", facts,
    )  # fmt: skip


async def on_borrower(request: Asked, borrower: str, name: str) -> Target:
    """An action on a borrower; products to choose from are those that the action fits."""
    borrower_id = identifier("borrower", borrower)
    action = chosen(forms.ON_BORROWER, name)
    if name in PRODUCT_KINDS:
        action = replace(action, fields=await with_products(request, action))
    back = f"/console/borrowers/{borrower}"
    return Target(action, {"borrower_id": borrower_id}, borrower, back)


async def with_products(request: Asked, action: Action) -> tuple[Field, ...]:
    """The action's fields, its product field with the products that fit."""
    wanted, language = PRODUCT_KINDS[action.name], language_of(request)
    found = await read.products(services(request).pool)
    fit = [p for p in found.values() if all(each in p.settings for each in wanted)]
    choices = tuple((p.code, p.name(language)) for p in fit)
    return tuple(replace(f, choices=choices) if f is forms.PRODUCT else f for f in action.fields)


async def on_line(borrower: str, product: str, name: str) -> Target:
    """An action on a line."""
    known = {"borrower_id": identifier("borrower", borrower), "product": product}
    back = f"/console/borrowers/{borrower}/lines/{product}"
    return Target(chosen(forms.ON_LINE, name), known, f"{borrower} · {product}", back)


async def on_offer(request: Asked, borrower: str, offer: str, name: str) -> Target:
    """An action on an offer; what is confirmed is what was shown."""
    borrower_id, offer_id = identifier("borrower", borrower), identifier("offer", offer)
    known: dict[str, Any] = {"borrower_id": borrower_id, "offer_id": offer_id}
    if name == "confirm":
        kept = await cost_read.of_offer(services(request).pool, borrower_id, offer_id)
        if kept is None:
            raise not_found("offer")
        known |= {"digest": kept.digest.hex(), "nonce": kept.nonce, "how": "desk"}
    back = f"/console/borrowers/{borrower}/offers/{offer}"
    return Target(chosen(forms.ON_OFFER, name), known, offer, back)


async def on_hold(borrower: str, hold: str, name: str) -> Target:
    """An action on a hold."""
    borrower_id = identifier("borrower", borrower)
    known = {"borrower_id": borrower_id, "authorisation_id": identifier("authorisation", hold)}
    back = f"/console/borrowers/{borrower}"
    return Target(chosen(forms.ON_HOLD, name), known, hold, back)


async def on_receipt(request: Asked, number: int, name: str) -> Target:
    """An action on a receipt, with its amount."""
    receipt_id = min(number, INTEGER_MAX)
    found = await one_receipt(services(request).pool, receipt_id)
    if found is None:
        raise not_found("receipt")
    known, back = {"receipt_id": receipt_id}, f"/console/receipts/{receipt_id}"
    facts = [("amount", found["amount"])]
    return Target(chosen(forms.ON_RECEIPT, name), known, found["reference"], back, facts)


async def present(
    request: Asked, target: Target, given: Mapping[str, str], refusal: Refusal | None = None,
    status: int = 200,
) -> Response[str]:  # fmt: skip
    """The form, with what was filled in and what was refused."""
    return await show(
        request, "action.html", status=status, target=target, action=target.action, given=given,
        refusal=refusal,
    )  # fmt: skip


async def carry_out(request: Asked, target: Target, form: dict[str, str]) -> Response[Any]:
    """Ask the book; on to what was changed, or back to the form with the refusal."""
    try:
        command = target.action.build(form, services(request).decimals, target.known)
        key = key_of(form)
    except Refused as refused:
        return await present(request, target, form, refused.refusal, 422)
    answer = await services(request).book.submit(
        command, actor=request.user.actor, key=key, request_hash=hash_of(request, form)
    )
    if answer.status >= 400:
        problem = answer.document
        refusal = Refusal(problem["rule"], problem["detail"], problem.get("path", ""))
        return await present(request, target, form, refusal, answer.status)
    if answer.status == 202:  # it waits for a second person
        return moved(f"/console/approvals/{answer.document['proposal_id']}")
    return moved(
        next_page(target, answer.document), done=written("operation", answer.operation_id)
    )


def next_page(target: Target, document: dict[str, Any]) -> str:
    """Where the effect of an action is seen."""
    name = target.action.name
    borrower = target.known.get("borrower_id") or borrower_of_contract(
        target.known.get("contract_id", 0)
    )
    owner = f"/console/borrowers/{written('borrower', borrower)}"
    if name in ("offer", "plan"):
        return f"{owner}/offers/{document['offer_id']}"
    if name == "accept":
        return f"/console/contracts/{document['contract_id']}"
    if name == "close":
        return owner
    return target.back


@rule("R-IDEM-02")
def key_of(form: Mapping[str, str]) -> str:
    """The key that came with the form."""
    key = form.get("key", "")
    if not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise Refused("R-IDEM-02", "the form has lost its key; open it again")
    return key


def hash_of(request: Asked, form: Mapping[str, str], *secret: str) -> bytes:
    """SHA-256 over where the form went and what was filled in, without its two tokens.

    Fields that are ``secret`` are left out: what is short is soon guessed from its hash.
    """
    left_out = {"key", "csrf_token", *secret}
    filled = sorted((k, v) for k, v in form.items() if k not in left_out)
    return hashlib.sha256(repr((request.method, request.scope["path"], filled)).encode()).digest()


def asking_of(request: Asked, form: Mapping[str, str], *secret: str) -> Asking:
    """Who sent a form, under its key. Raises ``Refused`` (R-IDEM-02)."""
    return Asking(request.user.actor, key_of(form), hash_of(request, form, *secret))


async def form_of(request: Asked, keep: str = "") -> dict[str, str]:
    """The fields of the form that came; a field sent twice is refused.

    What proved a weighty act has done so, and is left out unless it is to be kept.
    """
    sent = await request.form()
    found: dict[str, str] = {}
    for name, value in sent.multi_items():
        if name in found or not isinstance(value, str):
            raise ProblemError(400, "R-HTTP-05", "the form cannot be read")
        found[name] = value
    if keep != PROOF_FIELD:
        found.pop(PROOF_FIELD, None)
    return found


async def form_with_file(request: Asked) -> tuple[dict[str, str], str, bytes]:
    """Fields of a form of several parts, its file's name and content.

    The digest of the file is among the fields, so that a key stands for the file too. A field or a
    second file that is sent twice is refused.
    """
    found: dict[str, str] = {}
    file_name, content = "", b""
    for name, value in (await request.form()).multi_items():
        is_file = isinstance(value, UploadFile)
        if name in found or (is_file and "sha256" in found):
            raise ProblemError(400, "R-HTTP-05", "the form cannot be read")
        if isinstance(value, UploadFile):
            file_name, content = value.filename or "", await value.read()
            found["sha256"] = hashlib.sha256(content).hexdigest()
        else:
            found[name] = str(value)
    return found, file_name, content


Finder: TypeAlias = Callable[[Asked, dict[str, Any], str], Awaitable[Target]]
BORROWER, CONTRACT = "/borrowers/{borrower:str}", "/contracts/{contract:str}"
PLACES: tuple[tuple[str, tuple[Action, ...], Finder], ...] = (
    (CONTRACT, forms.ON_CONTRACT, lambda r, at, name: on_contract(r, at["contract"], name)),
    (BORROWER, forms.ON_BORROWER, lambda r, at, name: on_borrower(r, at["borrower"], name)),
    (BORROWER + "/lines/{product:str}", forms.ON_LINE,
     lambda _, at, name: on_line(at["borrower"], at["product"], name)),
    (BORROWER + "/offers/{offer:str}", forms.ON_OFFER,
     lambda r, at, name: on_offer(r, at["borrower"], at["offer"], name)),
    (BORROWER + "/holds/{hold:str}", forms.ON_HOLD,
     lambda _, at, name: on_hold(at["borrower"], at["hold"], name)),
    ("/receipts/{receipt:int}", forms.ON_RECEIPT,
     lambda r, at, name: on_receipt(r, at["receipt"], name)),
)  # fmt: skip
"""Where actions are done, and how what they are done to is found."""


def routes_of(place: str, action: Action, find: Finder) -> list[HTTPRouteHandler]:
    """The form of an action and what it leads to: two routes with the command's permission."""
    permission = permission_of(action.command)
    opt = needs(permission, step_up=is_weighty(permission, action.command))
    address = f"{place}/do/{action.name}"

    @get(address, opt=opt, name=f"{address} form")
    async def form(request: Asked) -> Response[str]:
        """The form of an action."""
        target = await find(request, request.path_params, action.name)
        return await present(request, target, request.query_params)

    @post(address, opt=opt, name=address)
    async def done(request: Asked) -> Response[Any]:
        """The action."""
        target = await find(request, request.path_params, action.name)
        return await carry_out(request, target, await form_of(request))

    return [form, done]


HANDLERS = [
    handler for place, table, find in PLACES for action in table
    for handler in routes_of(place, action, find)
]  # fmt: skip
