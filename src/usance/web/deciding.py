"""Where decisions meet the book: what is decided before it is done, and what that lets through.

``DecidedBook`` stands before the book and its approvals. What the policy document does not have
decided goes straight on: a line that somebody opens by hand is opened as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from usance.core.identifiers import parse
from usance.core.money import DECIMALS, parse_decimal
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity.changing import Asking, answered
from usance.identity.once import Answer, problem
from usance.risk import decision_store as store
from usance.risk import limit_store
from usance.risk.deciding import Wanted
from usance.risk.deciding_policy import DRAW, EXTENSION, LIMIT, OPEN
from usance.risk.limits import most_of
from usance.risk.limits_policy import limit_policy
from usance.risk.stored import AUTOMATIC, CONFIRMED, TAKEN_BACK
from usance.servicing import commands as ask
from usance.servicing.products import Product, product_of
from usance.web.acts import Rehearses
from usance.web.services import DecisionRoom, Submits

KINDS: dict[type[ask.Command], str] = {
    ask.OpenLine: OPEN, ask.ChangeLimit: LIMIT, ask.MakeOffer: DRAW, ask.Extend: EXTENSION,
}  # fmt: skip
"""Commands that can wait for a decision, and of which kind."""
GRANTED = "granted"
ACTED_ON = (AUTOMATIC, CONFIRMED, TAKEN_BACK)
Declared = Mapping[str, int]
NOTHING: Declared = {}


@dataclass(slots=True)
class Let:
    """What decisions let through: their documents, and the most that may be given."""

    decisions: list[dict[str, Any]] = field(default_factory=list)
    limit: int | None = None
    days: int | None = None

    @property
    def key(self) -> str:
        """Under which the act is done once; no caller can choose one like it."""
        return f"decided · {self.decisions[-1]['decision_id']}"


@dataclass(frozen=True, slots=True)
class DecidedBook:
    """``usance.web.services.Submits``: the book, with decisions before it."""

    book: Submits
    room: DecisionRoom
    rehearses: Rehearses

    async def submit(
        self, command: ask.Command, *, actor: str, key: str = "", request_hash: bytes = b""
    ) -> Answer:
        """Do it, after a decision where the policy document says so."""
        if KINDS.get(type(command)) not in self.room.deciding.policy.before:
            return await self.book.submit(command, actor=actor, key=key, request_hash=request_hash)
        return await self.decided(command, Asking(actor, key, request_hash))

    @rule("R-DECIDE-09")
    async def decided(
        self, command: ask.Command, asking: Asking, declared: Declared = NOTHING
    ) -> Answer:
        """Decide, and do it as far as that goes; a refusal is an answer with its reasons.

        A line or a limit of 0 is one of whatever is decided.
        """
        try:
            if isinstance(command, ask.ChangeLimit) and not await self._raises(command):
                return await self._done(command, asking, Let())
            if not await self._begun(asking):
                tried = await self.rehearses.rehearse(least(command), actor=asking.actor)
                if tried.status >= 400:
                    return tried  # nothing is decided about somebody for what cannot be
            let = await self._let(command, asking, declared)
            allowed = within(command, let)
        except Declined as declined:
            return declined.answer
        except Refused as refused:
            return problem(refused.refusal)
        return await self._done(allowed, asking, let)

    async def _begun(self, asking: Asking) -> bool:
        """Whether this request has decided something before. Raises ``Refused`` (R-IDEM-01)."""
        return await answered(self.room.archive.pool, of_decision(asking)) is not None

    async def _raises(self, command: ask.ChangeLimit) -> bool:
        """Whether a limit goes up; what goes down by hand is not a machine's."""
        pool = self.room.archive.pool
        now = await store.limit_of(pool, command.borrower_id, command.product)
        return not command.limit or command.limit > now

    async def _done(self, command: ask.Command, asking: Asking, let: Let) -> Answer:
        """Under a key of the decision, so that the same request does it once."""
        key = let.key if let.decisions else asking.key
        answer = await self.book.submit(
            command, actor=asking.actor, key=key, request_hash=asking.request_hash
        )
        named = [each["decision_id"] for each in let.decisions]
        if answer.status >= 400 or not named:
            return answer
        return replace(answer, document=answer.document | {"decisions": named})

    async def _let(self, command: ask.Command, asking: Asking, declared: Declared) -> Let:
        """Everything that must be granted. Raises ``Declined``, ``Refused``."""
        borrower_id, let = command.borrower(), Let()
        if isinstance(command, ask.OpenLine):
            product = command.product
            wanted = Wanted(
                kind=OPEN, borrower_id=borrower_id, product=product, declared=declared
            )
            await self._granted(let, wanted, asking)
            await self._limited(let, borrower_id, product, asking)
        elif isinstance(command, ask.ChangeLimit):
            await self._limited(let, borrower_id, command.product, asking)
        elif isinstance(command, ask.MakeOffer):
            asked = {**declared, "asked_for": command.principal}
            wanted = Wanted(
                kind=DRAW, borrower_id=borrower_id, product=command.product, declared=asked
            )
            await self._granted(let, wanted, asking)
        else:
            assert isinstance(command, ask.Extend), command
            wanted = Wanted(
                kind=EXTENSION, borrower_id=borrower_id, contract_id=command.contract_id,
                declared=declared,
            )
            said = await self._granted(let, wanted, asking)
            let.days = int(said["outcome"]["days_most"].partition(" ")[0])
        return let

    async def _granted(self, let: Let, wanted: Wanted, asking: Asking) -> dict[str, Any]:
        """Raises ``Declined`` for anything but a yes."""
        said = await self._decide(let, wanted, asking)
        if said["outcome"]["answer"] != GRANTED:
            raise Declined(said)
        return said

    async def _limited(self, let: Let, borrower_id: int, product: str, asking: Asking) -> None:
        """How much; nothing at all is a no."""
        kind = LIMIT if not let.decisions else f"{LIMIT} after {let.key}"
        own = replace(asking, key=f"{asking.key} · {kind}") if asking.key else asking
        wanted = Wanted(kind=LIMIT, borrower_id=borrower_id, product=product)
        said = await self._decide(let, wanted, own)
        item = product_of(product)
        decided = parse_decimal(said["limit"], DECIMALS[item.currency])
        let.limit = await self._most(borrower_id, item, decided)
        if not let.limit:
            raise Declined(said)

    @rule("R-LIMIT-05")
    async def _most(self, borrower_id: int, item: Product, decided: int) -> int:
        """No more than the product allows, and than the cap leaves beside other lines."""
        others, on = await limit_store.others(self.room.archive.pool, borrower_id, item.product_id)
        policy = limit_policy()
        cap = policy.cap_on(item.currency, on)
        return most_of(
            decided, item.amount("limit_max"), cap.most if cap else None, others,
            policy.whole[item.currency],
        )  # fmt: skip

    @rule("R-DECIDE-06", "R-DECIDE-09")
    async def _decide(self, let: Let, wanted: Wanted, asking: Asking) -> dict[str, Any]:
        """A decision, once for the key; one that a person looks at is acted on by nobody."""
        answer = await self.room.deciding.decide(wanted, of_decision(asking))
        if answer.replayed:
            number = parse("decision", answer.document["decision_id"])
            stored = await store.one(self.room.archive.pool, number)
            if stored is None or stored.state not in ACTED_ON:
                raise Refused("R-DECIDE-06", "a person looks at this decision, or has", "kind")
        let.decisions.append(answer.document)
        return answer.document


