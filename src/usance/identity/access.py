"""How borrowers come in, put together once: for the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from usance.identity.borrower_sessions import BorrowerSessions
from usance.identity.boxes import Boxes
from usance.identity.codes import Codes
from usance.identity.contact_changes import ContactChanges
from usance.identity.contacts import Contacts
from usance.identity.devices import Devices
from usance.identity.limits import Limits
from usance.identity.links import Links
from usance.identity.log_in import LogIn
from usance.identity.messages import Mailbox, SandboxMessenger
from usance.identity.portal_policy import PortalPolicy, portal_policy
from usance.platform.clock import Clock, SystemClock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.platform.derived import DerivedSecrets


@dataclass(frozen=True, slots=True)
class BorrowerAccess:
    """Everything at the door of the portal."""

    policy: PortalPolicy
    log_in: LogIn
    sessions: BorrowerSessions
    devices: Devices
    contacts: Contacts
    changes: ContactChanges
    links: Links
    mailbox: Mailbox
    sandbox: SandboxMessenger

    @classmethod
    def over(
        cls, pool: Pool, keys: KeyService, clock: Clock | None = None,
        policy: PortalPolicy | None = None,
    ) -> BorrowerAccess:  # fmt: skip
        """Over a book's database and keys."""
        clock, policy = clock or SystemClock(), policy or portal_policy()
        boxes, keyed = Boxes(keys), DerivedSecrets(keys)
        mailbox = Mailbox(boxes, clock)
        limits = Limits(pool, keyed, clock, policy)
        coder = Codes(keyed, clock, policy)
        contacts = Contacts(pool, clock, policy, boxes)
        sessions = BorrowerSessions(pool, clock, policy, boxes, mailbox)
        return cls(
            policy=policy,
            log_in=LogIn(pool, clock, policy, limits, coder, boxes, mailbox, sessions, contacts),
            sessions=sessions,
            devices=Devices(pool, clock),
            contacts=contacts,
            changes=ContactChanges(pool, clock, policy, limits, coder, boxes, mailbox, contacts),
            links=Links(pool, keyed, clock, policy, sessions),
            mailbox=mailbox,
            sandbox=SandboxMessenger(boxes),
        )  # fmt: skip
