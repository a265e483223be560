"""Every table of the book.

Tables of a borrower carry ``cell`` first in every key (cells may live on different machines).
Ids carry their cell: ``borrower_id % 1024`` is the cell, ``contract_id >> 12`` the borrower, so an
id alone finds its place. Days inside ``contract`` and ``due`` are the kernel's ordinals (0 = none),
because those two tables are the kernel's state; everywhere else they are dates. Amounts are minor
units.
The wide tables have no NULL and fixed widths, so they travel as binary COPY.
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.event import listen

from usance.contract.records import Contract, Due, names
from usance.platform import (  # noqa: F401 (each adds its tables)
    schema_approvals,
    schema_audit,
    schema_behaviour,
    schema_cases,
    schema_clients,
    schema_consents,
    schema_costs,
    schema_decisions,
    schema_facts,
    schema_family,
    schema_keys,
    schema_limits,
    schema_notices,
    schema_payments,
    schema_portal,
    schema_risk,
    schema_staff,
    schema_tiers,
    schema_verification,
    schema_warning,
    work_tables,
)
from usance.platform.schema_parts import TransactionId, cell, key, metadata, moment, whole

job = work_tables.add_job(metadata)

CONTRACT_SMALL = {"kind", "status", "non_accrual", "statement_day"}
CONTRACT_INT = {
    "opened_on", "closed_on", "on", "seq", "alarm", "running", "first_open", "count", "rows",
    "accrued_on", "statements", "extensions", "late_from", "late_from_unextended",
}  # fmt: skip
DUE_SMALL = {"kind", "phase"}
DUE_INT = {
    "n", "from_on", "due_on", "original_due_on", "nights", "contingent_on", "penalty_on",
}  # fmt: skip
RENAMED = {"on": "stands_on", "count": "due_count", "rows": "row_count"}
"""Kernel fields whose names are SQL words."""


def kernel_columns(
    record: type, small: set[str], ints: set[str], skip: set[str]
) -> list[Column[int]]:
    """The kernel's fields as columns, as narrow as they may be."""
    columns = []
    for name in names(record):
        if name not in skip:
            kind = SmallInteger if name in small else Integer if name in ints else BigInteger
            columns.append(whole(RENAMED.get(name, name), kind))
    return columns


# -- what is not any borrower's -----------------------------------------------------------------

book = Table(
    "book", metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("opened_on", Date, nullable=False),
    Column("business_date", Date, nullable=False),
    Column("demo", Boolean, nullable=False, server_default=text("false")),
)  # fmt: skip
"""One row. ``business_date`` is the open day; days before it are closed or being closed."""

