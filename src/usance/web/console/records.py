"""Products, rules, operations and the bank's files."""

import asyncio
from contextlib import suppress
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile

from usance.core.identifiers import written
from usance.core.refusals import Refusal, Refused
from usance.identity.permissions import STAFF
from usance.servicing import debit_file, read
from usance.servicing.debit_rows import HEADER
from usance.web import rulebook
from usance.web.console.borrowers import operation_cursor
from usance.web.console.render import (
    Asked,
    Number,
    Word,
    language_of,
    moved,
    services,
    show,
)
from usance.web.problems import not_found
from usance.web.security import needs

PAGE = 50
FILE_MAX = 16_000_000
"""Bytes of a bank file."""


@get("/products", opt=needs("products:read"))
async def products(request: Asked) -> Response[str]:
    """All products."""
    found = await read.products(services(request).pool)
    return await show(request, "products.html", products=list(found.values()))


@get("/products/{code:str}", opt=needs("products:read"))
async def product(request: Asked, code: Word) -> Response[str]:
    """A product with its terms."""
    found = await read.products(services(request).pool)
    one = next((p for p in found.values() if p.code == code), None)
    if one is None:
        raise not_found("product")
    return await show(request, "product.html", product=one)


@get("/operations", opt=needs("operations:read"))
async def operations(request: Asked) -> Response[str]:
    """Everything that changed the book, newest first."""
    before = operation_cursor(request)
    rows = await read.operations(services(request).pool, before=before, limit=PAGE + 1)
    return await show(
        request, "operations.html", rows=rows[:PAGE], borrower="",
        next=written("operation", rows[PAGE - 1]["operation_id"]) if len(rows) > PAGE else "",
    )  # fmt: skip


@get("/rules", opt=needs(STAFF))
async def rules(request: Asked) -> Response[str]:
    """Every rule, by the document that says it."""
    found: dict[str, list[rulebook.RuleText]] = {}
    for each in rulebook.rule_texts(language_of(request)).values():
        found.setdefault(each.document.rpartition("/")[2], []).append(each)
    return await show(request, "rules.html", documents=found)


@get("/rules/{name:str}", opt=needs(STAFF))
async def rule_page(request: Asked, name: Word) -> Response[str]:
    """One rule: its sentence, what it rests on, where it lives, and its tests."""
    found = rulebook.rule_text(name, language_of(request))
    if found is None:
        raise not_found("rule")
    places = await asyncio.to_thread(rulebook.lives, name)
    tests = await asyncio.to_thread(rulebook.tests_of, name)
    return await show(request, "rule.html", rule=found, places=places, tests=tests)


@get("/bank-files", opt=needs("files:read"))
async def bank_files(request: Asked) -> Response[str]:
    """The bank's debit-result files, newest first."""
    return await files_page(request)


async def files_page(request: Asked, refusal: Refusal | None = None) -> Response[str]:
    """The list with the form, and what was refused."""
    before = read.LAST
    with suppress(ValueError):
        before = min(int(request.query_params.get("before", "")), read.LAST)
    rows = await read.bank_files(services(request).pool, before, PAGE + 1)
    return await show(
        request, "bank_files.html", status=422 if refusal else 200, rows=rows[:PAGE],
        refusal=refusal, columns=",".join(HEADER),
        next=rows[PAGE - 1]["file_id"] if len(rows) > PAGE else 0,
    )  # fmt: skip


@post("/bank-files", opt=needs("files:write"), request_max_body_size=FILE_MAX)
async def upload(request: Asked) -> Response[Any]:
    """Load a file; one that was loaded before is recognised by its content."""
    form = await request.form()
    sent = form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        return await files_page(request, Refusal("R-FORM-01", "choose a file", "file"))
    try:
        book = services(request).posting
        loaded = await debit_file.load(
            book, sent.filename, await sent.read(), request.user.actor
        )
    except Refused as refused:
        return await files_page(request, refused.refusal)
    return moved(f"/console/bank-files/{loaded.file_id}")


@get("/bank-files/{file_id:int}", opt=needs("files:read"))
async def bank_file(request: Asked, file_id: Number) -> Response[str]:
    """One file: outcomes in sums, and row by row."""
    after = -1
    with suppress(ValueError):
        after = min(int(request.query_params.get("after", "")), 2**31 - 1)
    found = await read.bank_file(services(request).pool, min(file_id, read.LAST), after, 201)
    if found is None:
        raise not_found("file")
    rows = found.rows[:200]
    return await show(
        request, "bank_file.html", found=found, rows=rows,
        next=rows[-1]["row"] if len(found.rows) > 200 else 0,
    )  # fmt: skip


HANDLERS = [
    products, product, operations, rules, rule_page, bank_files, upload, bank_file,
]
