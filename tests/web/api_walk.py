"""Every changing route of the API, each reached with a valid request."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from msgspec import structs, to_builtins

from tests.risk.registering import register, says
from tests.risk.warned import planted
from tests.web.api_site import Site
from tests.web.limit_offers import good_tier, offered
from tests.web.walking import Walk
from usance.consents.documents import shipped
from usance.core.identifiers import parse, written
from usance.identity import portal_store
from usance.identity.staff import StaffSession
from usance.notices import sealing
from usance.web.api.routes import ENDPOINTS

PASSWORD = "correct horse battery"
DONE = (201, 202)
HEAD = "reference,id,amount,result_code,value_date,bank_transaction_id\n"
BORROWER, CONTRACT = "/v1/borrowers/{borrower_id}", "/v1/contracts/{contract_id}"
CASE, HOOK = "/v1/cases/{case_id}", "/v1/webhooks/{webhook_id}"
HOLD = BORROWER + "/authorisations"


def changing_routes() -> set[str]:
    """Method and path of each."""
    return {f"{each.method} {each.path}" for each in ENDPOINTS if each.changes}


@dataclass
class Caller:
    """Whoever asks: a machine, or a member of staff with a session."""

    walk: Walk
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    number: int = 0
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def site(self) -> Site:
        return self.walk.site

    async def does(
        self, route: str, *at: str | int, content: bytes = b"", kind: str = "", query: str = "",
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """One request; the document that it was answered with."""
        method, _, path = route.partition(" ")
        places = iter(at)
        address = re.sub(r"{\w+}", lambda _: str(next(places)), path) + query
        headers = {"idempotency-key": f"walk-{next(self.numbers)}", "x-csrf-token": self.csrf}
        more: dict[str, Any] = {"json": {} if body is None else body}
        if kind:
            more, headers = {"content": content}, headers | {"content-type": kind}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={each}" for name, each in self.cookies.items())

        async def send() -> httpx.Response:
            request = self.site.client.build_request(method, address, headers=headers, **more)
            if self.cookies:
                del request.headers["authorization"]
            return await self.site.client.send(request)

        answer = await self.walk.step(route, send, DONE)
        document: dict[str, Any] = answer.json()
        return document


async def member(walk: Walk, name: str, numbers: Any, *roles: str) -> Caller:
    """A member of staff with a session."""
    staff = walk.site.services.staff
    number = await staff.create(
        name, PASSWORD, roles or ("service", "operations", "supervisor")
    )
    token, session = await staff.log_in(name, PASSWORD)
    assert isinstance(session, StaffSession)
    return Caller(walk, {"usance_session": token}, session.csrf, number, numbers)


async def walk_api(walk: Walk) -> None:
    """From the first borrower to the day close."""
    host = Caller(walk)
    anna = await member(walk, "anna", host.numbers)
    bert = await member(walk, "bert", host.numbers)
    borrower = await registered(host)
    line = {"product": "pay_later", "limit": "50000.00"}
    account = (await host.does(f"POST {BORROWER}/lines", borrower, body=line))["contract_id"]
    cash = line | {"product": "cash_loan", "limit": "90000.00"}
    await host.does(f"POST {BORROWER}/lines", borrower, body=cash)
    await lines(host, borrower)
    await on_the_account(host, borrower, account)
    await on_loans(host, borrower)
    await second_persons(host, bert, borrower)
    await bank_money(host, account)
    await cases(host, anna, bert, borrower)
    await decisions(host)
    await limits(host)
    await webhooks(host)
    await relatives(host, borrower)
    await consents(walk, host, borrower)
    await facts(walk, host, borrower)
    await templates(host)
    await policies(walk, host)
    await alerts(walk, host, borrower)
    await forgeries(host, borrower)
    await told(walk, host, borrower)
    await host.does(f"POST {BORROWER}/portal-links", borrower, body={"target": "pay"})
    today = await walk.site.pool.fetchval("SELECT business_date FROM book")
    await host.does("POST /v1/day/closes", body={"business_date": str(today)})


async def registered(host: Caller) -> str:
    n = next(host.numbers)
    person = {"name": "Ann", "phone": f"1381234{n:04}", "identity_number": f"ID{n:08}"}
    return str((await host.does("POST /v1/borrowers", body=person))["borrower_id"])


async def lines(host: Caller, borrower: str) -> None:
    await host.does(f"PUT {BORROWER}/lines/{{code}}/limit", borrower, "pay_later",
                    body={"limit": "40000.00"})  # fmt: skip
    other = await registered(host)
    cash = {"product": "cash_loan", "limit": "9000.00"}
    await host.does(f"POST {BORROWER}/lines", other, body=cash)
    await host.does(f"POST {BORROWER}/lines/{{code}}/close", other, "cash_loan")


async def amount(host: Caller, name: str, contract: str, text: str, **more: Any) -> int:
    """An act on a contract with an amount; the number of its event."""
    done = await host.does(f"POST {CONTRACT}/{name}", contract, body={"amount": text, **more})
    return int(done["event"]["seq"]) if "event" in done else 0


async def on_the_account(host: Caller, borrower: str, account: str) -> None:
    """Holds, purchases, a plan, a credit balance."""
    wanted = {"product": "pay_later", "amount": "70.00", "merchant": "Tea"}
    holds = [(await host.does(f"POST {HOLD}", borrower, body=wanted))["authorisation_id"]
             for _ in range(2)]  # fmt: skip
    one = f"{HOLD}/{{authorisation_id}}"
    await host.does(f"POST {one}/capture", borrower, holds[0], body={"amount": "30.00"})
    await host.does(f"POST {one}/void", borrower, holds[1])
    bought = await amount(host, "purchases", account, "900.00")
    await amount(host, "refunds", account, "10.00", of=bought)
    bought = await amount(host, "purchases", account, "1200.00")
    plan = {"instalments": 3, "purchase": bought}
    await host.does(f"POST {CONTRACT}/plan-offers", account, body=plan)
    await host.does(f"PUT {CONTRACT}/statement-day", account, body={"day": 9})
    await amount(host, "repayments", account, "5000.00")
    await host.does(f"POST {CONTRACT}/payouts", account)


async def drawn(host: Caller, borrower: str) -> str:
    """A new loan."""
    asked = {"product": "cash_loan", "principal": "6000.00", "instalments": 6}
    offer = (await host.does(f"POST {BORROWER}/offers", borrower, body=asked))["offer_id"]
    return await taken(host, borrower, offer)


async def taken(host: Caller, borrower: str, offer: str) -> str:
    """An offer whose sheet is read, confirmed and accepted; its contract."""
    place = f"POST {BORROWER}/offers/{{offer_id}}"
    shown = await host.does(f"{place}/shown", borrower, offer, body={"language": "en"})
    read = {"digest": shown["digest"], "nonce": shown["nonce"], "how": "borrower"}
    await host.does(f"{place}/confirmed", borrower, offer, body=read)
    accept = f"{place}/accept"
    return str((await host.does(accept, borrower, offer))["contract_id"])


async def on_loans(host: Caller, borrower: str) -> None:
    """Money, corrections, other terms, and the three ways to an end."""
    loan, other, third = [await drawn(host, borrower) for _ in range(3)]
    await amount(host, "charges", loan, "20.00", component="fee")
    await amount(host, "waivers", loan, "5.00", component="fee")
    await amount(host, "goodwill", loan, "3.00")
    paid = [await amount(host, "repayments", loan, "100.00") for _ in range(2)]
    await host.does(f"POST {CONTRACT}/charge-backs", loan, body={"of": paid[0]})
    await host.does(f"POST {CONTRACT}/reversals", loan, body={"of": paid[1]})
    await host.does(f"POST {CONTRACT}/extensions", loan, body={"days": 3})
    await host.does(f"POST {CONTRACT}/restructurings", loan, body={"instalments": 9})
    await host.does(f"POST {CONTRACT}/settlement", loan)
    await host.does(f"POST {CONTRACT}/closure", other)
    await host.does(f"POST {CONTRACT}/drawing-return", third, body={"reason": "failed"})


async def second_persons(host: Caller, bert: Caller, borrower: str) -> None:
    """What waits is agreed to, refused, taken back; money comes for what was written off."""
    loans = [await drawn(host, borrower) for _ in range(3)]
    await host.does(f"POST {BORROWER}/repayments", borrower, body={"amount": "60.00"})
    asked = [await host.does(f"POST {CONTRACT}/charge-off", each) for each in loans]
    first, second, third = [(each["proposal_id"], each["digest"]) for each in asked]
    one = "POST /v1/approvals/{proposal_id}/"
    await bert.does(one + "approve", first[0], body={"digest": first[1]})
    await bert.does(one + "refuse", second[0], body={"digest": second[1], "reason": "No."})
    await host.does(one + "revoke", third[0])
    await amount(host, "recoveries", loans[0], "10.00")


async def bank_money(host: Caller, account: str) -> None:
    """A bank's file with money that nobody took."""
    today = await host.site.pool.fetchval("SELECT business_date FROM book")
    rows = "".join(f"r{n},c-1001,{n}.00,00,{today},\n" for n in (5, 6))
    await host.does("POST /v1/bank-files", content=(HEAD + rows).encode(), kind="text/csv",
                    query="?name=bank.csv")  # fmt: skip
    await host.does(f"POST {CONTRACT}/allocations", account, body={"receipt_id": 1})
    await host.does("POST /v1/receipts/{receipt_id}/return", 2)


