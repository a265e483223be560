"""What was decided about a borrower, on the way that ``scope`` is for everything else."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from usance.cases.intake import Opening
from usance.cases.work import Acting
from usance.core.identifiers import parse
from usance.core.rules import rule
from usance.policy import shipped
from usance.risk import decision_store as store
from usance.risk.stored import Stored
from usance.web.console.render import services
from usance.web.decisions import Told, Whole, told, whole
from usance.web.portal.render import Asked, language_of, session_of
from usance.web.problems import not_found

NEWEST = 200
"""Of so many the newest of each kind is looked for."""


class OwnDecisions:
    """The decisions about the borrower, and about nobody else."""

    def __init__(self, request: Asked) -> None:
        session = session_of(request)
        assert session is not None, "a page that uses this declares needs(BORROWER)"
        self._session, self._language = session, language_of(request)
        known = services(request)
        self._room, self._cases, self._currency = known.decisions, known.cases.own, known.currency

    @rule("R-PORTAL-01")
    async def _found(self, text: str) -> Stored:
        """A decision about this borrower that is acted on; of anybody else's there is none."""
        with suppress(ValueError):
            found = await store.one(self._room.archive.pool, parse("decision", text))
            own = self._session.borrower_id
            if found is not None and found.borrower_id == own and not found.shadow:
                return found
        raise not_found("decision")

    @rule("R-DECIDE-07", "R-DECIDE-08")
    async def all(self) -> list[Told]:
        """The newest automated decision of each kind on each line or contract, newest first."""
        archive, newest = self._room.archive, dict[tuple[str, str, int], Stored]()
        for each in await store.of_borrower(archive.pool, self._session.borrower_id, limit=NEWEST):
            newest.setdefault((each.kind, each.product, each.contract_id), each)
        return await told(archive, list(newest.values()), self._language, in_clear=True)

    @rule("R-DECIDE-08")
    async def one(self, text: str) -> Whole:
        """One of them with what it was made of."""
        archive = self._room.archive
        opened = await archive.one((await self._found(text)).decision_id)
        return await whole(archive, opened, self._language, in_clear=True)

    @rule("R-DECIDE-08")
    def rights(self) -> Mapping[str, str]:
        """What is told of being decided upon by a machine, and the law by its title."""
        found = self._room.deciding.policy.rights_in(self._currency)
        (law,) = (each for each in shipped.register().sources if each.id == found["source"])
        return {"says": found[self._language], "law": law.title[self._language]}

    @rule("R-DECIDE-06")
    async def ask_for_person(
        self, text: str, words: str, key: str, request_hash: bytes
    ) -> str:
        """Have a person look at a decision; the number of the case that it is."""
        subject_id = (await self._found(text)).operation_id
        opening = Opening(
            kind="human_review", text=words, subject="operation", subject_id=subject_id
        )
        acting = Acting(self._session.actor, frozenset(), key, request_hash)
        answer = await self._cases.open(self._session.borrower_id, opening, acting)
        return str(answer.document["case_id"])
