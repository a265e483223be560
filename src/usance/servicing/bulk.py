"""Many contracts at once, as arrays: load, run the compiled kernel, write.

The same tables, rows and order of things as ``hand`` and ``store``, for thousands of contracts in a
transaction: binary COPY in and out, set-based updates. What only plain Python can do is left out
and named, for the caller to do contract by contract.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from usance.contract import batch
from usance.contract import records as r
from usance.contract.batch import CONTRACT, DUE, TERMS, Records, as_array
from usance.core.days import ACTUAL, ACTUAL_ACTUAL, THIRTY_360, serial
from usance.core.rules import rule
from usance.ledger.chart import SIDES
from usance.ledger.streams import INTEREST_STREAM, PENALTY_STREAM
from usance.platform import schema, schema_behaviour
from usance.platform.database import Connection
from usance.platform.pgcopy import Layout, copy_in, copy_out, layout
from usance.servicing import columns as sql
from usance.servicing import store

Integers = NDArray[np.int64]

CONTRACT_LAYOUT = layout(schema.contract, sql.CONTRACT)
DUE_LAYOUT = layout(schema.due, sql.DUE)
EVENT_LAYOUT = layout(schema.event, sql.EVENT)
TRANSFER_LAYOUT = layout(schema.transfer, sql.TRANSFER)
CHANGE_LAYOUT = layout(schema.accrual_change, sql.CHANGE)
STATEMENT_LAYOUT = layout(schema.statement, sql.STATEMENT)
NOTICE_LAYOUT = layout(schema.notice_wanted, sql.NOTICE)
LATENESS_LAYOUT = layout(schema_behaviour.lateness, sql.LATENESS)

STATE = list(zip(CONTRACT.names or (), sql.CONTRACT_STATE, strict=True))
DUE_STATE = list(zip(DUE.names or (), sql.DUE[2:], strict=True))

_debit = np.array([sides[0] if sides else 0 for sides in SIDES], np.int64)
_credit = np.array([sides[1] if sides else 0 for sides in SIDES], np.int64)

DUES_OF = (
    f"SELECT {', '.join('d.' + name for name in sql.DUE)} FROM contract c "
    "JOIN due d ON d.cell = c.cell AND d.contract_id = c.contract_id "
    "AND d.n >= least(c.first_open, c.due_count) AND d.n <= {last} WHERE {which}"
)
"""A contract's dues from its first open one to ``last``."""


@dataclass(slots=True)
class Held:
    """Contracts in arrays; dues of contract ``i`` are ``start[i]`` to ``start[i] + held[i]``."""

    rows: Records  # as in the table, all columns
    contracts: Records
    dues: Records
    start: Integers
    held: Integers
    terms: Records
    which: Integers
    before: Records = field(init=False)  # dues as loaded
    streams: Records = field(init=False)  # accrual as loaded
    stood_on: Integers = field(init=False)

    def remember(self) -> None:
        """Note what the database holds, to write only what changes."""
        self.before = self.dues.copy()
        self.stood_on = self.contracts["on"].copy()
        self.streams = batch.note_batch(
            self.terms, self.which, self.contracts, self.dues, self.start
        )

    @property
    def ids(self) -> Integers:
        """Contract ids."""
        found: Integers = self.rows["contract_id"]
        return found


async def load(connection: Connection, where: str, last: str) -> Held:
    """Contracts that match ``where`` (aliased ``c``), with their dues up to SQL ``last``."""
    columns = ", ".join(f"c.{name}" for name in sql.CONTRACT)
    select = f"SELECT {columns} FROM contract c WHERE {where}"
    rows = await copy_out(connection, select, columns=CONTRACT_LAYOUT)
    rows = rows[np.argsort(rows["contract_id"], kind="stable")]
    await store.load_terms(connection, set(np.unique(rows["terms_id"]).tolist()))
    dues = await copy_out(
        connection, DUES_OF.format(last=last, which=where), columns=DUE_LAYOUT
    )
    dues = dues[np.lexsort((dues["n"], dues["contract_id"]))]
    return hold(rows, dues)