async def cases(host: Caller, anna: Caller, bert: Caller, borrower: str) -> None:
    """A complaint from its opening to its end, twice."""
    opening = {"kind": "complaint", "text": "Twice!", "borrower_id": borrower}
    case, other = [(await host.does("POST /v1/cases", body=opening))["case_id"] for _ in range(2)]
    message = {"way": "from_borrower", "text": "On the third."}
    await host.does(f"POST {CASE}/messages", case, body=message)
    await host.does(f"POST {CASE}/attachments", case, content=b"Paid on the third.",
                    kind="application/octet-stream", query="?name=a.txt")  # fmt: skip
    await host.does(f"POST {CASE}/assignment", case, body={"staff_id": anna.number})
    await anna.does(f"POST {CASE}/extensions", case, body={"reasons": "The bank is slow."})
    finding = {"result": "upheld", "reasons": "It was our mistake."}
    await anna.does(f"POST {CASE}/proposals", case, body=finding)
    await bert.does(f"POST {CASE}/decision", case, body={"proposal": 1, "follow": True})
    await host.does(f"POST {CASE}/closing", case)
    await host.does(f"POST {CASE}/reopening", case, body={"reasons": "There is more to it."})
    await host.does(f"POST {CASE}/withdrawal", other)


async def decisions(host: Caller) -> None:
    """A line, a draw and an extension that are decided first; a decision that a person looks at."""
    who = await registered(host)
    line = {"product": "cash_loan", "declared": {"student": False}}
    await host.does(f"POST {BORROWER}/decided-lines", who, body=line)
    draw = {"product": "cash_loan", "principal": "600.00", "instalments": 3}
    offer = (await host.does(f"POST {BORROWER}/decided-offers", who, body=draw))["offer_id"]
    loan = await taken(host, who, offer)
    await host.does(f"POST {CONTRACT}/decided-extensions", loan, body={"days": 5})
    asked = {"kind": "tier", "borrower_id": who}
    made = (await host.does("POST /v1/decisions", body=asked))["decision_id"]
    review = {"text": "I have paid everything."}
    await host.does("POST /v1/decisions/{decision_id}/review", made, body=review)


