"""A proposal: what was asked for, word for word, under a digest that every decision repeats."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from usance.approvals.rules import STATES
from usance.core.identifiers import written


@dataclass(frozen=True, slots=True)
class Approval:
    """One decision: 1 yes, 2 no; ``on_behalf_of`` whose right was used, if another's."""

    approver: str
    decision: int
    reason: str
    decided_at: datetime
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An act that waits, or waited. ``body`` is what runs if it is approved, and nothing else."""

    proposal_id: int
    author: str
    act: str
    body: str
    weight: str
    approvers: int
    policy: str
    borrower_id: int
    contract_id: int
    created_at: datetime
    expires_at: datetime
    digest: bytes
    state: int = 1
    outcome: dict[str, Any] = field(default_factory=dict)
    operation_id: int = 0
    decisions: tuple[Approval, ...] = ()

    def recomputed(self) -> bytes:
        """SHA-256 over everything that was asked for and how it is to be decided."""
        said = {
            "proposal_id": self.proposal_id, "author": self.author, "act": self.act,
            "body": self.body, "weight": self.weight, "approvers": self.approvers,
            "policy": self.policy, "created_at": self.created_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }  # fmt: skip
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()

    def shown(self) -> dict[str, Any]:
        """As the API shows it when it is made; the same whenever it is asked for again."""
        return {
            "proposal_id": written("proposal", self.proposal_id),
            "operation_id": written("operation", self.proposal_id),
            "state": STATES[1],
            "act": self.act,
            "weight": self.weight,
            "approvers": self.approvers,
            "expires_at": self.expires_at.isoformat(),
            "digest": self.digest.hex(),
        }
