"""``BureauPulls``: a report is asked for, fetched beside the book, and becomes facts.

Asking writes a row and is answered at once. Whoever looks after the rows asks the bureau with no
transaction open, so nothing waits for it, and under a key of the row, so that asking again is one
inquiry. The borrower's agreement is looked at when the report is asked for, right before the bureau
is, and once more before anything of its answer is kept.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from usance.consents.asking import What, live
from usance.consents.records import Record, borrower
from usance.consents.saying import of_itself
from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.borrowers import ACTIVE
from usance.identity.boxes import Boxes
from usance.identity.changing import Asking, Change, once
from usance.identity.once import Answer
from usance.ledger.digest import digest
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection, Pool, transaction
from usance.platform.identifiers import new_operation_id
from usance.platform.looks import Looks
from usance.risk import bureau_store as store
from usance.risk import facts_store
from usance.risk.bureau import AGAIN, Answered, Bureau, Report, Subject, features_of
from usance.risk.facts import end_of
from usance.risk.facts_policy import BUREAU, CHANNEL, Row, fact_policy
from usance.risk.facts_store import SALT_BYTES, Agreement, Said, Written

NO_CONSENT, NO_BORROWER = "no_consent", "no_borrower"
LEASE = timedelta(minutes=2)
"""After so long somebody else asks, where whoever asked has not come back."""


@dataclass(frozen=True, slots=True)
class Pull:
    """A report that was asked for, as it stands; ``because`` says why it failed or is put off."""

    pull_id: int
    bureau: str
    state: store.State
    because: str
    attempts: int
    asked_at: datetime
    ended_at: datetime | None
    operation_id: int
    ended_by: int


class BureauPulls(Looks):
    """Reports of a bureau about the borrowers of a book."""

    every_seconds = 2
    patience = 2

    def __init__(
        self, pool: Pool, keys: KeyService, clock: Clock, currency: str, bureau: Bureau | None
    ) -> None:
        self._pool = pool
        self._keys = keys
        self._boxes = Boxes(keys)
        self._clock = clock
        self._currency = currency
        self._bureau = bureau

    @property
    def can_ask(self) -> bool:
        """Whether there is a bureau to ask."""
        return self._bureau is not None

    # -- asking --------------------------------------------------------------------------------

    @rule("R-BUREAU-01", "R-BUREAU-04")
    async def ask(self, borrower_id: int, asking: Asking) -> Answer:
        """Ask for a report, once for the caller's key. Raises ``Refused``."""
        bureau = self._bureau
        if bureau is None:
            raise Refused("R-BUREAU-04", "no credit bureau is set up here")

        async def make(change: Change) -> dict[str, Any]:
            connection, now, pull_id = change.connection, self._clock.now(), new_operation_id()
            who = await facts_store.person(connection, borrower_id, lock="FOR UPDATE")
            if who is None or who["status"] != ACTIVE:
                raise Refused("R-FOUND-01", "there is no such borrower", "borrower_id")
            record = await agreed(connection, borrower_id, now)
            if record is None:
                raise Refused("R-BUREAU-01", "the borrower has not agreed to it, or no longer")
            if await store.under_way(connection, borrower_id):
                raise Refused("R-BUREAU-01", "a report of this borrower is under way")
            agreement = record.record_id, record.events
            await store.insert(
                connection, (borrower_id, pull_id), bureau.name, now, agreement,
                change.operation_id,
            )  # fmt: skip
            detail = {"pull_id": written("pull", pull_id), "bureau": bureau.name}
            hashed = digest([("bureau_pull", [(borrower_id, pull_id, *agreement)])])
            await change.note("AskBureau", hashed, detail, borrower_id=borrower_id)
            return detail | {"state": store.STATES[store.UNDER_WAY]}

        return await once(self._pool, asking, make)

    async def of(self, borrower_id: int) -> list[Pull]:
        """Reports of a borrower that were asked for, the newest first."""
        return [pull_of(row) for row in await store.pulls(self._pool, borrower_id)]

    async def one(self, borrower_id: int, pull_id: int) -> Pull | None:
        """One of them."""
        rows = await store.pulls(self._pool, borrower_id, pull_id)
        return pull_of(rows[0]) if rows and pull_id else None

    # -- fetching ------------------------------------------------------------------------------

    async def look(self) -> int:
        """Ask for every report that is due; how many that were."""
        done = 0
        while not self._stopping and self._bureau is not None:
            async with transaction(self._pool) as connection:
                row = await store.claim(connection, self._clock.now(), LEASE)
            if row is None:
                break
            await self._fetched(row, self._bureau)
            done += 1
        return done

    async def stop(self) -> None:
        """Ask no more."""
        await super().stop()
        if self._bureau is not None:
            await self._bureau.close()

    async def _fetched(self, row: store.Row, bureau: Bureau) -> None:
        subject = await self._subject(row)
        if isinstance(subject, str):
            found = Answered(error=subject)
        else:
            found = await bureau.report(subject, written("pull", row["pull_id"]))
        async with transaction(self._pool) as connection:
            await self._concluded(connection, row, found)

    @rule("R-BUREAU-01")
    async def _subject(self, row: store.Row) -> Subject | str:
        """Whom to ask about; or why nobody is asked."""
        async with transaction(self._pool) as connection:
            who = await facts_store.person(connection, row["borrower_id"], lock="FOR SHARE")
            if who is None or who["status"] != ACTIVE:
                return NO_BORROWER
            if await agreed(connection, row["borrower_id"], self._clock.now()) is None:
                return NO_CONSENT
        name = await self._boxes.detail(who, "name")
        return Subject(name, await self._boxes.detail(who, "identity_number"))

    @rule("R-BUREAU-01", "R-BUREAU-02")
    async def _concluded(self, connection: Connection, row: store.Row, found: Answered) -> None:
        """Write down what came of it, unless somebody else has."""
        borrower_id, now = row["borrower_id"], self._clock.now()
        who = await facts_store.person(connection, borrower_id, lock="FOR UPDATE")
        if who is None or not await store.waits(connection, row):
            return
        record = await agreed(connection, borrower_id, now)
        if who["status"] != ACTIVE:
            await failed(connection, row, NO_BORROWER, now)
        elif record is None:
            await failed(connection, row, NO_CONSENT, now)
        elif found.report is not None:
            await self._taken(connection, row, who, found.report, found.body, record)
        elif found.error in AGAIN and row["attempts"] < fact_policy().bureau.attempts:
            await store.put_off(connection, row, found.error, now + delay(row["attempts"]))
        else:
            await failed(connection, row, found.error, now)

    @rule("R-BUREAU-03")
    async def _taken(
        self, connection: Connection, row: store.Row, who: facts_store.Row, report: Report,
        body: bytes, record: Record,
    ) -> None:  # fmt: skip
        """The answer is kept as it came, with the facts that follow from it."""
        borrower_id, now = row["borrower_id"], self._clock.now()
        observed = min(report.as_of, now)
        try:
            end = end_of(observed, now, policy_row(now))
        except Refused:
            await failed(connection, row, "outdated", now)
            return
        data_key = await beside(
            self._keys, lambda: self._keys.unwrap(who["data_key"], borrower_id)
        )
        known = await facts_store.known_facts(connection, self._keys, borrower_id, now)
        income = known.get("income")
        found = features_of(report, income.value if income else None, self._currency)
        ends = {"debt_service": income.valid_until if income else None}
        written_facts = [
            Written(
                borrower_id=borrower_id, fact_id=new_operation_id(), name=name, source=BUREAU,
                said=Said(value, report.report_id), observed_at=observed, recorded_at=now,
                valid_until=min(end, ends.get(name) or end),
                agreement=Agreement(record.record_id, record.events), pull_id=row["pull_id"],
            ) for name, value in found.items()
        ]  # fmt: skip
        change = await of_itself(connection)
        hashed = await facts_store.insert(
            connection, data_key, written_facts, change.operation_id
        )
        answer = await self._sealed(who, row["pull_id"], body)
        await store.end(connection, row, store.ANSWERED, "", now, answer, change.operation_id)
        detail = {
            "pull_id": written("pull", row["pull_id"]), "facts": sorted(found),
            "answer_hash": answer[1].hex(),
        }  # fmt: skip
        await change.note("TakeBureauReport", hashed, detail, borrower_id=borrower_id)

    async def _sealed(
        self, who: facts_store.Row, pull_id: int, body: bytes
    ) -> tuple[bytes, bytes]:
        salted = secrets.token_hex(SALT_BYTES) + body.decode()
        sealed = await self._boxes.seal(
            who, salted, table="bureau_pull", column="answer", row_id=pull_id
        )
        return sealed, hashlib.sha256(salted.encode()).digest()


