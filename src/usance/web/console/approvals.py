"""Approvals: what waits, one proposal, a decision on exactly what was shown; standing in."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get, post

from usance.approvals.proposal import Proposal
from usance.approvals.rules import STATES, WAITING
from usance.core.identifiers import parse, written
from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import STAFF
from usance.notices.changes import leaves
from usance.web.acts import asked_for
from usance.web.console.actions import form_of, hash_of, key_of
from usance.web.console.names import names_of
from usance.web.console.proposed import about, about_policy
from usance.web.console.render import Asked, Word, identifier, moved, services, show
from usance.web.security import needs

PAGE, LAST = 50, 2**63 - 1
DAY = timedelta(days=1)
AS_THEY_ARE = ("policy", "scorecard", "report")
"""Documents of rows or numbers, whose words mean nothing one by one."""


@get("/approvals", opt=needs("approvals:read"))
async def proposals(request: Asked) -> Response[str]:
    """What waits; or everything, newest first."""
    everything, before = request.query_params.get("all") == "1", LAST
    with suppress(ValueError):
        before = parse("proposal", request.query_params.get("before", ""))
    states = list(STATES) if everything else [WAITING]
    found = await services(request).approvals.page(states, before, PAGE + 1)
    return await show(
        request, "approvals.html", rows=found[:PAGE], everything=everything,
        next=written("proposal", found[PAGE - 1].proposal_id) if len(found) > PAGE else "",
        refusals=[], names=await names_of(request),
    )  # fmt: skip


@get("/approvals/{proposal:str}", opt=needs("approvals:read"))
async def proposal_page(request: Asked, proposal: Word) -> Response[str]:
    """One proposal: what would happen, who asked, who decided."""
    found = await services(request).approvals.found(identifier("proposal", proposal))
    return await one(request, found)


async def one(
    request: Asked, found: Proposal, refusal: Refusal | None = None, status: int = 200
) -> Response[str]:
    """The page of a proposal, with what was refused."""
    mine = found.author == request.user.actor
    decided = {each.approver for each in found.decisions}
    return await show(
        request, "approval.html", status=status, proposal=found, refusal=refusal, mine=mine,
        asked=spread(asked_for(found.body)), open=found.state == WAITING,
        may_decide=not mine and request.user.actor not in decided,
        names=await names_of(request), about=await about(request, found),
        of_policy=await about_policy(request, found),
    )  # fmt: skip


def spread(asked: dict[str, Any]) -> dict[str, Any]:
    """What an act was asked with; of a whole document every word, by its place.

    One that is made of texts is shown as a text, a policy and a scorecard as they are.
    """
    found: dict[str, Any] = {}
    for name, value in asked.items():
        if name in AS_THEY_ARE and value:
            written = msgspec.json.encode(value)
            found[name] = {"JSON": msgspec.json.format(written).decode()}
        elif isinstance(value, dict) and "texts" not in value:
            found[name] = dict(leaves(value))
        else:
            found[name] = value
    return found


@post("/approvals/{proposal:str}/approve", opt=needs("approvals:decide"))
async def approve(request: Asked, proposal: Word) -> Response[Any]:
    """Agree with exactly what the page showed."""
    return await decided(request, proposal, "approve")


@post("/approvals/{proposal:str}/refuse", opt=needs("approvals:decide"))
async def refuse(request: Asked, proposal: Word) -> Response[Any]:
    """Say no, with a reason."""
    return await decided(request, proposal, "refuse")


async def decided(request: Asked, proposal: str, how: str) -> Response[Any]:
    """A decision; back to the proposal, with the refusal if there is one."""
    form = await form_of(request)
    approvals, proposal_id = services(request).approvals, identifier("proposal", proposal)
    decide = approvals.approve if how == "approve" else approvals.refuse
    reason = form.get("reason", "").replace("\r\n", "\n")
    try:
        await decide(proposal_id, request.user.staff_id, digest_of(form), reason)
    except Refused as refused:
        return await one(request, await approvals.found(proposal_id), refused.refusal, 422)
    return moved(f"/console/approvals/{proposal}")


def digest_of(form: dict[str, str], name: str = "digest") -> bytes:
    """What the page showed; nothing that fits if it cannot be read."""
    with suppress(ValueError):
        return bytes.fromhex(form.get(name, ""))
    return b""


@post("/approvals/batch", opt=needs("approvals:decide"))
async def approve_many(request: Asked) -> Response[Any]:
    """Agree with those that were ticked; each is decided by itself."""
    form, approvals, refused = await form_of(request), services(request).approvals, []
    for name in [each for each in form if each.startswith("q-")]:
        try:
            await approvals.approve(
                identifier("proposal", name), request.user.staff_id, digest_of(form, name), ""
            )
        except Refused as error:
            refused.append((name, error.refusal))
    if not refused:
        return moved("/console/approvals")
    found = await approvals.page([WAITING], LAST, PAGE)
    return await show(
        request, "approvals.html", status=422, rows=found, everything=False, next="",
        refusals=refused, names=await names_of(request),
    )  # fmt: skip


@post("/approvals/{proposal:str}/revoke", opt=needs("approvals:write"))
async def revoke(request: Asked, proposal: Word) -> Response[Any]:
    """Take one's own proposal back."""
    approvals, proposal_id = services(request).approvals, identifier("proposal", proposal)
    try:
        await approvals.revoke(proposal_id, request.user.actor)
    except Refused as refused:
        return await one(request, await approvals.found(proposal_id), refused.refusal, 422)
    return moved(f"/console/approvals/{proposal}")


@get("/delegations", opt=needs(STAFF))
async def delegations(request: Asked) -> Response[str]:
    """In whose place one decides, and who decides in one's own."""
    return await standing_in(request, {})


async def standing_in(
    request: Asked, given: dict[str, str], refusal: Refusal | None = None, status: int = 200
) -> Response[str]:
    """The page, with what was filled in and refused."""
    return await show(
        request, "delegations.html", status=status, given=given, refusal=refusal,
        rows=await services(request).delegations.of(request.user.staff_id),
        names=await services(request).staff.names(),
    )  # fmt: skip


@post("/delegations", opt=needs("approvals:decide"))
async def delegate(request: Asked) -> Response[Any]:
    """Let somebody decide in one's place until the end of a day."""
    form = await form_of(request)
    try:
        until = datetime.fromisoformat(form.get("until", "")).replace(tzinfo=UTC) + DAY
        to = await services(request).staff.number(form.get("to", ""))
        await services(request).delegations.delegate(
            request.user.staff_id, to, form.get("reason", ""), until, key=key_of(form),
            request_hash=hash_of(request, form),
        )  # fmt: skip
    except ValueError:
        refusal = Refusal("R-FORM-03", "not a day (year-month-day)", "until")
        return await standing_in(request, form, refusal, 422)
    except Refused as refused:
        return await standing_in(request, form, refused.refusal, 422)
    return moved("/console/delegations")


@post("/delegations/{delegation:str}/end", opt=needs(STAFF))
async def end_delegation(request: Asked, delegation: Word) -> Response[Any]:
    """Take a delegation back."""
    form = await form_of(request)
    try:
        await services(request).delegations.end_delegation(
            identifier("operation", delegation), request.user.staff_id, key=key_of(form),
            request_hash=hash_of(request, form),
        )  # fmt: skip
    except Refused as refused:
        return await standing_in(request, {}, refused.refusal, 422)
    return moved("/console/delegations")


HANDLERS = [
    proposals, proposal_page, approve, refuse, approve_many, revoke, delegations, delegate,
    end_delegation,
]  # fmt: skip
