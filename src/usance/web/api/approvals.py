"""What waits for a second person: what there is, yes or no, and taking one's own back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct

from usance.approvals.proposal import Proposal
from usance.approvals.rules import NO, STATES, YES
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.identity import store as identity
from usance.identity.once import Answer
from usance.identity.staff import StaffSession
from usance.platform.database import transaction
from usance.web.acts import asked_for
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import spelled

State = Literal["waiting", "approved", "done", "failed", "refused", "revoked", "expired"]
CODES = {name: code for code, name in STATES.items()}
DECISIONS = {YES: "yes", NO: "no"}
LAST = 2**63 - 1


class DecisionView(Struct):
    """One person's decision."""

    approver: str
    decision: str
    on_behalf_of: str | None
    decided_at: str
    reason: str


class ProposalView(Struct, kw_only=True):
    """An act that waits or waited; ``asked`` is what runs if it is approved, word for word."""

    proposal_id: str
    state: State
    act: str
    asked: Any
    author: str
    weight: str
    approvers: int
    policy: str
    borrower_id: str | None
    contract_id: str | None
    created_at: str
    expires_at: str
    digest: str
    decisions: list[DecisionView]
    outcome: Any
    operation_id: str | None


class ProposalQuery(PageQuery, kw_only=True):
    """Which proposals."""

    state: State | None = None


class DecideBody(Struct, forbid_unknown_fields=True):
    """A decision on exactly what was shown."""

    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="Of the proposal shown.")]
    reason: Annotated[str, Meta(max_length=500)] = ""


def view(p: Proposal) -> ProposalView:
    """A proposal as the API shows it."""
    return ProposalView(
        proposal_id=written("proposal", p.proposal_id), state=cast(State, STATES[p.state]),
        act=p.act, asked=asked_for(p.body), author=p.author, weight=p.weight,
        approvers=p.approvers, policy=p.policy, borrower_id=spelled("borrower", p.borrower_id),
        contract_id=spelled("contract", p.contract_id), created_at=p.created_at.isoformat(),
        expires_at=p.expires_at.isoformat(), digest=p.digest.hex(), outcome=p.outcome,
        operation_id=spelled("operation", p.operation_id),
        decisions=[
            DecisionView(
                d.approver, DECISIONS[d.decision], d.on_behalf_of or None,
                d.decided_at.isoformat(), d.reason,
            ) for d in p.decisions
        ],
    )  # fmt: skip


@read("/v1/approvals", "approvals:read")
async def approvals(asked: Asked[ProposalQuery]) -> Page[ProposalView]:
    """Proposals, newest first; their decisions are shown one by one."""
    query = asked.query
    states = [CODES[query.state]] if query.state else list(STATES)
    before = position(query, LAST, LAST)
    found = await asked.services.approvals.page(states, before, query.limit)
    return page([view(each) for each in found], query, found[-1].proposal_id if found else 0)


@read("/v1/approvals/{proposal_id}", "approvals:read")
async def approval(asked: Asked[Empty]) -> ProposalView:
    """One proposal with its decisions and what came of it."""
    return view(await asked.services.approvals.found(asked.at["proposal_id"]))


@change("POST", "/v1/approvals/{proposal_id}/approve", "approvals:decide")
async def approve_proposal(asked: Asked[Empty], body: DecideBody) -> Answer:
    """Agree; with as many as it needs, it happens. For members of staff."""
    approve = asked.services.approvals.approve
    return await once(asked, approve(*decision(asked, body)))


@change("POST", "/v1/approvals/{proposal_id}/refuse", "approvals:decide")
async def refuse_proposal(asked: Asked[Empty], body: DecideBody) -> Answer:
    """Say no, with a reason; the proposal ends. For members of staff."""
    refuse = asked.services.approvals.refuse
    return await once(asked, refuse(*decision(asked, body)))


@change("POST", "/v1/approvals/{proposal_id}/revoke", "approvals:write")
async def revoke_proposal(asked: Asked[Empty]) -> Answer:
    """Take one's own proposal back while it waits."""
    revoked = asked.services.approvals.revoke(asked.at["proposal_id"], asked.caller.actor)
    return await once(asked, revoked)


def decision(asked: Asked[Any], body: DecideBody) -> tuple[int, int, bytes, str]:
    """Proposal, member of staff (the gate lets nobody else in), what was shown, and the reason."""
    assert isinstance(asked.caller, StaffSession)
    proposal_id: int = asked.at["proposal_id"]
    return proposal_id, asked.caller.staff_id, bytes.fromhex(body.digest), body.reason


async def once(asked: Asked[Any], act: Awaitable[Proposal]) -> Answer:
    """What is the same however often it is done gets its first answer again under its key."""
    pool, actor = asked.services.pool, asked.caller.actor
    first = await identity.first_answer(pool, actor, asked.key)
    if first is not None:
        act.close()  # type: ignore[attr-defined]
        return first.answer_to(asked.request_hash)
    proposal = await act
    document = msgspec.to_builtins(view(proposal)) | {
        "operation_id": written("operation", proposal.operation_id or proposal.proposal_id)
    }
    answer = Answer(201, document, proposal.operation_id or proposal.proposal_id)
    text = msgspec.json.encode(document).decode()
    kept = (actor, asked.key, asked.request_hash, 201, text, answer.operation_id)
    async with transaction(pool) as connection:
        if await identity.keep_answer(connection, kept):
            return answer
        first = await identity.first_answer(connection, actor, asked.key)
    if first is None:
        raise Refused("R-IDEM-01", "the Idempotency-Key was used with another request")
    return first.answer_to(asked.request_hash)
