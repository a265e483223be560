"""Every form of the console, each sent as a page of a session has it."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
import pyotp
from msgspec import structs

from tests.risk.registering import register, says
from tests.risk.warned import planted
from tests.web.api_site import Site
from tests.web.walking import Walk
from usance.consents.documents import shipped
from usance.consents.records import Saying, borrower
from usance.core.identifiers import parse, written
from usance.identity.changing import Asking
from usance.identity.contact_changes import Asker
from usance.notices.starting import starting_set
from usance.platform.database import transaction
from usance.policy.reading import text_of
from usance.risk.shipping import begin_with
from usance.web.console import consent_drafts
from usance.web.console.template_forms import given_of

PASSWORD, OTHER_PASSWORD = "correct horse battery", "tide-lantern-violet"
ROLES = ("service", "collections", "operations", "compliance", "administrator", "risk")
PLACE = re.compile(r"{(\w+):\w+}")
HEAD = "reference,id,amount,result_code,value_date,bank_transaction_id\n"


@dataclass
class Person:
    """A member of staff at the forms."""

    walk: Walk
    token: str
    csrf: str
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def site(self) -> Site:
        return self.walk.site

    async def send(self, address: str, fields: dict[str, str], **more: Any) -> httpx.Response:
        request = self.site.client.build_request(
            "POST", address, data=fields, headers={"cookie": f"usance_session={self.token}"}, **more
        )
        del request.headers["authorization"]
        return await self.site.client.send(request)

    async def does(
        self, route: str, *at: str | int, files: Any = None, status: int = 303, anew: bool = False,
        **fields: str,
    ) -> str:  # fmt: skip
        """Send a form; the address that it leads to (none where a secret is shown).

        ``anew``: it is another form than the one that had this address before.
        """
        places = iter(at)
        address = PLACE.sub(lambda _: str(next(places)), route)
        sent = {"csrf_token": self.csrf, "key": f"form-{next(self.numbers)}"} | fields
        more = {"files": files} if files else {}
        answer = await self.walk.step(
            route, lambda: self.send(address, sent, **more), (status,), anew=anew
        )
        return str(answer.headers.get("location", ""))

    async def newest(self, query: str) -> Any:
        """The newest value of a query."""
        return await self.site.pool.fetchval(f"{query} ORDER BY 1 DESC LIMIT 1")


async def person(walk: Walk, name: str) -> Person:
    await walk.site.services.staff.create(name, PASSWORD, ROLES)
    token, session = await walk.site.services.staff.log_in(name, PASSWORD)
    return Person(walk, token, session.csrf)


CONTRACT, BORROWER = "/console/contracts/{contract:str}/do/", "/console/borrowers/{borrower:str}"
APPROVALS = "/console/approvals/{proposal:str}/"


async def walk_console(walk: Walk) -> None:
    """From the first borrower to the day close."""
    anna, bert = await person(walk, "anna"), await person(walk, "bert")
    who, account, loan = await people_and_lines(anna)
    await on_the_account(anna, who, account)
    await on_the_loan(anna, loan)
    await bank_money(anna, account)
    await second_persons(anna, bert, who)
    await programs(anna, bert)
    await breakers(anna)
    await contacts(anna)
    await profiles(anna)
    await cases(anna, bert, who)
    await accounts(anna)
    await forgeries(anna)
    await alerts(anna)
    await documents(anna)
    await policies(anna)
    await the_end(anna)


async def registered(anna: Person) -> str:
    n = next(anna.numbers)
    return (
        await anna.does("/console/borrowers/new", name="Lin Xia", phone=f"1381234{n:04}",
                        identity_number=f"ID{n:08}", email="", language="zh-CN")
    ).partition("?")[0].rpartition("/")[2]  # fmt: skip


async def people_and_lines(anna: Person) -> tuple[str, str, str]:
    """Somebody with an account and a loan."""
    who = await registered(anna)
    await anna.does("/console/settings", language="en", back="/console")
    policy = anna.site.services.accesses.policy
    reason = policy.reasons_of_people()[0].code
    await anna.does(BORROWER + "/open", who, reason=reason, note="They called.")
    await anna.does(BORROWER + "/do/open-line", who, product="pay_later", limit="20000.00")
    await anna.does(BORROWER + "/do/open-line", who, product="cash_loan", limit="90000.00")
    account = await anna.newest("SELECT contract_id FROM contract WHERE kind = 2")
    return who, written("contract", account), await drawn(anna, who)


async def drawn(anna: Person, who: str) -> str:
    """A new loan."""
    offer = await anna.does(BORROWER + "/do/offer", who, product="cash_loan", principal="6000.00",
                            instalments="6")  # fmt: skip
    number = offer.partition("?")[0].rpartition("/")[2]
    for step in ("show", "confirm", "accept"):
        filled = {"language": "en"} if step == "show" else {}
        await anna.does(f"{BORROWER}/offers/{{offer:str}}/do/{step}", who, number, **filled)
    loan = await anna.newest("SELECT contract_id FROM contract WHERE kind = 1 AND parent_id = 0")
    return written("contract", loan)


async def hold(anna: Person, who: str) -> str:
    await anna.does(BORROWER + "/do/authorise", who, product="pay_later", amount="700.00",
                    merchant="Tea")  # fmt: skip
    number = await anna.newest("SELECT authorisation_id FROM authorisation")
    return written("authorisation", number)


async def last_event(anna: Person, contract: str, kind: int) -> str:
    number = parse("contract", contract)
    return str(await anna.newest(
        f"SELECT seq FROM event WHERE contract_id = {number} AND kind = {kind}"
    ))  # fmt: skip


async def on_the_account(anna: Person, who: str, account: str) -> None:
    """Purchases, holds, a plan, a credit balance; another limit."""
    await anna.does(BORROWER + "/holds/{hold:str}/do/capture", who, await hold(anna, who),
                    amount="300.00")  # fmt: skip
    await anna.does(BORROWER + "/holds/{hold:str}/do/void", who, await hold(anna, who))
    await anna.does(CONTRACT + "purchase", account, amount="900.00", effective_on="")
    bought = await last_event(anna, account, 2)
    await anna.does(CONTRACT + "refund", account, amount="10.00", of=bought, effective_on="")
    await anna.does(CONTRACT + "purchase", account, amount="1200.00", effective_on="")
    bought = await last_event(anna, account, 2)
    await anna.does(CONTRACT + "plan", account, instalments="3", amount="", purchase=bought)
    await anna.does(CONTRACT + "statement-day", account, day="9")
    await anna.does(CONTRACT + "repay", account, amount="5000.00", effective_on="")
    await anna.does(CONTRACT + "pay-out", account, amount="")
    line = BORROWER + "/lines/{product:str}/do/"
    await anna.does(line + "limit", who, "pay_later", limit="15000.00")
    other = await registered(anna)
    await anna.does(BORROWER + "/do/open-line", other, product="cash_loan", limit="9000.00")
    await anna.does(line + "close", other, "cash_loan")


async def on_the_loan(anna: Person, loan: str) -> None:
    """Money, corrections, other terms."""
    await anna.does(CONTRACT + "charge", loan, component="fee", amount="20.00")
    await anna.does(CONTRACT + "waive", loan, component="fee", amount="5.00")
    await anna.does(CONTRACT + "goodwill", loan, amount="3.00")
    await anna.does(CONTRACT + "repay", loan, amount="100.00", effective_on="")
    paid = await last_event(anna, loan, 3)
    await anna.does(CONTRACT + "charge-back", loan, of=paid, amount="")
    await anna.does(CONTRACT + "repay", loan, amount="50.00", effective_on="")
    paid = await last_event(anna, loan, 3)
    await anna.does(CONTRACT + "reverse", loan, of=paid)
    await anna.does(CONTRACT + "extend", loan, days="3")
    await anna.does(CONTRACT + "restructure", loan, instalments="9", annual_rate="",
                    first_due_on="")  # fmt: skip
    await anna.does(CONTRACT + "settle", loan)


async def bank_money(anna: Person, account: str) -> None:
    """A bank's file with money that nobody took."""
    today = await anna.newest("SELECT business_date FROM book")
    rows = HEAD + "".join(f"r{n},c-1001,{n}.00,00,{today},\n" for n in (5, 6))
    files = {"file": ("bank.csv", rows.encode(), "text/csv")}
    await anna.does("/console/bank-files", files=files)
    first, second = 1, 2
    receipt = "/console/receipts/{receipt:int}/do/"
    await anna.does(receipt + "allocate", first, contract_id=account, effective_on="")
    await anna.does(receipt + "return", second)


