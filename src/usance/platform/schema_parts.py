"""What every table is made of: the shared metadata, and the few kinds of columns."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, MetaData, SmallInteger, func, text

metadata = MetaData()


def cell() -> Column[int]:
    """The first column of every borrower's key."""
    return Column("cell", SmallInteger, primary_key=True, autoincrement=False)


def key(name: str, kind: type = BigInteger) -> Column[int]:
    """A further column of the key."""
    return Column(name, kind, primary_key=True, autoincrement=False)


def whole(name: str, kind: type = BigInteger, default: str = "0") -> Column[int]:
    """A number that is never NULL."""
    return Column(name, kind, nullable=False, server_default=text(default))


def moment(name: str = "recorded_at") -> Column[datetime]:
    """Wall clock."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())
