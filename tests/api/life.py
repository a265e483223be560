"""Lifelike values for well-formed requests, so that each operation reaches what it is for.

``PLACES`` names, for an operation or for the placeholders of its path, things that are there; a
column that is no placeholder goes into body or query. Other values are picked by field.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import schemathesis
from msgspec import to_builtins
from msgspec.structs import replace

from tests.api.lived_in import LivedIn
from tests.oracle.sequences import line_terms, term_terms
from tests.risk.registering import CARD, register
from usance.platform.clock import SystemClock
from usance.risk.scorecards import AdoptScorecard

EVENTS = """SELECT contract_id, e.seq AS of, e.seq AS purchase FROM event e JOIN contract c
    USING (cell, contract_id) WHERE {which} AND c.status = 1 AND reversed_by = 0
    ORDER BY e.operation_id DESC LIMIT 12"""
ACTIVE = "SELECT contract_id FROM contract WHERE status = 1 AND {which} ORDER BY 1 DESC LIMIT 12"
HOLDS = """SELECT borrower_id, authorisation_id FROM authorisation WHERE status = 1
    ORDER BY 2 DESC LIMIT 3"""
ENDPOINT = """SELECT endpoint_id AS webhook_id FROM webhook_endpoint e WHERE deleted_at IS NULL
    AND {which} ORDER BY 1 DESC LIMIT 5"""
SECRETS = "(SELECT count(*) FROM webhook_secret s WHERE s.endpoint_id = e.endpoint_id) {}"
MESSAGES = """SELECT endpoint_id AS webhook_id, sequence FROM webhook_delivery
    JOIN webhook_endpoint USING (endpoint_id) WHERE deleted_at IS NULL AND {which}
    ORDER BY 1 DESC, 2 LIMIT 9"""
PROPOSALS = """SELECT proposal_id, encode(digest, 'hex') AS digest FROM proposal WHERE state = 1
    ORDER BY 1 DESC LIMIT 3"""
CASES = "SELECT case_id FROM case_file WHERE {which} ORDER BY 1 DESC LIMIT 2"
PROPOSED = """SELECT case_id, number AS proposal FROM case_outcome WHERE state = 1
    ORDER BY 1 DESC LIMIT 1"""
RELATIVES = """SELECT borrower_id, member_id FROM family_link WHERE {which}
    ORDER BY asked_at DESC LIMIT 9"""
PLACES = {
    "POST /v1/borrowers/{borrower_id}/lines":
        """SELECT b.borrower_id FROM borrower b LEFT JOIN line l USING (cell, borrower_id)
        WHERE l.product_id IS NULL ORDER BY 1 DESC LIMIT 3""",
    "POST /v1/borrowers/{borrower_id}/lines/{code}/close":
        """SELECT l.borrower_id, code FROM line l JOIN product USING (product_id)
        LEFT JOIN contract c ON c.borrower_id = l.borrower_id AND c.status = 1
            AND c.contract_id <> l.contract_id
        WHERE l.status = 1 AND held = 0 AND c.cell IS NULL ORDER BY l.contract_id, 1 LIMIT 9""",
    "POST /v1/borrowers/{borrower_id}/offers":
        """SELECT borrower_id, code AS product, '1200.00' AS principal FROM line
        JOIN product USING (product_id) WHERE status = 1 AND code = 'cash_loan'
        ORDER BY 1 DESC LIMIT 9""",
    "POST /v1/borrowers/{borrower_id}/offers/{offer_id}/shown":
        "SELECT borrower_id, offer_id FROM offer WHERE status = 1 ORDER BY 2 DESC LIMIT 9",
    "POST /v1/borrowers/{borrower_id}/offers/{offer_id}/confirmed":
        """SELECT borrower_id, sheet_id AS offer_id, encode(digest, 'hex') AS digest, nonce
        FROM cost_sheet WHERE shown_at IS NOT NULL AND contract_id = 0
        ORDER BY sheet_id DESC LIMIT 1""",
    "POST /v1/borrowers/{borrower_id}/offers/{offer_id}/accept":
        """SELECT borrower_id, sheet_id AS offer_id FROM cost_sheet
        WHERE confirmed_at IS NOT NULL AND contract_id = 0 ORDER BY sheet_id DESC LIMIT 1""",
    "GET /v1/products/{code}/cost-sheet": "SELECT 'pay_later' AS code",
    "POST /v1/borrowers/{borrower_id}/authorisations/{authorisation_id}/capture": HOLDS,
    "POST /v1/borrowers/{borrower_id}/authorisations/{authorisation_id}/void": HOLDS,
    "POST /v1/contracts/{contract_id}/plan-offers":
        EVENTS.format(which="c.kind = 2 AND e.kind = 2 AND e.amount >= 70000"),
    "POST /v1/contracts/{contract_id}/charge-backs": EVENTS.format(which="e.kind = 3"),
    "POST /v1/contracts/{contract_id}/reversals": EVENTS.format(which="e.kind IN (2, 3)"),
    "POST /v1/contracts/{contract_id}/refunds": EVENTS.format(which="c.kind = 2 AND e.kind = 2"),
    "POST /v1/contracts/{contract_id}/waivers":
        """SELECT contract_id, 'penalty' AS component, '0.01' AS amount FROM contract
        WHERE unpaid_penalty > 0 AND status = 1 ORDER BY 1 LIMIT 9""",
    "POST /v1/contracts/{contract_id}/purchases":
        ACTIVE.format(which="kind = 2 AND late_from = 0"),
    "POST /v1/contracts/{contract_id}/extensions": ACTIVE.format(which="kind = 1"),
    "POST /v1/contracts/{contract_id}/restructurings": ACTIVE.format(which="kind = 1"),
    "POST /v1/contracts/{contract_id}/settlement": ACTIVE.format(which="kind = 1"),
    "POST /v1/contracts/{contract_id}/payouts": ACTIVE.format(which="credit > 0"),
    "POST /v1/contracts/{contract_id}/recoveries":
        """SELECT contract_id FROM contract WHERE status = 3 AND unpaid_principal > 0
        ORDER BY 1 DESC LIMIT 3""",
    "POST /v1/contracts/{contract_id}/drawing-return":
        """SELECT contract_id, 'failed' AS reason FROM contract
        WHERE status = 1 AND kind = 1 AND parent_id = 0 ORDER BY 1 DESC LIMIT 12""",
    "POST /v1/contracts/{contract_id}/allocations":
        """SELECT c.contract_id, receipt_id FROM receipt r, contract c WHERE r.status = 1
        AND r.amount > 0 AND c.status = 1 ORDER BY 1 DESC, 2 DESC LIMIT 9""",
    "POST /v1/webhooks/{webhook_id}/secrets": ENDPOINT.format(which=SECRETS.format("= 1")),
    "POST /v1/webhooks/{webhook_id}/secrets/retirement":
        ENDPOINT.format(which=SECRETS.format("> 1")),
    "POST /v1/webhooks/{webhook_id}/test": ENDPOINT.format(which="active"),
    "POST /v1/webhooks/{webhook_id}/deliveries/{sequence}/redelivery":
        MESSAGES.format(which="state <> 0"),
    "webhook_id": ENDPOINT.format(which="true"),
    "sequence webhook_id": MESSAGES.format(which="true"),
    "GET /v1/audit/events/{operation_id}/proof":
        "SELECT operation_id FROM audit_leaf ORDER BY leaf_index LIMIT 9",
    "POST /v1/approvals/{proposal_id}/approve": PROPOSALS,
    "POST /v1/approvals/{proposal_id}/refuse": PROPOSALS,
    "POST /v1/approvals/{proposal_id}/revoke":
        """SELECT proposal_id FROM proposal JOIN machine_client ON author = 'machine:' || client_id
        WHERE state = 1 AND name = 'all' ORDER BY 1 DESC LIMIT 3""",
    "POST /v1/decisions": "SELECT borrower_id FROM borrower WHERE status = 1 ORDER BY 1 LIMIT 9",
    "POST /v1/borrowers/{borrower_id}/decided-lines":
        """SELECT b.borrower_id, code AS product FROM borrower b CROSS JOIN product p
        LEFT JOIN line l USING (cell, borrower_id) WHERE l.product_id IS NULL AND b.status = 1
        AND code <> 'instalment_plan' ORDER BY 1 DESC LIMIT 3""",
    "POST /v1/borrowers/{borrower_id}/decided-offers":
        """SELECT borrower_id, code AS product, '1200.00' AS principal FROM line
        JOIN product USING (product_id) WHERE status = 1 AND code = 'cash_loan'
        ORDER BY 1 DESC LIMIT 9""",
    "POST /v1/contracts/{contract_id}/decided-extensions":
        """SELECT contract_id FROM contract c WHERE status = 1 AND kind = 1 AND NOT EXISTS (
            SELECT FROM lateness l WHERE l.cell = c.cell AND l.contract_id >> 12 = c.borrower_id)
        AND NOT EXISTS (SELECT FROM event e WHERE e.cell = c.cell AND e.kind = 13
            AND e.contract_id >> 12 = c.borrower_id)
        ORDER BY opened_on DESC, 1 DESC LIMIT 9""",
    "POST /v1/decisions/{decision_id}/review":
        """SELECT decision_id FROM decision LEFT JOIN decision_review USING (cell, borrower_id,
        decision_id) WHERE number IS NULL AND NOT shadow ORDER BY 1 DESC LIMIT 9""",
    "borrower_id limit_offer_id":
        """SELECT o.borrower_id, o.offer_id AS limit_offer_id FROM limit_offer o
        LEFT JOIN limit_answer a USING (cell, borrower_id, offer_id)
        WHERE a.state IS NULL AND o.kind = 1 ORDER BY 2 DESC LIMIT 2""",
    "POST /v1/borrowers/{borrower_id}/lines/{code}/temporary-raises":
        """SELECT l.borrower_id, 'pay_later' AS code, business_date AS until,
            (l.limit_amount / 10000 + 1) * 100 || '.00' AS "limit"
        FROM line l JOIN product p ON p.product_id = l.product_id AND p.code = 'pay_later'
        JOIN tier t USING (cell, borrower_id) LEFT JOIN limit_offer o USING (cell, borrower_id)
        CROSS JOIN book
        WHERE l.status = 1 AND t.tier < 2 AND o.offer_id IS NULL ORDER BY 1 DESC LIMIT 2""",
    "decision_id": "SELECT decision_id FROM decision ORDER BY 1 DESC LIMIT 9",
    "POST /v1/cases": "SELECT borrower_id FROM borrower ORDER BY recorded_at DESC LIMIT 3",
    "POST /v1/cases/{case_id}/messages": CASES.format(which="state = 1"),
    "POST /v1/cases/{case_id}/attachments": CASES.format(which="state = 1 AND attachments < 9"),
    "POST /v1/cases/{case_id}/assignment":
        """SELECT case_id, staff_id FROM case_file, staff WHERE state = 1 AND name = 'demo'
        ORDER BY 1 DESC LIMIT 2""",
    "POST /v1/cases/{case_id}/proposals":
        CASES.format(which="state = 1 AND outcomes = 0 AND assignee > 0"),
    "POST /v1/cases/{case_id}/extensions":
        CASES.format(which="state = 1 AND extensions = 0 AND assignee > 0"),
    "POST /v1/cases/{case_id}/decision": PROPOSED,
    "POST /v1/cases/{case_id}/withdrawal": CASES.format(which="state = 1"),
    "POST /v1/cases/{case_id}/closing": CASES.format(which="state = 3"),
    "POST /v1/cases/{case_id}/reopening": CASES.format(which="state > 3 OR state = 3"),
    "GET /v1/consent-documents/{code}":
        "SELECT DISTINCT document_id AS code FROM consent_document ORDER BY 1",
    "POST /v1/consent-documents/{code}/versions/{number}/retirement":
        """SELECT document_id AS code, version AS number, current_date + 1 AS retired_on
        FROM consent_document
        WHERE retired_on IS NULL AND document_id LIKE 'family%' ORDER BY 1, 2""",
    "POST /v1/borrowers/{borrower_id}/consents":
        """SELECT borrower_id, document_id AS document, version FROM borrower, consent_document
        WHERE document_id IN ('notices-marketing', 'bureau-pull') AND borrower.status = 1
        ORDER BY 1 LIMIT 18""",
    "POST /v1/borrowers/{borrower_id}/bureau-pulls":
        """SELECT c.borrower_id FROM consent c LEFT JOIN bureau_pull p
            ON p.borrower_id = c.borrower_id AND p.state = 1
        WHERE c.document_id = 'bureau-pull' AND c.state = 1 AND p.pull_id IS NULL
        ORDER BY 1 LIMIT 9""",
    "borrower_id pull_id": "SELECT borrower_id, pull_id FROM bureau_pull ORDER BY 2 LIMIT 9",
    "borrower_id record_id": "SELECT borrower_id, record_id FROM consent ORDER BY 2 DESC LIMIT 9",
    "POST /v1/borrowers/{borrower_id}/relatives":
        """SELECT b.borrower_id FROM borrower b LEFT JOIN family_link l USING (cell, borrower_id)
        WHERE b.status = 1 AND l.member_id IS NULL ORDER BY 1 DESC LIMIT 30""",
    "POST /v1/borrowers/{borrower_id}/relatives/{member_id}/resumption":
        RELATIVES.format(which="state = 3"),
    "borrower_id notice_id": """SELECT n.borrower_id, n.notice_id FROM notice n
        JOIN notice_step USING (cell, borrower_id, notice_id)
        WHERE member_id = 0 ORDER BY 2 DESC LIMIT 9""",
    "channel code": """SELECT name AS channel, kind AS code FROM breaker WHERE state = 'open'
        ORDER BY 1 LIMIT 9""",
    "borrower_id member_id": RELATIVES.format(which="state < 3"),
    "GET /v1/products/{code}": "SELECT code FROM product ORDER BY 1",
    "POST /v1/suspicious-messages/{report_id}/closing":
        "SELECT report_id FROM suspicious_report WHERE state = 1 ORDER BY 1 DESC LIMIT 3",
    "report_id": "SELECT report_id FROM suspicious_report ORDER BY 1 DESC LIMIT 9",
    "POST /v1/verification/alarms/{number}/acknowledgement":
        """SELECT alarm_id AS number FROM verify_alarm WHERE acknowledged_at IS NULL
        ORDER BY 1 DESC LIMIT 3""",
    "POST /v1/alerts/{alert_id}/take":
        "SELECT alert_id FROM alert WHERE state = 1 ORDER BY 1 DESC LIMIT 3",
    "POST /v1/alerts/{alert_id}/close":
        """SELECT alert_id FROM alert JOIN staff ON owner = staff_id
        WHERE state = 2 AND name = 'second' ORDER BY 1 DESC LIMIT 3""",
    "alert_id": "SELECT alert_id FROM alert ORDER BY 1 DESC LIMIT 9",
    "number": "SELECT alarm_id AS number FROM verify_alarm ORDER BY 1 DESC LIMIT 9",
    "policy_id": "SELECT DISTINCT policy_id FROM policy_version ORDER BY 1",
    "template_id": "SELECT DISTINCT template_id FROM notice_template ORDER BY 1 LIMIT 9",
    "borrower_id": "SELECT borrower_id FROM borrower ORDER BY 1",
    "borrower_id code": """SELECT borrower_id, code FROM line JOIN product USING (product_id)
        WHERE status = 1 ORDER BY 1, 2""",
    "borrower_id offer_id": "SELECT borrower_id, offer_id FROM offer ORDER BY 2 LIMIT 12",
    "authorisation_id borrower_id":
        "SELECT borrower_id, authorisation_id FROM authorisation ORDER BY 2 LIMIT 12",
    "contract_id": "SELECT contract_id FROM contract ORDER BY status, kind, 1",
    "contract_id number": "SELECT contract_id, number FROM statement ORDER BY 1, 2 LIMIT 9",
    "proposal_id": "SELECT proposal_id FROM proposal ORDER BY 1 DESC LIMIT 9",
    "case_id": CASES.format(which="true"),
    "case_id number":
        "SELECT case_id, number FROM case_attachment ORDER BY attachment_id DESC LIMIT 3",
    "operation_id": "SELECT operation_id FROM operation ORDER BY 1 DESC LIMIT 9",
    "file_id": "SELECT file_id FROM bank_file ORDER BY 1",
    "receipt_id": "SELECT receipt_id FROM receipt ORDER BY status, 1 DESC LIMIT 3",
    "business_date": "SELECT business_date FROM day_close ORDER BY 1 DESC LIMIT 9",
    "code": "SELECT unnest('{R-IDEM-01,R-ALLOC-01,R-CLOSE-03}'::text[]) AS code",
}  # fmt: skip
FILE = """reference,id,amount,result_code,value_date,bank_transaction_id
{key},{contract_id},5.00,00,{day},t1
{key}-2,c-1001,5.00,R01,{day},
"""

Pick = Callable[[Any], Any]


def give_life(case: schemathesis.Case, book: LivedIn, *, whole: bool) -> None:
    """Real ids and lifelike values; unless ``whole``, one part in five stays as it came."""
    pick = picker(repr((case.path_parameters, case.body, case.query)))
    found: dict[str, Any] = {}
    if whole or pick(range(5)):
        found = place(case, book, pick)
        case.path_parameters = {
            name: found.get(name, value) for name, value in (case.path_parameters or {}).items()
        }
    if (whole or pick(range(5))) and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = book.fresh_key()
    if whole or pick(range(5)):
        put_values(case, book, found, pick)


def put_values(case: schemathesis.Case, book: LivedIn, found: dict[str, Any], pick: Pick) -> None:
    """Into body and query; what is not required is there or not."""
    label, today = case.operation.label, book.today()
    if label == "POST /v1/quote":
        case.body = {"terms": pick((term_terms, line_terms))(random.Random(pick(range(1000))))}
    elif label == "POST /v1/bank-files":
        contract = pick(book.rows(ACTIVE.format(which="kind = 1")))["contract_id"]
        case.body = FILE.format(key=book.fresh_key(), contract_id=contract, day=today)
    elif label == "POST /v1/cases/{case_id}/attachments":
        case.body = "Hello"
    elif label in ("POST /v1/notice-templates", "POST /v1/notice-templates/check"):
        case.body = template(book)
    elif label in ("POST /v1/policies", "POST /v1/policies/check"):
        case.body = policy(book)
    elif label == "POST /v1/policies/{policy_id}/as-before":
        case.body = {"version": 1, "effective_on": str(today)}
    elif label == "POST /v1/scorecards":
        case.body = to_builtins(scorecard(book))
    elif label == "POST /v1/alerts/{alert_id}/close":
        case.body = {"outcome": "false", "reason": "paid-since"}
    elif label == "POST /v1/policies/diff":
        case.body = {"policy": policy(book)}
    elif label == "POST /v1/consent-documents":
        case.body = consent_document(book)
    elif label == "POST /v1/borrowers/{borrower_id}/facts":
        case.body = {"name": "student", "source": "declared", "value": pick((True, False)),
                     "observed_at": SystemClock().now().isoformat()}  # fmt: skip
    elif label == "POST /v1/borrowers/{borrower_id}/relatives":
        case.body = nomination(pick)
    elif label == "POST /v1/decisions":
        case.body = {"kind": pick(("tier", "extension", "open")), "borrower_id": found.get(
            "borrower_id", "b-1"), "declared": {"student": False}}  # fmt: skip
    elif label.endswith("/decided-lines"):
        case.body = {"product": found.get("product", "pay_later"), "declared": {"student": False}}
    elif label.endswith("/decided-offers"):
        case.body = {"product": "cash_loan", "principal": "1200.00", "instalments": 6}
    elif label == "POST /v1/family/stop":
        case.body = {"code": stop_code(book, pick), "never": False}
    elif label == "POST /v1/borrowers/search":
        case.body = {"phone": book.phone}
    elif isinstance(case.body, dict):
        case.body = valued(case.body, fields(today) | {n: [v] for n, v in found.items()}, pick)
    if label == "GET /v1/audit/consistency":
        sizes = [row["size"] for row in book.rows("SELECT size FROM audit_checkpoint")]
        case.query = {"old": min(sizes), "new": pick(sizes)}
    elif case.query:
        case.query = valued(case.query, fields(today), pick)


def nomination(pick: Pick) -> dict[str, Any]:
    """A relative with a number of their own."""
    return {
        "name": "李梅", "relation": pick(("parent", "spouse")), "scopes": ["plan"],
        "phone": f"139{pick(range(10**8)):08}", "channels": ["sms"], "versions": {"plan": 1},
        "language": "en", "method": "portal",
    }  # fmt: skip


def stop_code(book: LivedIn, pick: Pick) -> str:
    """The code of a message to a relative."""
    found = book.site.fetch("SELECT borrower_id, member_id FROM family_link LIMIT 30")
    if not found:
        return "ABCDE-FGHJK"
    borrower_id, member_id = pick([tuple(each) for each in found])

    async def secret() -> str:
        async with book.site.pool.acquire() as connection:
            members = book.site.services.family.members
            return str((await members.secrets(connection, borrower_id, member_id))["stop"])

    return str(book.run(secret()))


def template(book: LivedIn) -> dict[str, Any]:
    """The next version of a template."""
    (row,) = book.rows("""SELECT body FROM notice_template WHERE template_id = 'paid'
        ORDER BY version DESC LIMIT 1""")
    last = json.loads(row["body"])
    again = {"version": last["version"] + 1, "effective_on": str(book.today())}
    return {**last, **again}


def policy(book: LivedIn) -> dict[str, Any]:
    """The next version of a policy."""
    (row,) = book.rows("""SELECT body FROM policy_version WHERE policy_id = 'cn-tier'
        ORDER BY version DESC LIMIT 1""")
    last = json.loads(row["body"])
    again = {"version": last["version"] + 1, "effective_on": str(book.today())}
    return {**last, **again}


def scorecard(book: LivedIn) -> AdoptScorecard:
    """The next version of a scorecard, with other points."""
    ((last,),) = book.site.fetch(
        "SELECT coalesce(max(version), 0) FROM scorecard_version WHERE name = $1", CARD.name
    )
    return register(last + 1, card=replace(CARD, base=CARD.base + last), on=book.today())


def consent_document(book: LivedIn) -> dict[str, Any]:
    """The next version of a document that people agree to."""
    (row,) = book.rows("""SELECT body, current_date + 1 AS tomorrow FROM consent_document
        WHERE document_id = 'notices-marketing' ORDER BY version DESC LIMIT 1""")
    last = json.loads(row["body"])
    again = {"version": last["version"] + 1, "effective_on": str(row["tomorrow"])}
    return {**last, **again}


def valued(given: dict[str, Any], values: dict[str, Any], pick: Pick) -> dict[str, Any]:
    """The same fields with lifelike values."""
    return {name: pick(values[name]) if name in values else each for name, each in given.items()}


def fields(today: date) -> dict[str, Any]:
    """Choices by the name of a field."""
    amounts = ["0.01", "5.00", "120.00", "700.00", "3000.00"]
    return {
        "amount": amounts, "principal": amounts, "limit": ["5000.00", "20000.00"],
        "currency": ["CNY"], "product": ["pay_later", "cash_loan"], "amortisation": [""],
        "effective_on": [str(today - timedelta(days)) for days in (0, 0, 1, 30)],
        "business_date": [str(today)], "retired_on": [str(today)],
        "first_due_on": [str(today + timedelta(30))],
        "instalments": [3, 6, 12], "annual_rate": ["0.12"],
        "days": [1, 7], "on": [str(today - timedelta(days)) for days in (0, 40)],
        "statement_day": [0, 9], "valid_days": [1, 7], "merchant": ["Tea"],
        "url": ["https://hooks.example.com/in"], "types": [["day.closed"]], "active": [True],
        "state": ["", "waiting", "given_up"], "decision": ["given", "refused"],
        "method": ["paper"], "evidence": ["Signed on paper."], "scopes": [[]], "channels": [[]],
        "name": ["王小明", "Ann"], "phone": [f"1391234567{n}" for n in range(10)],
        "identity_number": [f"ID{n:08}" for n in range(10)], "email": ["", "a@example.org"],
        "reason": ["seen by two of us"], "stopped": ["send"],
        "ways": [["sms"], ["email", "inbox"]], "refused": [[]], "opens": [540], "closes": [1200],
        "zone": ["", "Asia/Shanghai"], "reasons": ["We look at it."], "text": ["Twice!"],
        "note": ["No."],
        "jurisdiction": ["", "GB"], "way": ["note", "from_borrower"], "subject": [None],
        "code": ["4F7QK-2M9XA"], "digits": ["4821"], "sender": ["", "95001"],
        "address": [f"10.{n}.7.1" for n in range(60)],
        "kind": ["complaint", "dispute"], "remedy": [None], "wait": [False],
        "figure": ["pay-off", "due-now", "running", "dpd", "unpaid-interest", "event",
                   "asked-interest", "paid", "required"], "number": [0, 1, 2], "cursor": [""],
    }  # fmt: skip


def place(case: schemathesis.Case, book: LivedIn, pick: Pick) -> dict[str, Any]:
    """Something that is there, for the placeholders of the path."""
    names, label = " ".join(sorted(case.path_parameters or {})), case.operation.label
    if not names and label not in PLACES:
        return {}
    found = book.rows(PLACES[label] if label in PLACES else PLACES[names])
    found = found or (book.rows(PLACES[names]) if names else [])
    return dict(pick(found)) if found else {}


def picker(text: str) -> Pick:
    """Picks that hang on the case alone, so that a failure can be repeated."""
    state = zlib.crc32(text.encode())

    def pick(choices: Any) -> Any:
        nonlocal state
        state = zlib.crc32(state.to_bytes(4, "big"))
        return choices[state % len(choices)]

    return pick
