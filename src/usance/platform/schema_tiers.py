"""In which risk tier a borrower stands, and every step that led there."""

from sqlalchemy import Index, Integer, SmallInteger, Table

from usance.platform.schema_parts import cell, key, metadata, whole

tier = Table(
    "tier", metadata,
    cell(), key("borrower_id"),
    whole("tier", SmallInteger), whole("since", Integer), whole("better_since", Integer),
    whole("found", SmallInteger), whole("score", Integer),
    whole("evaluated_on", Integer), whole("next_on", Integer),
    Index("tier_next", "next_on"),
)  # fmt: skip
"""``tier`` holds since a day, ``found`` was found at the last look, by so many points (-1: no
score). Days are ordinals; ``better_since`` 0: no better one was found. By ``next_on`` it is
looked at again, whatever happens."""

tier_change = Table(
    "tier_change", metadata,
    cell(), key("borrower_id"), key("changed_on", Integer),
    whole("tier_from", SmallInteger), whole("tier_to", SmallInteger), whole("score", Integer),
    whole("decision_id"), whole("operation_id"),
    Index("tier_change_day", "changed_on"), Index("tier_change_operation", "operation_id"),
)  # fmt: skip
"""One a day at most, never changed; ``tier_from`` -1: there was none. The decision says why."""
