"""Everything is done once for a caller's key: the same request again gets the first answer.

What the poster, registering, bank files and the begin of a day close answer, and what each of them
asks about a key that was used before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from usance.core.refusals import Refusal, Refused
from usance.core.rules import rule

STATUS = {
    "R-FOUND-01": 404, "R-IDEM-01": 409, "R-BORR-02": 409, "R-BORR-03": 409, "R-CASE-11": 409,
    "R-DECIDE-06": 409, "R-AUTH-02": 403, "R-VERIFY-02": 429,
}  # fmt: skip
"""HTTP status of refusals by these rules; of all others 422."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with; a problem document when ``status`` >= 400."""

    status: int
    document: dict[str, Any]
    operation_id: int = 0
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer to a key, and the SHA-256 of the request that the key stands for.

    Of what may have named somebody who was erased, the hash is empty: no request is that one.
    """

    request_hash: bytes
    answer: Answer

    @classmethod
    def stored(cls, request_hash: bytes, status: int, answer: str, operation_id: int) -> Kept:
        """As the database holds it."""
        document = msgspec.json.decode(answer, type=dict[str, Any])
        return cls(request_hash, Answer(status, document, operation_id))

    @rule("R-IDEM-01")
    def again(self, request_hash: bytes) -> Answer:
        """The first answer, to the same request; raises ``Refused`` for any other."""
        if request_hash != self.request_hash:
            raise Refused("R-IDEM-01", "the Idempotency-Key was used with another request")
        return replace(self.answer, replayed=True)

    def answer_to(self, request_hash: bytes) -> Answer:
        """The same for those who answer with their refusals."""
        try:
            return self.again(request_hash)
        except Refused as refused:
            return problem(refused.refusal)


def problem(refusal: Refusal) -> Answer:
    """A refusal as an answer."""
    status = STATUS.get(refusal.rule, 422)
    return Answer(status, refusal.document() | {"status": status})
