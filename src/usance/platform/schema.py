"""Every table of the book."""

from sqlalchemy import MetaData

from usance.platform import work_tables

metadata = MetaData()

job = work_tables.add_job(metadata)
outbox = work_tables.add_outbox(metadata)
