"""What the lender of the demo book knows and decides: tiers of everybody, facts and limits of some.

Tiers are looked at on the last mornings of the year, as by every close; before, there were none.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

from usance.core.refusals import Refused
from usance.demo.store import ACTOR
from usance.identity.changing import Asking
from usance.platform.clock import FixedClock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool
from usance.risk.book_source import snapshots
from usance.risk.deciding import Deciding, Wanted
from usance.risk.deciding_policy import LIMIT
from usance.risk.fact_keeping import Facts
from usance.risk.fact_source import FactSource
from usance.risk.facts import Given
from usance.risk.registered import BookVersions
from usance.risk.tiering import tiering

KNOWN = 40
"""Of so many people the lender has been shown something."""
DECIDED = 24
PAY_LATER = "pay_later"
LEAST, MOST = 4_000, 26_000
"""Income in a month, in the currency."""


class Judge:
    """Whoever decides in the demo book."""

    def __init__(
        self, pool: Pool, keys: KeyService, currency: str, rng: Random, now: datetime
    ) -> None:
        clock = FixedClock(now)
        self._rng, self._now, self._currency = rng, now, currency
        self._tiers = tiering(pool, keys, clock)
        self._begun = False
        self._facts = Facts(pool, keys, clock, currency)
        known = snapshots((FactSource(keys, clock),))
        self._deciding = Deciding(pool, keys, BookVersions(), known, clock=clock)

    async def look(self, on: date) -> None:
        """The first time at everybody, then as by every close of a day."""
        if self._begun:
            await self._tiers.close(on)
        else:
            self._begun = (await self._tiers.everybody(on)).borrowers > 0

    async def decide(self, borrowers: list[int]) -> int:
        """Facts of some, and what limit they may have; how many decisions."""
        some = self._rng.sample(borrowers, min(KNOWN, len(borrowers)))
        for borrower_id in some:
            await self._tell(borrower_id)
        decided = 0
        for borrower_id in some[:DECIDED]:
            wanted = Wanted(kind=LIMIT, borrower_id=borrower_id, product=PAY_LATER)
            try:
                await self._deciding.decide(wanted, Asking(ACTOR))
            except Refused:  # nothing is decided about who has no line
                continue
            decided += 1
        return decided

    async def _tell(self, borrower_id: int) -> None:
        """Identity document and payslip, shown within the last weeks."""
        seen = self._now - timedelta(days=self._rng.randrange(2, 40))
        income = self._rng.randrange(LEAST, MOST, 500)
        for given in (
            Given("identity_checked", "identity", "true", seen),
            Given("student", "declared", "false", seen),
            Given("income", "income", f"{income}.00 {self._currency}", seen, "payslip"),
        ):
            await self._facts.record(borrower_id, given, Asking(ACTOR))
