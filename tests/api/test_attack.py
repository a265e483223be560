"""Schemathesis against the whole API of a lived-in book: nothing breaks, lies, or writes unasked.

Each operation meets boundary cases and random ones, well-formed and not. Well-formed cases are
given real ids and lifelike values, so that they reach the book and not only its door.
"""

from __future__ import annotations

import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from schemathesis import openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
)

from tests.api.life import give_life
from tests.api.lived_in import HANDLED, LivedIn, lived_in, new_cases, newcomers
from usance.day import verify
from usance.web.api.openapi import document
from usance.web.api.routes import ENDPOINTS

FIRST_CASES = 60
"""Of each operation, to which a key without its scope is tried."""
DECIDED = {"decision", "decision_words", "idempotency", "operation"}
"""What an act leaves that was decided first and not granted: the decision."""
DECIDED_FIRST = ("R-DECIDE-09", "R-LIMIT-08")
"""Refusals that may come of a decision, which is kept: the borrower sees why."""
AUDITED = "2 with an audit event"
SEED = zlib.crc32(os.environ.get("USANCE_SEED", "attack").encode())
ACCEPTED = ["2xx", "404", "409", "422", "429"]
"""A well-formed request is carried out, or refused by a rule of the book."""

CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}}
)
schema = openapi.from_dict(json.loads(document()), config=CONFIG)
SCOPE = {(each.method, each.path): each.permission for each in ENDPOINTS}


@pytest.fixture(scope="module")
def book(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivedIn]:
    home = Path(tmp_path_factory.mktemp("attack"))
    with lived_in(module_database, home, borrowers=10, months=3) as found:
        yield found
        assert found.run(verify.run(found.site.pool)) == []


@pytest.fixture
def met(request: pytest.FixtureRequest, book: LivedIn) -> Iterator[Counter[str]]:
    """What an operation answered; it must have been reached, refused, and closed to others."""
    newcomers(book)
    if "cases" in request.node.name:
        new_cases(book)
    found: Counter[str] = Counter()
    yield found
    kinds = {answer[0] for answer in found}
    assert {"2", "4"} <= kinds, f"{request.node.name} was one-sided: {dict(found)}"
    done = any(answer.startswith("201") for answer in found)
    assert found[AUDITED] or not done, f"{request.node.name} left no audit event (R-AUDIT-01)"
    assert found["403 without scope"], f"{request.node.name} was open: {dict(found)}"


EVERY = {
    "deadline": None, "database": None, "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}  # fmt: skip


@schema.parametrize()
@seed(SEED)
@settings(max_examples=12, **EVERY)
def test_no_request_breaks_the_api(
    case: schemathesis.Case, book: LivedIn, met: Counter[str]
) -> None:
    attack(case, book, met)


@pytest.mark.soak
@schema.parametrize()
@settings(max_examples=400, **EVERY)
def test_no_request_breaks_the_api_for_long(
    case: schemathesis.Case, book: LivedIn, met: Counter[str]
) -> None:
    attack(case, book, met)


def attack(case: schemathesis.Case, book: LivedIn, met: Counter[str]) -> None:
    """One request: closed to others, answered as documented; a refusal writes nothing."""
    if case.meta is not None and case.meta.generation.mode.is_positive:
        give_life(case, book, whole=not any(each.startswith("2") for each in met))
    before = book.written()
    if met.total() < FIRST_CASES:
        met[f"{refused_without_scope(case, book)} without scope"] += 1
    permission = SCOPE[case.operation.method.upper(), case.operation.path]
    answer = case.call_and_validate(
        base_url=book.site.address, session=book.session,
        headers=book.credentials(permission, case.operation.path),
        excluded_checks=left_out(case),
    )  # fmt: skip
    met[f"{answer.status_code} {rule_of(answer)}"] += 1
    if answer.status_code == 201:
        book.settle_down()
        tables = {str(row[0]) for row in book.written() ^ before} - {"idempotency"}
        assert not tables or "operation" in tables, f"{tables} changed without an audit event"
        met[AUDITED] += "operation" in tables
    if answer.status_code >= 400:
        changed = {str(row[0]) for row in book.written() ^ before}
        allowed = DECIDED if rule_of(answer) in DECIDED_FIRST else set()
        assert changed <= allowed, f"{answer.status_code} wrote {changed}"


def left_out(case: schemathesis.Case) -> list[Any]:
    """Checks that do not fit this request."""
    found: list[Any] = [negative_data_rejection] if says_nothing_odd(case) else []
    if case.operation.path in HANDLED:  # asked by a session, though a key may have the scope
        case.headers.pop("Authorization", None)
        found += [ignored_auth, missing_required_header]
    return found


def says_nothing_odd(case: schemathesis.Case) -> bool:
    """Whether parameters that the operation does not know vanish on the way: they have no value."""
    unknown = set(case.query or {}) - {each.name for each in case.operation.query}
    if not unknown:
        return False
    how = case.as_transport_kwargs(base_url="http://usance.test")
    address = requests.Request("GET", how["url"], params=how.get("params")).prepare().url
    sent = parse_qs(urlsplit(str(address)).query, keep_blank_values=True)
    return not unknown & sent.keys()


def refused_without_scope(case: schemathesis.Case, book: LivedIn) -> int:
    """A key with every scope but the one that is needed; what is no route is none for it either."""
    scope = SCOPE[case.operation.method.upper(), case.operation.path]
    key = book.key_without.get(scope, book.key)  # no key has what is for people alone
    answer = case.call(
        base_url=book.site.address, session=book.session,
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip
    assert rule_of(answer) in ("R-AUTH-01", "R-AUTH-02", "R-HTTP-01", "R-HTTP-02"), answer.text
    return answer.status_code


def rule_of(answer: schemathesis.Response) -> str:
    """The rule that a refusal names."""
    return str(answer.json()["rule"]) if answer.status_code >= 400 else ""