async def limits(host: Caller) -> None:
    """An offer that is taken, one that is declined, and more for a while."""
    who = await registered(host)
    line = {"product": "pay_later", "limit": "5000.00"}
    await host.does(f"POST {BORROWER}/lines", who, body=line)
    for deed, limit in (("decline", 550_000), ("accept", 600_000)):
        number = await offered(host.site, who, limit)
        await host.does(f"POST {BORROWER}/limit-offers/{{limit_offer_id}}/{deed}", who, number)
    await good_tier(host.site, who)
    until = str(await host.site.pool.fetchval("SELECT business_date FROM book"))
    await host.does(f"POST {BORROWER}/lines/{{code}}/temporary-raises", who, "pay_later",
                    body={"limit": "6500.00", "until": until})  # fmt: skip


async def consents(walk: Walk, host: Caller, borrower: str) -> None:
    """Agreed to and taken back; the next version of a document, and the end of one."""
    said = {"document": "notices-service", "version": 1, "decision": "given", "language": "en",
            "method": "portal"}  # fmt: skip
    record = (await host.does(f"POST {BORROWER}/consents", borrower, body=said))["record_id"]
    off = f"POST {BORROWER}/consents/{{record_id}}/withdrawal"
    await host.does(off, borrower, record, body={"method": "portal"})
    cora = await member(walk, "cora", host.numbers, "compliance")
    first = next(each for each in shipped() if each.document_id == "notices-service")
    today = walk.clock.now().date()
    body = structs.replace(first, version=2, effective_on=today)
    await cora.does("POST /v1/consent-documents", body=to_builtins(body))
    await cora.does("POST /v1/consent-documents/{code}/versions/{number}/retirement",
                    "family-plan", 1, body={"retired_on": f"{today}"})  # fmt: skip


