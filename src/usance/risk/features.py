"""What a borrower's behaviour says, in whole numbers: one definition for one borrower and for all.

Everything is made of what the book knew at the end of a business day (``features_sql``), so the
features of a day that is past are what they were on it. The names are those of the dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.contract import records as r
from usance.core.rules import rule
from usance.ledger import chart
from usance.platform.database import Connection, Pool
from usance.policy.cells import MISSING
from usance.policy.shipped import dictionary
from usance.risk.features_sql import HALF, QUARTER, YEAR, Read, Rows, read, read_all, read_one

Numbers = NDArray[np.int64]

BOOK, ROOM = "book", "room"
"""``room`` is what is left after what is asked for: only a request has it."""
MONTH = 30
MONTHS_SEEN = 6
"""Statements and month's ends that a feature of half a year looks at."""
OWED_ON = (chart.PRINCIPAL, chart.INTEREST_ASKED, chart.FEE_ASKED, chart.PENALTY_ASKED)
WHOLE = 10_000
"""A hundred percent, in hundredths of one."""
DAYS_IN_100_MONTHS = 3044


@dataclass(frozen=True, slots=True)
class Features:
    """Columns by name, a row for each borrower; what nobody knows is ``MISSING``."""

    borrowers: Numbers
    columns: dict[str, Numbers]

    def of(self, borrower_id: int) -> dict[str, int | None]:
        """One row. Raises ``KeyError`` for somebody without a contract."""
        place = int(np.searchsorted(self.borrowers, borrower_id))
        if place == len(self.borrowers) or self.borrowers[place] != borrower_id:
            raise KeyError(borrower_id)
        return {
            name: None if (value := int(column[place])) == MISSING else value
            for name, column in self.columns.items()
        }


async def features_of(
    connection: Connection, borrower_id: int, as_of: date
) -> dict[str, int | None]:
    """One borrower's, as of the end of a business day."""
    found = features_from(await read_one(connection, as_of, borrower_id))
    return found.of(borrower_id) if len(found.borrowers) else of_a_stranger()


@rule("R-FEATURE-01")
def of_a_stranger() -> dict[str, int | None]:
    """Of somebody without a contract: nothing is late or owed, and nothing else is known."""
    return {
        each.name: each.missing if isinstance(each.missing, int) else None
        for each in dictionary().values() if each.source == BOOK and each.name != ROOM
    }  # fmt: skip


async def features_of_all(pool: Pool, as_of: date) -> Features:
    """Everybody's, as of the end of a business day."""
    return features_from(await read_all(pool, as_of))


async def features_of_some(
    connection: Connection, as_of: date, borrowers: list[int]
) -> Features:
    """Those of some, as of the end of a business day."""
    return features_from(await read(connection, as_of, borrowers))


@rule("R-FEATURE-01", "R-FEATURE-02")
def features_from(known: Read) -> Features:
    """The features that a book makes."""
    book = Book(known)
    columns = {**use_of(book), **lateness_of(book), **payments_of(book), **others_of(book)}
    return Features(book.borrowers, {name: _within(name, each) for name, each in columns.items()})


def _within(name: str, column: Numbers) -> Numbers:
    """As far as the dictionary counts."""
    low, high = _range(name)
    return np.where(column == MISSING, MISSING, np.minimum(np.maximum(column, low), high))


@cache
def _range(name: str) -> tuple[int, int]:
    values = dictionary()[name].values
    return values[0][0], values[-1][1]


