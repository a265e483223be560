"""What staff and host applications do with cases, one change a method.

``Cases`` is made by the composition root. Every method names its caller (``Acting``); what a
borrower does (``borrower.OwnCases``) goes through the same changes with the borrower's id.
"""

from __future__ import annotations

from typing import Any, Protocol

from usance.cases import files, rules, store
from usance.cases.ends import closed, extended, withdrawn
from usance.cases.intake import Opening, opened, reopened
from usance.cases.subjects import involved
from usance.cases.view import summary
from usance.cases.words import attached, said
from usance.cases.work import Acting, Change, Desk, once
from usance.core.rules import rule
from usance.identity.once import Answer


class Handlers(Protocol):
    """Who handles cases; given by the composition root."""

    async def handles(self, staff_id: int) -> bool:
        """Whether this is an active member of staff who may write to cases."""
        ...


class Cases:
    """The cases of a book."""

    def __init__(self, desk: Desk, handlers: Handlers) -> None:
        self.desk = desk
        self._handlers = handlers

    async def open(self, asked: Opening, channel: int, acting: Acting) -> Answer:
        """Open a case; its number and its clocks."""

        async def act(change: Change) -> dict[str, Any]:
            return await opened(change, asked, channel)

        return await once(self.desk, acting, act)

    @rule("R-CASE-06")
    async def assign(self, case_id: int, staff_id: int, acting: Acting) -> Answer:
        """Give a case to a member of staff."""
        may = await self._handlers.handles(staff_id)

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id)
            rules.check_under_way(case.state)
            actor = f"staff:{staff_id}"
            rules.check_assignee(actor, await involved(change.connection, case), may=may)
            case.assignee = staff_id
            await change.note(case, "assigned", "AssignCase", to=actor)
            await store.save_case(change.connection, case)
            return summary(case)

        return await once(self.desk, acting, act)

    async def say(
        self, case_id: int, way: int, text: str, acting: Acting, *, wait: bool = False,
        borrower_id: int | None = None,
    ) -> Answer:  # fmt: skip
        """A message from or to the borrower, or a note; ``wait``: the borrower is asked."""

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id, borrower_id)
            number = await said(change, case, way, rules.checked_text(text), wait=wait)
            await store.save_case(change.connection, case)
            return summary(case) | {"number": number}

        return await once(self.desk, acting, act)

    async def attach(
        self, case_id: int, way: int, name: str, content: bytes, acting: Acting, *,
        borrower_id: int | None = None,
    ) -> Answer:  # fmt: skip
        """A file, typed by what is in it."""
        known = files.checked_name(name)
        media_type = await files.type_beside(content)

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id, borrower_id)
            number = await attached(change, case, way, known, media_type, content)
            await store.save_case(change.connection, case)
            return summary(case) | {"number": number, "media_type": media_type}

        return await once(self.desk, acting, act)

    async def extend(self, case_id: int, reasons: str, acting: Acting) -> Answer:
        """Put the end of a case off, as far as its rule allows; the borrower is told why."""

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id)
            await extended(change, case, rules.checked_text(reasons, "reasons"))
            await store.save_case(change.connection, case)
            return summary(case)

        return await once(self.desk, acting, act)

    async def withdraw(
        self, case_id: int, acting: Acting, *, borrower_id: int | None = None
    ) -> Answer:
        """The borrower takes the case back: it ends."""

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id, borrower_id)
            await withdrawn(change, case)
            await store.save_case(change.connection, case)
            return summary(case)

        return await once(self.desk, acting, act)

    async def reopen(
        self, case_id: int, way: int, text: str, acting: Acting, *,
        borrower_id: int | None = None,
    ) -> Answer:  # fmt: skip
        """Take a case up again, for the reasons that are said."""

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id, borrower_id)
            await reopened(change, case, way, rules.checked_text(text))
            await store.save_case(change.connection, case)
            return summary(case)

        return await once(self.desk, acting, act)

    async def close(self, case_id: int, acting: Acting) -> Answer:
        """Nothing more comes to a case that was decided."""

        async def act(change: Change) -> dict[str, Any]:
            case = await change.case(case_id)
            await closed(change, case)
            return summary(case)

        return await once(self.desk, acting, act)