async def second_persons(anna: Person, bert: Person, who: str) -> None:
    """What waits for somebody else: agreed, refused, taken back, decided in one's place."""
    loans = [await drawn(anna, who) for _ in range(5)]
    await anna.does(BORROWER + "/do/repay", who, amount="60.00", effective_on="")
    await anna.does(CONTRACT + "return-drawing", loans[4], reason="failed")
    proposals = [await proposed(anna, loan) for loan in loans[:4]]
    shown = {p: await digest(anna, p) for p in proposals}
    first, second, third, fourth = proposals
    await bert.does(APPROVALS + "approve", first, digest=shown[first])
    await bert.does(APPROVALS + "refuse", second, digest=shown[second], reason="No.")
    await anna.does(APPROVALS + "revoke", third)
    await bert.does("/console/approvals/batch", **{fourth: shown[fourth]})
    await anna.site.services.approvals.look()
    await anna.does(CONTRACT + "recover", loans[0], amount="10.00", effective_on="")
    until = (date.today() + timedelta(days=5)).isoformat()
    await bert.does("/console/delegations", to="anna", until=until, reason="Holidays")
    number = await bert.newest("SELECT delegation_id FROM delegation")
    await bert.does("/console/delegations/{delegation:str}/end", written("operation", number))


async def proposed(anna: Person, loan: str) -> str:
    """A charge-off, which waits."""
    return (await anna.does(CONTRACT + "charge-off", loan)).rpartition("/")[2]


