"""What people ask of the lender, and what the lender does on its own: charge-off, limits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from usance.core.identifiers import parse
from usance.demo.paying import catch_up, fortune_returns
from usance.demo.people import Inhabitant, round_to
from usance.demo.store import Bill, Standing
from usance.demo.town import Act, Town
from usance.platform.clock import microseconds
from usance.servicing.commands import (
    AcceptOffer,
    ChangeLimit,
    ChangeStatementDay,
    ChargeOff,
    CloseLine,
    ConfirmCosts,
    MakeOffer,
    OfferPlan,
    OpenLine,
    PayOut,
    Recover,
    Repay,
    Restructure,
    Settle,
    ShowCosts,
)

HOPELESS_AFTER = 120  # days past due
SETTLES_EARLY = 120  # per mille of loans
PREPAYS = 80  # per mille of loans
TURNED_DOWN = 60  # per mille of offers that the borrower lets pass
RAISED = 600  # per mille of people, after four and after eight good months
LEAVES = 4  # per mille of accounts a month
MOVES_DAY = 5  # per mille of accounts a month
CONVERTS = 45  # per mille of statements over the least amount
RESTRUCTURED = 120  # per mille of loans two or three months late
RECOVERED = 350  # per mille of contracts charged off
LEAST_CONVERTED = 600_00
LEAST_LOAN = 500_00
READ_FROM, READ_FOR = time(4), 40_000_000  # UTC; microseconds
AGAIN_AFTER = (60, 150)  # days after which somebody thinks of another loan


def join(town: Town, who: Inhabitant) -> Iterator[Act]:
    """A new borrower gets limits; a loan is thought of soon."""
    town.residents[who.borrower_id] = who
    if who.line_limit:

        def opened(answer: dict[str, Any]) -> None:
            who.account = parse("contract", answer["contract_id"])

        line = OpenLine(
            borrower_id=who.borrower_id, product="pay_later", limit=who.line_limit,
            statement_day=who.statement_day,
        )  # fmt: skip
        yield Act(line, opened)
    if who.loan_limit:
        line = OpenLine(borrower_id=who.borrower_id, product="cash_loan", limit=who.loan_limit)
        yield Act(line)
        town.plan(town.in_days(1, 20), town.anchor(who), partial(want_loan, town, who))


def want_loan(town: Town, who: Inhabitant, _: Standing | None) -> Iterator[Act]:
    """Ask for an offer; another one is thought of months later."""
    town.plan(town.in_days(*AGAIN_AFTER), town.anchor(who), partial(want_loan, town, who))
    if who.trouble or who.lost or who.leaving or open_loans(who) > 1:
        return
    share = town.rng.randrange(15, 45)
    principal = max(who.loan_limit * share // 100 // 100_00 * 100_00, LEAST_LOAN)
    amortisation = town.rng.choices(("", "equal_principal", "interest_first"), (82, 13, 5))[0]
    offer = MakeOffer(
        borrower_id=who.borrower_id, product="cash_loan", principal=principal,
        instalments=town.rng.choice((3, 6, 6, 9, 12, 12)), amortisation=amortisation,
    )  # fmt: skip
    yield Act(offer, partial(sleep_on_it, town, who))


def open_loans(who: Inhabitant) -> int:
    """Loans drawn so far and not known to be closed."""
    return len(who.loans)


def sleep_on_it(town: Town, who: Inhabitant, answer: dict[str, Any]) -> list[Act]:
    """What an offer costs is read at once; it is taken the next day, or let pass."""
    if town.happens("turned down", TURNED_DOWN):
        return []
    offer = parse("offer", answer["offer_id"])
    accept = AcceptOffer(borrower_id=who.borrower_id, offer_id=offer)
    act = Act(accept, partial(drawn, town, who))
    town.plan(town.today + 1, town.anchor(who), lambda _: [act])
    moment = datetime.combine(date.fromordinal(town.today), READ_FROM, UTC)
    show = ShowCosts(
        borrower_id=who.borrower_id, offer_id=offer, language=who.person.language[:2],
        at=microseconds(moment),
    )  # fmt: skip
    return [Act(show, partial(have_read, show))]


def have_read(shown: ShowCosts, answer: dict[str, Any]) -> list[Act]:
    """The sheet is confirmed on the borrower's own screen, after it was read."""
    return [Act(ConfirmCosts(
        borrower_id=shown.borrower_id, offer_id=shown.offer_id, digest=answer["digest"],
        nonce=answer["nonce"], how="borrower", at=shown.at + READ_FOR,
    ))]  # fmt: skip


def drawn(town: Town, who: Inhabitant, answer: dict[str, Any]) -> None:
    """The contract is there; some people pay it off long before its end."""
    contract_id = parse("contract", answer["contract_id"])
    who.loans.append(contract_id)
    if town.happens("settle early", SETTLES_EARLY):
        town.plan(town.in_days(25, 150), contract_id, partial(settle_early, who))
    if town.happens("prepay", PREPAYS):
        town.plan(town.in_days(20, 100), contract_id, partial(prepay, who))


