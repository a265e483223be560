"""What can be asked of the book: one command for each use case, amounts in minor units.

A command names its borrower (offers, contracts and authorisations carry theirs in their id), so the
poster knows what to lock and load before the use case runs. ``effective_on`` is a day ordinal,
0 = today (the business date).
"""

from dataclasses import dataclass

from usance.core.identifiers import borrower_of_contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something one actor asks for."""

    def borrower(self) -> int:
        """Id of the borrower whose book is needed; 0 for none."""
        return int(getattr(self, "borrower_id", 0))

    def contracts(self) -> tuple[int, ...]:
        """Contracts that must be loaded even if they are closed."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnContract(Command):
    """A command on one contract."""

    contract_id: int
    effective_on: int = 0

    def borrower(self) -> int:
        """The contract's borrower."""
        return borrower_of_contract(self.contract_id)

    def contracts(self) -> tuple[int, ...]:
        """The contract itself."""
        return (self.contract_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLine(Command):
    """Give a borrower a limit on a product; a pay-later product opens its account at once."""

    borrower_id: int
    product: str
    limit: int
    statement_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLimit(Command):
    """Set the limit of a line."""

    borrower_id: int
    product: str
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOffer(Command):
    """A frozen quote for a draw (``changes`` override the product's terms), valid for some days."""

    borrower_id: int
    product: str
    principal: int
    instalments: int = 0
    amortisation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferPlan(Command):
    """A frozen quote for turning part of a pay-later account into instalments.

    ``purchase`` is the event of one purchase; otherwise what is unpaid of the last statement.
    """

    contract_id: int
    instalments: int
    amount: int = 0
    purchase: int = 0

    def borrower(self) -> int:
        """The account's borrower."""
        return borrower_of_contract(self.contract_id)

    def contracts(self) -> tuple[int, ...]:
        """The account."""
        return (self.contract_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped(Command):
    """A command that says when: microseconds since 1970 in UTC, 0 for now.

    ``at`` comes from the clock of the book, or from whoever makes up a past; never from a client.
    """

    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowCosts(Stamped):
    """The cost sheet of an open offer is shown; ``language`` is that of its words (en, zh)."""

    borrower_id: int
    offer_id: int
    language: str = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmCosts(Stamped):
    """Somebody has read the sheet that was shown.

    ``digest`` and ``nonce`` are those of the showing, in hex; ``how``: by the ``borrower``, on a
    screen of their own, or at a ``desk``, read with staff.
    """

    borrower_id: int
    offer_id: int
    digest: str
    nonce: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOffer(Command):
    """Accept an open offer whose costs are confirmed: the contract begins today."""

    borrower_id: int
    offer_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorise(Command):
    """Hold part of a pay-later line for a merchant."""

    borrower_id: int
    product: str
    amount: int
    merchant: str
    valid_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture(Command):
    """Turn (part of) a hold into a purchase; the rest stays held unless ``final``."""

    borrower_id: int
    authorisation_id: int
    amount: int
    final: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Void(Command):
    """Release what is left of a hold."""

    borrower_id: int
    authorisation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(OnContract):
    """A purchase without a hold before it."""

    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repay(OnContract):
    """Money from the borrower for one contract."""

    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepayBorrower(Command):
    """Money from the borrower for all contracts, in the order of policy."""

    borrower_id: int
    amount: int
    effective_on: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debit(Repay):
    """Money that the bank drew by order: for what is asked, and only if something still is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitBorrower(RepayBorrower):
    """One debit for all contracts of the borrower, only if something still is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(OnContract):
    """Pay off a contract: exactly what closes it today."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleAndClose(OnContract):
    """Pay exactly what closes a contract, and end it: an account with its plans and its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(OnContract):
    """A merchant gives money back; ``of`` names the purchase, 0 for none."""

    amount: int
    of: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodwill(OnContract):
    """The lender pays for the borrower."""

    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waive(OnContract):
    """Ask less interest, fee or penalty."""

    component: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge(OnContract):
    """A fee, or an agreed lump-sum penalty (``component``: fee or penalty)."""

    component: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeBack(OnContract):
    """Take a repayment back from today on; ``amount`` 0 for all that is left of it."""

    of: int
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse(OnContract):
    """An event never happened."""

    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend(OnContract):
    """Move the due days that are not yet paid."""

    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restructure(OnContract):
    """Plan all unpaid principal anew.

    ``annual_rate`` is a decimal, "" for the rate agreed; ``first_due_on`` an ordinal, 0 for one
    step from today.
    """

    instalments: int
    annual_rate: str = ""
    first_due_on: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeStatementDay(OnContract):
    """From the next statement on."""

    day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeOff(OnContract):
    """Write the contract off; it stays owed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover(OnContract):
    """Money on a contract that was charged off."""

    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOut(OnContract):
    """Give the borrower (part of) the credit balance; ``amount`` 0 for all."""

    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnDrawing(OnContract):
    """The bank says that a loan's pay-out ``failed`` or was ``returned``: it was never owed."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateReceipt(OnContract):
    """Bank money that waits pays a contract, from its value date unless a day is given."""

    receipt_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnReceipt(Command):
    """Bank money that waits goes back to whom it came from."""

    receipt_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLine(Command):
    """End a product for a borrower: nothing owed, nothing held, no credit balance."""

    borrower_id: int
    product: str