def of_decision(asking: Asking) -> Asking:
    """The same, with the key under which it is decided."""
    return replace(asking, key=f"{asking.key} · decided") if asking.key else asking


def least(command: ask.Command) -> ask.Command:
    """The act, with some limit where whatever is decided is meant."""
    if isinstance(command, ask.OpenLine | ask.ChangeLimit):
        return replace(command, limit=command.limit or 1)
    return command


class Declined(Exception):
    """A decision that lets nothing through."""

    @rule("R-DECIDE-09")
    def __init__(self, said: dict[str, Any], detail: str = "") -> None:
        super().__init__(said["decision_id"])
        why = detail or "; ".join(each["en"] for each in said["reasons"])
        document = problem(Refused("R-DECIDE-09", why).refusal).document
        known = {name: said[name] for name in ("decision_id", "outcome", "reasons")}
        self.answer = Answer(422, document | known)


@rule("R-DECIDE-09")
def within(command: ask.Command, let: Let) -> ask.Command:
    """The act as far as it was decided. Raises ``Declined`` where more was asked for."""
    if isinstance(command, ask.OpenLine | ask.ChangeLimit):
        assert let.limit is not None
        if command.limit > let.limit:
            raise Declined(let.decisions[-1], "the limit is above what was decided")
        return replace(command, limit=command.limit or let.limit)
    if isinstance(command, ask.Extend) and let.days is not None and command.days > let.days:
        raise Declined(let.decisions[-1], "that is longer than was decided")
    return command
