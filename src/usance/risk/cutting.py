"""``Cutting``: at the close of a day, cuts of limits are proposed; a person decides on each.

What is approved is kept with its reasons, the words of its notice and the first day on which it may
hold. Nothing here changes a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Protocol

from msgspec import Struct

from usance.core.identifiers import parse, written
from usance.core.money import parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, once, rehearsed
from usance.identity.once import Answer
from usance.platform.clock import Clock, SystemClock
from usance.platform.database import Connection, Pool
from usance.policy import shipped
from usance.risk import decision_store
from usance.risk import limit_store as store
from usance.risk.limit_raises import ACTOR, most_of_products
from usance.risk.limit_store import Line
from usance.risk.limits import MONTH, Standing, check_cut, step_down
from usance.risk.limits_policy import LimitPolicy, limit_policy
from usance.risk.stored import OVERTURNED, PAUSED, Stored, reasons_of
from usance.servicing.products import by_id, product_of

APPROVE = "ApproveCut"


class ProposeCut(Struct, frozen=True, forbid_unknown_fields=True):
    """A limit that is to be lowered, with its reasons, for a person to decide.

    Amounts are decimal strings in the product's currency; ``decision_id`` led to the tier.
    """

    borrower_id: int
    product: str
    limit_from: str
    limit_to: str
    tier: str
    decision_id: str
    reasons: tuple[str, ...]
    notice_days: int


class Proposes(Protocol):
    """Approvals: ``usance.approvals.service.Approvals``."""

    async def submit(
        self, command: Any, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Let an act wait for a second person."""
        ...


