"""The records of the kernel: integers only, with the same field names in both worlds.

In plain Python they are slotted objects and dues are a list; compiled they are records of
structured arrays (``dtype``) and dues are a slice with room at its end. The few operations that
differ between the worlds (append a due, emit an effect, note a why, find a new instalment) stand
at the end; ``contract.compiled`` swaps them for its own.

Amounts are minor units, rates per 10^8, days ordinals (0 = none), flags 0 or 1.
"""

from dataclasses import dataclass, field, fields

from usance.core.kernel import kernel

# kinds of contract
TERM, LINE = 1, 2
# amortisation
EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_FIRST, BULLET = 1, 2, 3, 4
# where early principal goes, and what it does to the plan
NEXT, LAST, SPREAD = 1, 2, 3
KEEP_INSTALMENT, SHORTEN, LOWER_INSTALMENT = 1, 2, 3
# status of a contract
ACTIVE, CLOSED, CHARGED_OFF = 1, 2, 3
# phase of a due: ahead (or a cycle still open), asked, lapsed (late for good)
AHEAD, ASKED, LAPSED = 0, 1, 2
# kind of a due
INSTALMENT, CYCLE, CHARGE = 1, 2, 3

# components, in the default order of the waterfall
PENALTY, FEE, INTEREST, PRINCIPAL, CREDIT = 0, 1, 2, 3, 4

# events
(
    OPEN, PURCHASE, REPAYMENT, REFUND, FEE_EVENT, PENALTY_EVENT, GOODWILL, WAIVER, CHARGEBACK,
    REVERSAL, STATEMENT, DAY, EXTENSION, RESTRUCTURE, CHARGE_OFF, RECOVERY, PAYOUT, MOVE_OUT,
    STATEMENT_DAY, CLOSE, DRAWING_RETURNED,
) = range(1, 22)  # fmt: skip

# what an effect is: source x 8 + component. The source says where the other side of the booking is.
ASK, CASH, FROM_CREDIT, BY_REFUND, BY_GOODWILL, WAIVE, TAKE_BACK, WRITE_OFF = range(8)
MOVE, RECOVER = 8, 9
PAY_OUT, SUSPEND, ASK_SUSPENDED, NOTICE, PAY_OUT_LOAN, MOVE_IN, ROUNDING = range(10, 17)

# notices that a wake asks for (component slot of a NOTICE effect)
REMINDER, OVERDUE_STEP = 0, 1

STEPS_MAX = 4  # steps of penalty rate
WATERFALLS_MAX = 4  # normal, two by delinquency, charged off
OVERDUE_STEPS_MAX = 8


@dataclass(slots=True)
class Terms:
    """What was agreed; immutable and shared by all contracts with the same terms."""

    kind: int = TERM
    amortisation: int = EQUAL_INSTALMENT
    flat: int = 0
    rate: int = 0  # per 10^8, for the weight ``basis``
    basis: int = 365
    count: int = 1  # day count, core.days
    rounding: int = 1
    unit: int = 1  # instalments are multiples of it
    first: int = 1  # day ends: the first day bears
    last: int = 0
    statement_counts: int = 1
    penalty_basis: int = 1
    penalty_count: int = 0
    penalty_with_interest: int = 0
    grace: int = 0
    future: int = NEXT
    early: int = KEEP_INSTALMENT
    posting: int = 0  # interest from the posting day
    full_bill: int = 0
    compound: int = 0
    minimum_rate: int = 10**8
    minimum_floor: int = 0
    minimum_of_bill: int = 0
    due_day: int = 10
    due_after: int = 0  # > 0: instead of due_day
    non_accrual: int = 91  # days past due
    waterfalls: int = 1
    overdue_steps: int = 0
    reminders: int = 0
    penalty_from: tuple[int, ...] = (0,) * STEPS_MAX
    penalty_rate: tuple[int, ...] = (0,) * STEPS_MAX
    waterfall_from: tuple[int, ...] = (0,) * WATERFALLS_MAX  # days past due; -1: once charged off
    waterfall_by: tuple[int, ...] = (0,) * WATERFALLS_MAX  # 0 instalment, 1 component
    waterfall_order: tuple[int, ...] = (0b11100100,) * WATERFALLS_MAX  # 2 bits a component
    overdue_step: tuple[int, ...] = (0,) * OVERDUE_STEPS_MAX
    reminder: tuple[int, ...] = (0,) * 4  # days before the due day


