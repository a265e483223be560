"""How borrowers behave, where the book would not say it of a day that is past."""

from sqlalchemy import Column, Date, Index, Integer, Table

from usance.platform.schema_parts import cell, key, metadata, whole

lateness = Table(
    "lateness", metadata,
    cell(), key("contract_id"), key("number"),
    Column("booked_on", Date, nullable=False),
    whole("was", Integer), whole("late_from", Integer),
    Index("lateness_booked", "booked_on", "cell"),
)  # fmt: skip
"""Each change of a contract's ``late_from``, both the kernel's ordinals (0: nothing is late), on
the business date on which the book knew of it; never changed. A ``number`` below 0: told by the
lender that kept the contract before, at a month's end, in place of what the book itself finds."""