def hold(rows: Records, dues: Records) -> Held:
    """Arrays of the kernel from rows of the tables, with room for new dues of an account.

    A loan gets none in a window: there an unused record would pass for a row of its plan, and the
    kernel could not see that it looks beyond.
    """
    contracts = np.zeros(len(rows), CONTRACT)
    for name, column in STATE:
        contracts[name] = rows[column]
    low = np.searchsorted(dues["contract_id"], rows["contract_id"], "left")
    held = np.searchsorted(dues["contract_id"], rows["contract_id"], "right") - low
    start = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(held + np.where(rows["kind"] == r.LINE, batch.ROOM, 0), out=start[1:])
    placed = np.zeros(int(start[-1]), DUE)
    to = np.repeat(start[:-1] - low, held) + np.arange(len(dues))
    for name, column in DUE_STATE:
        placed[name][to] = dues[column]
    numbers, which = np.unique(rows["terms_id"], return_inverse=True)
    terms = as_array(TERMS, [store.TERMS[each] for each in numbers.tolist()])
    return Held(rows, contracts, placed, start, held, terms, which.astype(np.int64))


def take(held: Held, keep: NDArray[np.bool_]) -> Held:
    """Only some of the contracts."""
    counts = np.diff(held.start)
    dues = held.dues[np.repeat(keep, counts)]
    start = np.zeros(int(keep.sum()) + 1, np.int64)
    np.cumsum(counts[keep], out=start[1:])
    return Held(
        held.rows[keep], held.contracts[keep], dues, start, held.held[keep], held.terms,
        held.which[keep],
    )  # fmt: skip


def whole(held: Held) -> NDArray[np.bool_]:
    """Contracts that have dues in the window at all."""
    found: NDArray[np.bool_] = held.held > 0
    return found


def take_back(held: Held, keep: NDArray[np.bool_]) -> Held:
    """Some of the contracts, as they were loaded: others could not be done in arrays."""
    held.dues[:] = held.before
    for name, column in STATE:
        held.contracts[name] = held.rows[column]
    kept = take(held, keep)
    kept.remember()
    return kept


async def write(
    connection: Connection, held: Held, written: "Written", effects: Records, owner: Integers,
    day: int,
) -> None:  # fmt: skip
    """States, dues, events, transfers and accrual changes; all or nothing."""
    after = batch.note_batch(held.terms, held.which, held.contracts, held.dues, held.start)
    current = await update_contracts(connection, held)
    if not current.all():
        raise store.Overtaken(f"{int((~current).sum())} contracts were written meanwhile")
    await write_dues(connection, held, held.before)
    rounding = rounding_by_owner(effects, owner, len(held.rows))
    await copy_in(connection, "event", written.events, EVENT_LAYOUT)
    await copy_in(connection, "transfer", written.transfers, TRANSFER_LAYOUT)
    changes = change_rows(held, after, rounding, day)
    await copy_in(connection, "accrual_change", changes, CHANGE_LAYOUT)
    await copy_in(connection, "lateness", lateness_rows(held, day), LATENESS_LAYOUT)


@rule("R-LATE-02")
def lateness_rows(held: Held, day: int) -> dict[str, Any]:
    """Whose oldest unmet due is another than before."""
    was, late_from = held.rows["late_from"], held.contracts["late_from"]
    chosen = np.flatnonzero(was != late_from)
    number = (held.rows["version"][chosen] + 1) * 64
    return rows_for(
        held, chosen, number=number, booked_on=day, was=was[chosen], late_from=late_from[chosen]
    )


@rule("R-LEDGER-01", "R-LEDGER-02")
def transfers_of(effects: Records, owner: Integers) -> dict[str, Integers]:
    """Netted transfers by owner: one row for each pair of accounts, numbered from 0."""
    debit, credit = _debit[effects["kind"]], _credit[effects["kind"]]
    moving = debit > 0
    debit, credit, owner = debit[moving], credit[moving], owner[moving]
    amount = effects["amount"][moving]
    low, high = np.minimum(debit, credit), np.maximum(debit, credit)
    signed = np.where(debit < credit, amount, -amount)
    key = (owner * 10_000 + low) * 10_000 + high
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    total = np.add.reduceat(signed[order], first) if len(first) else signed[:0]
    owner, low, high = owner[order][first], low[order][first], high[order][first]
    real = total != 0
    owner, low, high, total = owner[real], low[real], high[real], total[real]
    place = np.flatnonzero(np.diff(owner, prepend=-1))
    counts = np.diff(place, append=len(owner))
    number = np.arange(len(owner)) - np.repeat(place, counts)
    return {
        "owner": owner, "number": number, "amount": np.abs(total),
        "debit": np.where(total > 0, low, high), "credit": np.where(total > 0, high, low),
    }  # fmt: skip