async def policies(walk: Walk, host: Caller) -> None:
    """A version of a policy, the words of an earlier one, and a scorecard, that wait."""
    rita = await member(walk, "rita", host.numbers, "risk")
    today = await walk.site.pool.fetchval("SELECT business_date FROM book")
    await rita.does("POST /v1/policies", body=to_builtins(says(2, today)))
    await rita.does("POST /v1/policies/{policy_id}/as-before", "cn-tier",
                    body={"version": 1, "effective_on": f"{today}"})  # fmt: skip
    await rita.does("POST /v1/scorecards", body=to_builtins(register(on=today)))
async def facts(walk: Walk, host: Caller, borrower: str) -> None:
    """A fact is recorded; a bureau is asked for more."""
    income = {"name": "income", "source": "income", "value": "8000.00 CNY",
              "observed_at": walk.clock.now().isoformat()}  # fmt: skip
    await host.does(f"POST {BORROWER}/facts", borrower, body=income)
    said = {"document": "bureau-pull", "version": 1, "decision": "given", "language": "en",
            "method": "portal"}  # fmt: skip
    await host.does(f"POST {BORROWER}/consents", borrower, body=said)
    await host.does(f"POST {BORROWER}/bureau-pulls", borrower)


async def alerts(walk: Walk, host: Caller, borrower: str) -> None:
    """One that a member of risk takes and closes."""
    nora = await member(walk, "nora", host.numbers, "risk")
    alert = written("alert", await planted(walk.site.pool, parse("borrower", borrower)))
    await nora.does("POST /v1/alerts/{alert_id}/take", alert)
    await nora.does("POST /v1/alerts/{alert_id}/close", alert,
                    body={"outcome": "true", "reason": "spoke-with"})  # fmt: skip