async def digest(anna: Person, proposal: str) -> str:
    found = await anna.site.pool.fetchval(
        "SELECT digest FROM proposal WHERE proposal_id = $1", parse("proposal", proposal)
    )
    return bytes(found).hex()


async def agreed(anna: Person, bert: Person) -> None:
    """A second person agrees with what waits last."""
    number = written("proposal", await anna.newest("SELECT proposal_id FROM proposal"))
    await bert.does(APPROVALS + "approve", number, digest=await digest(anna, number))


async def programs(anna: Person, bert: Person) -> None:
    """A machine client with its keys, and an endpoint that is told."""
    await anna.does("/console/clients/new", status=200, name="core", **{"check.day:read": "on"})
    await agreed(anna, bert)
    client = await anna.newest("SELECT client_id FROM machine_client")
    key = await anna.newest("SELECT key_id FROM machine_key")
    one = "/console/clients/{client:int}/"
    await anna.does(one + "do/rotate", client, status=200, valid_days="", overlap_hours="")
    await agreed(anna, bert)
    await anna.does(one + "keys/{key:int}/do/retire", client, key)
    address = {"url": "https://hooks.example.com/in", "check.day.closed": "on"}
    await anna.does("/console/webhooks/new", status=200, client_id=str(client), **address)
    hook = await anna.newest("SELECT endpoint_id FROM webhook_endpoint")
    one = "/console/webhooks/{webhook:int}/"
    await anna.does(one + "do/test", hook)
    await anna.does(one + "do/rotate", hook, status=200)
    await anna.site.pool.execute("UPDATE webhook_delivery SET state = 2")  # given up
    await anna.does(one + "do/again", hook)
    await anna.site.pool.execute("UPDATE webhook_delivery SET state = 2")
    await anna.does(one + "deliveries/{sequence:int}/do/redeliver", hook, 1)
    await anna.does(one + "do/change", hook, **address)
    for name in ("retire", "stop", "start", "delete"):
        await anna.does(f"{one}do/{name}", hook)
    await anna.does("/console/clients/{client:int}/do/deactivate", client)


async def breakers(anna: Person) -> None:
    """Two that are open are closed by a person; what one of them stopped is dropped."""
    for name in ("sms", "email"):
        await anna.site.pool.execute(
            "INSERT INTO breaker VALUES ('channel', $1, 'open', 'failed', now())", name
        )
    one = "/console/notices/breakers/{kind:str}/{name:str}/do/"
    why = {"reason": "The provider's route is mended."}
    await anna.does(one + "close", "channel", "sms", **why)
    await anna.does(one + "drop", "channel", "email", **why)


