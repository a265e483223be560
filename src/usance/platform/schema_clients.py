"""Keys of machine clients, their rates, and the webhooks that they are told by."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from usance.platform.schema_parts import TransactionId, key, metadata, moment, whole

THIS_TRANSACTION = text("pg_current_xact_id()")

machine_key = Table(
    "machine_key", metadata,
    Column("key_id", BigInteger, Identity(), primary_key=True),
    Column("client_id", BigInteger, nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    moment("created_at"),
    Column("expires_at", DateTime(timezone=True)),
    Column("retired_at", DateTime(timezone=True)),
    Column("last_used_on", Date),
)  # fmt: skip
"""Keys of a client, at most two of which open. ``prefix`` is for people to tell them apart;
``last_used_on`` is written once a day."""

rate_bucket = Table(
    "rate_bucket", metadata,
    key("client_id"), Column("kind", Text, primary_key=True),
    whole("tokens"), whole("granted"),
    Column("refilled_at", DateTime(timezone=True), nullable=False),
)  # fmt: skip
"""What a client may still ask for, in millionths of a request, as of ``refilled_at``. ``granted``:
whole requests that the last process took for itself."""

webhook_endpoint = Table(
    "webhook_endpoint", metadata,
    Column("endpoint_id", BigInteger, Identity(), primary_key=True),
    Column("client_id", BigInteger, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("types", JSONB, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("stopped_by", Text, nullable=False, server_default=text("''")),
    Column("data_key", LargeBinary, nullable=False),
    Column("since", TransactionId, nullable=False, server_default=THIS_TRANSACTION),
    moment("since_at"), whole("last_sequence"),
    whole("failures", Integer), Column("resting_until", DateTime(timezone=True)),
    moment("created_at"), Column("deleted_at", DateTime(timezone=True)),
)  # fmt: skip
"""Where a client is told. It is told of transactions from ``since`` on; ``data_key`` is wrapped by
the master key and opens its secrets."""

webhook_secret = Table(
    "webhook_secret", metadata,
    Column("secret_id", BigInteger, Identity(), primary_key=True),
    Column("endpoint_id", BigInteger, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    moment("created_at"), Column("retired_at", DateTime(timezone=True)),
)  # fmt: skip

webhook_delivery = Table(
    "webhook_delivery", metadata,
    key("endpoint_id"), key("sequence"),
    Column("type", Text, nullable=False), Column("data", JSONB, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False),
    Column("business_date", Date, nullable=False), whole("operation_id"),
    whole("state", SmallInteger), whole("fence"), whole("attempts", Integer),
    whole("began_at_attempt", Integer),
    Column("lease_until", DateTime(timezone=True)),
    Column("not_before", DateTime(timezone=True), nullable=False),
    moment("created_at"), Column("done_at", DateTime(timezone=True)),
    Index("webhook_delivery_waiting", "endpoint_id", "not_before",
          postgresql_where=text("state = 0")),
    Index("webhook_delivery_done", "done_at", postgresql_where=text("state <> 0")),
)  # fmt: skip
"""A message to an endpoint; state 0 waits, 1 delivered, 2 given up. Attempts count on after a
redelivery; ``began_at_attempt`` is how many there were when it was asked for."""

webhook_attempt = Table(
    "webhook_attempt", metadata,
    key("endpoint_id"), key("sequence"), key("number", Integer),
    Column("began_at", DateTime(timezone=True), nullable=False),
    whole("milliseconds", Integer), whole("status", SmallInteger),
    Column("error", Text, nullable=False), Column("answer", Text, nullable=False),
)  # fmt: skip
"""``status`` 0 and an error where there was no answer; of an answer the first 200 characters."""

webhook_feed = Table(
    "webhook_feed", metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("through", TransactionId, nullable=False),
    Column("day_through", Date, nullable=False),
    Column("day_seen", Date), Column("day_bound", TransactionId),
)  # fmt: skip
"""How far endpoints have been told. Every transaction up to ``through`` and every day up to
``day_through``; the day ``day_seen`` is finished and told after everything below ``day_bound``."""

state_change = Table(
    "state_change", metadata,
    Column("change_id", BigInteger, Identity(), primary_key=True),
    Column("xid", TransactionId, nullable=False, server_default=THIS_TRANSACTION),
    moment(), Column("borrower_id", BigInteger, nullable=False),
    whole("contract_id"), whole("product_id", SmallInteger),
    whole("old_status", SmallInteger), whole("status", SmallInteger),
    whole("old_limit"), whole("limit_amount"), whole("version", Integer),
    Index("state_change_xid", "xid"),
)  # fmt: skip
"""A contract (``contract_id``) or a line (0) whose status or limit changed: noted by a trigger
while any endpoint listens, taken away once told."""
