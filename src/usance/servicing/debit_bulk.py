"""The plain debits of a bank file, posted as a set: what the poster would do, for many at once.

A debit is plain where it is of the business date, for one contract on which something is asked
today, and the only row of the portion that concerns its borrower. Whatever the kernel cannot do in
arrays is left to the poster.
"""

from collections import Counter
from typing import Any

import numpy as np

from usance.core.identifiers import borrower_of_contract, written
from usance.platform.database import Connection
from usance.platform.identifiers import new_operation_id
from usance.servicing import bulk_post
from usance.servicing import debit_file_sql as sql
from usance.servicing.debit_rows import COLLECTED, Row
from usance.servicing.write import write_operation

LEAST = 50
"""Debits from which on a set costs less than one after the other."""


async def post_debits(
    connection: Connection, rows: list[Row], judged: list[Row], actor: str
) -> dict[int, dict[str, Any]]:
    """What was paid, by the number of its row: event and operation, as the poster would tell.

    ``judged``: those of ``rows`` that are debits to be posted.
    """
    today = (await connection.fetchval(sql.BUSINESS_DATE)).toordinal()
    plain = [row for row in alone(rows, judged) if row.value_date.toordinal() == today]
    if len(plain) < LEAST:
        return {}
    ids = [row.contract_id for row in plain]
    asked = {row[0] for row in await connection.fetch(sql.ASKED_TODAY, ids, today)}
    plain = [row for row in plain if row.contract_id in asked]
    operation_id = new_operation_id()
    posted = await bulk_post.repay_each(
        connection, today, np.array([row.contract_id for row in plain], np.int64),
        np.array([row.amount for row in plain], np.int64), operation_id,
    )  # fmt: skip
    if len(posted.contract_ids):
        await write_operation(connection, operation_id, actor, "Debit", today, posted.digest)
    seqs = dict(zip(posted.contract_ids.tolist(), posted.seq.tolist(), strict=True))
    return {
        row.number: {
            "events": [(written("contract", row.contract_id), seqs[row.contract_id])],
            "operations": [written("operation", operation_id)],
        }
        for row in plain if row.contract_id in seqs
    }  # fmt: skip


def alone(rows: list[Row], judged: list[Row]) -> list[Row]:
    """Debits of one contract whose borrower no other row concerns: their order says nothing."""
    seen = Counter(row.borrower_id or borrower_of_contract(row.contract_id) for row in rows)
    return [
        row for row in judged
        if row.contract_id and row.code == COLLECTED
        and seen[borrower_of_contract(row.contract_id)] == 1
    ]  # fmt: skip
