"""What may be done, by name. Every route names one; reading and writing are apart."""

from __future__ import annotations

from typing import Final

PUBLIC: Final = "public"
"""Needs nobody: the log-in page, health, the API's description."""
STAFF: Final = "staff"
"""Any member of staff who has logged in, and no machine."""

COMING_IN: Final = "coming-in"
"""A member of staff who has shown everything they have, also while a new password or a second
factor is missing: the pages that ask for it."""
HALF_IN: Final = "half-in"
"""The same, and who has not yet shown the second factor that is enrolled: the page that asks for
the code, and log-out."""
BORROWER: Final = "borrower"
"""A borrower who has logged in, for what is their own; no machine, no member of staff."""
SIGNED: Final = "signed"
"""A request that carries a signature of its own, which its route checks: a bank's notification."""

DECIDE: Final = "approvals:decide"
"""To be the second person."""

SCOPES: Final = frozenset({
    "book:read",
    "products:read",
    "borrowers:read", "borrowers:write",
    "people:export",  # everything held about a person; of staff, for a reason that is noted
    "lines:read", "lines:write",
    "offers:read", "offers:write",
    "purchases:read", "purchases:write",  # authorise, capture, void, purchase, refund
    "contracts:read",
    "contracts:change",  # extend, restructure, into instalments, statement day
    "contracts:correct",  # waive, goodwill, charge, reverse, charge back, a pay-out that came back
    "contracts:charge-off",
    "payments:write",  # repay, settle, recover, pay out, charge back
    "ledger:read",
    "operations:read",
    "files:read", "files:write",  # the bank's debit-result files
    "day:read", "day:write",
    "cases:read", "cases:write",
    "decisions:read", "decisions:write",  # automated decisions, made and explained
    "consents:read", "consents:write",  # what a borrower agreed to, and relatives; never documents
    "facts:read", "facts:write",  # what is known of a borrower; ask a credit bureau
    "webhooks:read", "webhooks:write",
    "notices:read", "notices:write",  # templates of notices; alarms, and reports of forgeries
    "alerts:read",  # what asks for a look at a borrower or the book
    "monitors:read",  # the book as a whole, and whether scorecards hold
    "policies:read",  # policies and scorecards, and what rests on which law
    "verify:read", "verify:write",  # ask whether a notice is genuine, report one for somebody
    "approvals:read", "approvals:write",  # take one's own proposal back
    "audit:read",
    "portal:write",  # ask for a signed link that lets one borrower in
    "metrics:read",
})  # fmt: skip
"""What a machine client can be given; what a member of staff may do of it, their roles say."""

STAFF_ONLY: Final = frozenset({
    "people:read",  # see a person's details in clear, for a reason that is noted
    "people:erase",
    DECIDE,
    "cases:decide",
    "consents:adopt",  # propose a consent document, or the end of one
    "alerts:write",  # look after an alert, and say what it was
    "policies:write",  # propose a version of a policy, or a scorecard
    "staff:read", "staff:write",
    "clients:read", "clients:write",
    "messages:read",  # what the sandbox messenger was given
})  # fmt: skip
"""What only a person can be allowed."""
