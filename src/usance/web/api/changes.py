"""What changes a contract: waivers, charges, reversals, extensions, restructuring, charge-off."""

from __future__ import annotations

from usance.servicing import commands as ask
from usance.web.api import bodies
from usance.web.api.endpoint import Empty, command
from usance.web.api.values import Ids, Money, ordinal


@command("POST", "/v1/contracts/{contract_id}/goodwill")
def goodwill(at: Ids, body: bodies.Payment, money: Money) -> ask.Goodwill:
    """The lender pays for the borrower."""
    return ask.Goodwill(
        contract_id=at["contract_id"], amount=money.read(body.amount, body.currency),
        effective_on=ordinal(body.effective_on),
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/waivers")
def waive(at: Ids, body: bodies.ComponentBody, money: Money) -> ask.Waive:
    """Ask less interest, fee or penalty."""
    return ask.Waive(
        contract_id=at["contract_id"], component=body.component,
        amount=money.read(body.amount, body.currency),
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/charges")
def charge(at: Ids, body: bodies.ChargeBody, money: Money) -> ask.Charge:
    """Ask a fee, or an agreed lump-sum penalty."""
    return ask.Charge(
        contract_id=at["contract_id"], component=body.component,
        amount=money.read(body.amount, body.currency),
    )  # fmt: skip


@command("POST", "/v1/contracts/{contract_id}/reversals")
def reverse(at: Ids, body: bodies.ReverseBody, _: Money) -> ask.Reverse:
    """An event never happened: the contract becomes what it would be without it."""
    return ask.Reverse(contract_id=at["contract_id"], of=body.of)


@command("POST", "/v1/contracts/{contract_id}/extensions")
def extend(at: Ids, body: bodies.ExtendBody, _: Money) -> ask.Extend:
    """Move the due days that are not yet paid."""
    return ask.Extend(contract_id=at["contract_id"], days=body.days)


@command("POST", "/v1/contracts/{contract_id}/restructurings")
def restructure(at: Ids, body: bodies.RestructureBody, _: Money) -> ask.Restructure:
    """Plan all unpaid principal anew."""
    return ask.Restructure(
        contract_id=at["contract_id"], instalments=body.instalments,
        annual_rate=body.annual_rate or "",
        first_due_on=ordinal(body.first_due_on, "first_due_on"),
    )  # fmt: skip


@command("PUT", "/v1/contracts/{contract_id}/statement-day")
def change_statement_day(
    at: Ids, body: bodies.StatementDayBody, _: Money
) -> ask.ChangeStatementDay:
    """Change the statement day from the next statement on."""
    return ask.ChangeStatementDay(contract_id=at["contract_id"], day=body.day)


@command("POST", "/v1/contracts/{contract_id}/charge-off")
def charge_off(at: Ids, _body: Empty, _: Money) -> ask.ChargeOff:
    """Write the contract off; it stays owed."""
    return ask.ChargeOff(contract_id=at["contract_id"])
