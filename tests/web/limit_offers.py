"""Offers of limits for tests of the web: what the close of a day would have found."""

from __future__ import annotations

from datetime import date
from typing import Any, Protocol

from usance.core.identifiers import parse
from usance.identity import store as identity
from usance.identity.changing import Asking, once
from usance.platform.database import transaction
from usance.platform.identifiers import new_operation_id
from usance.risk import limit_store as store
from usance.risk import tiering_sql
from usance.risk.cutting import ProposeCut
from usance.risk.deciding import Wanted
from usance.risk.limit_raises import ACTOR, Raising, most_of_products
from usance.risk.limit_store import Line
from usance.servicing.products import product_of
from usance.web.services import Services


class Site(Protocol):
    """A site of either kind of test."""

    pool: Any
    services: Services


async def offered(site: Site, borrower: str, limit: int, product: str = "pay_later") -> str:
    """A step up to so many minor units; its number."""
    who, deciding = parse("borrower", borrower), site.services.decisions.deciding
    wanted = Wanted(kind="limit", borrower_id=who, product=product)
    said = (await deciding.decide(wanted, Asking(ACTOR))).document
    await good_tier(site, borrower)
    line = await line_of(site, who, product)

    async def make(change: Any) -> dict[str, Any]:
        raising = Raising(site.pool, deciding)
        return await raising._made(change, line, limit, parse("decision", said["decision_id"]))

    return str((await once(site.pool, Asking(ACTOR), make)).document["offer"])


async def line_of(site: Site, who: int, product: str = "pay_later") -> Line:
    """An open line as it stands."""
    on: date = await site.pool.fetchval("SELECT business_date FROM book")
    lines = await store.of_borrower(site.pool, who, on.toordinal(), most_of_products())
    return next(each for each in lines if each.product_id == product_of(product).product_id)


async def good_tier(site: Site, borrower: str) -> None:
    """A borrower stands in a tier in which more may be had."""
    who = parse("borrower", borrower)
    async with transaction(site.pool) as connection:
        on: date = await connection.fetchval("SELECT business_date FROM book")
        day, head, number = on.toordinal(), (who % 1024, who), new_operation_id()
        if await tiering_sql.stand_first(connection, (*head, 1, day, 0, 1, -1, day, day + 30)):
            await tiering_sql.step_once(connection, (*head, day, -1, 1, -1, 0, number))
            await identity.insert_operation(
                connection, number, actor=ACTOR, action="EvaluateTiers", on=on,
                digest=await tiering_sql.digest_of(connection, number), borrower_id=who,
                detail={"borrowers": 1, "changed": 1},
            )  # fmt: skip
        await connection.execute(
            "UPDATE tier SET tier = 1 WHERE cell = $1 AND borrower_id = $2 AND tier > 1", *head
        )


async def cut(site: Site, borrower: str, after: str) -> None:
    """A cut of the pay-later line that a second person has agreed with."""
    who = parse("borrower", borrower)
    wanted = Wanted(kind="tier", borrower_id=who)
    decided = await site.services.decisions.deciding.decide(wanted, Asking(ACTOR))
    before = product_of("pay_later").plain((await line_of(site, who)).standing.limit)
    act = ProposeCut(
        who, "pay_later", before, after, "D", decided.document["decision_id"], ("late-lately",), 45
    )
    waiting = await site.services.approvals.submit(act, actor=ACTOR)
    number = await site.services.staff.create(
        f"agrees {waiting.operation_id}", "correct horse battery", ["supervisor"]
    )
    proposal = await site.services.approvals.approve(
        parse("proposal", waiting.document["proposal_id"]), number,
        bytes.fromhex(waiting.document["digest"]), "",
    )  # fmt: skip
    assert proposal.outcome.get("measure"), proposal.outcome