def rows_for(held: Held, owner: Integers, **columns: Any) -> dict[str, Any]:
    """Columns of rows that belong to contracts."""
    n = len(owner)
    found: dict[str, Any] = {
        "cell": held.rows["cell"][owner], "contract_id": held.rows["contract_id"][owner],
    }  # fmt: skip
    for name, value in columns.items():
        found[name] = np.full(n, value, np.int64) if np.isscalar(value) else value
    return found


async def stage(connection: Connection, name: str, columns: Layout, data: Any) -> None:
    """A temporary table filled by COPY; it goes with the transaction."""
    types = ", ".join(f"{c.name} {c.kind} NOT NULL" for c in columns.columns)
    await connection.execute(f"CREATE TEMP TABLE {name} ({types}) ON COMMIT DROP")
    await copy_in(connection, name, data, columns)


CHANGED = [name for name in sql.CONTRACT_STATE if name not in ("kind", "opened_on", "principal")]
UPDATE_LAYOUT = layout(schema.contract, ["cell", "contract_id", "version", *CHANGED])
UPDATE_STAGED = (
    f"UPDATE contract c SET version = s.version + 1, {', '.join(f'{n} = s.{n}' for n in CHANGED)} "
    "FROM staged_contract s WHERE c.cell = s.cell AND c.contract_id = s.contract_id "
    "AND c.version = s.version RETURNING c.contract_id"
)
DUE_CHANGED = [name for name in sql.DUE if name not in ("cell", "contract_id", "n")]
UPDATE_DUES = (
    f"UPDATE due d SET {', '.join(f'{n} = s.{n}' for n in DUE_CHANGED)} FROM staged_due s "
    "WHERE d.cell = s.cell AND d.contract_id = s.contract_id AND d.n = s.n"
)


async def update_contracts(connection: Connection, held: Held) -> NDArray[np.bool_]:
    """Write states; False for contracts that somebody else wrote meanwhile."""
    data = rows_for(held, np.arange(len(held.rows)), version=held.rows["version"])
    for name, column in STATE:
        data[column] = held.contracts[name]
    await stage(connection, "staged_contract", UPDATE_LAYOUT, data)
    written = await connection.fetch(UPDATE_STAGED)
    return np.isin(held.ids, np.array([row[0] for row in written], np.int64))


async def write_dues(connection: Connection, held: Held, before: Records) -> None:
    """Update dues that changed, insert new ones."""
    owner = np.repeat(np.arange(len(held.rows)), np.diff(held.start))
    used = held.dues["n"] > 0
    new = used & (before["n"] == 0)
    changed = used & ~new & (held.dues != before)
    await stage(connection, "staged_due", DUE_LAYOUT, due_rows(held, owner, changed))
    await connection.execute(UPDATE_DUES)
    if new.any():
        await copy_in(connection, "due", due_rows(held, owner, new), DUE_LAYOUT)