# -- steps -----------------------------------------------------------------------------------------


def policy_row(now: datetime) -> Row:
    """What holds for a bureau's facts."""
    row = fact_policy().row(BUREAU, now.date())
    assert row is not None, "the policy says how long a report is good"
    return row


@rule("R-BUREAU-01")
async def agreed(connection: Connection, borrower_id: int, now: datetime) -> Record | None:
    """The agreement that lets a bureau be asked now, held; None without one."""
    row = policy_row(now)
    return await live(
        connection, borrower(borrower_id), What(row.purpose, row.scope, CHANNEL), now
    )


def delay(attempts: int) -> timedelta:
    """How long to wait after so many failures: doubles each time."""
    seconds = fact_policy().bureau.first_delay_seconds
    return timedelta(seconds=seconds * (1 << (attempts - 1)))


@rule("R-BUREAU-02")
async def failed(connection: Connection, row: store.Row, because: str, now: datetime) -> None:
    """It is not asked for again, and says why; an audit event says so too."""
    change = await of_itself(connection)
    nothing = b"", b""
    await store.end(connection, row, store.FAILED, because, now, nothing, change.operation_id)
    hashed = digest([("bureau_pull", [(row["borrower_id"], row["pull_id"], store.FAILED)])])
    detail = {"pull_id": written("pull", row["pull_id"]), "because": because}
    await change.note("FailBureauPull", hashed, detail, borrower_id=row["borrower_id"])


def pull_of(row: store.Row) -> Pull:
    """A row as it is told."""
    return Pull(
        row["pull_id"], row["bureau"], store.STATES[row["state"]], row["because"],
        row["attempts"], row["asked_at"], row["ended_at"], row["operation_id"], row["ended_by"],
    )  # fmt: skip