class Book:
    """What was read, in order, with the borrower that each row is about."""

    def __init__(self, known: Read) -> None:
        self.known, self.on = known, known.on
        self.contracts = known.contracts[np.argsort(known.contracts["contract_id"])]
        new = np.diff(self.contracts["borrower_id"], prepend=-1) != 0
        self.borrowers: Numbers = self.contracts["borrower_id"][new]
        self.whose: Numbers = np.cumsum(new) - 1
        principal, owed, credit = stood(self.contracts, known.moves)
        self.owed = self.summed(owed, self.whose)
        self.used = np.maximum(self.summed(principal - credit, self.whose), 0)
        lines, whose = placed(known.lines, "borrower_id", self.borrowers)
        self.limit = self.summed(lines["limit_amount"], whose)

    def placed(self, rows: Rows) -> tuple[Rows, Numbers]:
        """The rows whose contract was there on the day, and the places of the contracts."""
        return placed(rows, "contract_id", self.contracts["contract_id"])

    def summed(self, values: Numbers, whose: Numbers) -> Numbers:
        """By borrower."""
        return summed(values, whose, len(self.borrowers))

    def counted(self, whose: Numbers) -> Numbers:
        """How many of each borrower."""
        return np.bincount(whose, minlength=len(self.borrowers))

    def most(self, values: Numbers, whose: Numbers) -> Numbers:
        """The most of each borrower; 0 without any."""
        found = np.zeros(len(self.borrowers), np.int64)
        np.maximum.at(found, whose, values)
        return found


def placed(rows: Rows, name: str, ids: Numbers) -> tuple[Rows, Numbers]:
    """The rows whose id is among those, which are in order, and its place there."""
    place = np.searchsorted(ids, rows[name])
    there = place < len(ids)
    there[there] = ids[place[there]] == rows[name][there]
    return (rows, place) if there.all() else (rows[there], place[there])


def summed(values: Numbers, whose: Numbers, size: int) -> Numbers:
    """Sums by place."""
    found = np.zeros(size, np.int64)
    np.add.at(found, whose, values)
    return found


