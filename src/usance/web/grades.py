"""Which permission each command needs, and which acts weigh so much that a fresh factor is asked.

One table for the API, the console, and whoever comes later.
"""

from __future__ import annotations

from usance.core.rules import rule
from usance.servicing import commands as ask

PERMISSIONS: dict[type[ask.Command], str] = {
    ask.OpenLine: "lines:write",
    ask.ChangeLimit: "lines:write",
    ask.CloseLine: "lines:write",
    ask.MakeOffer: "offers:write",
    ask.OfferPlan: "offers:write",
    ask.ShowCosts: "offers:write",
    ask.ConfirmCosts: "offers:write",
    ask.AcceptOffer: "offers:write",
    ask.Authorise: "purchases:write",
    ask.Capture: "purchases:write",
    ask.Void: "purchases:write",
    ask.Purchase: "purchases:write",
    ask.Refund: "purchases:write",
    ask.Repay: "payments:write",
    ask.RepayBorrower: "payments:write",
    ask.Settle: "payments:write",
    ask.SettleAndClose: "payments:write",
    ask.Recover: "payments:write",
    ask.PayOut: "payments:write",
    ask.ChargeBack: "payments:write",
    ask.ReturnDrawing: "payments:write",
    ask.AllocateReceipt: "payments:write",
    ask.ReturnReceipt: "payments:write",
    ask.ChangeStatementDay: "contracts:change",
    ask.Extend: "contracts:change",
    ask.Restructure: "contracts:change",
    ask.Goodwill: "contracts:correct",
    ask.Waive: "contracts:correct",
    ask.Charge: "contracts:correct",
    ask.Reverse: "contracts:correct",
    ask.ChargeOff: "contracts:charge-off",
}
"""A command that is not here cannot be asked for from outside."""


WEIGHTY_COMMANDS: frozenset[type[ask.Command]] = frozenset(
    {ask.ChargeOff, ask.Reverse, ask.Waive, ask.Goodwill}
)
WEIGHTY_PERMISSIONS = frozenset({
    "staff:write", "clients:write", "people:erase", "approvals:decide", "cases:decide",
    "webhooks:write",
})  # fmt: skip
"""All that is done by these: accounts and roles of staff, keys of machines, erasing a person,
deciding what another has proposed, where events are sent and with which secret."""


@rule("R-STEP-01")
def is_weighty(permission: str, command: type[ask.Command] | None = None) -> bool:
    """Whether a person who asks for this shows a fresh factor."""
    return permission in WEIGHTY_PERMISSIONS or command in WEIGHTY_COMMANDS


@rule("R-AUTH-02")
def permission_of(command: type[ask.Command]) -> str:
    """The permission that a command needs; ``KeyError`` for one that nobody may ask for."""
    return PERMISSIONS[command]
