"""Stored decisions with what they were made of: opened, replayed, explained, handed on in bulk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from usance.core.identifiers import written
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Connection, Pool
from usance.platform.identifiers import number_at
from usance.policy.documents import Policy
from usance.policy.reasons import Reasons
from usance.risk import decision_store as store
from usance.risk.decisions import Decider, Decision, replayed
from usance.risk.scorecard import Scorecard
from usance.risk.stored import Snapshot, Stored, reasons_of, unseal
from usance.risk.versions import Versions

AT_ONCE = 1_000


class Opened(NamedTuple):
    """A decision with its snapshot; None where the person was forgotten."""

    stored: Stored
    snapshot: Snapshot | None


class Difference(NamedTuple):
    """What a replay found otherwise: of which decision, what, as it was stored and as it is."""

    decision_id: int
    what: str
    stored: str
    found: str

    def document(self) -> dict[str, str]:
        """For the API."""
        return {
            "decision_id": written("decision", self.decision_id), "what": self.what,
            "stored": self.stored, "found": self.found,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many were made again, how many were of people since forgotten, and what differed."""

    made: int
    forgotten: int
    differences: tuple[Difference, ...]


class Archive:
    """Stored decisions, read with the keys of their people and the versions that made them."""

    def __init__(self, pool: Pool, keys: KeyService, versions: Versions) -> None:
        self.pool, self.keys, self.versions = pool, keys, versions
        self._deciders: dict[tuple[bytes, bytes, bytes], Decider] = {}
        self._reasons: dict[bytes, Reasons] = {}

    @rule("R-FOUND-01")
    async def one(self, decision_id: int) -> Opened:
        """A decision by its number. Raises ``Refused``."""
        found = await store.one(self.pool, decision_id)
        if found is None:
            raise Refused("R-FOUND-01", "there is no such decision", "decision_id")
        return (await self.opened(self.pool, [found]))[0]

    async def opened(
        self, connection: Connection | Pool, decisions: Sequence[Stored]
    ) -> list[Opened]:
        """With what they were made of."""
        people = list({each.borrower_id for each in decisions})
        wrapped = await store.keys_of(connection, people)
        keys = await beside(self.keys, lambda: self._unwrapped(wrapped))
        return [
            Opened(each, unseal(keys[each.borrower_id], each))
            if each.snapshot and each.borrower_id in keys else Opened(each, None)
            for each in decisions
        ]  # fmt: skip

    def _unwrapped(self, wrapped: Mapping[int, bytes]) -> dict[int, bytes]:
        return {who: self.keys.unwrap(key, who) for who, key in wrapped.items() if key}

    # -- again -------------------------------------------------------------------------------------

    async def decider(self, connection: Connection, stored: Stored) -> Decider:
        """The versions and the words that made a decision. Raises ``Refused`` for unknown ones."""
        name = stored.policy_digest, stored.scorecard_digest, stored.words_digest
        if name not in self._deciders:
            policy, card = await self._versions(connection, stored)
            reasons = await self.reasons(connection, stored)
            self._deciders[name] = Decider(policy, reasons, card)
        return self._deciders[name]

    async def _versions(
        self, connection: Connection, stored: Stored
    ) -> tuple[Policy, Scorecard | None]:
        digest = stored.scorecard_digest
        policy = await self.versions.policy_of(connection, stored.policy_digest.hex())
        card = await self.versions.scorecard_of(connection, digest.hex()) if digest else None
        return policy, card

    async def reasons(self, connection: Connection | Pool, stored: Stored) -> Reasons:
        """What was told when it was made."""
        digest = stored.words_digest
        if digest not in self._reasons:
            self._reasons[digest] = reasons_of(await store.words(connection, digest))
        return self._reasons[digest]

    @rule("R-DECIDE-03", "R-DECIDE-04")
    async def again(self, connection: Connection, opened: Opened) -> list[Difference]:
        """Make one again of what it kept; what differs. One that was forgotten cannot be."""
        stored, snapshot = opened
        if snapshot is None:
            return []
        number = stored.decision_id
        if not stored.is_whole(snapshot):
            return [Difference(number, "fingerprint", stored.fingerprint.hex(), "another")]
        before = stored.decision(snapshot)
        try:
            now = replayed(await self.decider(connection, stored), before)
        except Refused as refused:
            return [Difference(number, "decision", stored.policy, str(refused))]
        return different(number, before, now)

    async def replay_all(self) -> Replayed:
        """Make all decisions of the book again."""
        made = forgotten = 0
        differences: list[Difference] = []
        async with self.pool.acquire() as connection:
            async for page in store.pages(connection, 0, AT_ONCE):
                for each in await self.opened(connection, page):
                    forgotten += each.snapshot is None
                    made += each.snapshot is not None
                    differences += await self.again(connection, each)
        return Replayed(made, forgotten, tuple(differences))

    async def snapshots(self, policy_id: str, since: datetime) -> AsyncIterator[list[Opened]]:
        """What decisions of a policy were made of since a moment, for a back-test.

        Shadows and decisions about people who were forgotten are left out.
        """
        after = number_at(int(since.timestamp() * 1_000))
        async with self.pool.acquire() as connection:
            async for page in store.pages(connection, after, AT_ONCE, policy_id):
                found = await self.opened(connection, [each for each in page if not each.shadow])
                yield [each for each in found if each.snapshot is not None]


def different(number: int, before: Decision, now: Decision) -> list[Difference]:
    """What two decisions do not have in common."""
    return [
        Difference(number, name, str(old), str(new))
        for name in before.__struct_fields__
        if (old := getattr(before, name)) != (new := getattr(now, name))
    ]