async def contacts(anna: Person) -> None:
    """The number of somebody who has lost the old one; what staff was to look at."""
    who, access = await registered(anna), anna.site.services.access
    one = BORROWER + "/contact/"
    await anna.does(one + "change", who, phone="13900000001", reason="Passport seen")
    sent = await delivered(anna.site)
    code = next(each["words"] for each in sent if each["kind"] == "new-number-code")
    await anna.does(one + "prove", who, code=re.findall(r"\b\d{6}\b", code)[0])
    await anna.does(one + "stop", who)
    flag = await anna.newest("SELECT flag_id FROM contact_flag WHERE closed_at IS NULL")
    await anna.does(one + "flags/{flag:str}", who, written("flag", flag), reason="Called back")
    themselves = Asker("borrower:1", "their session")
    other = await registered(anna)
    await access.changes.ask(parse("borrower", other), "13900000002", themselves)
    await anna.does(one + "vouch", other, reason="Passport seen")


async def profiles(anna: Person) -> None:
    """A fact is recorded; a bureau is asked for more."""
    who, day = await registered(anna), anna.walk.clock.now().date().isoformat()
    one = BORROWER + "/profile/"
    await anna.does(one + "record", who, name="student", value="false", observed_on=day)
    number = parse("borrower", who)
    said = Saying(number, borrower(number), "bureau-pull", 1, "en", "portal")
    await anna.site.services.consents.grant(said, Asking(f"borrower:{number}"))
    await anna.does(one + "ask", who)


async def delivered(site: Site) -> list[dict[str, Any]]:
    """What the sandbox's messenger was given, the newest first."""
    delivery = site.services.notices.delivery
    assert delivery is not None, "this site is no sandbox"
    await delivery.look()
    return await site.services.access.sandbox.newest(site.pool)


async def cases(anna: Person, bert: Person, who: str) -> None:
    """A complaint from its opening to its end, twice; another that is taken back."""
    case, one = await complaint(anna, who), "/console/cases/{case:str}/do/"
    number = await anna.site.pool.fetchval("SELECT staff_id FROM staff WHERE name = 'anna'")
    await anna.does(one + "assign", case, to=str(number))
    await anna.does(one + "message", case, way="to_borrower", text="Which day was it?")
    files = {"file": ("a.txt", b"Paid on the third.", "text/plain")}
    await anna.does(one + "attach", case, files=files, way="from_borrower")
    await anna.does(one + "extend", case, reasons="The bank has not answered.")
    finding = {"result": "upheld", "reasons": "It was our mistake.",
               "remedy": "nothing"}
    await anna.does(one + "propose", case, **finding)
    await bert.does(one + "send-back", case, proposal="1", note="Say more.")
    await anna.does(one + "propose", case, **finding)
    await bert.does(one + "decide", case, proposal="2")
    await anna.does(one + "close", case)
    await anna.does(one + "reopen", case, reasons="There is more to it.")
    await anna.does(one + "withdraw", await complaint(anna, who))


async def complaint(anna: Person, who: str) -> str:
    fields = {"kind": "complaint", "text": "Twice!", "borrower": who}
    opened = await anna.does("/console/cases/new", **fields)
    return opened.partition("?")[0].rpartition("/")[2]


async def accounts(anna: Person) -> None:
    """Accounts of staff: made, changed, locked; their factors, passwords and sessions."""
    await anna.does("/console/staff/new", status=200, name="cleo", **{"role-viewer": "1"})
    cleo = await anna.newest("SELECT staff_id FROM staff")
    one = "/console/staff/{staff_id:int}/do/"
    roles = {"had": "viewer", "role-viewer": "1", "role-auditor": "1"}
    await anna.does(one + "roles", cleo, **roles)
    await anna.does(one + "password", cleo, status=200)
    for name in ("end-sessions", "deactivate", "reactivate"):
        await anna.does(one + name, cleo)
    dora = await person(anna.walk, "dora")
    number = await anna.newest("SELECT staff_id FROM staff")
    await own_account(dora, number)
    anna.token, session = await anna.site.services.staff.log_in("anna", PASSWORD)
    anna.csrf = session.csrf
    await anna.does(one + "reset-factor", number)


