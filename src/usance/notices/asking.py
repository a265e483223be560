"""Whoever has a notice asks whether it is genuine: a code and four digits in, facts or nothing out.

Whatever the code is, the same statements are run and the same hashes are made, until it is known
that both are right; only then is the notice itself looked at. How often was asked, and how often in
vain, is counted by the minute: whoever sends forgeries has many people ask.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices import codes, documents, outbox
from usance.notices import verification_sql as sql
from usance.notices.asking_policy import AskingPolicy, asking_policy
from usance.notices.buckets import Ask, Limiter, network_of
from usance.notices.code_keys import CodeKeys
from usance.platform import metrics
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool, transaction
from usance.platform.derived import DerivedSecrets
from usance.platform.logs import conceal

LIMITS = "limits of asking"
FOUND, MISSED, REFUSED = "found", "missed", "refused"
SENDING, SENT, ARRIVED, NOT_ARRIVED = "sending", "sent", "arrived", "not_arrived"
STATES = {outbox.TAKEN: SENT, outbox.ARRIVED: ARRIVED, outbox.FAILED: NOT_ARRIVED}
SHOWN = ("amount", "due_on")
"""The facts that are said: of a notice's values nothing else."""


@dataclass(frozen=True, slots=True)
class Genuine:
    """What whoever asks rightly is told: of this notice alone, and nothing of a person.

    ``titles``: its heading by language, where that names nothing. ``amount``: in minor units.
    """

    template_id: str
    event: str
    titles: Mapping[str, str]
    channel: str
    state: str
    sent_at: datetime | None
    amount: int | None
    due_on: str | None
    times: int
    first_at: datetime


class Verification:
    """Answers those who ask."""

    def __init__(
        self, pool: Pool, keys: KeyService, clock: Clock, policy: AskingPolicy | None = None
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._secrets = DerivedSecrets(keys)
        self._keys = CodeKeys(keys)
        policy = policy or asking_policy()
        kept = sql.Kept(pool, policy, "address", "page")
        self._limiter = Limiter(kept, policy.bucket("page"))
        self._refused = 0

    @rule("R-VERIFY-03", "R-CODE-02", "R-CODE-03")
    async def ask(self, typed: str, typed_digits: str, address: str) -> Genuine | None:
        """What a genuine notice says; None for whatever is none. Raises ``Refused``."""
        conceal((typed, typed_digits))
        code, digits = codes.typed(typed), codes.digits_typed(typed_digits)
        if digits is None:
            raise Refused("R-CODE-02", "the last four digits of your number are needed", "digits")
        now = self._clock.now()
        await self._let_through(code or "", address, now)
        if code is None:
            await self._count(now, MISSED)
            raise Refused("R-CODE-02", "a code has ten letters and digits", "code")
        conceal((code,))
        row = await self._looked_up(code, digits)
        await self._count(now, MISSED if row is None else FOUND)
        return None if row is None else await self._told(row, now)

    @rule("R-CODE-02")
    async def knows(self, typed: str) -> str:
        """Whether a code is one that is out: ``made``, ``unknown`` or ``none``. For staff alone."""
        code = codes.typed(typed)
        if code is None:
            return "none" if not typed.strip() else "unknown"
        hashes = [codes.kept(each, code) for each in await self._keys.all()]
        rows = await sql.near(self._pool, hashes)
        return "made" if any(row["code_hash"] in hashes for row in rows) else "unknown"

    @rule("R-VERIFY-02")
    async def _let_through(self, code: str, address: str, now: datetime) -> None:
        """Count the ask; raises ``Refused`` where it is too many."""
        network, page, one = (await self._secrets.of(LIMITS), "page", f"code\0{code}")
        key = network[0]
        full = await self._limiter.full(
            Ask(hashed(key, f"network\0{network_of(address)}"), hashed(key, page),
                hashed(key, one) if code else b""), now,
        )  # fmt: skip
        if not full:
            return
        if full == "code":
            await self._count(now, MISSED)
            raise Refused("R-VERIFY-02", "this code was asked for too often; call us", "code")
        self._refused += 1
        metrics.code_asks.labels(REFUSED).inc()
        raise Refused("R-VERIFY-02", "too many have asked; try again later or call us")

    @rule("R-VERIFY-03", "R-CODE-03")
    async def _looked_up(self, code: str, digits: str) -> sql.Row | None:
        """The notice of this code and these digits, by the keys of every generation."""
        keys = await self._keys.all()
        hashes = [codes.kept(each, code) for each in keys]
        rows = await sql.near(self._pool, hashes)
        found: sql.Row | None = None
        for number, key in enumerate(keys, 1):
            wanted = hashes[number - 1]
            for row in padded([each for each in rows if each["number"] == number]):
                has = row is not None and hmac.compare_digest(row["code_hash"], wanted)
                stored = row["digits_hash"] if row is not None and has else None
                if codes.fits(key, code, digits, stored):
                    found = row
        return found

    async def _told(self, row: sql.Row, now: datetime) -> Genuine:
        async with transaction(self._pool) as connection:
            counted = await sql.asked(connection, row, now)
            return genuine(await sql.facts(connection, row), counted)

    async def _count(self, now: datetime, outcome: str) -> None:
        """Count an ask, and those that were refused since."""
        refused, self._refused = self._refused, 0
        found = outcome == FOUND
        await sql.count(self._pool, now, found=int(found), missed=int(not found), refused=refused)
        metrics.code_asks.labels(outcome).inc()

    async def flush(self) -> None:
        """Write down what was refused and not counted yet."""
        refused, self._refused = self._refused, 0
        if refused:
            await sql.count(self._pool, self._clock.now(), refused=refused)


def hashed(key: bytes, text: str) -> bytes:
    """What a bucket is found by."""
    return hmac.digest(key, text.encode(errors="replace"), "sha256")


def padded(rows: Sequence[sql.Row]) -> list[sql.Row | None]:
    """As many as are always looked at."""
    return [*rows, *[None] * (sql.NEAR - len(rows))]


@rule("R-VERIFY-04")
def genuine(row: sql.Row, counted: sql.Row) -> Genuine:
    """What is said of a notice: its heading, amount, day, way, moment and state, and its asks."""
    values: dict[str, Any] = msgspec.json.decode(row["facts"])
    amount, due_on = (values.get(name) for name in SHOWN)
    document = documents.read(row["body"]) if row["body"] else None
    return Genuine(
        template_id=row["template_id"], event=document.event if document else "",
        titles=titles_of(document) if document else {}, channel=row["channel"],
        state=STATES.get(row["state"], SENDING), sent_at=row["sent_at"],
        amount=amount if isinstance(amount, int) else None,
        due_on=due_on if isinstance(due_on, str) else None,
        times=counted["times"], first_at=counted["first_at"],
    )  # fmt: skip


def titles_of(document: documents.TemplateDocument) -> dict[str, str]:
    """The heading in each language, of the inbox or an e-mail; none that has a placeholder."""
    channels: tuple[documents.Channel, ...] = ("inbox", "email")
    for channel in channels:
        words = document.channels.get(channel, {})
        found: dict[str, str] = {language: each.heading for language, each in words.items()}
        if found and all(each and "{" not in each for each in found.values()):
            return found
    return {}
