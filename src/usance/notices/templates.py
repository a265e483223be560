"""Templates are adopted and retired, each time with an audit event; and what is in force on a day.

Who must agree is for the approvals: both acts have their rows in ``policies/approvals.yaml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, Change, Making, once, rehearsed
from usance.identity.once import Answer
from usance.notices import store
from usance.notices.changes import Difference, differences
from usance.notices.documents import TemplateDocument, TemplateId, canonical, digest_of, read
from usance.notices.lints import findings
from usance.notices.policy import Policy, template_policy
from usance.platform.database import Connection, Pool

KEPT = ("event", "purpose", "audience", "scope")
"""What every version of a template has in common: who asks for it relies on that."""


class AdoptTemplate(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a template as it is to be, whole."""

    document: TemplateDocument


class RetireTemplate(Struct, frozen=True, forbid_unknown_fields=True):
    """From a day on, no version of a template is in force."""

    template_id: TemplateId
    retired_on: date


TemplateAct: TypeAlias = AdoptTemplate | RetireTemplate
ACTS: dict[str, type[Any]] = {each.__name__: each for each in (AdoptTemplate, RetireTemplate)}


class Version(Struct, frozen=True):
    """A version as it is stored; ``retired_on`` is the first day on which it is not in force."""

    document: TemplateDocument
    digest: bytes
    retired_on: date | None
    adopted_by: str
    adopted_at: datetime
    operation_id: int
    retired_by: str

    def in_force(self, on: date) -> bool:
        """Whether a day is one of its own, were there no newer one."""
        return self.document.effective_on <= on and not self.ended(on)

    def ended(self, on: date) -> bool:
        """Whether it is in force no more."""
        return self.retired_on is not None and self.retired_on <= on


def version_of(row: store.Row) -> Version:
    """A row of the table."""
    return Version(
        read(row["body"]), row["digest"], row["retired_on"], row["adopted_by"],
        row["adopted_at"], row["operation_id"], row["retired_by"],
    )  # fmt: skip


@rule("R-TEMPLATE-18")
async def in_force(where: Connection | Pool, template_id: str, on: date) -> Version | None:
    """The newest version that had begun by a day; None if it had ended, or none had begun."""
    row = await store.begun(where, template_id, on)
    if row is None:
        return None
    found = version_of(row)
    return found if found.in_force(on) else None


