"""The platform room: everything the book stands on that knows nothing about credit.

config        settings from the environment, refused by name when they are wrong
postgres      the embedded PostgreSQL server: make, start, share, stop
database      the connection pool and the unit of work, the only place that commits
locks         the numbers of advisory locks
migrate       brings a database to the newest schema (Alembic, in ``migrations/``)
schema        every table of the book, in one place
work          the one job runner; its table in work_tables
pgcopy        binary COPY to and from NumPy arrays
crypto        per-borrower keys, encrypted fields, blind indexes, machine secrets
key_file      the file with master and index keys; key_client, key_server: keys elsewhere
personal      where each room enters what it holds of a person
identifiers   time-ordered 63-bit operation ids
clock         the wall clock behind an interface (the business date is not here)
logs, metrics what operators see

Nothing here imports a feature. May import ``usance.core`` only.
"""
