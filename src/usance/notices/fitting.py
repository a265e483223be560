"""A template filled with what is known of one borrower, to be looked at before it is used.

The facts are those of the newest notice of this template that was planned for them; for what is not
known a made-up value stands, and it is said which. A code is always made up: a real one is a secret
between the book and its reader. Nothing is kept and nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from usance.core.identifiers import cell_of_borrower
from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.notices import own_sql, queue_sql, reading
from usance.notices.documents import LANGUAGES, TemplateDocument
from usance.notices.filling import values_of
from usance.notices.reading import Known
from usance.notices.samples import samples
from usance.notices.values import said
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Pool


@dataclass(frozen=True, slots=True, repr=False)
class Fitted:
    """A value for every placeholder, by language; ``real``: which of them are the borrower's."""

    values: Mapping[str, Mapping[str, Any]]
    real: tuple[str, ...]


@rule("R-TEMPLATE-21")
async def fitted(
    pool: Pool, keys: KeyService, phone: str, document: TemplateDocument, borrower_id: int
) -> Fitted | None:
    """What a template would say to a borrower; None where nothing of them can be read."""
    place = cell_of_borrower(borrower_id), borrower_id
    who = await pool.fetchrow(own_sql.WHO, *place)
    if who is None:
        return None
    book = await pool.fetchrow(queue_sql.BOOK)
    facts = await pool.fetchval(own_sql.NEWEST_FACTS, *place, document.id)
    known = Known(book["name"], book["currency"], book["business_date"])
    row = dict(who) | own_sql.NO_CHOICE
    reader = await beside(keys, lambda: reading.opened(keys, row))
    if reader is None:
        return None
    values: dict[str, dict[str, Any]] = {}
    real: set[str] = set()
    for language in LANGUAGES:
        spoken = replace(reader, person=replace(reader.person, language=language))
        found = values_of(
            document, known, phone, spoken, msgspec.json.decode(facts or "{}"), {}
        )
        fit = {name: each for name, each in found.items() if fits(document, name, each, language)}
        values[language] = samples(document) | fit
        real |= fit.keys()
    return Fitted(values, tuple(name for name in document.placeholders if name in real))


def fits(document: TemplateDocument, name: str, value: Any, language: Any) -> bool:
    """Whether a value is of the type that a placeholder declares, and may be shown."""
    placeholder = document.placeholders[name]
    if placeholder.type == "code" or name == "member":
        return False
    try:
        said(name, placeholder, value, language)
    except Refused:
        return False
    return True
