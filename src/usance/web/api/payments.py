"""Money from and to borrowers."""

from __future__ import annotations

from usance.servicing import commands as ask
from usance.web.api import bodies
from usance.web.api.endpoint import Empty, command
from usance.web.api.values import Ids, Money, ordinal


@command("POST", "/v1/contracts/{contract_id}/repayments")
def repay(at: Ids, body: bodies.Payment, money: Money) -> ask.Repay:
    """Money from the borrower for one contract, of any amount, on any day."""
    return ask.Repay(
        contract_id=at["contract_id"], amount=money.read(body.amount, body.currency),
        effective_on=ordinal(body.effective_on),
    )  # fmt: skip


@command("POST", "/v1/borrowers/{borrower_id}/repayments")
def repay_borrower(at: Ids, body: bodies.Payment, money: Money) -> ask.RepayBorrower:
    """Money from the borrower for all contracts, in the order of policy."""
    return ask.RepayBorrower(
        borrower_id=at["borrower_id"], amount=money.read(body.amount, body.currency),
        effective_on=ordinal(body.effective_on),
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/settlement")
def settle(at: Ids, _body: Empty, _: Money) -> ask.Settle:
    """Pay off a contract: exactly what closes it."""
    return ask.Settle(contract_id=at["contract_id"])


@command("POST", "/v1/contracts/{contract_id}/closure")
def settle_and_close(at: Ids, _body: Empty, _: Money) -> ask.SettleAndClose:
    """Pay off a contract and end it; a pay-later account ends with its plans and its line."""
    return ask.SettleAndClose(contract_id=at["contract_id"])


@command("POST", "/v1/contracts/{contract_id}/charge-backs")
def charge_back(at: Ids, body: bodies.ChargeBackBody, money: Money) -> ask.ChargeBack:
    """Take a repayment back from a day on."""
    amount = money.read(body.amount, body.currency) if body.amount is not None else 0
    return ask.ChargeBack(contract_id=at["contract_id"], of=body.of, amount=amount)


@command("POST", "/v1/contracts/{contract_id}/recoveries")
def recover(at: Ids, body: bodies.Payment, money: Money) -> ask.Recover:
    """Money on a contract that was charged off."""
    return ask.Recover(
        contract_id=at["contract_id"], amount=money.read(body.amount, body.currency),
        effective_on=ordinal(body.effective_on),
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/payouts")
def pay_out(at: Ids, body: bodies.PayOutBody, money: Money) -> ask.PayOut:
    """Give the borrower (part of) the credit balance."""
    amount = money.read(body.amount, body.currency) if body.amount is not None else 0
    return ask.PayOut(contract_id=at["contract_id"], amount=amount)


@command("POST", "/v1/contracts/{contract_id}/drawing-return")
def return_drawing(at: Ids, body: bodies.DrawingReturnBody, _: Money) -> ask.ReturnDrawing:
    """A loan's pay-out failed or came back: the loan is reversed as of its drawing."""
    return ask.ReturnDrawing(contract_id=at["contract_id"], reason=body.reason)
