"""The ledger: transfers of a contract, and balances as of an effective or a booked day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from usance.ledger.chart import ACCOUNTS
from usance.servicing import api_read
from usance.servicing import read as models
from usance.web.api import views
from usance.web.api.contracts import SEQ_MAX, standing, today
from usance.web.api.endpoint import Asked, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import Day, ordinal

TRANSFERS_OF_AN_EVENT = 64


class AsOfQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """A day on one of the two axes; the business date if none is given."""

    axis: api_read.Axis = "booked"
    on: Day | None = None


class AccountView(Struct):
    """What moved through an account up to the end of a day; ``balance`` is debit less credit."""

    account: int
    name: str
    kind: str
    debit: str
    credit: str
    balance: str


class BalancesView(Struct):
    """Balances as of a day."""

    axis: str
    on: str
    currency: str
    accounts: list[AccountView]


@read("/v1/contracts/{contract_id}/transfers", "ledger:read")
async def transfers(asked: Asked[PageQuery]) -> Page[views.TransferView]:
    """A contract's transfers by event, newest first; the transfers of an event stay together."""
    await standing(asked)
    before = position(asked.query, SEQ_MAX, SEQ_MAX)
    contract_id, limit = asked.at["contract_id"], asked.query.limit
    most = limit + TRANSFERS_OF_AN_EVENT
    rows = await models.transfers(asked.services.pool, contract_id, before, most)
    items = [views.transfer_view(row, asked.money) for row in whole_events(rows, limit)]
    return page(items, asked.query, items[-1].event_seq if items else 0)


def whole_events(rows: list[Any], limit: int) -> list[Any]:
    """The first rows, up to the end of the event of number ``limit``."""
    if len(rows) <= limit:
        return rows
    last = rows[limit - 1]["event_seq"]
    return [row for row in rows if row["event_seq"] >= last]


@read("/v1/contracts/{contract_id}/balances", "ledger:read")
async def contract_balances(asked: Asked[AsOfQuery]) -> BalancesView:
    """A contract's accounts as of a day."""
    await standing(asked)
    axis, on = await as_of(asked)
    rows = await api_read.contract_balances(
        asked.services.pool, axis, on, asked.at["contract_id"]
    )
    return shown(asked, axis, on, rows)


@read("/v1/ledger/balances", "ledger:read")
async def balances(asked: Asked[AsOfQuery]) -> BalancesView:
    """The whole book's accounts as of a day."""
    axis, on = await as_of(asked)
    return shown(asked, axis, on, await api_read.balances(asked.services.pool, axis, on))


async def as_of(asked: Asked[AsOfQuery]) -> tuple[api_read.Axis, date]:
    """The axis and the day asked for."""
    return asked.query.axis, date.fromordinal(ordinal(asked.query.on, "on") or await today(asked))


def shown(
    asked: Asked[Any], axis: api_read.Axis, on: date, rows: Iterable[Sequence[int]]
) -> BalancesView:
    """Turnover as balances, with the accounts' names."""
    say, accounts = asked.money.say, []
    for account, debit, credit in rows:
        kind, name, _ = ACCOUNTS[account]
        accounts.append(
            AccountView(account, name, kind, say(debit), say(credit), say(debit - credit))
        )
    return BalancesView(axis, on.isoformat(), asked.money.currency, accounts)
