"""``LimitAnswers``: a borrower takes or declines an offer, or asks for more for a while; its end.

The limit changes in the transaction of the answer, by the command of the book that changes limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from usance.core.identifiers import parse, written
from usance.core.money import DECIMALS, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import store as identity
from usance.identity.changing import Asking, Change, answered, once, or_its_twin
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool
from usance.platform.identifiers import new_operation_id
from usance.risk import decision_store
from usance.risk import limit_store as store
from usance.risk.deciding import Deciding, Wanted
from usance.risk.deciding_policy import LIMIT
from usance.risk.limit_raises import ACTOR, most_of_products
from usance.risk.limit_store import (
    DECLINED,
    FELL_BACK,
    OVERTAKEN,
    RAISE,
    TAKEN,
    TEMPORARY,
    Answered,
    Offered,
    Row,
)
from usance.risk.limits import Standing, check_acceptable, check_temporary, most_of
from usance.risk.limits_policy import LimitPolicy, limit_policy
from usance.risk.stored import OVERTURNED, PAUSED
from usance.servicing import commands as ask
from usance.servicing.columns import LOCK
from usance.servicing.post import Request, post
from usance.servicing.products import Product, by_id, product_of

ACCEPT, DECLINE = "AcceptLimit", "DeclineLimit"
FOR_A_WHILE, END = "RaiseForAWhile", "EndRaises"
AT_ONCE = 50


class LimitAnswers:
    """What becomes of offers of limits."""

    def __init__(
        self, pool: Pool, deciding: Deciding, *, policy: LimitPolicy | None = None
    ) -> None:
        self._pool, self._deciding = pool, deciding
        self.policy = policy or limit_policy()

    # -- steps up ----------------------------------------------------------------------------------

    async def accept(self, borrower_id: int, offer_id: int, asking: Asking) -> Answer:
        """Take an offer: the limit is raised at once, once for the key. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            offer = await self._open(change, borrower_id, offer_id)
            await self._check_decision(change, offer["decision_id"])
            line = await self._line(
                change.connection, change.on, borrower_id, offer["product_id"]
            )
            check_acceptable(line, self.policy.raises, offer["limit_from"])
            changed = await changed_by(change, offer, offer["limit_to"])
            return await self._answered(change, offer, TAKEN, ACCEPT, changed)

        return await once(self._pool, asking, make, LOCK)

    async def decline(self, borrower_id: int, offer_id: int, asking: Asking) -> Answer:
        """Say no: nothing changes, and nobody asks again for a while. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            offer = await self._open(change, borrower_id, offer_id)
            return await self._answered(change, offer, DECLINED, DECLINE)

        return await once(self._pool, asking, make, LOCK)

    @rule("R-LIMIT-07", "R-FOUND-01")
    async def _open(self, change: Change, borrower_id: int, offer_id: int) -> Row:
        """An offer that can be answered, its lines held. Raises ``Refused``."""
        await store.lock_lines(change.connection, borrower_id)
        offer = await store.offer(change.connection, borrower_id, offer_id)
        if offer is None or offer["kind"] != RAISE:
            raise Refused("R-FOUND-01", "there is no such offer", "limit_offer_id")
        if offer["state"]:
            raise Refused("R-LIMIT-07", "the offer was answered already", "limit_offer_id")
        if offer["valid_until"] < change.on.toordinal():
            raise Refused("R-LIMIT-07", "the offer is over", "limit_offer_id")
        return offer

    @rule("R-DECIDE-06")
    async def _check_decision(self, change: Change, decision_id: int) -> None:
        """Nobody acts on what a person looks at, or has overturned. Raises ``Refused``."""
        stored = await decision_store.one(change.connection, decision_id)
        if stored is None or stored.state in (PAUSED, OVERTURNED):
            raise Refused("R-DECIDE-06", "a person looks at this decision, or has", "kind")

    async def _line(
        self, connection: Connection, on: date, borrower_id: int, product_id: int
    ) -> Standing | None:
        """How the borrower's open line stands, if there is one."""
        lines = await store.of_borrower(connection, borrower_id, on.toordinal(), most_of_products())
        return next((each.standing for each in lines if each.product_id == product_id), None)

    async def _answered(
        self, change: Change, offer: Row, state: int, action: str, changed: int = 0
    ) -> dict[str, Any]:
        """Write an answer down with its audit event."""
        await store.insert_answer(change.connection, Answered(
            borrower_id=offer["borrower_id"], offer_id=offer["offer_id"], state=state,
            answered_on=change.on.toordinal(), changed_by=changed, actor=change.actor,
            operation_id=change.operation_id,
        ))  # fmt: skip
        said = document(offer, by_id()[offer["product_id"]])
        said |= {"state": STATES[state]}
        detail = {"offer": said["limit_offer_id"], "decision": said["decision_id"]}
        digest = await store.digest_of(change.connection, change.operation_id)
        await change.note(action, digest, detail, borrower_id=offer["borrower_id"])
        return said

    # -- more for a while --------------------------------------------------------------------------

    @rule("R-LIMIT-08")
    async def raise_for_a_while(
        self, borrower_id: int, product: str, limit: int, until: date, asking: Asking
    ) -> Answer:
        """More until the close of a day, decided first; once for the key. Raises ``Refused``."""
        if (before := await answered(self._pool, asking)) is not None:
            return before
        return await or_its_twin(self._pool, asking, lambda: self._raised(
            borrower_id, product, limit, until, asking
        ))  # fmt: skip

    async def _raised(
        self, borrower_id: int, product: str, limit: int, until: date, asking: Asking
    ) -> Answer:
        item = product_of(product)
        async with self._pool.acquire() as connection:
            on = await identity.business_date(connection)
            assert on is not None, "there is no line without a book"
            await self._checked(connection, on, borrower_id, item, limit, until)
        wanted = Wanted(kind=LIMIT, borrower_id=borrower_id, product=product)
        own = Asking(asking.actor, f"{asking.key} · decided" if asking.key else "",
                     asking.request_hash)  # fmt: skip
        said = (await self._deciding.decide(wanted, own)).document
        decided = parse_decimal(said["limit"], DECIMALS[item.currency])

        async def make(change: Change) -> dict[str, Any]:
            await store.lock_lines(change.connection, borrower_id)
            line = await self._checked(
                change.connection, change.on, borrower_id, item, limit, until
            )
            self._check_decided(line, item, limit, decided, change.on)
            decision_id = parse("decision", said["decision_id"])
            await self._check_decision(change, decision_id)
            return await self._made(change, borrower_id, item, line, limit, until, decision_id)

        return await once(self._pool, asking, make, LOCK)

    async def _checked(
        self, connection: Connection, on: date, borrower_id: int, item: Product, limit: int,
        until: date,
    ) -> Standing:  # fmt: skip
        """The line as it stands, if it may have more for a while. Raises ``Refused``."""
        line = await self._line(connection, on, borrower_id, item.product_id)
        if line is None:
            raise Refused("R-LINE-10", "the borrower has no line on this product", "product")
        check_temporary(
            line, self.policy.temporary, limit=limit, until=until.toordinal(), on=on.toordinal()
        )
        return line

    @rule("R-LIMIT-08")
    def _check_decided(
        self, line: Standing, item: Product, limit: int, decided: int, on: date
    ) -> None:
        """More for a while is never more than can be repaid. Raises ``Refused``."""
        cap = self.policy.cap_on(item.currency, on)
        most = most_of(
            decided, line.most, cap.most if cap else None, line.others,
            self.policy.whole[item.currency],
        )  # fmt: skip
        if limit > most:
            raise Refused("R-LIMIT-08", "that is more than was decided", "limit")

    async def _made(
        self, change: Change, borrower_id: int, item: Product, line: Standing, limit: int,
        until: date, decision_id: int,
    ) -> dict[str, Any]:  # fmt: skip
        offered = Offered(
            borrower_id=borrower_id, offer_id=new_operation_id(), kind=TEMPORARY,
            product_id=item.product_id, limit_from=line.limit, limit_to=limit,
            offered_on=change.on.toordinal(), valid_until=until.toordinal(),
            decision_id=decision_id, operation_id=change.operation_id,
        )  # fmt: skip
        await store.insert_offer(change.connection, offered)
        row = {name: getattr(offered, name) for name in Offered.__slots__}
        changed = await changed_by(change, row, limit)
        return await self._answered(change, row, TAKEN, FOR_A_WHILE, changed)

    # -- its end -----------------------------------------------------------------------------------

    @rule("R-LIMIT-08")
    async def fall_back(self, on: date) -> int:
        """End what was for a while and is over by the close of a day; how many.

        Nothing that was bought is undone. A limit that was changed meanwhile stays as it is.
        """
        ended = 0
        while rows := await store.running_out(self._pool, on.toordinal(), AT_ONCE):
            for row in rows:
                key = f"end {written('limit_offer', row['offer_id'])}"
                await once(self._pool, Asking(ACTOR, key), self._ending(row), LOCK)
            ended += len(rows)
        return ended

    def _ending(self, row: Row) -> Any:
        async def make(change: Change) -> dict[str, Any]:
            await store.lock_lines(change.connection, row["borrower_id"])
            line = await self._line(
                change.connection, change.on, row["borrower_id"], row["product_id"]
            )
            if line is None or line.limit != row["limit_to"]:
                return await self._answered(change, row, OVERTAKEN, END)
            changed = await changed_by(change, row, row["limit_from"])
            return await self._answered(change, row, FELL_BACK, END, changed)

        return make


