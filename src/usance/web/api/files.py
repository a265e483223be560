"""The bank's debit-result files: one in, an outcome for each row out."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from usance.identity.once import Answer
from usance.servicing import debit_file
from usance.servicing import read as models
from usance.web.api import views
from usance.web.api.endpoint import Asked, Empty, change, read
from usance.web.api.paging import Page, PageQuery, page, position
from usance.web.api.values import iso, spelled
from usance.web.problems import not_found

FILE_MAX = 16_000_000


class NameQuery(Struct, forbid_unknown_fields=True):
    """The file's name, as the bank gave it."""

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class FileView(Struct):
    """A file that was loaded."""

    file_id: int
    name: str
    value_date: str | None
    rows: int
    operation_id: str | None
    recorded_at: str


class RowView(Struct):
    """What came of a row."""

    row: int
    reference: str
    borrower_id: str | None
    contract_id: str | None
    amount: str
    result: str
    outcome: str
    detail: Any


@change("POST", "/v1/bank-files", "files:write", media_type="text/csv", body_max=FILE_MAX)
async def load_bank_file(asked: Asked[NameQuery]) -> Answer:
    """Load a debit-result file: an outcome for each row. The same content is loaded once."""
    book = asked.services.posting
    key = debit_file.Key(asked.key, asked.request_hash)
    found = await debit_file.load(book, asked.query.name, asked.raw, asked.caller.actor, key)
    document = {
        "file_id": found.file_id,
        "name": found.name,
        "operation_id": spelled("operation", found.operation_id),
        "rows": [
            {"row": each.row, "reference": each.reference, "outcome": each.outcome,
             "amount": asked.money.say(each.amount), "detail": each.detail}
            for each in found.rows
        ],
    }  # fmt: skip
    return Answer(201, document, found.operation_id, found.replayed)


@read("/v1/bank-files", "files:read")
async def bank_files(asked: Asked[PageQuery]) -> Page[FileView]:
    """Files that were loaded, newest first."""
    before = position(asked.query, models.LAST)
    rows = await models.bank_files(asked.services.pool, before, asked.query.limit)
    items = [file_view(row) for row in rows]
    return page(items, asked.query, items[-1].file_id if items else 0)


@read("/v1/bank-files/{file_id}", "files:read")
async def bank_file(asked: Asked[Empty]) -> FileView:
    """One file."""
    return file_view((await found_file(asked, 0, 1)).file)


@read("/v1/bank-files/{file_id}/rows", "files:read")
async def bank_file_rows(asked: Asked[PageQuery]) -> Page[RowView]:
    """The outcome of each row, in the order of the file."""
    after = position(asked.query, -1, 2**31 - 1)
    found = await found_file(asked, after, asked.query.limit)
    items = [row_view(row, asked) for row in found.rows]
    return page(items, asked.query, items[-1].row if items else 0)


async def found_file(asked: Asked[Any], after: int, limit: int) -> models.BankFile:
    """The file of the path; 404 without one."""
    found = await models.bank_file(asked.services.pool, asked.at["file_id"], after, limit)
    if found is None:
        raise not_found("file", "file_id")
    return found


def file_view(row: views.Row) -> FileView:
    """A file."""
    return FileView(
        file_id=row["file_id"], name=row["name"], value_date=iso(row["value_date"]),
        rows=row["rows"], operation_id=spelled("operation", row["operation_id"]),
        recorded_at=row["recorded_at"].isoformat(),
    )  # fmt: skip


def row_view(row: views.Row, asked: Asked[Any]) -> RowView:
    """A row."""
    return RowView(
        row=row["row"], reference=row["reference"],
        borrower_id=spelled("borrower", row["borrower_id"]),
        contract_id=spelled("contract", row["contract_id"]),
        amount=asked.money.say(row["amount"]), result=row["result"], outcome=row["outcome"],
        detail=msgspec.json.decode(row["detail"]),
    )  # fmt: skip
