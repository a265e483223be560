"""What the lender of the demo book knows and decides: tiers of everybody, facts and limits of some.

Tiers are looked at on the last mornings of the year, as by every close; before, there were none.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta
from random import Random

from usance.core.refusals import Refused
from usance.demo.store import ACTOR
from usance.identity.changing import Asking
from usance.identity.staff import Staff
from usance.platform.clock import FixedClock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool, transaction
from usance.risk.book_source import snapshots
from usance.risk.deciding import Deciding, Wanted
from usance.risk.deciding_policy import LIMIT
from usance.risk.fact_keeping import Facts
from usance.risk.fact_source import FactSource
from usance.risk.facts import Given
from usance.risk.registered import BookVersions
from usance.risk.scorecard import Characteristic, Scorecard
from usance.risk.scorecards import AdoptScorecard
from usance.risk.shipping import begin_with
from usance.risk.tiering import tiering

CLERK = "zhao"
"""Who saw documents; the password is made for the moment and known to nobody."""
KNOWN = 40
"""Of so many people the lender has been shown something."""
DECIDED = 24
PAY_LATER = "pay_later"
LEAST, MOST = 4_000, 26_000
"""Income in a month, in the currency."""

CARD = Scorecard(
    name="behaviour", target="bad", base=520, points_at=600, odds_at=20, points_double=40,
    characteristics=(
        Characteristic("days_late_90d", (0, 7, 30), (50, 15, -25, -70)),
        Characteristic("utilisation_6m", (3_000, 7_000, 9_000), (30, 15, -5, -25), missing=10),
        Characteristic("paid_share_6m", (3_000, 8_000), (-25, 5, 40), missing=10),
        Characteristic("tenure", (2, 11), (0, 10, 20)),
    ),
)  # fmt: skip
"""Set by hand and trained on nobody: invented people turn out like nobody."""


class Judge:
    """Whoever decides in the demo book."""

    def __init__(
        self, pool: Pool, keys: KeyService, currency: str, rng: Random, now: datetime
    ) -> None:
        clock = FixedClock(now)
        self._pool, self._rng, self._now, self._currency = pool, rng, now, currency
        self._tiers = tiering(pool, keys, clock)
        self._begun = False
        self._facts = Facts(pool, keys, clock, currency)
        known = snapshots((FactSource(keys, clock),))
        self._deciding = Deciding(pool, keys, BookVersions(), known, clock=clock)

    async def look(self, on: date) -> None:
        """The first time at everybody, then as by every close of a day."""
        if self._begun:
            await self._tiers.close(on)
            return
        self._begun = True
        act = AdoptScorecard(scorecard=CARD, version=1, role="champion", effective_on=on)
        async with transaction(self._pool) as connection:
            await begin_with(connection, act, on)
        await self._tiers.everybody(on)

    async def decide(self, borrowers: list[int]) -> int:
        """Facts of some, and what limit they may have; how many decisions."""
        some = self._rng.sample(borrowers, min(KNOWN, len(borrowers)))
        number = await Staff(self._pool).create(CLERK, secrets.token_urlsafe(24), ["service"])
        for borrower_id in some:
            await self._tell(borrower_id, Asking(f"staff:{number}"))
        decided = 0
        for borrower_id in some[:DECIDED]:
            wanted = Wanted(kind=LIMIT, borrower_id=borrower_id, product=PAY_LATER)
            try:
                await self._deciding.decide(wanted, Asking(ACTOR))
            except Refused:  # nothing is decided about who has no line
                continue
            decided += 1
        return decided

    async def _tell(self, borrower_id: int, clerk: Asking) -> None:
        """Identity document and payslip, shown within the last weeks."""
        seen = self._now - timedelta(days=self._rng.randrange(2, 40))
        income = self._rng.randrange(LEAST, MOST, 500)
        for given in (
            Given("identity_checked", "identity", "true", seen),
            Given("student", "declared", "false", seen),
            Given("income", "income", f"{income}.00 {self._currency}", seen, "payslip"),
        ):
            await self._facts.record(borrower_id, given, clerk)