@dataclass(slots=True)
class Contract:
    """State of one contract at the start of day ``on``."""

    kind: int = TERM
    status: int = ACTIVE
    opened_on: int = 0
    closed_on: int = 0
    on: int = 0
    seq: int = 0  # sequence of the last event
    alarm: int = 0  # the next day whose close must wake the contract
    principal: int = 0  # first lent (term)
    instalment: int = 0
    running: int = 1  # number of the running row (term); of the open cycle (line)
    first_open: int = 1  # lowest number of a due with anything unpaid
    count: int = 0  # dues
    rows: int = 0  # rows of the schedule (term), without charges after maturity
    balance: int = 0  # principal that bears contract interest
    accrued_on: int = 0
    accrued: int = 0  # interest of the running period, exact: whole ...
    accrued_rest: int = 0  # ... and remainder over the denominator
    billed: int = 0  # of it already asked
    credit: int = 0
    non_accrual: int = 0
    suspense: int = 0  # on non-accrual: interest and penalty asked and unpaid, no income yet
    statement_day: int = 0
    statements: int = 0
    extensions: int = 0
    late_from: int = 0  # due day of the oldest unmet due
    late_from_unextended: int = 0
    unpaid_principal: int = 0
    unpaid_interest: int = 0  # asked
    unpaid_fee: int = 0
    unpaid_penalty: int = 0


@dataclass(slots=True)
class Due:
    """One thing owed: a row of a schedule, a cycle of a line, or a charge."""

    n: int = 0
    kind: int = INSTALMENT
    phase: int = AHEAD  # a row ahead that is covered is LAPSED
    from_on: int = 0  # interest of the period starts with the night of this day
    due_on: int = 0  # 0 while a cycle is open
    original_due_on: int = 0
    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    paid_principal: int = 0
    paid_interest: int = 0
    paid_fee: int = 0
    paid_penalty: int = 0
    nights: int = 0  # term: of the period as agreed (a whole-period count divides by it)
    asked_interest: int = 0  # term, row ahead: of ``interest`` what is asked, the rest is plan
    asked_fee: int = 0  # term, row ahead: of ``fee`` what is asked
    extra: int = 0  # principal beyond the instalment: early (shorten, lower), charged back
    required: int = 0  # line: of the cycle at issue
    received: int = 0  # line: toward the required amount since issue
    bearing: int = 0  # line: unpaid principal that bears contract interest
    bearing_interest: int = 0  # line, compound: unpaid interest that bears contract interest
    contingent: int = 0  # line: amount-days that become interest if the cycle lapses
    contingent_on: int = 0
    arrears: int = 0  # line: principal that bears the penalty rate
    penalty_on: int = 0  # penalty has run to the start of this day; 0 before the due day has passed
    penalty_run: int = 0  # exact: whole ...
    penalty_rest: int = 0  # ... and remainder
    penalty_billed: int = 0


@dataclass(slots=True)
class Event:
    """A business fact with its resolved parameters.

    A restructuring has its instalments in ``amount``, its rate per 10^8 in ``days`` (-1: as agreed)
    and the days to its first due day in ``component`` (0: one step).
    """

    seq: int = 0
    kind: int = 0
    on: int = 0  # effective day
    booked_on: int = 0
    amount: int = 0
    of: int = 0
    component: int = 0
    days: int = 0
    # 1 on a replay: a statement is held to what it said, a repayment was taken before R-DRAW-01
    pinned: int = 0
    # parts: a charge-back's by component; a statement's, as issued, where it is pinned
    principal: int = 0
    interest: int = 0
    fee: int = 0
    penalty: int = 0
    credit: int = 0