def due_rows(held: Held, owner: Integers, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Dues as columns of the table."""
    data = rows_for(held, owner[chosen])
    for name, column in DUE_STATE:
        data[column] = held.dues[name][chosen]
    return data


@dataclass(slots=True)
class Written:
    """Rows of a batch, for the audit digest and the counts."""

    events: dict[str, Any]
    transfers: dict[str, Any]

    def digest(self) -> bytes:
        """As ``write.Rowset.digest``: of the events and transfers, in the order of their keys."""
        return digest_columns(
            [("event", self.events, sql.EVENT), ("transfer", self.transfers, sql.TRANSFER)]
        )


def digest_columns(tables: list[tuple[str, dict[str, Any], tuple[str, ...]]]) -> bytes:
    """The canonical digest (``ledger.digest``) of rows in columns, all at once."""
    hashed = hashlib.sha256()
    for name, data, columns in tables:
        rows = np.stack([np.asarray(data[c], np.int64) for c in columns], axis=1)
        rows = rows[np.lexsort(tuple(rows[:, i] for i in (3, 2, 1, 0)))]
        hashed.update(f"{name}:{len(rows)}:".encode())
        hashed.update(rows.astype(">i8").tobytes())
    return hashed.digest()


def event_rows(held: Held, chosen: Integers, operation_id: int, **columns: Any) -> dict[str, Any]:
    """Event rows; what is not given is 0."""
    data = rows_for(held, chosen, operation_id=operation_id, **columns)
    zero = np.zeros(len(chosen), np.int64)
    return {name: data.get(name, zero) for name in sql.EVENT}


def transfer_rows(held: Held, moved: dict[str, Integers], seq: Integers, on: int) -> dict[str, Any]:
    """Transfer rows of the events just made."""
    owner = moved["owner"]
    return rows_for(
        held, owner, event_seq=seq[owner], number=moved["number"], debit=moved["debit"],
        credit=moved["credit"], amount=moved["amount"], effective_on=on, booked_on=on,
        product_id=held.rows["product_id"][owner],
    )  # fmt: skip


@rule("R-ACCR-01")
def change_rows(held: Held, after: Records, rounding: Integers, day: int) -> dict[str, Any]:
    """How accruals changed: one row for each contract, stream and denominator that differs."""
    parts = []
    days = held.contracts["on"]
    count = held.terms["count"][held.which]
    for place, (stream, prefix) in enumerate(((INTEREST_STREAM, ""), (PENALTY_STREAM, "penalty_"))):
        counts = count if place == 0 else np.full(len(days), ACTUAL)
        at = weights(counts, days)
        run = at - weights(counts, held.stood_on)
        old, new = moved_to(held.streams, prefix, run), stated(after, prefix)
        told = rounding if place == 0 else 0 * rounding
        same = old["below"] == new["below"]
        parts.append((stream, place * 2, counts, at, difference(new, old, same), told))
        gone = {name: np.where(same, 0, -old[name]) for name in VALUES} | {"below": old["below"]}
        parts.append((stream, place * 2 + 1, counts, at, gone, 0 * told))
    return joined(held, parts, day)


VALUES = ("whole", "rest", "slope", "slope_rest")


def weights(counts: Integers, days: Integers) -> Integers:
    """Serial weights; other counts than actual by plain Python, each distinct pair once."""
    found = days.astype(np.int64).copy()
    for count in np.unique(counts).tolist():
        if count in (ACTUAL_ACTUAL, THIRTY_360):
            mine = counts == count
            for day in np.unique(days[mine]).tolist():
                found[mine & (days == day)] = serial(count, day)
    return found


def stated(streams: Records, prefix: str) -> dict[str, Integers]:
    """Streams of one kind as they are."""
    return {name: streams[f"{prefix}{name}"] for name in (*VALUES, "below")}


def moved_to(streams: Records, prefix: str, run: Integers) -> dict[str, Integers]:
    """Streams stated ``run`` further on (``ledger.streams.moved``)."""
    found = stated(streams, prefix)
    rest = found["rest"] + found["slope_rest"] * run
    whole = found["whole"] + found["slope"] * run + rest // found["below"]
    return found | {"whole": whole, "rest": rest % found["below"]}


def difference(
    new: dict[str, Integers], old: dict[str, Integers], same: NDArray[np.bool_]
) -> dict[str, Integers]:
    """What was added, where both count in the same fractions; else the new."""
    found = {name: new[name] - np.where(same, old[name], 0) for name in VALUES}
    return found | {"below": new["below"]}


def joined(held: Held, parts: list[Any], day: int) -> dict[str, Any]:
    """Rows of all parts that are not zero throughout."""
    columns: dict[str, list[Any]] = {}
    for stream, number, counts, at, values, told in parts:
        chosen = np.flatnonzero(
            (values["whole"] | values["rest"] | values["slope"] | values["slope_rest"] | told) != 0
        )
        rows = rows_for(
            held, chosen, version=(held.rows["version"][chosen] + 1) * 64 + number, stream=stream,
            denominator=values["below"][chosen], product_id=held.rows["product_id"][chosen],
            day_count=counts[chosen], booked_on=day, from_weight=at[chosen],
            rounding=told[chosen], **{name: values[name][chosen] for name in VALUES},
        )  # fmt: skip
        for name, value in rows.items():
            columns.setdefault(name, []).append(value)
    return {name: np.concatenate(values) for name, values in columns.items()}


def rounding_by_owner(effects: Records, owner: Integers, n: int) -> Integers:
    """Rounding told by the kernel, per 10^8, for each contract."""
    mine = effects["kind"] // 8 == r.ROUNDING
    found = np.zeros(n, np.int64)
    np.add.at(found, owner[mine], effects["amount"][mine])
    return found