STATES = {0: "open", TAKEN: "taken", DECLINED: "declined", FELL_BACK: "over", OVERTAKEN: "over"}
KINDS = {RAISE: "raise", TEMPORARY: "temporary"}


def state_of(offer: Row, today: int) -> str:
    """How an offer stands: open, taken, declined, over."""
    if not offer["state"] and offer["valid_until"] < today:
        return "over"
    return STATES[offer["state"]]


def document(offer: Row, product: Product) -> dict[str, Any]:
    """An offer without its state, for the API."""
    return {
        "limit_offer_id": written("limit_offer", offer["offer_id"]),
        "borrower_id": written("borrower", offer["borrower_id"]), "product": product.code,
        "kind": KINDS[offer["kind"]],
        "limit_from": product.plain(offer["limit_from"]),
        "limit_to": product.plain(offer["limit_to"]),
        "offered_on": date.fromordinal(offer["offered_on"]).isoformat(),
        "valid_until": date.fromordinal(offer["valid_until"]).isoformat(),
        "decision_id": written("decision", offer["decision_id"]),
    }  # fmt: skip


async def changed_by(change: Change, offer: Row, limit: int) -> int:
    """Change the limit in the transaction of the answer; the operation. Raises ``Refused``."""
    product = by_id()[offer["product_id"]].code
    command = ask.ChangeLimit(borrower_id=offer["borrower_id"], product=product, limit=limit)
    answers: Sequence[Answer] = await post(change.connection, [Request(command, change.actor)])
    said = answers[0].document
    if answers[0].status >= 400:
        raise Refused(said["rule"], said["detail"], said.get("path", ""))
    return answers[0].operation_id
