"""Forms: their fields, and the actions that can be asked for on a page.

An action is a command with the fields that a person fills in; what the page already knows (which
contract, which borrower) is added by the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from usance.contract import records as r
from usance.core.days import ordinal
from usance.core.identifiers import parse
from usance.core.money import parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.servicing import commands
from usance.servicing.commands import Command
from usance.servicing.read import Standing


def _(message: str) -> str:
    """Mark a message for the catalogues."""
    return message


@dataclass(frozen=True, slots=True)
class Field:
    """A thing that a person fills in. ``kind``: money, whole, day, text, url, contract, choice."""

    name: str
    label: str
    kind: str = "money"
    needed: bool = True
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    most: int = 2**31 - 1

    def parse(self, text: str, decimals: int) -> int | str:
        """The value for the command; raises ``Refused`` with the field's name."""
        text = text.strip()
        if self.kind == "money":
            text = text.replace(",", "").replace("，", "")
        if not text:
            if self.needed:
                raise Refused("R-FORM-01", "this field is needed", self.name)
            return "" if self.kind in ("text", "choice", "words") else 0
        return PARSERS[self.kind](self, text, decimals)


def parse_money(field: Field, text: str, decimals: int) -> int:
    """Minor units of a decimal string."""
    try:
        return parse_decimal(text, decimals)
    except ValueError as error:
        raise Refused("R-AMT-01", "not an amount of money", field.name) from error


def parse_whole(field: Field, text: str, _decimals: int) -> int:
    """A whole number from 0 to the field's most."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= field.most):
        raise Refused("R-FORM-02", "not a whole number in range", field.name)
    return int(text)


def parse_day(field: Field, text: str, _decimals: int) -> int:
    """A day as an ordinal."""
    try:
        return ordinal(text)
    except ValueError as error:
        raise Refused("R-FORM-03", "not a day (year-month-day)", field.name) from error


@rule("R-FOUND-01")
def parse_contract(field: Field, text: str, _decimals: int) -> int:
    """A contract's id; what cannot be one is not there."""
    try:
        return parse("contract", text)
    except ValueError as error:
        raise Refused("R-FOUND-01", "there is no such contract", field.name) from error


def parse_choice(field: Field, text: str, _decimals: int) -> str:
    """One of the choices."""
    if text not in dict(field.choices):
        raise Refused("R-FORM-04", "not one of the choices", field.name)
    return text


def parse_text(field: Field, text: str, _decimals: int) -> str:
    """Words on one line."""
    if len(text) > 200 or not text.isprintable():
        raise Refused("R-FORM-05", "at most 200 characters on one line", field.name)
    return text


def parse_url(_field: Field, text: str, _decimals: int) -> str:
    """An address as it is; whether it can be one is the use case's to say."""
    return text


def parse_words(_field: Field, text: str, _decimals: int) -> str:
    """Words on many lines; who takes them says how many, and which characters."""
    return text.replace("\r\n", "\n")


def parse_check(field: Field, text: str, _decimals: int) -> int:
    """1 for a box that was checked."""
    if text != "1":
        raise Refused("R-FORM-04", "not one of the choices", field.name)
    return 1


PARSERS: dict[str, Callable[[Field, str, int], int | str]] = {
    "money": parse_money, "whole": parse_whole, "day": parse_day, "choice": parse_choice,
    "text": parse_text, "contract": parse_contract, "url": parse_url,
    "words": parse_words, "check": parse_check,
}  # fmt: skip

AMOUNT = Field("amount", _("Amount"))
VALUE_DAY = Field("effective_on", _("Value date"), "day", needed=False,
                  hint=_("Empty: the business date. An earlier day is replayed."))  # fmt: skip
