"""What every table is made of: the shared metadata, and the few kinds of columns."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.types import UserDefinedType

metadata = MetaData()


class TransactionId(UserDefinedType[int]):
    """PostgreSQL's ``xid8``: numbers of transactions that never wrap."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Its name."""
        return "xid8"


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


def time(name: str, *, needed: bool = False) -> Column[datetime]:
    """A moment that is said by whoever writes the row."""
    return Column(name, DateTime(timezone=True), nullable=not needed)


def word(name: str) -> Column[str]:
    """A word, a code or a name; empty for none."""
    return Column(name, Text, nullable=False, server_default=text("''"))


def hashed(name: str) -> Column[bytes]:
    """A hash or a ciphertext; empty for none."""
    return Column(name, LargeBinary, nullable=False, server_default=text("''"))
