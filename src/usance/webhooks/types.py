"""What a client can be told of: the types of messages, and the scope that each asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from usance.contract import records as r
from usance.core.refusals import Refused
from usance.core.rules import rule

CONTRACTS, LINES, DAY = "contracts:read", "lines:read", "day:read"


@dataclass(frozen=True, slots=True)
class MessageType:
    """A type of message: its name, what a client must be allowed to read, and when it is sent."""

    name: str
    scope: str
    when: str


OF_EVENTS: Final[dict[int, MessageType]] = {
    r.OPEN: MessageType("contract.opened", CONTRACTS, "A contract began."),
    r.PURCHASE: MessageType("purchase.booked", CONTRACTS, "A purchase on an account."),
    r.REPAYMENT: MessageType("repayment.booked", CONTRACTS, "Money from the borrower."),
    r.REFUND: MessageType("refund.booked", CONTRACTS, "A merchant gave money back."),
    r.FEE_EVENT: MessageType("fee.charged", CONTRACTS, "A fee was charged."),
    r.PENALTY_EVENT: MessageType("penalty.charged", CONTRACTS, "A lump-sum penalty was charged."),
    r.GOODWILL: MessageType("goodwill.booked", CONTRACTS, "The lender paid for the borrower."),
    r.WAIVER: MessageType("waiver.booked", CONTRACTS, "Less interest, fee or penalty is asked."),
    r.CHARGEBACK: MessageType("chargeback.booked", CONTRACTS, "A repayment was taken back."),
    r.REVERSAL: MessageType("event.reversed", CONTRACTS, "An event never happened."),
    r.STATEMENT: MessageType("statement.issued", CONTRACTS, "A statement of an account."),
    r.EXTENSION: MessageType("contract.extended", CONTRACTS, "Due days were moved."),
    r.RESTRUCTURE: MessageType("contract.restructured", CONTRACTS, "A loan was planned anew."),
    r.CHARGE_OFF: MessageType("contract.charged_off", CONTRACTS, "A contract was written off."),
    r.RECOVERY: MessageType("recovery.booked", CONTRACTS, "Money on a contract written off."),
    r.PAYOUT: MessageType("payout.booked", CONTRACTS, "A credit balance was paid out."),
    r.MOVE_OUT: MessageType("principal.moved", CONTRACTS, "Principal went into instalments."),
    r.STATEMENT_DAY: MessageType("statement_day.changed", CONTRACTS, "Another day of statements."),
    r.DRAWING_RETURNED: MessageType("drawing.returned", CONTRACTS, "A pay-out came back."),
}
"""By kind of event. The end of a day and of a line have no message of their own: what they do is
``day.closed``, ``contract.closed`` and ``line.changed``."""

CLOSED = MessageType("contract.closed", CONTRACTS, "Nothing is owed any more, or it was ended.")
REOPENED = MessageType("contract.reopened", CONTRACTS, "A closed contract is owed again.")
LINE_CHANGED = MessageType("line.changed", LINES, "A line was opened, changed or closed.")
OVERDUE = MessageType("contract.overdue", CONTRACTS, "So many days late as the product notes.")
DUE_SOON = MessageType("due.reminder", CONTRACTS, "So many days before the due day.")
DAY_CLOSED = MessageType("day.closed", DAY, "A business date was closed.")
NOTICE_PUSH = MessageType(
    "notice.push", "portal:write", "A borrower is to be told something in the host's application."
)
TEST = MessageType("webhook.test", "", "Somebody asked for it; sent whatever is chosen.")

CHOICES: Final[dict[str, MessageType]] = {
    each.name: each
    for each in (
        *OF_EVENTS.values(), CLOSED, REOPENED, LINE_CHANGED, OVERDUE, DUE_SOON, DAY_CLOSED,
        NOTICE_PUSH,
    )
}


@rule("R-HOOK-03")
def checked(names: Iterable[str], scopes: frozenset[str]) -> list[str]:
    """Types that a client with these scopes may be told of, sorted, each once."""
    wanted = sorted(set(names))
    if not wanted:
        raise Refused("R-HOOK-03", "at least one type of message is needed", "types")
    for name in wanted:
        if name not in CHOICES:
            raise Refused("R-HOOK-03", f"no type of message is called {name}", "types")
        if CHOICES[name].scope not in scopes:
            detail = f"the client lacks the scope {CHOICES[name].scope}"
            raise Refused("R-HOOK-03", detail, "types")
    return wanted