COMPONENT = (("fee", _("Fee")), ("penalty", _("Penalty interest")))
AMORTISATION = (
    ("equal_instalment", _("Equal instalments")), ("equal_principal", _("Equal principal")),
    ("interest_first", _("Interest first")), ("bullet", _("All at the end")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be asked for on a page."""

    name: str
    label: str
    sentence: str
    command: type[Command]
    fields: tuple[Field, ...]
    grave: bool = False
    fits: Callable[[Standing], bool] = lambda _: True

    def build(self, form: Mapping[str, str], decimals: int, known: dict[str, Any]) -> Command:
        """The command that a filled-in form asks for; raises ``Refused``."""
        values = {each.name: each.parse(form.get(each.name, ""), decimals) for each in self.fields}
        return self.command(**known, **values)


def active(s: Standing) -> bool:
    """Neither closed nor charged off."""
    return s.state.status == r.ACTIVE


def active_line(s: Standing) -> bool:
    """An active pay-later account."""
    return active(s) and s.is_line


def active_loan(s: Standing) -> bool:
    """An active loan or plan."""
    return active(s) and not s.is_line


def charged_off(s: Standing) -> bool:
    """Charged off."""
    return s.state.status == r.CHARGED_OFF


def in_credit(s: Standing) -> bool:
    """With a credit balance."""
    return s.state.credit > 0


def paid_out(s: Standing) -> bool:
    """A loan, also one that has ended, whose money went to the borrower."""
    return not s.is_line and not s.parent_id and not s.undrawn


OF_EVENT = Field("of", _("Number of the event"), "whole")
ON_CONTRACT = (
    Action("repay", _("Repay"), _("Money from the borrower for this contract."),
           commands.Repay, (AMOUNT, VALUE_DAY), fits=active),
    Action("settle", _("Pay off"), _("Exactly what closes the contract on the business date."),
           commands.Settle, (), fits=active_loan),
    Action("purchase", _("Purchase"), _("A purchase without a hold before it."),
           commands.Purchase, (AMOUNT, VALUE_DAY), fits=active_line),
    Action("plan", _("Into instalments"),
           _("Offers to turn an amount of the last statement, or one purchase, into a plan."),
           commands.OfferPlan,
           (Field("instalments", _("Number of instalments"), "whole", most=480),
            Field("amount", _("Amount"), needed=False,
                  hint=_("Empty: all that is unpaid of the last statement.")),
            Field("purchase", _("Number of the purchase's event"), "whole", needed=False)),
           fits=active_line),
    Action("refund", _("Refund"), _("A merchant gives money back."), commands.Refund,
           (AMOUNT, Field("of", _("Number of the purchase's event"), "whole", needed=False),
            VALUE_DAY)),
    Action("extend", _("Extend"), _("Moves the due days that are not yet paid."),
           commands.Extend, (Field("days", _("Days"), "whole", most=3660),), fits=active_loan),
    Action("restructure", _("Restructure"), _("Plans all unpaid principal anew."),
           commands.Restructure,
           (Field("instalments", _("Number of instalments"), "whole", most=480),
            Field("annual_rate", _("Annual rate"), "text", needed=False,
                  hint=_("As a decimal, 0.12 for 12%. Empty: as agreed.")),
            Field("first_due_on", _("First due day"), "day", needed=False,
                  hint=_("Empty: one step from the business date."))), fits=active_loan),
    Action("statement-day", _("Change statement day"), _("From the next statement on."),
           commands.ChangeStatementDay, (Field("day", _("Day of the month"), "whole", most=28),),
           fits=active_line),
    Action("waive", _("Waive"), _("Asks less interest, fee or penalty interest."), commands.Waive,
           (Field("component", _("Component"), "choice",
                  choices=(("interest", _("Interest")), *COMPONENT)), AMOUNT)),
    Action("goodwill", _("Goodwill"), _("The lender pays for the borrower."), commands.Goodwill,
           (AMOUNT,)),
    Action("charge", _("Charge"), _("A fee, or an agreed lump-sum penalty."), commands.Charge,
           (Field("component", _("Component"), "choice", choices=COMPONENT), AMOUNT), fits=active),
    Action("pay-out", _("Pay out"), _("Gives the borrower the credit balance, or part of it."),
           commands.PayOut,
           (Field("amount", _("Amount"), needed=False, hint=_("Empty: all of it.")),),
           fits=in_credit),
    Action("charge-back", _("Charge back"),
           _("Takes a repayment back from the business date on; what it paid is owed again."),
           commands.ChargeBack,
           (OF_EVENT, Field("amount", _("Amount"), needed=False, hint=_("Empty: all of it."))),
           grave=True),
    Action("reverse", _("Reverse"),
           _("The event never happened: the contract is replayed and the differences are booked."),
           commands.Reverse, (OF_EVENT,), grave=True),
    Action("return-drawing", _("Pay-out failed or returned"),
           _("The bank says that the loan was not paid out: it was never owed, and what was paid "
             "on it is the borrower's credit balance."),
           commands.ReturnDrawing,
           (Field("reason", _("What the bank says"), "choice",
                  choices=(("failed", _("The pay-out failed")),
                           ("returned", _("The money was sent back")))),),
           grave=True, fits=paid_out),
    Action("charge-off", _("Charge off"),
           _("Interest stops and the contract leaves the balance sheet; it stays owed."),
           commands.ChargeOff, (), grave=True, fits=active),
    Action("recover", _("Recovery"), _("Money on a contract that was charged off."),
           commands.Recover, (AMOUNT, VALUE_DAY), fits=charged_off),
)  # fmt: skip

PRODUCT = Field("product", _("Product"), "choice")
ON_BORROWER = (
    Action("repay", _("Repay"),
           _("Money from the borrower for all contracts, shared as policy says."),
           commands.RepayBorrower, (AMOUNT, VALUE_DAY)),
    Action("open-line", _("Open a line"),
           _("Gives the borrower a limit on a product; a pay-later account opens at once."),
           commands.OpenLine,
           (PRODUCT, Field("limit", _("Limit")),
            Field("statement_day", _("Statement day"), "whole", needed=False, most=28,
                  hint=_("For a pay-later line. Empty: the product's.")))),
    Action("offer", _("Make an offer"),
           _("A frozen quote for a draw, with its cost sheet, valid for some days."),
           commands.MakeOffer,
           (PRODUCT, Field("principal", _("Principal")),
            Field("instalments", _("Number of instalments"), "whole", needed=False, most=480,
                  hint=_("Empty: the product's.")),
            Field("amortisation", _("Amortisation"), "choice", needed=False,
                  choices=AMORTISATION))),
    Action("authorise", _("Authorise a purchase"),
           _("Holds part of a pay-later line for a merchant."),
           commands.Authorise,
           (PRODUCT, AMOUNT, Field("merchant", _("Merchant"), "text"))),
)  # fmt: skip
ON_LINE = (
    Action("limit", _("Change the limit"), _("From now on; what is drawn stays drawn."),
           commands.ChangeLimit, (Field("limit", _("Limit")),)),
    Action("close", _("Close the line"),
           _("Ends the product for the borrower: nothing owed, nothing held, no credit balance."),
           commands.CloseLine, (), grave=True),
)  # fmt: skip
ON_OFFER = (
    Action("show", _("Show what it costs"),
           _("The cost sheet is read with the borrower; from now on its reading time runs."),
           commands.ShowCosts,
           (Field("language", _("Language"), "choice",
                  choices=(("zh", "中文"), ("en", "English"))),)),
    Action("confirm", _("The borrower has read it"),
           _("At the desk, after the sheet was shown and its reading time is over."),
           commands.ConfirmCosts, ()),
    Action("accept", _("Accept the offer"), _("The contract begins on the business date."),
           commands.AcceptOffer, ()),
)  # fmt: skip
ON_HOLD = (
    Action("capture", _("Capture"), _("Turns the hold into a purchase; the rest is released."),
           commands.Capture, (AMOUNT,)),
    Action("void", _("Release"), _("Releases what is left of the hold."), commands.Void, ()),
)  # fmt: skip

ON_RECEIPT = (
    Action("allocate", _("Allocate"),
           _("The money pays a contract: as a repayment, or as a recovery once it is charged off."),
           commands.AllocateReceipt,
           (Field("contract_id", _("Contract"), "contract"),
            Field("effective_on", _("Value date"), "day", needed=False,
                  hint=_("Empty: the value date of the receipt.")))),
    Action("return", _("Return"),
           _("The money goes back to the payer. What the bank took back, the bank gives back."),
           commands.ReturnReceipt, (), grave=True),
)  # fmt: skip


def action_of(table: tuple[Action, ...], name: str) -> Action | None:
    """The action with this name."""
    return next((each for each in table if each.name == name), None)