async def relatives(host: Caller, borrower: str) -> None:
    """Named, reported, looked at, taken back; and a relative who says no by their code."""
    one = f"{BORROWER}/relatives"
    asked = {
        "name": "李梅", "relation": "parent", "phone": "13911110000", "scopes": ["plan"],
        "channels": ["sms"], "versions": {"plan": 1}, "language": "en", "method": "portal",
    }  # fmt: skip
    mother = (await host.does(f"POST {one}", borrower, body=asked))["member_id"]
    at = f"POST {one}/{{member_id}}"
    await host.does(f"{at}/report", borrower, mother, body={"text": "I was made to."})
    await host.does(f"{at}/resumption", borrower, mother)
    await host.does(f"{at}/withdrawal", borrower, mother, body={"method": "portal"})
    await host.does(f"POST {one}", borrower, body=asked | {"phone": "13911111111"})
    row = await host.site.pool.fetchrow(
        "SELECT borrower_id, key, box FROM notice WHERE template_id = 'family-invitation'"
        " ORDER BY notice_id DESC LIMIT 1"
    )
    who = await portal_store.active_borrower(host.site.pool, row["borrower_id"])
    assert who is not None
    data_key = host.site.services.keys.unwrap(who["data_key"], who["borrower_id"])
    code = sealing.opened(data_key, who["borrower_id"], row["key"], row["box"])["code"]
    await host.does("POST /v1/family/stop", body={"code": code})


async def told(walk: Walk, host: Caller, borrower: str) -> None:
    """How a borrower wants to be told; a breaker that is closed by somebody."""
    chosen = {"ways": ["email", "inbox"], "opens": 540, "closes": 1200, "digest_at": 1080}
    await host.does(f"PUT {BORROWER}/notice-preferences", borrower, body=chosen)
    await walk.site.pool.execute(
        "INSERT INTO breaker VALUES ('channel', 'sms', 'open', 'failed', now())"
    )
    why = {"reason": "The provider's route is mended."}
    await host.does("POST /v1/notices/breakers/{code}/{channel}/close", "channel", "sms", body=why)


async def webhooks(host: Caller) -> None:
    """An endpoint from its first secret to its end."""
    address = {"url": "https://hooks.example.com/in", "types": ["day.closed"]}
    hook = (await host.does("POST /v1/webhooks", body=address))["webhook_id"]
    await host.does(f"POST {HOOK}/test", hook)
    await host.does(f"POST {HOOK}/secrets", hook)
    await host.does(f"POST {HOOK}/secrets/retirement", hook)
    host.walk.clock.advance(timedelta(minutes=1))  # so many requests only so often
    given_up = "UPDATE webhook_delivery SET state = 2"
    await host.site.pool.execute(given_up)
    await host.does(f"POST {HOOK}/redelivery", hook)
    await host.site.pool.execute(given_up)
    await host.does(f"POST {HOOK}/deliveries/{{sequence}}/redelivery", hook, 1)
    await host.does(f"PATCH {HOOK}", hook, body={"active": False})
    await host.does(f"DELETE {HOOK}", hook)


async def templates(host: Caller) -> None:
    """A version and an end that wait for a second person."""
    today = str(await host.site.pool.fetchval("SELECT business_date FROM book"))
    one = await host.site.client.get("/v1/notice-templates/paid")
    again = one.json()["items"][0]["document"] | {"version": 2, "effective_on": today}
    await host.does("POST /v1/notice-templates", body=again)
    retire = "POST /v1/notice-templates/{template_id}/retirement"
    await host.does(retire, "refund", body={"retired_on": today})


async def forgeries(host: Caller, borrower: str) -> None:
    """Messages that may be forged, reported by somebody and for a borrower; an alarm is seen."""
    said = {"text": "Pay at once at http://evil.example", "channel": "sms"}
    route = "POST /v1/suspicious-messages"
    report = (await host.does(route, body=said))["report_id"]
    await host.does(route, body=said | {"borrower_id": borrower})
    seen = {"reason": "A known forgery."}
    await host.does(f"{route}/{{report_id}}/closing", report, body=seen)
    alarm = await host.site.pool.fetchval(
        "INSERT INTO verify_alarm (raised_at, missed, mark) VALUES (now(), 40, 30)"
        " RETURNING alarm_id"
    )
    await host.does("POST /v1/verification/alarms/{number}/acknowledgement", alarm, body=seen)
