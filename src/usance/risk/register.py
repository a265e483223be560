"""Versions of policies: adopted by two people, never changed, in force from a day on.

Who must agree is for the approvals: the act has its row in ``policies/approvals.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, Making, once, rehearsed
from usance.identity.once import Answer
from usance.platform.database import Connection, Pool
from usance.policy import shipped
from usance.policy.checks import findings
from usance.policy.dictionary import Feature
from usance.policy.documents import Policy, PolicySays, policy_in
from usance.risk import store

RULE, AS_OF = "R-POLICY-15", "R-POLICY-16"
KEPT = ("decides", "jurisdiction", "currency")
"""What every version of a policy has in common: who asks for it relies on that."""


class AdoptPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a policy as it is to be, whole."""

    policy: PolicySays


class Version(Struct, frozen=True):
    """A version as it stands in the register."""

    policy: Policy
    adopted_by: str
    adopted_at: datetime
    operation_id: int

    @property
    def number(self) -> int:
        """Which one."""
        return self.policy.says.version

    @property
    def effective_on(self) -> date:
        """Its first day."""
        return self.policy.says.effective_on


Kept: TypeAlias = dict[str, Policy]
PARSED: Kept = {}
"""Policies by their digest: what was adopted never changes, so what was parsed stays true."""


def policy_of_row(row: store.Row) -> Policy:
    """A row's document, read with what the dictionary said when it was adopted."""
    digest = row["digest"].hex()
    if digest not in PARSED:
        known = msgspec.json.decode(row["features"], type=list[Feature])
        dictionary = {each.name: each for each in known}
        PARSED[digest] = policy_in(msgspec.json.decode(row["body"]), dictionary)
    return PARSED[digest]


def version_of(row: store.Row) -> Version:
    """A row of the table."""
    return Version(
        policy_of_row(row), row["adopted_by"], row["adopted_at"], row["operation_id"]
    )


def body_of(says: PolicySays) -> str:
    """The document word for word: the bytes of which its digest is the SHA-256."""
    return msgspec.json.encode(says, order="deterministic").decode()


class Policies:
    """The policies of a book."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def perform(self, act: AdoptPolicy, asking: Asking) -> Answer:
        """Adopt a version, once for the caller's key. Raises ``Refused``."""
        return await once(self.pool, asking, self._making(act))

    async def rehearse(self, act: AdoptPolicy, actor: str) -> None:
        """Whether it could be done now. Raises ``Refused`` if not."""
        await rehearsed(self.pool, actor, self._making(act))

    def _making(self, act: AdoptPolicy) -> Making:
        async def make(change: Change) -> dict[str, Any]:
            return await self._adopt(change, act.policy)

        return make

    @rule(RULE)
    async def _adopt(self, change: Change, says: PolicySays) -> dict[str, Any]:
        """A version without a finding, the next of its policy, from a day that is not over."""
        policy = shipped.policy_of(says)
        check(policy)
        check_next(says, await store.policy_versions(change.connection, says.id))
        check_day(says.effective_on, change.on)
        await write(change.connection, policy, change.actor, change.operation_id)
        said: dict[str, Any] = {"policy_id": says.id, "version": says.version}
        digest = await store.digest_of(change.connection, change.operation_id)
        await change.note(store.ADOPT, digest, said)
        return said | {"digest": policy.digest}

    async def versions(self, policy_id: str = "") -> list[Version]:
        """Every version of one policy or of all, the newest first."""
        return [version_of(row) for row in await store.policy_versions(self.pool, policy_id)]


async def write(connection: Connection, policy: Policy, actor: str, operation_id: int) -> None:
    """Store a version. Raises ``Refused`` if a twin was first."""
    says = policy.says
    features = msgspec.json.encode(policy.table.inputs, order="deterministic").decode()
    digest = bytes.fromhex(policy.digest)
    row = (says.id, says.version, body_of(says), digest, features, says.effective_on)
    if not await store.insert_policy(connection, row, actor, operation_id):
        raise Refused(RULE, "this version is there already", "version")


def check(policy: Policy) -> None:
    """Raise the first finding of a document."""
    found = findings(policy, shipped.known())
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Refused(found[0].rule, found[0].detail + more, place_of(found[0].row))


def place_of(row: int) -> str:
    """Where in the document a finding is."""
    return f"rows[{row - 1}]" if row else ""


@rule(RULE)
def check_next(says: PolicySays, before: Sequence[Mapping[str, Any]]) -> None:
    """A version is the next one, and of the same kind as those before. Raises ``Refused``."""
    if any(row["version"] == says.version for row in before):
        raise Refused(RULE, "this version was adopted, and is never changed", "version")
    wanted = 1 + max((row["version"] for row in before), default=0)
    if says.version != wanted:
        raise Refused(RULE, f"the next version is {wanted}", "version")
    for name in KEPT:
        if before and getattr(says, name) != getattr(policy_of_row(before[0]).says, name):
            raise Refused(RULE, "all versions of a policy have it in common", name)


@rule(RULE)
def check_day(effective_on: date, on: date) -> None:
    """A version begins on the open day or later. Raises ``Refused``."""
    if effective_on < on:
        raise Refused(RULE, "a version begins on the open day or later", "effective_on")


def numbered(versions: Sequence[Version], number: int) -> Version | None:
    """The version of a number."""
    return next((each for each in versions if each.number == number), None)


@rule(AS_OF)
def in_force(versions: Sequence[Version], on: date) -> Version | None:
    """Of the versions of one policy the one that decides on a day: the last that has begun.

    Of two that begin on one day it is the one with the higher number.
    """
    begun = [each for each in versions if each.effective_on <= on]
    return max(begun, key=lambda each: (each.effective_on, each.number), default=None)


@rule(AS_OF)
def as_before(earlier: PolicySays, version: int, effective_on: date) -> PolicySays:
    """The words of an earlier version as a further one: how a policy is rolled back."""
    return msgspec.structs.replace(earlier, version=version, effective_on=effective_on)