async def own_account(dora: Person, number: int) -> None:
    """A factor is enrolled and shown, the password changed; in and out again."""
    staff, me, clock = dora.site.services.staff, "/console/me/", dora.walk.clock

    def code() -> str:
        clock.advance(timedelta(seconds=30))  # each opens once
        return pyotp.TOTP(secret).at(clock.now())

    await dora.does(me + "factor/begin")
    secret = await staff.factors.enrolling(number)
    await dora.does(me + "factor", status=200, code=code())
    await dora.does(me + "codes", status=200)
    await staff.log_in("dora", PASSWORD)
    await dora.does(me + "sessions/end", session="")
    await dora.does(me + "password", old=PASSWORD, password=OTHER_PASSWORD, again=OTHER_PASSWORD)
    await dora.does("/console/fresh", proof=code())
    await dora.does("/console/logout")
    clock.advance(timedelta(minutes=16))  # attempts are counted for a quarter of an hour
    dora.token = ""
    await dora.does("/console/login", name="anna", password=PASSWORD)
    dora.token, half = await staff.log_in("dora", OTHER_PASSWORD)
    dora.csrf = half.csrf
    await dora.does("/console/login/code", code=code())


async def forgeries(anna: Person) -> None:
    """An alarm is acknowledged, a report closed."""
    said = {"text": "Pay at once!", "channel": "sms"}
    report = (await anna.site.post("/v1/suspicious-messages", said)).json()["report_id"]
    place = "/console/verification/"
    await anna.does(place + "reports/{report:str}/close", report, reason="A known forgery.")
    alarm = await anna.site.pool.fetchval(
        "INSERT INTO verify_alarm (raised_at, missed, mark) VALUES (now(), 40, 30)"
        " RETURNING alarm_id"
    )
    await anna.does(place + "alarms/{alarm:int}/acknowledge", alarm, reason="A known forgery.")


async def alerts(anna: Person) -> None:
    """One that is taken and closed."""
    borrower = await anna.newest("SELECT borrower_id FROM borrower")
    alert = written("alert", await planted(anna.site.pool, borrower))
    await anna.does("/console/alerts/{alert:str}/take", alert)
    await anna.does("/console/alerts/{alert:str}/close", alert, what="true/spoke-with")


async def documents(anna: Person) -> None:
    """The next version of a template and of a consent document, and an end of each."""
    today = await anna.newest("SELECT business_date FROM book")
    paid = next(each for each in starting_set() if each.id == "paid")
    fields = given_of(structs.replace(paid, version=2, effective_on=today))
    await anna.does("/console/template-drafts/look", status=200, **fields)
    await anna.does("/console/template-drafts", **fields)
    await anna.does("/console/templates/{template:str}/do/retire", "refund",
                    retired_on=today.isoformat())  # fmt: skip
    first, now = next(iter(shipped())), anna.walk.clock.now().date()
    fields = dict(consent_drafts.given_of(structs.replace(first, version=2, effective_on=now)))
    await anna.does("/console/consent-drafts", **fields)
    await anna.does(
        "/console/consent-documents/{document:str}/versions/{version:int}/do/retire",
        "notices-service", 1, retired_on=now.isoformat(),
    )  # fmt: skip


async def policies(anna: Person) -> None:
    """The next version of a policy, looked at and proposed; a scorecard gets another role."""
    today = await anna.newest("SELECT business_date FROM book")
    text = text_of(says(2, today))
    await anna.does("/console/policy-drafts/look", status=200, text=text)
    await anna.does("/console/policy-drafts", text=text)
    async with transaction(anna.walk.site.pool) as connection:
        await begin_with(connection, register(on=today), today)
    await anna.does("/console/scorecards/{name:str}/{version:int}/do/role", "behaviour", 1,
                    role="shadow", effective_on=today.isoformat())  # fmt: skip


async def the_end(anna: Person) -> None:
    """A person is kept, let go and erased; the day is closed."""
    nobody = await registered(anna)
    data = BORROWER + "/data/{name:str}"
    await anna.does(data, nobody, "legal-hold", reason="court")
    await anna.does(data, nobody, "lift-hold", anew=True)
    await anna.does(data, nobody, "erase", anew=True, reason="request")
    today = await anna.newest("SELECT business_date FROM book")
    await anna.does("/console/day/close", day=str(today))