product = Table(
    "product", metadata,
    key("product_id", SmallInteger),
    Column("code", Text, nullable=False, unique=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("settings", JSONB, nullable=False),
)  # fmt: skip
"""A product; ``settings`` holds the terms (quote document) that its offers start from."""

terms = Table(
    "terms", metadata,
    Column("terms_id", Integer, Identity(), primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("numbers", JSONB, nullable=False),
    Column("rules_version", Text, nullable=False),
    moment(),
)  # fmt: skip
"""Agreed terms as the kernel has them, stored once for all contracts that share them."""

directory = Table(
    "directory", metadata,
    Column("purpose", Text, primary_key=True), Column("lookup", LargeBinary, primary_key=True),
    whole("borrower_id"), Index("directory_borrower", "borrower_id"),
)  # fmt: skip
"""Which borrower an identity number or phone belongs to, by keyed hash."""

borrower_number = Table(
    "borrower_number", metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")), whole("last"),
)  # fmt: skip

staff = Table(
    "staff", metadata,
    Column("staff_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
    Column("must_change", Boolean, nullable=False, server_default=text("false")),
    Column("last_log_in", DateTime(timezone=True)),
)  # fmt: skip
"""``must_change``: the password was given by somebody else; it opens only the page to change it."""

staff_session = Table(
    "staff_session", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    whole("staff_id"), Column("csrf", Text, nullable=False),
    moment("created_at"), moment("seen_at"),
    Column("ended_at", DateTime(timezone=True)),
    Column("waits", Boolean, nullable=False, server_default=text("false")),
    Column("way", Text, nullable=False, server_default=text("'password'")),
    Column("fresh_at", DateTime(timezone=True)),
    Column("address", Text, nullable=False, server_default=text("''")),
    Index("staff_session_open", "staff_id", postgresql_where=text("ended_at IS NULL")),
)  # fmt: skip
"""``waits``: the password was shown and the second factor is not yet. ``way``: what it was begun
with. ``fresh_at``: when a factor was last shown."""

log_in_attempt = Table(
    "log_in_attempt", metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False),
    Index("log_in_attempt_began", "began_at"),
)  # fmt: skip
"""How often a name or an address (its hash) tried to log in within a quarter of an hour."""

machine_client = Table(
    "machine_client", metadata,
    Column("client_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("scopes", JSONB, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
)  # fmt: skip

idempotency = Table(
    "idempotency", metadata,
    Column("client", Text, primary_key=True), Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    whole("status", SmallInteger), Column("answer", Text, nullable=False),
    whole("operation_id"), moment(),
)  # fmt: skip
"""The first answer to a client's key; ``client`` is ``machine:ID`` or ``staff:ID``. The hash of a
request that may have named a person is emptied with the person's erasure."""

operation = Table(
    "operation", metadata,
    key("operation_id"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    whole("borrower_id"), whole("contract_id"),
    Column("business_date", Date, nullable=False),
    moment(),
    Column("digest", LargeBinary, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("xid", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
    Index("operation_borrower", "borrower_id", "operation_id"),
    Index("operation_xid", "xid"),
    Index("operation_line", "business_date", postgresql_where=text("detail ? 'line'")),
    schema_audit.form_column(),
)  # fmt: skip
"""The audit event of every mutation. ``digest`` is SHA-256 over the rows it wrote
(``ledger.digest``) in the form that ``form`` names; the sequencer (``usance.audit``) makes each a
leaf of the tree. ``xid`` is the transaction: commits come in another order than ids, and what is
read behind the oldest one still running is read in order and whole."""

day_close = Table(
    "day_close", metadata,
    Column("business_date", Date, primary_key=True),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("digest", LargeBinary),
    whole("woken"), whole("events"), whole("statements"), whole("notices"), whole("transfers"),
)  # fmt: skip

bank_file = Table(
    "bank_file", metadata,
    Column("file_id", BigInteger, Identity(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("value_date", Date, nullable=False), whole("rows", Integer), whole("operation_id"),
    moment(),
)  # fmt: skip

bank_file_row = Table(
    "bank_file_row", metadata,
    key("file_id"), key("row", Integer),
    Column("reference", Text, nullable=False), whole("borrower_id"), whole("contract_id"),
    whole("amount"), Column("result", Text, nullable=False),
    Column("outcome", Text, nullable=False), Column("detail", JSONB, nullable=False),
    Index("bank_file_row_reference", "reference"),
    Index("bank_file_row_not_paid", "borrower_id",
          postgresql_where=text("outcome IN ('failed', 'returned')")),
)  # fmt: skip

receipt = Table(
    "receipt", metadata,
    Column("receipt_id", Integer, Identity(), primary_key=True),
    whole("file_id"), whole("row", Integer), whole("amount"),
    Column("value_date", Date, nullable=False), whole("status", SmallInteger, "1"),
    whole("contract_id"), whole("event_seq", Integer), whole("operation_id"), moment(),
    whole("held_by"),
    Index("receipt_row", "file_id", "row", unique=True),
    Index("receipt_open", "receipt_id", postgresql_where=text("status = 1")),
)  # fmt: skip
"""Bank money of a row that was not booked on a contract (below 0: the bank took it back): status
1 waits on the account of unallocated receipts, 2 allocated to a contract's event, 3 returned.
``held_by`` is the operation that brought it (0: before operations did), ``operation_id`` the one
that settled it."""

# -- a borrower's --------------------------------------------------------------------------------

borrower = Table(
    "borrower", metadata,
    cell(), key("borrower_id"),
    whole("status", SmallInteger, "1"),
    Column("data_key", LargeBinary, nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("phone", LargeBinary, nullable=False),
    Column("identity_number", LargeBinary, nullable=False),
    Column("email", LargeBinary, nullable=False),
    Column("language", Text, nullable=False),
    Column("registered_on", Date, nullable=False),
    whole("last_contract", Integer), moment(),
)  # fmt: skip
"""Personal fields are ciphertext under the borrower's own key (``platform.crypto``).
``last_contract`` numbers contracts; locking this row orders what opens new ones."""

line = Table(
    "line", metadata,
    cell(), key("borrower_id"), key("product_id", SmallInteger),
    whole("limit_amount"), whole("held"),
    whole("status", SmallInteger, "1"),
    whole("contract_id"),
    Column("opened_on", Date, nullable=False),
    whole("version", Integer),
)  # fmt: skip
"""A borrower's limit on a product. ``held`` is authorised and not captured; ``contract_id`` is the
pay-later account (0 for a cash loan's line)."""

offer = Table(
    "offer", metadata,
    cell(), key("offer_id"),
    whole("borrower_id"), whole("product_id", SmallInteger),
    Column("document", JSONB, nullable=False), Column("cost", JSONB, nullable=False),
    whole("principal"), whole("parent_id"), whole("cycle", Integer),
    Column("valid_until", Date, nullable=False),
    whole("status", SmallInteger, "1"), whole("contract_id"), whole("operation_id"), moment(),
    Index("offer_borrower", "cell", "borrower_id"),
)  # fmt: skip
"""A frozen quote with its cost sheet; status 1 open, 2 accepted, 3 withdrawn."""

contract = Table(
    "contract", metadata,
    cell(), key("contract_id"),
    whole("borrower_id"), whole("product_id", SmallInteger), whole("terms_id", Integer),
    whole("parent_id"), whole("version", Integer),
    *kernel_columns(Contract, CONTRACT_SMALL, CONTRACT_INT, set()),
    Index("contract_alarm", "alarm", "cell", postgresql_where=text("alarm < 3652059")),
    Index("contract_borrower", "cell", "borrower_id"),
)  # fmt: skip
"""Kernel state. ``version`` grows with every write: who computed on an older one begins anew."""

contract_opening = Table(
    "contract_opening", metadata,
    cell(), key("contract_id"),
    Column("document", JSONB, nullable=False), whole("offer_id"), whole("operation_id"),
)  # fmt: skip
"""What a replay starts from, and what a document for the borrower quotes."""

due = Table(
    "due", metadata,
    cell(), key("contract_id"), key("n", SmallInteger),
    *kernel_columns(Due, DUE_SMALL, DUE_INT, {"n"}),
)  # fmt: skip

event = Table(
    "event", metadata,
    cell(), key("contract_id"), key("seq", Integer),
    whole("kind", SmallInteger),
    Column("effective_on", Date, nullable=False), Column("booked_on", Date, nullable=False),
    whole("amount"), whole("of_seq", Integer), whole("component", SmallInteger),
    whole("days", Integer), whole("pinned", SmallInteger),
    whole("principal"), whole("interest"), whole("fee"), whole("penalty"), whole("credit"),
    whole("cycle", Integer), whole("reversed_by", Integer), whole("operation_id"), moment(),
    Index("event_booked", "booked_on", "cell"),
)  # fmt: skip
"""Business facts in the order of ``seq``; the parts are what each did (a statement: said)."""

transfer = Table(
    "transfer", metadata,
    cell(), key("contract_id"), key("event_seq", Integer), key("number", SmallInteger),
    whole("debit", SmallInteger), whole("credit", SmallInteger), whole("amount"),
    Column("effective_on", Date, nullable=False), Column("booked_on", Date, nullable=False),
    whole("product_id", SmallInteger),
    Index("transfer_booked", "booked_on", "cell"),
    Index("transfer_back_dated", "booked_on", "effective_on",
          postgresql_where=text("effective_on < booked_on")),
)  # fmt: skip
"""One debit account, one credit account, one amount > 0. ``contract_id`` 0: the cell's own
(accrual), numbered by day, or of a receipt, whose number is below 0."""

statement = Table(
    "statement", metadata,
    cell(), key("contract_id"), key("number", Integer),
    Column("issued_on", Date, nullable=False), Column("due_on", Date, nullable=False),
    Column("from_on", Date, nullable=False), whole("cycle", Integer),
    whole("principal"), whole("interest"), whole("fee"), whole("penalty"),
    whole("required"), whole("balance"), whole("credit"), whole("plans_due"),
    whole("event_seq", Integer),
)  # fmt: skip
"""Immutable: what was said. ``required`` holds the minimum due, arrears and ``plans_due``."""

authorisation = Table(
    "authorisation", metadata,
    cell(), key("authorisation_id"),
    whole("borrower_id"), whole("contract_id"),
    whole("amount"), whole("captured"), whole("status", SmallInteger, "1"),
    Column("merchant", Text, nullable=False), Column("authorised_on", Date, nullable=False),
    Column("expires_on", Date, nullable=False), whole("operation_id"),
    Index("authorisation_contract", "cell", "contract_id"),
)  # fmt: skip
"""A hold on a line: status 1 open, 2 captured, 3 voided, 4 expired."""

accrual_change = Table(
    "accrual_change", metadata,
    cell(), key("contract_id"), key("version", Integer), key("stream", SmallInteger),
    key("denominator"), whole("product_id", SmallInteger), whole("day_count", SmallInteger),
    Column("booked_on", Date, nullable=False), whole("from_weight"),
    whole("whole"), whole("rest"), whole("slope"), whole("slope_rest"), whole("rounding"),
    Index("accrual_change_booked", "booked_on", "cell"),
)  # fmt: skip
"""How a contract's accrual changed: value and slope differ by so much from ``from_weight`` on.
Day close folds what was booked by its day into ``accrual_total`` and deletes it.
``rounding`` is per 10^8 minor units."""

accrual_total = Table(
    "accrual_total", metadata,
    cell(), key("product_id", SmallInteger), key("stream", SmallInteger),
    key("day_count", SmallInteger), key("denominator"),
    whole("stands_at"),
    Column("whole", Numeric, nullable=False), Column("rest", Numeric, nullable=False),
    Column("slope", Numeric, nullable=False), Column("slope_rest", Numeric, nullable=False),
)  # fmt: skip
"""The exact accrual of a cell and product as a linear function of weight, at ``stands_at``."""

accrual_posted = Table(
    "accrual_posted", metadata,
    cell(), key("product_id", SmallInteger), key("stream", SmallInteger),
    whole("posted"), Column("rounding", Numeric, nullable=False), whole("rounded"),
)  # fmt: skip
"""What the ledger holds: the accrued balance; the rounding so far, exact and booked."""

ledger_day = Table(
    "ledger_day", metadata,
    Column("booked_on", Date, primary_key=True), key("product_id", SmallInteger),
    key("account", SmallInteger), whole("debit"), whole("credit"),
)  # fmt: skip
"""Turnover of each account on each closed day."""

notice_wanted = Table(
    "notice_wanted", metadata,
    cell(), key("contract_id"), key("n", SmallInteger), key("kind", SmallInteger),
    Column("send_on", Date, primary_key=True), whole("days", SmallInteger),
)  # fmt: skip
"""Notices that day close asks for: reminder, overdue step, statement; sent elsewhere."""

for table, filled in ((contract, 75), (due, 85)):  # a new state beside the old touches no index
    room = f"ALTER TABLE {table.name} SET (fillfactor = {filled})"
    listen(table, "after_create", DDL(room))  # type: ignore[no-untyped-call]
