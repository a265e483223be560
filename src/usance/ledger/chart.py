"""The chart of accounts, and the two sides of each effect of the kernel."""

from usance.contract import records as r
from usance.core.rules import rule

COLLECTIONS = 1001  # money received from borrowers, on its way to the bank
LOANS_OUT = 1002  # loans paid out, on their way from the bank
PAYOUTS = 1003  # credit balances paid out
CONVERSION = 1005  # principal between an account and its instalment plans
PRINCIPAL = 1101
INTEREST_ASKED = 1201
INTEREST_ACCRUED = 1202
PENALTY_ASKED = 1203
PENALTY_ACCRUED = 1204
FEE_ASKED = 1205
PENALTY_SUSPENSE = 1298  # asked penalty and interest that are not income (contra assets)
INTEREST_SUSPENSE = 1299
MERCHANTS = 2001
CREDIT_BALANCES = 2101
UNALLOCATED = 2102  # bank money that waits to be allocated to a contract or returned
INTEREST_INCOME = 4001
PENALTY_INCOME = 4002
FEE_INCOME = 4003
ROUNDING = 4009
RECOVERIES = 4010
GOODWILL = 5001
WAIVERS = 5002
LOSSES = 5003

ACCOUNTS = {
    COLLECTIONS: ("asset", "Collections clearing", "收款清算"),
    LOANS_OUT: ("asset", "Disbursement clearing", "放款清算"),
    PAYOUTS: ("asset", "Pay-out clearing", "退款清算"),
    CONVERSION: ("asset", "Conversion clearing", "分期转换清算"),
    PRINCIPAL: ("asset", "Principal", "贷款本金"),
    INTEREST_ASKED: ("asset", "Interest receivable", "应收利息"),
    INTEREST_ACCRUED: ("asset", "Accrued interest", "应计利息"),
    PENALTY_ASKED: ("asset", "Penalty receivable", "应收罚息"),
    PENALTY_ACCRUED: ("asset", "Accrued penalty", "应计罚息"),
    FEE_ASKED: ("asset", "Fees receivable", "应收费用"),
    PENALTY_SUSPENSE: ("asset", "Penalty in suspense", "挂账罚息"),
    INTEREST_SUSPENSE: ("asset", "Interest in suspense", "挂账利息"),
    MERCHANTS: ("liability", "Merchants payable", "应付商户款"),
    CREDIT_BALANCES: ("liability", "Borrowers' credit balances", "客户溢缴款"),
    UNALLOCATED: ("liability", "Unallocated receipts", "待分配收款"),
    INTEREST_INCOME: ("income", "Interest income", "利息收入"),
    PENALTY_INCOME: ("income", "Penalty income", "罚息收入"),
    FEE_INCOME: ("income", "Fee income", "费用收入"),
    ROUNDING: ("income", "Rounding", "尾差"),
    RECOVERIES: ("income", "Recoveries", "核销收回"),
    GOODWILL: ("expense", "Goodwill", "善意减免"),
    WAIVERS: ("expense", "Waivers", "息费减免"),
    LOSSES: ("expense", "Charge-off losses", "核销损失"),
}

OF_COMPONENT = {
    r.PRINCIPAL: PRINCIPAL,
    r.INTEREST: INTEREST_ASKED,
    r.FEE: FEE_ASKED,
    r.PENALTY: PENALTY_ASKED,
    r.CREDIT: CREDIT_BALANCES,
}
"""The account on which a component stands."""

ASKED_FROM = {
    r.PRINCIPAL: MERCHANTS,
    r.INTEREST: INTEREST_ACCRUED,
    r.FEE: FEE_INCOME,
    r.PENALTY: PENALTY_ACCRUED,
}
PAID_FROM = {
    r.CASH: COLLECTIONS,
    r.FROM_CREDIT: CREDIT_BALANCES,
    r.BY_REFUND: MERCHANTS,
    r.BY_GOODWILL: GOODWILL,
    r.WAIVE: WAIVERS,
    r.WRITE_OFF: LOSSES,
    r.MOVE: CONVERSION,
}
"""The debit side of what lowers a component."""
INCOME = {r.INTEREST: INTEREST_INCOME, r.PENALTY: PENALTY_INCOME}
SUSPENDED = {r.INTEREST: INTEREST_SUSPENSE, r.PENALTY: PENALTY_SUSPENSE}
"""Where a component is income, and where it stands on non-accrual until it is paid."""


@rule("R-LEDGER-01")
def sides(source: int, component: int) -> tuple[int, int] | None:
    """(debit, credit) of an effect; None for those that move no money."""
    own = OF_COMPONENT.get(component, 0)
    if source == r.ASK and component in ASKED_FROM:
        return own, ASKED_FROM[component]
    if source in PAID_FROM:
        return PAID_FROM[source], own
    if source in (r.SUSPEND, r.ASK_SUSPENDED) and component in SUSPENDED:
        debit = INCOME[component] if source == r.SUSPEND else own
        return debit, SUSPENDED[component]
    special = {
        r.TAKE_BACK: (own, COLLECTIONS),
        r.RECOVER: (COLLECTIONS, CREDIT_BALANCES if component == r.CREDIT else RECOVERIES),
        r.PAY_OUT: (CREDIT_BALANCES, PAYOUTS),
        r.PAY_OUT_LOAN: (PRINCIPAL, LOANS_OUT),
        r.MOVE_IN: (PRINCIPAL, CONVERSION),
    }
    return special.get(source)


KINDS = 17 * 8
SIDES: list[tuple[int, int] | None] = [sides(kind // 8, kind % 8) for kind in range(KINDS)]
"""By kind of effect (source x 8 + component)."""
