"""Names of what the tables hold as numbers or codes; every one is a message of the catalogues."""

from usance.contract import records as r


def _(message: str) -> str:
    """Mark a message for the catalogues; it is translated where it is shown."""
    return message


EVENTS = {
    r.OPEN: _("Opened"), r.PURCHASE: _("Purchase"), r.REPAYMENT: _("Repayment"),
    r.REFUND: _("Refund"), r.FEE_EVENT: _("Fee charged"), r.PENALTY_EVENT: _("Penalty charged"),
    r.GOODWILL: _("Goodwill"), r.WAIVER: _("Waiver"), r.CHARGEBACK: _("Charge-back"),
    r.REVERSAL: _("Reversal"), r.STATEMENT: _("Statement issued"), r.DAY: _("Day end"),
    r.EXTENSION: _("Extension"), r.RESTRUCTURE: _("Restructuring"), r.CHARGE_OFF: _("Charge-off"),
    r.RECOVERY: _("Recovery"), r.PAYOUT: _("Pay-out of credit balance"),
    r.MOVE_OUT: _("Moved into instalments"), r.STATEMENT_DAY: _("Statement day changed"),
    r.CLOSE: _("Closed"),
}  # fmt: skip

COMPONENTS = {
    "principal": _("Principal"), "interest": _("Interest"), "fee": _("Fee"),
    "penalty": _("Penalty interest"), "credit": _("Credit balance"),
}  # fmt: skip

ACTIONS = {
    "OpenLine": _("Line opened"), "ChangeLimit": _("Limit changed"), "MakeOffer": _("Offer made"),
    "OfferPlan": _("Instalments offered"), "AcceptOffer": _("Offer accepted"),
    "Authorise": _("Purchase authorised"), "Capture": _("Hold captured"),
    "Void": _("Hold released"), "Purchase": _("Purchase"), "Repay": _("Repayment"),
    "RepayBorrower": _("Repayment"), "Settle": _("Paid off"), "Refund": _("Refund"),
    "Goodwill": _("Goodwill"), "Waive": _("Waiver"), "Charge": _("Charge"),
    "ChargeBack": _("Charge-back"), "Reverse": _("Reversal"),
    "Extend": _("Extension"), "Restructure": _("Restructuring"),
    "ChangeStatementDay": _("Statement day changed"), "ChargeOff": _("Charge-off"),
    "Recover": _("Recovery"), "PayOut": _("Pay-out of credit balance"),
    "CloseLine": _("Line closed"), "register_borrower": _("Borrower registered"),
    "create_staff": _("Staff account made"), "create_client": _("Machine client made"),
    "create_book": _("Book created"), "bank_file": _("Bank file"), "day_close": _("Day closed"),
}  # fmt: skip

OUTCOMES = {
    "paid": _("paid"), "repaid": _("paid"), "failed": _("failed at the bank"),
    "unmatched": _("nobody found"), "duplicate": _("sent twice"), "duplicate_row": _("sent twice"),
    "late": _("came late"), "refused": _("refused"), "returned": _("returned"),
    "overpaid": _("more than owed"), "booked": _("booked"),
}  # fmt: skip

OFFER_STATUS = {1: _("open"), 2: _("accepted"), 3: _("withdrawn")}
HOLD_STATUS = {1: _("open"), 2: _("captured"), 3: _("released"), 4: _("expired")}
LINE_STATUS = {1: _("open"), 2: _("closed")}
BORROWER_STATUS = {1: _("active"), 2: _("erased")}

AGES = (_("not overdue"), "1–30", "31–60", "61–90", _("over 90"))

FIGURES = {
    "pay-off": _("Pay-off amount"), "due-now": _("Due by today"), "running": _("Interest running"),
    "dpd": _("Days past due"), "event": _("What an event did"), "required": _("Required amount"),
    "unpaid-principal": _("Remaining principal"), "unpaid-interest": _("Unpaid interest"),
    "unpaid-fee": _("Unpaid fees"), "unpaid-penalty": _("Unpaid penalty interest"),
    "asked-principal": _("Principal asked"), "asked-interest": _("Interest asked"),
    "asked-fee": _("Fee asked"), "asked-penalty": _("Penalty interest asked"),
    "paid": _("Paid"), "paid-principal": _("Principal paid"), "paid-interest": _("Interest paid"),
    "paid-fee": _("Fee paid"), "paid-penalty": _("Penalty interest paid"),
}  # fmt: skip

