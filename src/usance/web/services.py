"""What routes work with: built once by the composition root, found at ``app.state.services``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from usance.allowance.leases import Allowance
from usance.approvals.delegation import Delegations
from usance.approvals.service import Approvals
from usance.audit.note import PublicKey
from usance.cases.borrower import OwnCases
from usance.cases.deciding import Deciding as DecidingCases
from usance.cases.service import Cases
from usance.cases.watch import Watch
from usance.cases.work import Desk
from usance.consents.service import Consents
from usance.family.service import Family
from usance.identity.access import BorrowerAccess
from usance.identity.accesses import Accesses
from usance.identity.borrowers import Borrowers
from usance.identity.changing import Asking
from usance.identity.machine import MachineClients
from usance.identity.once import Answer
from usance.identity.provider import Provider
from usance.identity.staff import Staff
from usance.notices.asking import Verification
from usance.notices.delivery import Delivery
from usance.notices.health import Health
from usance.notices.own import OwnNotices
from usance.notices.planner import Planner
from usance.notices.receipts import ReceiptDesk
from usance.notices.reporting import Reports
from usance.notices.surge_watch import SurgeWatch
from usance.notices.templates import Templates
from usance.payments.bank import Bank
from usance.payments.intents import Payments
from usance.payments.notifications import Notifications
from usance.platform.clock import Clock
from usance.platform.config import Settings
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.platform.looks import Looks
from usance.risk.backtesting import History
from usance.risk.bureau_pulls import BureauPulls
from usance.risk.deciding import Deciding
from usance.risk.early_warning import EarlyWarning
from usance.risk.fact_keeping import Facts
from usance.risk.limit_answers import LimitAnswers
from usance.risk.measuring import Portfolio
from usance.risk.opening import Archive
from usance.risk.register import Policies
from usance.risk.score_watch import ScoreWatch
from usance.risk.scorecards import Scorecards
from usance.servicing.commands import Command
from usance.servicing.service import Book
from usance.web.closing import Closing
from usance.webhooks.endpoints import Endpoints


class Submits(Protocol):
    """The book: ``usance.servicing.service.Book``."""

    async def submit(
        self, command: Command, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Do what is asked, once for an actor's key."""
        ...


class Decides(Submits, Protocol):
    """The book with decisions before it: ``usance.web.deciding.DecidedBook``."""

    async def decided(
        self, command: Command, asking: Asking, declared: Mapping[str, int]
    ) -> Answer:
        """Decide, and do it as far as that goes, once for the key; a refusal is an answer."""
        ...


@dataclass(frozen=True, slots=True)
class DecisionRoom:
    """Automated decisions: who makes them, and what was made."""

    deciding: Deciding
    archive: Archive


@dataclass(frozen=True, slots=True)
class CaseRoom:
    """Everything of cases: what staff and programs do, decisions, a borrower's own, the watch."""

    desk: Desk
    work: Cases
    deciding: DecidingCases
    own: OwnCases
    watch: Watch


@dataclass(frozen=True, slots=True)
class GenuineRoom:
    """Whether a notice is genuine: who answers, who takes reports, who looks after the alarm."""

    asking: Verification
    reports: Reports
    watch: SurgeWatch


@dataclass(frozen=True, slots=True)
class NoticeRoom:
    """Notices: a reader's own, how sending fares, who plans, and who sends."""

    zone: str
    """Where the book is: hours of reports are told in it."""
    own: OwnNotices
    health: Health
    planner: Planner | None
    """Without a number of the lender's nothing can be said, so nothing is planned or sent."""
    delivery: Delivery | None

    @property
    def sends_codes(self) -> bool:
        """Whether text messages go out: without them nobody can log in by a code."""
        return self.delivery is not None and self.delivery.carries("sms")

    @property
    def looking(self) -> list[Looks]:
        """Who works in the background."""
        return [each for each in (self.planner, self.delivery, self.health) if each is not None]


@dataclass(frozen=True, slots=True)
class WarningRoom:
    """What watches the book: alerts, the book as a whole, scorecards."""

    alerts: EarlyWarning
    portfolio: Portfolio
    scores: ScoreWatch

    @property
    def looking(self) -> list[Looks]:
        """Who works in the background."""
        return [self.alerts, self.scores]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need."""

    settings: Settings
    pool: Pool
    keys: KeyService
    book: Submits
    """Where commands are asked for; approvals stand before it."""
    decided: Decides
    """The same, where an act is to be decided first."""
    decisions: DecisionRoom
    limits: LimitAnswers
    """Offers of limits, and more for a while, as borrowers answer and ask."""
    posting: Book
    """The book itself, for what is not asked for command by command: bank files."""
    approvals: Approvals
    delegations: Delegations
    borrowers: Borrowers
    staff: Staff
    accesses: Accesses
    clients: MachineClients
    allowance: Allowance
    webhooks: Endpoints
    closing: Closing
    cases: CaseRoom
    consents: Consents
    facts: Facts
    bureau: BureauPulls
    family: Family
    templates: Templates
    policies: Policies
    scorecards: Scorecards
    history: History
    """The cases on which a draft of a policy is tried."""
    warning: WarningRoom
    notices: NoticeRoom
    genuine: GenuineRoom
    name: str
    currency: str
    decimals: int
    demo: bool
    hints: Mapping[str, str]
    """Shown on the log-in page of a demo book: name and password."""
    audit_key: PublicKey
    """Whose signatures under checkpoints are believed."""
    clock: Clock
    access: BorrowerAccess
    payments: Payments
    notifications: Notifications
    receipts: ReceiptDesk
    provider: Provider | None = None
    """Who else may say that somebody is staff."""
    bank: Bank | None = None
    """Takes payments that borrowers begin on their pages; without one they cannot."""

    @property
    def sandbox(self) -> bool:
        """Whether messages and payments are of the sandbox: a demo book, or asked for by setting.

        What only a sandbox may show looks here.
        """
        return self.demo or self.settings.sandbox
