"""Proof that what runs into the ledger is the exact sum of what runs on contracts."""

from datetime import date, timedelta
from fractions import Fraction

from usance.core.days import ACTUAL, ACTUAL_ACTUAL, THIRTY_360, serial
from usance.core.rules import rule
from usance.day import store as sql
from usance.day.verify_replay import Finding, Proof, StreamKey
from usance.platform.database import Connection

Sums = dict[StreamKey, list[int]]
SUMS = "The accrual of a cell and product is the exact sum of its contracts' accruals."
POSTED = "The ledger holds the accrual of a cell and product, rounded, as of the last closed day."
ROUNDING = "The rounding of a cell and product is what its contracts' replays dropped or added."


@rule("R-ACCR-01", "R-ACCR-02")
async def run(connection: Connection, proof: Proof, *, whole: bool) -> list[Finding]:
    """Totals against contracts, the ledger against totals; ``whole``: rounding too."""
    business_date = await connection.fetchval(sql.BUSINESS_DATE)
    totals = await standing(connection, business_date.toordinal())
    changes = await open_changes(connection, business_date.toordinal())
    found = same_sums(proof.streams, added(totals, changes))
    last = await connection.fetchval(sql.LAST_FINISHED)
    end = (last + timedelta(days=1) if last else date.min).toordinal()
    found += posted_differs(await posted(connection, last), at_day(totals, business_date, end))
    if whole:
        found += await rounding(connection, proof)
    return found[:3]


async def standing(connection: Connection, day: int) -> Sums:
    """The stored totals at the start of ``day``, as numerators [value, slope]."""
    return summed(await connection.fetch(sql.TOTALS), day)


async def open_changes(connection: Connection, day: int) -> Sums:
    """Changes that no day close has folded yet."""
    return summed(await connection.fetch(sql.CHANGES), day)


def summed(rows: list[tuple[int, ...]], day: int) -> Sums:
    """Linear functions, moved to the start of ``day`` and added up."""
    found: Sums = {}
    for cell, product, stream, count, below, at, whole, rest, slope, slope_rest in rows:
        numerator = int(slope) * below + int(slope_rest)
        run = serial(count, day) - at
        sums = found.setdefault((cell, product, stream, count, below), [0, 0])
        sums[0] += int(whole) * below + int(rest) + numerator * run
        sums[1] += numerator
    return found


def added(one: Sums, other: Sums) -> Sums:
    """Both."""
    found = {key: list(sums) for key, sums in one.items()}
    for key, (value, slope) in other.items():
        sums = found.setdefault(key, [0, 0])
        sums[0] += value
        sums[1] += slope
    return found


def same_sums(contracts: Sums, stored: Sums) -> list[Finding]:
    """The first place where they differ."""
    for key in sorted(contracts.keys() | stored.keys()):
        wanted, found = contracts.get(key, [0, 0]), stored.get(key, [0, 0])
        if wanted != found:
            name = "cell {} product {} stream {} day count {} denominator {}".format(*key)
            return [Finding("INV-ACCR-01", SUMS, "accrual_total", name, str(wanted), str(found))]
    return []


def at_day(totals: Sums, business_date: date, end: int) -> dict[tuple[int, int, int], Fraction]:
    """Exact accrual by cell, product and stream at the start of day ``end``."""
    today = business_date.toordinal()
    weights = {c: serial(c, today) - serial(c, end) for c in (ACTUAL, ACTUAL_ACTUAL, THIRTY_360)}
    found: dict[tuple[int, int, int], Fraction] = {}
    for (cell, product, stream, count, below), (value, slope) in totals.items():
        run = weights[count] if count in weights else today - end
        exact = Fraction(value - slope * run, below)
        place = cell, product, stream
        found[place] = found.get(place, Fraction(0)) + exact
    return found


Posted = dict[tuple[int, int, int], tuple[int, int]]
"""By cell, product and stream: what ``accrual_posted`` says, and the balance of the account."""


async def posted(connection: Connection, last: date | None) -> Posted:
    """What is posted and what stands on the accounts of accrued interest and penalty."""
    rows = await connection.fetch(sql.POSTED_AND_BALANCE, last or date.min)
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


def posted_differs(
    stored: Posted, exact: dict[tuple[int, int, int], Fraction]
) -> list[Finding]:
    """The first place where the ledger is not the rounded accrual."""
    for place in sorted(stored.keys() | exact.keys()):
        said, balance = stored.get(place, (0, 0))
        wanted = exact.get(place, Fraction(0))
        if said != balance or abs(wanted - said) > Fraction(1, 2):
            name = "cell {} product {} stream {}".format(*place)
            found = f"{said} posted, {balance} on the account"
            return [Finding("INV-ACCR-02", POSTED, "accrual_posted", name, str(wanted), found)]
    return []


async def rounding(connection: Connection, proof: Proof) -> list[Finding]:
    """Rounding told by replays = stored, exact; and on the rounding account, in whole units."""
    rows = await connection.fetch(sql.ROUNDING_TOLD)
    stored = {(row[0], row[1]): int(row[2]) for row in rows}
    for place in sorted(stored.keys() | proof.rounding.keys()):
        wanted, found = proof.rounding.get(place, 0), stored.get(place, 0)
        if wanted != found:
            name = "cell {} product {}".format(*place)
            return [
                Finding("INV-ACCR-03", ROUNDING, "accrual_posted", name, str(wanted), str(found))
            ]
    row = await connection.fetchrow(sql.ROUNDING_BOOKED)
    if row is not None:
        name, wanted_booked, booked = (str(value) for value in row)
        return [Finding("INV-ACCR-03", ROUNDING, "transfer", name, wanted_booked, booked)]
    return []