ENTRIES = {
    "running-row": _("Asked of the running row"), "unpaid": _("Unpaid"),
    "running": _("Run since it was last asked"), "due": _("Due"),
    "rounded": _("Run so far, rounded to a minor unit"), "oldest": _("Oldest unmet due day"),
    "minimum": _("Minimum part"), "in-full": _("Interest, fees and penalty in full"),
    "instalment": _("Instalment"), "less-interest": _("less interest"),
    "all-that-remains": _("all that remains"), "planned": _("As planned"),
    "moved": _("Moved from or to another due"), "time": _("Time passed"), "event": _("Event"),
    "nights": _("Nights"), "contingent": _("Amount × nights since posting or due day"),
}  # fmt: skip

TERMS = {
    "kind": _("Kind"), "code": _("Code"), "name": _("Name"), "currency": _("Currency"),
    "principal": _("Principal"), "disbursed_on": _("Paid out on"), "limit_max": _("Largest limit"),
    "instalments": _("Number of instalments"), "least": _("at least"), "most": _("at most"),
    "offer_days": _("Days that an offer is valid"), "irr_cap": _("Cap of the all-in annual cost"),
    "terms": _("Terms"), "rate": _("Rate"), "annual": _("annual"), "daily": _("daily"),
    "period": _("per period"), "every": _("Every"), "months": _("months"), "days": _("days"),
    "amortisation": _("Amortisation"), "early_repayment": _("Early repayment"),
    "penalty": _("Penalty interest"), "grace_days": _("Days of grace"), "steps": _("Steps"),
    "allocation": _("Order of allocation"), "order": _("Order"), "by": _("By"),
    "when": _("From days past due"), "from_day": _("from day"),
    "charged_off": _("once charged off"), "future": _("Early principal goes to"),
    "non_accrual_days": _("Non-accrual from day"), "reminders": _("Reminders, days before"),
    "overdue_notices": _("Overdue notices, days after"), "statement_day": _("Statement day"),
    "due_day": _("Due day"), "due_after_days": _("Due after days"),
    "interest_from": _("Interest from"), "interest_on": _("Interest on"),
    "minimum": _("Minimum due"), "floor": _("floor"), "fees": _("Fees"), "at": _("asked"),
    "amount": _("Amount"), "first_due_on": _("First due day"), "plan_product": _("Plans become"),
    "day_count": _("Day count"), "rounding": _("Rounding"), "id": _("No."),
}  # fmt: skip

ACTORS = {"staff": _("staff no. {}"), "machine": _("client no. {}"), "system": _("the system: {}")}
DONE = _("Done: {}.")

REFUSALS = (
    _("the amount must be positive"), _("this kind of contract has no such event"),
    _("the event is before the contract's state"), _("a closed contract does not accept this"),
    _("the contract is charged off: use a recovery"), _("the contract is not charged off"),
    _("the waiver exceeds what is asked and unpaid"),
    _("the pay-out exceeds the credit balance"),
    _("something is still owed or the credit balance is not paid out"),
    _("the purchase exceeds the limit"), _("more than is left of the repayment"),
    _("refunds exceed the purchase"), _("there is no such contract"),
    _("there is no such borrower"), _("the borrower has no line on this product"),
    _("the borrower has a line on this product"), _("this product has no line of its own"),
    _("a statement day lies between 1 and 28"), _("the name or the password is wrong"),
    _("too many attempts; try again in a quarter of an hour"),
    _("the Idempotency-Key was used with another request"), _("not a phone number"),
    _("not an identity number"), _("the phone is another borrower's"),
    _("a borrower with this identity number is registered"), _("reversed twice"),
    _("the form is not from a page of this session"), _("this field is needed"),
    _("not an amount of money"), _("not a whole number in range"),
    _("not a day (year-month-day)"), _("not one of the choices"),
    _("at most 200 characters on one line"), _("the form has lost its key; open it again"),
    _("nobody has this id, phone or identity number"), _("choose a file"),
    _("a day is being closed"), _("this day is no longer open"),
    _("there is no such action"), _("there is no such figure"), _("there is no such statement"),
    _("there is no such line"), _("there is no such offer"), _("there is no such rule"),
    _("the draw exceeds what is available"), _("the offer has been used or withdrawn"),
    _("the offer is no longer valid"), _("nothing of a statement is unpaid"),
    _("more than is unpaid of it"), _("there is no such repayment"),
    _("there is no such purchase"), _("only a repayment is charged back"),
    _("nothing can be bought while a required amount is late"), _("not an e-mail address"),
    _("a name has 1 to 100 printable characters"), _("this product is not drawn as a loan"),
)  # fmt: skip
"""Details of refusals that a page shows in the reader's language; others stay as they are."""
