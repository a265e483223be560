"""What a proposed document changes and how it reads, for the one who is to agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from usance.approvals.proposal import Proposal
from usance.consents.acts import AdoptConsentDocument
from usance.core.rules import rule
from usance.notices.changes import Difference
from usance.notices.documents import Language
from usance.notices.previews import Preview
from usance.notices.templates import AdoptTemplate
from usance.policy import shipped
from usance.policy.checks import Finding
from usance.policy.documents import Policy
from usance.risk.register import AdoptPolicy, Version
from usance.risk.scorecards import AdoptScorecard
from usance.web.console import consent_documents, notice_templates, policies, scorecards
from usance.web.console.policy_words import ChangeSaid, GuardSaid, RowSaid
from usance.web.console.render import Asked, language_of, services


@dataclass(frozen=True, slots=True)
class AboutPolicy:
    """A version that waits: all of its rows, what differs from the newest, what is wrong today."""

    policy: Policy
    rows: Sequence[RowSaid]
    guards: Sequence[GuardSaid]
    before: Version | None
    changes: Sequence[ChangeSaid]
    wrong: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class AboutScorecard:
    """A table of points that waits for a role, and what fitting told of it."""

    act: AdoptScorecard
    bins: Sequence[dict[str, Any]]
    figures: Sequence[tuple[str, dict[str, float]]]


@dataclass(frozen=True, slots=True)
class About:
    """A document that waits: its page, against which version it is compared (0: none)."""

    name: str
    address: str
    compared: int
    changes: Sequence[Difference]
    previews: Sequence[Preview] | None = None
    signature: Mapping[Language, str] | None = None


@rule("R-TEMPLATE-17", "R-CONSENT-02")
async def about(request: Asked, proposal: Proposal) -> About | None:
    """Of a document and for who may read its other versions; else nothing more than was asked."""
    may = request.user.permissions
    if proposal.act == "AdoptTemplate" and "notices:read" in may:
        template = msgspec.json.decode(proposal.body, type=AdoptTemplate).document
        compared, changes, previews = await notice_templates.proposed_changes(request, template)
        return About(
            template.id, f"{notice_templates.TEMPLATES}/{template.id}" if compared
            else notice_templates.TEMPLATES, compared, changes, previews,
            services(request).templates.policy.signature,
        )  # fmt: skip
    if proposal.act == "AdoptConsentDocument" and "consents:read" in may:
        document = msgspec.json.decode(proposal.body, type=AdoptConsentDocument).document
        compared, changes = await consent_documents.proposed_changes(request, document)
        name = document.document_id
        return About(
            name, f"{consent_documents.DOCUMENTS}/{name}" if compared
            else consent_documents.DOCUMENTS, compared, changes,
        )  # fmt: skip
    return None


@rule("R-POLICY-14")
async def about_policy(
    request: Asked, proposal: Proposal
) -> AboutPolicy | AboutScorecard | None:
    """The same of a policy or a scorecard."""
    if "policies:read" not in request.user.permissions:
        return None
    if proposal.act == "AdoptScorecard":
        act = msgspec.json.decode(proposal.body, type=AdoptScorecard)
        bins = scorecards.bins_of(act.scorecard, language_of(request))
        return AboutScorecard(act, bins, scorecards.figures_of(act.report))
    if proposal.act != "AdoptPolicy":
        return None
    says = msgspec.json.decode(proposal.body, type=AdoptPolicy).policy
    policy, speaker = shipped.policy_of(says), policies.speaker_of(request)
    before, changes = await policies.proposed_changes(request, policy)
    return AboutPolicy(
        policy, speaker.rows(policy), speaker.guards(policy), before, changes,
        policies.wrong_with(policy),
    )  # fmt: skip