def share(part: Numbers, whole: Numbers) -> Numbers:
    """In hundredths of a percent, at most a thousand times the whole; ``MISSING`` of nothing."""
    found = np.minimum(part * WHOLE // np.maximum(whole, 1), 1000 * WHOLE)
    return np.where(whole > 0, found, MISSING)


def stood(contracts: Rows, moves: Rows) -> tuple[Numbers, Numbers, Numbers]:
    """(principal lent, all that is owed, credit) of each contract at the end of the day.

    What stands now, less what was booked since. What was written off is lent no more, and is owed
    until it is recovered.
    """
    ids = contracts["contract_id"]
    moves, place = placed(moves, "contract_id", ids)
    owed = (_moved(moves, OWED_ON) + _moved(moves, (chart.RECOVERIES,))) * _still_owed(moves)
    lent = np.where(contracts["status"] == r.CHARGED_OFF, 0, contracts["principal"])
    return (
        lent - summed(_moved(moves, (chart.PRINCIPAL,)), place, len(ids)),
        contracts["owed"] - summed(owed, place, len(ids)),
        contracts["credit"] + summed(_moved(moves, (chart.CREDIT_BALANCES,)), place, len(ids)),
    )


def _still_owed(moves: Rows) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (moves["debit"] != chart.LOSSES) & (moves["credit"] != chart.LOSSES)
    return found


def _moved(moves: Rows, accounts: tuple[int, ...]) -> Numbers:
    """What each added to some accounts."""
    among = _among(accounts)
    found: Numbers = moves["amount"] * (among[moves["debit"]] - among[moves["credit"]])
    return found


@cache
def _among(accounts: tuple[int, ...]) -> Numbers:
    """1 at the place of each of them, 0 at those of all others."""
    found = np.zeros(max(chart.ACCOUNTS) + 1, np.int64)
    found[list(accounts)] = 1
    return found


# -- how much is used --------------------------------------------------------------------------


def use_of(book: Book) -> dict[str, Numbers]:
    """Use of limits, now and by statements."""
    statements, place = book.placed(book.known.statements)
    whose = book.whose[place]
    before = statements["issued_on"] <= book.on - QUARTER
    balances, of = _last(statements[before], whose[before])
    then, had = np.maximum(book.summed(balances, of), 0), book.counted(of) > 0
    half = statements["issued_on"] > book.on - HALF
    billed = book.summed(np.maximum(statements["balance"][half], 0), whose[half])
    times = book.counted(whose[half])
    rise = (book.used - then) * WHOLE // np.maximum(book.limit, 1)
    return {
        "owed_in_all": book.owed,
        "free_limit": np.where(book.limit > 0, book.limit - book.used, MISSING),
        "utilisation": share(book.used, book.limit),
        "utilisation_rise_90d": np.where(
            had & (book.limit > 0), np.clip(rise, -10 * WHOLE, 10 * WHOLE), 0
        ),
        "utilisation_6m": share(billed, book.limit * times),
    }


def _last(statements: Rows, whose: Numbers) -> tuple[Numbers, Numbers]:
    """(balance, borrower) of the last statement of each contract."""
    order = np.lexsort((statements["issued_on"], statements["contract_id"]))
    ids = statements["contract_id"][order]
    last = order[np.flatnonzero(np.diff(ids, append=-1))]
    return statements["balance"][last], whose[last]


# -- what was late -----------------------------------------------------------------------------


@rule("R-LATE-02", "R-FEATURE-02")
def lateness_of(book: Book) -> dict[str, Numbers]:
    """Since when something is late, and what was late within a year."""
    log, place = _log(book)
    told = log["number"] < 0
    known = log["booked_on"] <= book.on
    since = [_late_from(book, log, place, book.on - n * MONTH) for n in range(MONTHS_SEEN)]
    now = _days(since[0], book.on)
    months = sum(
        (_days(late_from, book.on - n * MONTH) // MONTH for n, late_from in enumerate(since)),
        np.zeros(len(now), np.int64),
    )
    began = np.where(told, log["late_from"], log["was"])
    length = np.where(began > 0, np.maximum(log["booked_on"] - began, 0), 0)
    lately = known & (log["booked_on"] > book.on - QUARTER)
    whose = book.whose
    missed = known & (log["late_from"] > 0) & (told | (log["late_from"] > log["was"]))
    return {
        "days_late": book.most(now, whose),
        "days_late_90d": np.maximum(
            book.most(now, whose), book.most(length[lately], whose[place[lately]])
        ),
        "days_late_12m": np.maximum(
            book.most(now, whose), book.most(length[known], whose[place[known]])
        ),
        "late_months_6m": book.summed(months, whose),
        "late_12m": book.counted(whose[place[missed]]),
    }


def _log(book: Book) -> tuple[Rows, Numbers]:
    """In order; where the lender before had told of a contract by the day, only what it told."""
    log, place = book.placed(book.known.lateness)
    by_other = log["number"] < 0
    log, place = _pick(log, place, by_other == _told(book, log, place)[place])
    return _pick(log, place, np.lexsort((np.abs(log["number"]), log["booked_on"], place)))


def _told(book: Book, log: Rows, place: Numbers) -> NDArray[np.bool_]:
    """Whether the lender before has told of each contract by the day."""
    found = np.zeros(len(book.contracts), np.bool_)
    found[place[(log["number"] < 0) & (log["booked_on"] <= book.on)]] = True
    return found


def _pick(rows: Rows, place: Numbers, which: NDArray[Any]) -> tuple[Rows, Numbers]:
    return rows[which], place[which]


def _late_from(book: Book, log: Rows, place: Numbers, on: int) -> Numbers:
    """Of each contract, since when something was late at the end of a day; 0: nothing was.

    The last change until then says it, else the first one after, else what stands now.
    """
    found: Numbers = book.contracts["late_from"].astype(np.int64)
    if not len(log):
        return np.where(found > on, 0, found)
    until = log["booked_on"] <= on
    first = np.flatnonzero(np.diff(place, prepend=-1))
    found[place[first]] = log["was"][first]
    found[place[until]] = log["late_from"][until]
    return np.where(found > on, 0, found)


def _days(late_from: Numbers, on: int) -> Numbers:
    return np.where(late_from > 0, np.maximum(on - late_from, 0), 0)


# -- what was paid -----------------------------------------------------------------------------


@rule("R-FEATURE-03")
def payments_of(book: Book) -> dict[str, Numbers]:
    """What was paid, and of what statements billed how much by the due day."""
    events = book.known.events
    money, place = book.placed(events[events["kind"] != r.EXTENSION])
    amount = np.where(money["kind"] == r.CHARGEBACK, -money["amount"], money["amount"])
    whose = book.whose[place]
    paid = {
        f"paid_{name}": np.maximum(book.summed(amount[late], whose[late]), 0)
        for name, days in (("90d", QUARTER), ("6m", HALF))
        for late in [money["effective_on"] > book.on - days]
    }
    return paid | _by_statements(book, money, amount)


def _by_statements(book: Book, money: Rows, amount: Numbers) -> dict[str, Numbers]:
    """Of the last six statements whose due day has passed."""
    due, place = _last_due(book)
    whose = book.whose[place]
    billed = np.maximum(due["balance"], 0)
    got = np.maximum(_received(due, money, amount), 0)
    asked = billed > 0
    by_due_day = np.minimum(got, billed)
    size = len(book.borrowers)
    least = np.full(size, np.iinfo(np.int64).max)
    np.minimum.at(least, whose, got)
    any_due = np.zeros(size, np.bool_)
    any_due[whose] = True
    total, met = book.summed(billed, whose), book.summed(by_due_day, whose)
    only_minimum = asked & (got >= due["required"]) & (got - due["required"] < billed // 10)
    only_minimum &= due["required"] < billed
    return {
        "paid_share_6m": share(met, total),
        "unpaid_6m": book.counted(whose[asked & (got == 0)]),
        "least_paid_6m": np.where(any_due, least, MISSING),
        "minimum_streak": book.most(*_streak(due, only_minimum, whose)),
        "full_streak": book.most(*_streak(due, got >= billed, whose)),
    }


def _last_due(book: Book) -> tuple[Rows, Numbers]:
    """The last six statements of each contract whose due day has come, in order."""
    due, place = book.placed(book.known.statements)
    due, place = _pick(due, place, due["due_on"] <= book.on)
    due, place = _pick(due, place, np.argsort(place * DAYS + due["issued_on"]))
    ends = np.searchsorted(place, np.arange(len(book.contracts)), "right")
    return _pick(due, place, ends[place] - np.arange(len(due)) <= MONTHS_SEEN)


def _received(due: Rows, money: Rows, amount: Numbers) -> Numbers:
    """What came in after each statement was issued, until the end of its due day."""
    key = money["contract_id"] * DAYS + money["effective_on"]
    order = np.argsort(key, kind="stable")
    key, sums = key[order], np.concatenate(([0], np.cumsum(amount[order])))
    begin = np.searchsorted(key, due["contract_id"] * DAYS + due["issued_on"], "right")
    end = np.searchsorted(key, due["contract_id"] * DAYS + due["due_on"], "right")
    found: Numbers = sums[end] - sums[begin]
    return found


def _streak(due: Rows, holds: NDArray[np.bool_], whose: Numbers) -> tuple[Numbers, Numbers]:
    """(how many of the last statements in a row, borrower) of each contract."""
    if not len(due):
        return np.zeros(0, np.int64), whose
    last = np.flatnonzero(np.diff(due["contract_id"], append=-1))
    begin = np.concatenate(([0], last[:-1] + 1))
    broken = np.maximum.accumulate(np.where(holds, -1, np.arange(len(due))))
    return last - np.maximum(broken[last], begin - 1), whose[last]


# -- the rest ----------------------------------------------------------------------------------


def others_of(book: Book) -> dict[str, Numbers]:
    """Extensions, debits that failed, how long somebody is known, a first due that is late."""
    events = book.known.events
    lately = (events["kind"] == r.EXTENSION) & (events["effective_on"] > book.on - YEAR)
    _, moved = book.placed(events[lately])
    _, failed = placed(book.known.not_paid, "borrower_id", book.borrowers)
    first = np.full(len(book.borrowers), book.on)
    np.minimum.at(first, book.whose, book.contracts["opened_on"])
    _, late_first = book.placed(book.known.first_late)
    return {
        "extensions_12m": book.counted(book.whose[moved]),
        "failed_debits_90d": book.counted(failed),
        "tenure": (book.on - first) * 100 // DAYS_IN_100_MONTHS,
        "first_payment_late": np.minimum(book.counted(book.whose[late_first]), 1),
    }


DAYS = 1 << 22
"""More than any day's ordinal."""