def settle_early(who: Inhabitant, now: Standing) -> Iterator[Act]:
    """Pay off a loan before its time."""
    if now.status == 1 and not (who.trouble or who.lost):
        yield Act(Settle(contract_id=now.contract_id))


def prepay(who: Inhabitant, now: Standing) -> Iterator[Act]:
    """Repay a third of a loan before it is due; the instalments become smaller."""
    if now.status == 1 and not (who.trouble or who.lost or now.days_late):
        yield Act(Repay(contract_id=now.contract_id, amount=max(now.principal // 3, 100)))


def think_of_plan(town: Town, bill: Bill) -> None:
    """A large statement may become instalments."""
    who = town.resident_of(bill.contract_id)
    wants = who.account == bill.contract_id and bill.balance >= LEAST_CONVERTED
    if wants and not (who.leaving or who.trouble) and town.happens("convert", CONVERTS):
        town.plan(town.today + 1, bill.contract_id, partial(convert, town, who))


def convert(town: Town, who: Inhabitant, now: Standing) -> Iterator[Act]:
    """Ask for instalments of what is unpaid of the last statement."""
    if now.status == 1 and now.billed > LEAST_CONVERTED and not (now.days_late or who.trouble):
        instalments = town.rng.choice((3, 6, 12))
        offer = OfferPlan(contract_id=now.contract_id, instalments=instalments)
        yield Act(offer, partial(sleep_on_it, town, who))


def months_review(town: Town) -> Iterator[Act]:
    """On the first: limits, statement days, people who leave, debts that are planned anew."""
    for who in town.residents.values():
        if who.lost:
            continue
        if who.trouble in (2, 3):
            yield from plan_anew(town, who)
        elif who.account and not (who.trouble or who.leaving):
            yield from review_account(town, who)


def review_account(town: Town, who: Inhabitant) -> Iterator[Act]:
    """What happens to an account in good standing."""
    if who.good_months in (4, 8) and town.happens("raise", RAISED):
        yield change_limit(who, 125)
    elif town.happens("move day", MOVES_DAY):
        yield Act(ChangeStatementDay(contract_id=who.account, day=town.rng.choice((5, 15, 28))))
    elif not who.loans and town.happens("leave", LEAVES):
        who.leaving = True
        town.plan(town.in_days(10, 20), who.account, partial(leave, town, who))


def change_limit(who: Inhabitant, percent: int) -> Act:
    """Raise or cut a pay-later limit, in steps of 500 yuan."""
    who.line_limit = round_to(who.line_limit * percent / 100, 500_00)
    return Act(
        ChangeLimit(borrower_id=who.borrower_id, product="pay_later", limit=who.line_limit)
    )


def leave(town: Town, who: Inhabitant, now: Standing) -> Iterator[Act]:
    """Settle, take the credit balance, close: one step a day."""
    if now.status != 1:
        return
    if now.credit:
        yield Act(PayOut(contract_id=now.contract_id))
    elif now.owed:
        yield Act(Settle(contract_id=now.contract_id))
    else:
        yield Act(CloseLine(borrower_id=who.borrower_id, product="pay_later"))
        return
    town.plan(town.today + 1, now.contract_id, partial(leave, town, who))


def plan_anew(town: Town, who: Inhabitant) -> Iterator[Act]:
    """Some who are months late agree on a new plan that they can keep."""
    if not who.loans or not town.happens("restructure", RESTRUCTURED):
        return
    fortune_returns(who)
    for contract_id in who.loans:
        town.plan(town.today + 1, contract_id, restructure)
    if who.account:
        town.plan(town.in_days(2, 9), who.account, partial(catch_up, town, who))
        yield change_limit(who, 70)


def restructure(now: Standing) -> Iterator[Act]:
    """A loan in arrears is spread over a new plan; what has ended or is current stays."""
    if now.status == 1 and now.days_late and now.principal:
        yield Act(Restructure(contract_id=now.contract_id, instalments=12))


def write_off(town: Town, hopeless: list[int]) -> Iterator[Act]:
    """The lender gives up contracts that are too late; a part is recovered later."""
    for contract_id in hopeless:
        town.resident_of(contract_id).lost = True
        yield Act(ChargeOff(contract_id=contract_id))
        if town.happens("recover", RECOVERED):
            for day in (town.in_days(20, 50), town.in_days(51, 100)):
                town.plan(day, contract_id, partial(recover_part, town))


def recover_part(town: Town, now: Standing) -> Iterator[Act]:
    """A collector brings in some of it."""
    amount = now.owed * town.rng.randrange(10, 40) // 100 // 100 * 100
    if now.status == 3 and amount > 0:
        yield Act(Recover(contract_id=now.contract_id, amount=amount))