class Templates:
    """The templates of a book."""

    def __init__(self, pool: Pool, policy: Policy | None = None) -> None:
        self.pool = pool
        self.policy = policy or template_policy()

    async def perform(self, act: TemplateAct, asking: Asking) -> Answer:
        """Do it, once for the caller's key. Raises ``Refused``."""
        return await once(self.pool, asking, self._making(act))

    async def rehearse(self, act: TemplateAct, actor: str) -> None:
        """Whether it could be done now. Raises ``Refused`` if not."""
        await rehearsed(self.pool, actor, self._making(act))

    def _making(self, act: TemplateAct) -> Making:
        async def make(change: Change) -> dict[str, Any]:
            if isinstance(act, AdoptTemplate):
                return await self._adopt(change, act.document)
            return await self._retire(change, act)

        return make

    @rule("R-TEMPLATE-16")
    async def _adopt(self, change: Change, document: TemplateDocument) -> dict[str, Any]:
        """A version without a finding, the next of its template, which begins on a day to come."""
        self.check(document)
        row = await store.newest(change.connection, document.id)
        check_next(document, None if row is None else read(row["body"]))
        check_days(document, change.on)
        await self.write(change.connection, document, change.actor, change.operation_id)
        digest = await store.digest_of(change.connection, change.operation_id)
        said = {"template_id": document.id, "version": document.version}
        await change.note(store.ADOPT, digest, said)
        return said

    def check(self, document: TemplateDocument) -> None:
        """Raise the first finding of a draft."""
        found = findings(document, self.policy)
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise Refused(found[0].rule, found[0].detail + more, found[0].path)

    @staticmethod
    async def write(
        connection: Connection, document: TemplateDocument, actor: str, operation_id: int
    ) -> None:
        """Store a version. Raises ``Refused`` if a twin was first."""
        body = canonical(document)
        row = (document.id, document.version, body, digest_of(body), document.effective_on,
               document.retired_on)  # fmt: skip
        if not await store.insert(connection, row, actor, operation_id):
            raise Refused("R-TEMPLATE-01", "this version is there already", "version")

    @rule("R-TEMPLATE-16", "R-FOUND-01")
    async def _retire(self, change: Change, act: RetireTemplate) -> dict[str, Any]:
        row = await store.newest(change.connection, act.template_id)
        if row is None:
            raise Refused("R-FOUND-01", "there is no such template", "template_id")
        if act.retired_on < change.on:
            raise Refused("R-TEMPLATE-16", "a template is retired from a day to come", "retired_on")
        if version_of(row).ended(act.retired_on):
            raise Refused("R-TEMPLATE-16", "it has ended by then already", "retired_on")
        await store.retire(
            change.connection, (act.template_id, row["version"]), act.retired_on, change.actor,
            change.operation_id,
        )  # fmt: skip
        digest = await store.digest_of(change.connection, change.operation_id)
        said = {"template_id": act.template_id, "retired_on": act.retired_on.isoformat()}
        await change.note(store.RETIRE, digest, said)
        return said

    @rule("R-TEMPLATE-18")
    async def in_force_of(self, ids: Sequence[str], on: date) -> dict[str, Version]:
        """Of these templates the versions in force on a day; one that has none is left out."""
        rows = await store.begun_each(self.pool, ids, on)
        found = {row["template_id"]: version_of(row) for row in rows}
        return {name: each for name, each in found.items() if each.in_force(on)}

    async def one(self, template_id: str, version: int) -> Version | None:
        """One version; None if there is none of this number."""
        rows = await store.versions(self.pool, template_id, version + 1, 1)
        found = version_of(rows[0]) if rows else None
        return found if found and found.document.version == version else None

    async def versions(
        self, template_id: str, before: int, count: int
    ) -> Sequence[tuple[Version, list[Difference]]]:
        """Versions, newest first, each with what it changed."""
        rows = await store.versions(self.pool, template_id, before, count + 1)
        found = [version_of(row) for row in rows]
        older: list[TemplateDocument | None] = [each.document for each in found[1:]]
        return [
            (each, differences(one, each.document))
            for each, one in zip(found[:count], [*older, None], strict=False)
        ]


@rule("R-TEMPLATE-01")
def check_next(document: TemplateDocument, last: TemplateDocument | None) -> None:
    """A version is the next one, and of the same kind as those before. Raises ``Refused``."""
    wanted = 1 if last is None else last.version + 1
    if document.version != wanted:
        raise Refused("R-TEMPLATE-01", f"the next version is {wanted}", "version")
    for name in KEPT:
        if last is not None and getattr(document, name) != getattr(last, name):
            raise Refused("R-TEMPLATE-01", "all versions of a template have it in common", name)
    if last is not None and document.effective_on < last.effective_on:
        raise Refused("R-TEMPLATE-16", "the version before begins later", "effective_on")


@rule("R-TEMPLATE-16")
def check_days(document: TemplateDocument, on: date) -> None:
    """A version begins today or later, and ends after that. Raises ``Refused``."""
    if document.effective_on < on:
        raise Refused("R-TEMPLATE-16", "a version begins on the open day or later", "effective_on")
    if document.retired_on is not None and document.retired_on <= document.effective_on:
        raise Refused("R-TEMPLATE-16", "a version ends after it begins", "retired_on")


def shown(document: TemplateDocument) -> dict[str, Any]:
    """A document as JSON has it."""
    found: dict[str, Any] = msgspec.to_builtins(document)
    return found