@dataclass(slots=True)
class Streams:
    """What runs into the general ledger between events: value, slope: each whole + rest / below."""

    below: int = 0
    whole: int = 0
    rest: int = 0
    slope: int = 0
    slope_rest: int = 0
    penalty_below: int = 0
    penalty_whole: int = 0
    penalty_rest: int = 0
    penalty_slope: int = 0
    penalty_slope_rest: int = 0


@dataclass(slots=True)
class Effect:
    """What an event did: ``kind`` is source x 8 + component."""

    kind: int = 0
    n: int = 0
    amount: int = 0


@dataclass(slots=True)
class Why:
    """How an asked amount came about: base x rate x days (``code``: see ``accrual``)."""

    code: int = 0
    on: int = 0
    n: int = 0
    component: int = 0
    base: int = 0
    rate: int = 0
    days: int = 0
    amount: int = 0
    basis: int = 1  # the segment is base x rate x days / basis, rate per 10^8


@dataclass(slots=True)
class Out:
    """Where a step puts its effects, and, when tracing, its reasons."""

    effects: list[Effect] = field(default_factory=list)
    whys: list[Why] | None = None


def names(record: type) -> list[str]:
    """Field names of a record class, in order."""
    return [each.name for each in fields(record)]


# -- the few operations that differ between the worlds ------------------------------------------


def append_due(dues: list[Due], c: Contract) -> Due:
    """A new empty due at the end, numbered; the caller fills it."""
    due = Due(n=c.count + 1)
    dues.append(due)
    c.count += 1
    return due


def emit(out: Out, source: int, component: int, n: int, amount: int) -> None:
    """Say what was done; nothing for zero."""
    if amount != 0:
        out.effects.append(Effect(source * 8 + component, n, amount))


def why(
    out: Out, code: int, on: int, n: int, component: int, base: int, rate: int, days: int,
    amount: int, basis: int,
) -> None:  # fmt: skip
    """Note how an amount came about, when somebody asks."""
    if out.whys is not None:
        out.whys.append(Why(code, on, n, component, base, rate, days, amount, basis))


PRIMITIVES = ("append_due", "emit", "why", "lowered_instalment")


@kernel
def at(dues: list[Due], n: int) -> int:
    """Index of due number ``n``; dues are contiguous, but a batch may hold only the later ones."""
    return n - dues[0].n


@kernel
def unpaid(d: Due, component: int) -> int:
    """Asked minus paid of one component."""
    if component == PRINCIPAL:
        return d.principal - d.paid_principal
    if component == INTEREST:
        return d.interest - d.paid_interest
    if component == FEE:
        return d.fee - d.paid_fee
    return d.penalty - d.paid_penalty


@kernel
def outstanding(d: Due) -> int:
    """All that is asked and unpaid of a due."""
    asked = d.principal + d.interest + d.fee + d.penalty
    return asked - d.paid_principal - d.paid_interest - d.paid_fee - d.paid_penalty


@kernel
def ask(c: Contract, d: Due, component: int, amount: int) -> None:
    """Ask ``amount`` more (less, if negative) of a component."""
    if component == PRINCIPAL:
        d.principal += amount
        c.unpaid_principal += amount
    elif component == INTEREST:
        d.interest += amount
        c.unpaid_interest += amount
    elif component == FEE:
        d.fee += amount
        c.unpaid_fee += amount
    else:
        d.penalty += amount
        c.unpaid_penalty += amount


@kernel
def mark_paid(c: Contract, d: Due, component: int, amount: int) -> None:
    """Record ``amount`` as paid of a component."""
    if component == PRINCIPAL:
        d.paid_principal += amount
        c.unpaid_principal -= amount
    elif component == INTEREST:
        d.paid_interest += amount
        c.unpaid_interest -= amount
    elif component == FEE:
        d.paid_fee += amount
        c.unpaid_fee -= amount
    else:
        d.paid_penalty += amount
        c.unpaid_penalty -= amount
    d.received += amount
