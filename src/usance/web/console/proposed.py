"""What a proposed document changes and how it reads, for the one who is to agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from usance.approvals.proposal import Proposal
from usance.consents.acts import AdoptConsentDocument
from usance.core.rules import rule
from usance.notices.changes import Difference
from usance.notices.documents import Language
from usance.notices.previews import Preview
from usance.notices.templates import AdoptTemplate
from usance.web.console import consent_documents, notice_templates
from usance.web.console.render import Asked, services


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
