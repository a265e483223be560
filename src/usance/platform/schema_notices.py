"""Templates of notices, what is to be told to whom, and what became of it.

Words are kept nowhere: a version of a template and its facts say again what was said. Numbers,
addresses, names and codes stand here only as keyed hashes or under the borrower's own key.
"""

from sqlalchemy import (
    BigInteger,
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

from usance.platform.schema_parts import (
    TransactionId,
    cell,
    hashed,
    key,
    metadata,
    moment,
    whole,
    word,
)

notice_template = Table(
    "notice_template", metadata,
    Column("template_id", Text, primary_key=True), key("version", SmallInteger),
    Column("body", Text, nullable=False), Column("digest", LargeBinary, nullable=False),
    Column("effective_on", Date, nullable=False), Column("retired_on", Date),
    Column("adopted_by", Text, nullable=False), moment("adopted_at"), whole("operation_id"),
)  # fmt: skip
"""Versions of templates; no row is ever changed. ``body`` is the canonical document, from which the
days are. ``adopted_by`` is who asked for it; who agreed stands in the proposal that the operation
carried out."""

notice_retirement = Table(
    "notice_retirement", metadata,
    key("operation_id"), Column("template_id", Text, nullable=False),
    whole("through", SmallInteger), Column("retired_on", Date, nullable=False),
    Column("retired_by", Text, nullable=False),
    Index("notice_retirement_template", "template_id"),
)  # fmt: skip
"""From a day on, no version up to ``through`` is in force; of several the earliest counts."""


notice = Table(
    "notice", metadata,
    cell(), key("borrower_id"),
    Column("notice_id", BigInteger, Identity(), primary_key=True),
    Column("key", Text, nullable=False),
    Column("template_id", Text, nullable=False), whole("version", SmallInteger),
    Column("purpose", Text, nullable=False), Column("audience", Text, nullable=False),
    word("scope"), whole("member_id"), whole("contract_id"),
    Column("facts", JSONB, nullable=False), hashed("box"),
    Column("business_date", Date, nullable=False), moment("planned_at"),
    Column("not_before", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
    whole("state", SmallInteger, "1"), whole("fence", Integer), whole("attempts", SmallInteger),
    word("channel"), word("provider"), word("reference"), word("said"),
    word("because"), word("stopped_by"), Column("counted_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)), Column("done_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True)),
    hashed("contact_hash"), hashed("code_hash"), hashed("digits_hash"), whole("bundle"),
    Index("notice_key", "cell", "borrower_id", "key", unique=True),
    Index("notice_waiting", "not_before", postgresql_where=text("state IN (1, 2)")),
    Index("notice_lane", "cell", "borrower_id", "purpose", "notice_id",
          postgresql_where=text("state IN (1, 2, 6)")),
    Index("notice_code", "code_hash", postgresql_where=text("code_hash <> ''")),
    Index("notice_reference", "reference", "provider", postgresql_where=text("reference <> ''")),
    Index("notice_bundle", "cell", "borrower_id", "bundle", postgresql_where=text("bundle <> 0")),
)  # fmt: skip
"""One thing to be told to one person. ``key`` says of what it is, once for a borrower; ``facts``
are from the book; ``box`` is what is secret of it (a code, a number that it must go to), sealed.
``member_id`` 0 is the borrower. State 1 waits, 2 is being handed over, 3 taken by a provider (or
laid into the inbox), 4 arrived, 5 did not arrive, 6 stopped by a breaker, 7 dropped. ``not_before``
of one that is being handed over is the end of its lease. ``said`` is what a
carrier said last, ``because`` the row or word that held or dropped it, ``stopped_by`` the channel,
the words or the recipient whose breaker stopped it, ``counted_at`` when the counters noted it.
``bundle`` is the notice with which it goes as one message (R-DIGEST-02): it waits, and then stands
as that one does."""

notice_step = Table(
    "notice_step", metadata,
    cell(), key("borrower_id"), key("notice_id"), key("number", SmallInteger),
    Column("kind", Text, nullable=False), Column("at", DateTime(timezone=True), nullable=False),
    word("channel"), word("provider"), word("said"),
    Column("trace", JSONB, nullable=False, server_default=text("'[]'")),
)  # fmt: skip
"""What happened to a notice, and everything that the gate asked."""

notice_counter = Table(
    "notice_counter", metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'")),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Index("notice_counter_changed", "changed_at"),
)  # fmt: skip
"""Counters of a contact, a person, a debt or a place, by the id of the row of the law that counts,
or what is watched."""

receipt_waiting = Table(
    "receipt_waiting", metadata,
    Column("provider", Text, primary_key=True), Column("reference", Text, primary_key=True),
    Column("word", Text, primary_key=True), word("error"),
    Column("came_at", DateTime(timezone=True), nullable=False),
    Column("look_at", DateTime(timezone=True), nullable=False), whole("looks", SmallInteger),
    Index("receipt_waiting_look", "look_at"), Index("receipt_waiting_came", "came_at"),
)  # fmt: skip
"""What a provider told of a message before we knew that it had taken it."""

suppression = Table(
    "suppression", metadata,
    Column("contact_hash", LargeBinary, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("because", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)), whole("notice_id"),
)  # fmt: skip
"""Nothing is sent there by this channel (every one: ``any``), until a moment or for good."""

notice_preference = Table(
    "notice_preference", metadata,
    cell(), key("borrower_id"), key("member_id"),
    Column("ways", JSONB, nullable=False, server_default=text("'[]'")),
    Column("refused", JSONB, nullable=False, server_default=text("'[]'")),
    Column("opens", SmallInteger), Column("closes", SmallInteger),
    word("zone"), Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("digest_at", SmallInteger),
)  # fmt: skip
"""What a recipient chose: channels in their order, [purpose, channel] switched off, own hours,
and the minute of the day at which they are told together what can wait (null: at once)."""

notice_feed = Table(
    "notice_feed", metadata,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("through", TransactionId, nullable=False),
    Column("day_through", Date, nullable=False),
)  # fmt: skip
"""How far what was committed has been planned: transactions, and closed days."""

sending_slot = Table(
    "sending_slot", metadata,
    Column("kind", Text, primary_key=True), Column("name", Text, primary_key=True),
    key("slot"),
    whole("sent", Integer), whole("failed", Integer), whole("bounced", Integer),
    whole("complained", Integer), whole("errors", Integer), whole("answered", Integer),
    whole("slow", Integer), whole("length", Integer),
    Index("sending_slot_slot", "slot"),
)  # fmt: skip
"""What happened in a minute (of the epoch) to a channel, a template, a provider or words: a version
of a template by a way in a language, whose ``length`` in characters counts."""

provider_weight = Table(
    "provider_weight", metadata,
    Column("channel", Text, primary_key=True), Column("name", Text, primary_key=True),
    whole("weight", SmallInteger), whole("resting", SmallInteger), word("because"),
    Column("changed_at", DateTime(timezone=True)),
)  # fmt: skip
"""How many of a hundred messages of a channel a provider carries."""

breaker = Table(
    "breaker", metadata,
    Column("kind", Text, primary_key=True), Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False), word("because"),
    Column("since", DateTime(timezone=True), nullable=False),
)  # fmt: skip
"""Where the breaker of a channel, a template, words, a recipient or a place stands, or that of a
provider, which only warns; no row: closed. A number, a device or a network is named by a hash."""

breaker_change = Table(
    "breaker_change", metadata,
    Column("change_id", BigInteger, Identity(), primary_key=True),
    Column("kind", Text, nullable=False), Column("name", Text, nullable=False),
    Column("state", Text, nullable=False), word("because"),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False), word("reason"),
    Index("breaker_change_of", "kind", "name", "change_id"),
)  # fmt: skip
"""Every change of a breaker, by itself or by a person with a reason."""
