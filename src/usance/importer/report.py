"""The comparison in words, as Markdown."""

from collections.abc import Iterator

from usance.core.money import format_decimal
from usance.importer.compare import BUCKET, BUCKETS_MOST, Comparison, Table
from usance.importer.plan import PRODUCT, months
from usance.servicing.products import product_of

MEANING = {
    -2: "nothing used",
    -1: "paid in full",
    0: "revolving: the minimum was paid",
    1: "one month late",
}

CONVENTIONS = """\
## What was done

Each account of the file became a borrower without personal data, a line with the file's limit, and
a pay-later account. The file has months and no days, so these days are convention: a bill is the
statement at the end of the last day of its month; it is due on the 20th of the month after; a
month's payment is made on the 20th, the due day of the bill before. One entry a month is derived,
bill - bill before + payment: a purchase where it is positive, a merchant's refund where it is
negative. Interest and fees of the old issuer are inside the bills, so the product bears none. The
minimum is 1 % of a bill.
"""

WHY_DIFFERENT = """\
## Where and why days past due differ

- **The balances are equal by construction of the entries.** That they are equal in the book shows
  that no purchase, refund, payment, credit balance or roll-over was lost or doubled on the way
  through servicing, ledger and day close. Days past due are not constructed: only bills and
  payments go in, the status never does.
- **The status is measured at another moment.** The payment that explains the status of a month is
  the payment of the month after: the status says how the bill of its own month was paid. The book
  is late as soon as the due day has passed, so it agrees better one statement later (second
  table).
- **The file starts in the middle.** What was late in April was late on bills of March and before,
  which are not in the file. In the book nobody can be late before the bill of April was due, on
  20 May. So high statuses meet few days past due, and in April every status meets none.
- **0 is not "nothing late".** It is an account that revolves: it paid at least the minimum. Some
  accounts with status 0 paid nothing at all, and the book calls them late.
- **The minimum is fitted.** The true one is not in the file. 1 % of the bill, no floor, was chosen
  among 21 rules tried because it agreed best with this very status, and the month after was
  found to fit better than the same month in the same way. So the rates above are those of the best
  fit; they are no test of the book on data it has not seen.
- **The file jumps from 0 to 2.** Status 1 hardly ever follows 0; an account that misses one
  payment mostly stands at 2 in that month. So a status of 2 is often one missed payment, 1-30 days
  in the book, and steps of the status are not steps of thirty days.
- **-1 and -2** mean paid in full and not used. Where the payment is smaller than the bill all the
  same, or falls outside the month, the book sees a part paid, and may call it late.
- **Money pays the oldest bill first.** A payment after a missed month first meets what was
  required then, so the book can call a borrower current whom the file still counts as late.
- **Refunds count as received.** A derived refund lowers what is required; the old issuer may not
  have counted it so.
"""


def markdown(found: Comparison) -> str:
    """The whole report."""
    parts = [
        "# Import of UCI card accounts", verdict(found), "\n".join(bills(found)),
        CONVENTIONS, "\n".join(late(found)), WHY_DIFFERENT,
    ]  # fmt: skip
    if found.differences:
        parts.insert(2, "\n".join(differences(found)))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def money(amount: int) -> str:
    """Minor units as the product's currency."""
    product = product_of(PRODUCT)
    return f"{product.currency} {format_decimal(amount, product.decimals)}"


def verdict(found: Comparison) -> str:
    """The result in four lines."""
    credit = sum(month.credit_equal for month in found.months)
    result = "All equal." if found.ok else "**NOT EQUAL.**"
    return (
        f"{result} {found.equal:,} of {found.bills:,} statement balances equal the file's bills; "
        f"{credit:,} of {found.bills:,} credit balances are the negative part of the bill.\n\n"
        f"{found.accounts:,} accounts; derived: {found.purchases:,} purchases, "
        f"{found.refunds:,} refunds; {found.payments:,} payments of {money(found.paid)} in all."
    )


def bills(found: Comparison) -> Iterator[str]:
    """Month by month."""
    yield "## Statement balances\n"
    yield "| statement | bills | equal | sum | negative bills | credit equal | over the limit |"
    yield "|---|---|---|---|---|---|---|"
    for day, m in zip(months(), found.months, strict=True):
        yield (
            f"| {day.statement_on} | {m.bills:,} | {m.equal:,} | {money(m.total)} "
            f"| {m.negative:,} | {m.credit_equal:,} | {m.over_limit:,} |"
        )


def differences(found: Comparison) -> Iterator[str]:
    """The first figures that are not equal."""
    yield "## The first differences\n"
    yield "| line of the file | statement | what | file | book |"
    yield "|---|---|---|---|---|"
    days = [month.statement_on for month in months()]
    for d in found.differences:
        yield f"| {d.line} | {days[d.place]} | {d.what} | {money(d.file)} | {money(d.book)} |"


def late(found: Comparison) -> Iterator[str]:
    """Both cross tables with their rates of agreement."""
    yield "## Days past due against the file's repayment status\n"
    yield "Account-months; rows: status in the file; columns: days past due in the book."
    for title, table in (
        ("On the statement day of the same month", found.same_month),
        ("On the statement day of the month after", found.next_month),
    ):
        yield f"\n### {title}\n"
        yield from cross(table)
        both, least = agreement(table)
        yield f"\nLate or not late agrees in {both}; late by as many months in {least}."


def cross(table: Table) -> Iterator[str]:
    """One cross table."""
    heads = ["0", *(f"{BUCKET * i - BUCKET + 1}-{BUCKET * i}" for i in range(1, BUCKETS_MOST))]
    heads.append(f"over {BUCKET * (BUCKETS_MOST - 1)}")
    yield f"| status | {' | '.join(heads)} | agree on late |"
    yield "|---" * (len(heads) + 2) + "|"
    for status in sorted({status for status, _ in table}):
        row = [table[status, bucket] for bucket in range(BUCKETS_MOST + 1)]
        agreed = row[0] if status <= 0 else sum(row[1:])
        name = MEANING.get(status, f"{status} months late")
        cells = " | ".join(f"{count:,}" for count in row)
        yield f"| {status} ({name}) | {cells} | {percent(agreed, sum(row))} |"


def agreement(table: Table) -> tuple[str, str]:
    """How many agree on late or not late, and how many on the number of months."""
    total = sum(table.values())
    late_alike = sum(n for (status, bucket), n in table.items() if (status > 0) == (bucket > 0))
    months_alike = sum(n for (status, bucket), n in table.items() if max(status, 0) == bucket)
    return percent(late_alike, total), percent(months_alike, total)


def percent(part: int, whole: int) -> str:
    """A share to a tenth of a per cent, in whole numbers."""
    if whole == 0:
        return "none"
    tenths = (part * 2000 + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10} %"
