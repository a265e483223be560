"""Which function serves which command, and what each needs in the hand."""

from collections.abc import Callable
from typing import Any

from usance.servicing import (
    changes,
    closing,
    corrections,
    debits,
    disclosing,
    lines,
    offers,
    purchases,
    receipts,
    repayments,
)
from usance.servicing import commands as asked
from usance.servicing.hand import BorrowerBook

Case = Callable[[BorrowerBook, Any], dict[str, Any]]

CASES: dict[type[asked.Command], Case] = {
    asked.OpenLine: lines.open_line,
    asked.ChangeLimit: lines.change_limit,
    asked.CloseLine: lines.close_line,
    asked.ChangeStatementDay: lines.change_statement_day,
    asked.MakeOffer: offers.make_offer,
    asked.OfferPlan: offers.offer_plan,
    asked.ShowCosts: disclosing.show,
    asked.ConfirmCosts: disclosing.confirm,
    asked.AcceptOffer: offers.accept_offer,
    asked.Authorise: purchases.authorise,
    asked.Capture: purchases.capture,
    asked.Void: purchases.void,
    asked.Purchase: purchases.purchase,
    asked.Refund: purchases.refund,
    asked.Repay: repayments.repay,
    asked.RepayBorrower: repayments.repay_borrower,
    asked.Debit: debits.debit,
    asked.DebitBorrower: debits.debit_borrower,
    asked.Settle: repayments.settle,
    asked.SettleAndClose: closing.settle_and_close,
    asked.Goodwill: repayments.goodwill,
    asked.Recover: repayments.recover,
    asked.Waive: corrections.waive,
    asked.Charge: corrections.charge,
    asked.ChargeBack: corrections.charge_back,
    asked.Reverse: corrections.reverse,
    asked.PayOut: corrections.pay_out,
    asked.ReturnDrawing: corrections.return_drawing,
    asked.AllocateReceipt: receipts.allocate,
    asked.ReturnReceipt: receipts.give_back,
    asked.Extend: changes.extend,
    asked.Restructure: changes.restructure,
    asked.ChargeOff: changes.charge_off,
}

WHOLE = {
    asked.OpenLine, asked.ChangeLimit, asked.CloseLine, asked.MakeOffer, asked.AcceptOffer,
    asked.Authorise, asked.Capture, asked.Void, asked.Purchase, asked.RepayBorrower,
    asked.DebitBorrower, asked.SettleAndClose,
}  # fmt: skip
"""Commands that look at all open contracts and lines of the borrower."""

NEEDS_HISTORY = {
    asked.Reverse, asked.ChargeBack, asked.Restructure, asked.OfferPlan, asked.ReturnDrawing,
    asked.AllocateReceipt, asked.Charge, asked.Extend,
}  # fmt: skip
"""Commands that refer to earlier events, or are held against what a whole life costs; so does
everything with an earlier effective day."""

ALONE = {
    asked.Repay, asked.Settle, asked.Goodwill, asked.Recover, asked.Waive,
}  # fmt: skip
"""Commands that, of today, look at one contract and write nothing else."""
