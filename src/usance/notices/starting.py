"""The set that a book begins with: ``policies/notices/*.yaml``, adopted by ``usance``."""

from __future__ import annotations

from datetime import date
from functools import cache

import msgspec
import yaml

from usance.core.rules import rule
from usance.identity import store as identity
from usance.notices import store
from usance.notices.documents import TemplateDocument, document_in
from usance.notices.templates import Templates
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.policies import texts_of

FOLDER = "notices"
ACTOR = "usance"


@cache
def starting_set() -> tuple[TemplateDocument, ...]:
    """Every document of the set, by its id."""
    return tuple(document_in(yaml.safe_load(text)) for text in texts_of(FOLDER).values())


@rule("R-TEMPLATE-19")
async def adopt_starting_set(connection: Connection, on: date) -> int:
    """Adopt what the book has no version of, in force from a day on; how many.

    A version that is there, also a retired one, is left alone.
    """
    known = await store.known(connection)
    if known >= texts_of(FOLDER).keys():  # each is called as its file: nothing need be parsed
        return 0
    missing = [each for each in starting_set() if each.id not in known]
    operation_id = new_operation_id()
    for each in missing:
        dated = msgspec.structs.replace(each, effective_on=on)
        await Templates.write(connection, dated, ACTOR, operation_id)
    await identity.insert_operation(
        connection, operation_id, actor=ACTOR, action=store.ADOPT_SET, on=on,
        digest=await store.digest_of(connection, operation_id), borrower_id=0,
        detail={"templates": len(missing)},
    )  # fmt: skip
    return len(missing)
