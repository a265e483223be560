"""A decision as it is stored: what it says in clear, what is sealed, what holds both together.

In clear stands what the house must count and an auditor may read: versions, the row, what failed,
the outcome, the reasons, the score. Sealed under the person's own key stands what it was made of.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import Struct

from usance.core.identifiers import cell_of_borrower
from usance.core.rules import rule
from usance.platform.crypto import decrypt_bytes, encrypt_bytes
from usance.policy.reasons import Reason, Reasons
from usance.risk.decisions import Decision
from usance.risk.decisions import fingerprint as fingerprint_of
from usance.risk.snapshots import Given

TABLE, SEALED = "decision", "snapshot"
SALT_BYTES = 16
AUTOMATIC = 0
PAUSED, CONFIRMED, OVERTURNED, TAKEN_BACK = range(1, 5)
STATUS = ("automatic", "paused", "confirmed", "overturned", "automatic")
"""By the state of the last review."""


class Origin(Struct, frozen=True, array_like=True):
    """Where a fact came from: source, moment (ISO 8601, empty for none), number of the fact."""

    source: str
    at: str = ""
    fact_id: int = 0


class Snapshot(Struct, frozen=True):
    """What is sealed. ``salt`` keeps the fingerprint from telling it to who guesses."""

    salt: str
    facts: dict[str, int | None]
    given: dict[str, Origin]
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A row; ``snapshot`` is ciphertext, empty where the person was forgotten."""

    borrower_id: int
    decision_id: int
    kind: str
    shadow: bool
    of_decision_id: int
    product: str
    contract_id: int
    policy_id: str
    policy_version: int
    policy_digest: bytes
    scorecard_digest: bytes
    words_digest: bytes
    snapshot: bytes
    row_taken: int
    tried: tuple[int, ...]
    outcome: dict[str, int]
    reasons: tuple[str, ...]
    score: int | None
    fingerprint: bytes
    actor: str
    business_date: date
    decided_at: datetime
    latency_us: int
    operation_id: int
    state: int = AUTOMATIC
    case_id: int = 0

    @property
    def cell(self) -> int:
        """The borrower's."""
        return cell_of_borrower(self.borrower_id)

    @property
    def status(self) -> str:
        """``automatic``, ``paused``, ``confirmed`` or ``overturned``."""
        return STATUS[self.state]

    @property
    def policy(self) -> str:
        """Which version of which policy."""
        return f"{self.policy_id} {self.policy_version}"

    def decision(self, opened: Snapshot) -> Decision:
        """The decision as it was made."""
        return Decision(
            self.policy, self.policy_digest.hex(), opened.facts, self.row_taken, self.tried,
            self.outcome, self.reasons, self.score, opened.lost, self.scorecard_digest.hex(),
        )  # fmt: skip

    @rule("R-DECIDE-04")
    def is_whole(self, opened: Snapshot) -> bool:
        """Whether it is what its fingerprint says."""
        return self.fingerprint == fingerprint(self.decision(opened), opened)


def snapshot_of(decision: Decision, given: Mapping[str, Given]) -> Snapshot:
    """What is sealed of a decision: what it asked for, and where each of it came from."""
    origins = {name: origin(given[name]) for name in decision.facts if name in given}
    return Snapshot(secrets.token_hex(SALT_BYTES), decision.facts, origins, decision.lost)


def origin(given: Given) -> Origin:
    """Where it came from."""
    return Origin(given.source, given.at.isoformat() if given.at else "", given.fact_id)


@rule("R-DECIDE-04")
def fingerprint(decision: Decision, sealed: Snapshot) -> bytes:
    """SHA-256 over the salt, the decision's own fingerprint, and where its facts came from."""
    given = msgspec.json.encode(sealed.given, order="deterministic")
    own = fingerprint_of(decision).encode()
    return hashlib.sha256(sealed.salt.encode() + b"\0" + own + b"\0" + given).digest()


def seal(key: bytes, snapshot: Snapshot, decision_id: int) -> bytes:
    """Under a data key, for one decision only."""
    content = msgspec.json.encode(snapshot, order="deterministic")
    return encrypt_bytes(key, content, table=TABLE, column=SEALED, row_id=decision_id)


def unseal(key: bytes, stored: Stored) -> Snapshot:
    """The way back; ``DecryptionError`` for another key or place."""
    content = decrypt_bytes(
        key, stored.snapshot, table=TABLE, column=SEALED, row_id=stored.decision_id
    )
    return msgspec.json.decode(content, type=Snapshot)


# -- words -----------------------------------------------------------------------------------------


def words_of(reasons: Reasons) -> tuple[bytes, str]:
    """(digest, body) of the reasons as they are told, in their order: the order counts too."""
    body = msgspec.json.encode([msgspec.to_builtins(each) for each in reasons.values()])
    return hashlib.sha256(body).digest(), body.decode()


def reasons_of(body: str) -> dict[str, Reason]:
    """The way back."""
    return {each.id: each for each in msgspec.json.decode(body, type=list[Reason])}


def plain(value: Any) -> str:
    """JSON text for a column."""
    return msgspec.json.encode(value).decode()