class Cutting:
    """Cuts of a book."""

    def __init__(
        self, pool: Pool, *, policy: LimitPolicy | None = None, clock: Clock | None = None
    ) -> None:
        self._pool, self.policy = pool, policy or limit_policy()
        self._clock = clock or SystemClock()

    # -- looking -----------------------------------------------------------------------------------

    @rule("R-LIMIT-09")
    async def close(self, on: date, approvals: Proposes) -> int:
        """Propose cuts for those who were looked at on a day; how many. None is proposed twice."""
        proposed = 0
        for line, after, stored in await self._found(on):
            act = self._act(line, after, stored)
            key = f"cut {on} {line.borrower_id} {line.product_id}"
            answer = await approvals.submit(act, actor=ACTOR, key=key)
            proposed += answer.status < 400
        return proposed

    async def _found(self, on: date) -> list[tuple[Line, int, Stored]]:
        """Whose limit would be cut, to what, and the decision that led to the tier.

        Who was forgotten, or whose decision a person looks at, is left out.
        """
        day, policy = on.toordinal(), self.policy.cuts
        since = on - timedelta(days=policy.months * MONTH)
        found = []
        async with self._pool.acquire() as connection:
            lines = await store.looked_at(connection, day, policy.tiers, most_of_products())
            cut = [(each, after) for each in lines if (after := self._after(each)) is not None]
            people = sorted({each.borrower_id for each, _ in cut})
            asked = await store.proposed_since(connection, ProposeCut.__name__, people, since)
            steps = await store.tier_steps(connection, day, people)
            for line, after in cut:
                stored = await decision_store.one(connection, steps.get(line.borrower_id, 0))
                if stored is not None and line.borrower_id not in asked and acted_on(stored):
                    found.append((line, after, stored))
        return found

    def _after(self, line: Line) -> int | None:
        """The limit that would be left; None where it stays."""
        whole = self.policy.whole[by_id()[line.product_id].currency]
        after = step_down(line.standing, self.policy.cuts, whole)
        return after if after < line.standing.limit else None

    def _act(self, line: Line, after: int, stored: Stored) -> ProposeCut:
        product, tier = by_id()[line.product_id], line.standing.tier
        assert tier is not None, "who has no tier is not cut"
        return ProposeCut(
            line.borrower_id, product.code, product.plain(line.standing.limit),
            product.plain(after), shipped.dictionary()["tier"].of[tier],
            written("decision", stored.decision_id), stored.reasons, self.policy.cuts.notice_days,
        )  # fmt: skip

    # -- deciding ----------------------------------------------------------------------------------

    async def perform(self, act: ProposeCut, asking: Asking) -> Answer:
        """Keep an approved cut, once for the key. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            return await self._made(change, act)

        return await once(self._pool, asking, make)

    async def rehearse(self, act: ProposeCut, author: str) -> None:
        """Whether it could be kept now. Raises ``Refused``."""

        async def make(change: Change) -> dict[str, Any]:
            return await self._made(change, act)

        await rehearsed(self._pool, author, make)

    @rule("R-LIMIT-09")
    async def _made(self, change: Change, act: ProposeCut) -> dict[str, Any]:
        product, connection = product_of(act.product), change.connection
        before, after = (
            parse_decimal(each, product.decimals) for each in (act.limit_from, act.limit_to)
        )
        await store.lock_lines(connection, act.borrower_id)
        line = await self._line(connection, change.on, act.borrower_id, product.product_id)
        check_cut(line, before, after)
        stored = await self._decision(connection, act)
        not_before = change.on + timedelta(days=act.notice_days)
        measure = {
            "borrower_id": act.borrower_id, "measure_id": change.operation_id,
            "product_id": product.product_id, "limit_from": before, "limit_to": after,
            "reasons": await self._reasons(connection, stored),
            "notice": self.notice(act, not_before), "not_before": not_before,
            "decision_id": stored.decision_id, "approved_at": self._clock.now(),
            "operation_id": change.operation_id,
        }  # fmt: skip
        await store.insert_measure(connection, measure)
        said = {
            "measure": written("measure", change.operation_id), "decision": act.decision_id,
        }
        digest = await store.digest_of(connection, change.operation_id)
        await change.note(APPROVE, digest, said, borrower_id=act.borrower_id)
        return said | {"not_before": not_before.isoformat()}

    async def _line(
        self, connection: Connection, on: date, borrower_id: int, product_id: int
    ) -> Standing | None:
        lines = await store.of_borrower(connection, borrower_id, on.toordinal(), most_of_products())
        return next((each.standing for each in lines if each.product_id == product_id), None)

    @rule("R-DECIDE-06")
    async def _decision(self, connection: Connection, act: ProposeCut) -> Stored:
        """The decision that it rests on; not while a person looks at it. Raises ``Refused``."""
        stored = await decision_store.one(connection, parse("decision", act.decision_id))
        if stored is None or stored.borrower_id != act.borrower_id or not acted_on(stored):
            raise Refused("R-DECIDE-06", "a person looks at this decision, or has", "decision_id")
        return stored

    async def _reasons(self, connection: Connection, stored: Stored) -> list[dict[str, Any]]:
        """As the decision told them, in both languages, with what somebody can do."""
        known = reasons_of(await decision_store.words(connection, stored.words_digest))
        return [
            {"id": name, "en": known[name].en, "zh": known[name].zh,
             "helps": dict(known[name].helps)}
            for name in stored.reasons
        ]  # fmt: skip

    @rule("R-LIMIT-09")
    def notice(self, act: ProposeCut, not_before: date) -> Mapping[str, str]:
        """What the borrower is told before it holds, in both languages."""
        product = product_of(act.product)
        names = {"en": product.name_en, "zh": product.name_zh}
        return {
            language: words.strip().format(
                product=names[language], before=f"{act.limit_from} {product.currency}",
                after=f"{act.limit_to} {product.currency}", day=not_before.isoformat(),
            ) for language, words in self.policy.cuts.notice.items()
        }  # fmt: skip


def acted_on(stored: Stored) -> bool:
    """Whether nobody looks at it now, or has overturned it."""
    return stored.state not in (PAUSED, OVERTURNED)
