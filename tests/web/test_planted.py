"""Planted people go through a whole life, and no dump, log, metric or refusal holds any of them."""

from __future__ import annotations

import hashlib
import html
import json
import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from tests.reading import read_costs_at
from tests.web.api_site import Site, opened
from tests.web.planted_visits import Visits
from tests.web.planting import NEW_PHONE, PEOPLE, Heard, dump, forms, heard, hits, spellings
from usance.audit.export import export
from usance.audit.key import open_key
from usance.audit.sequencer import Sequencer
from usance.core.identifiers import parse, written
from usance.day import verify
from usance.identity import borrowers as borrowers_room
from usance.identity import erasure, rewrap, rotation
from usance.identity.roles import roles
from usance.platform import work
from usance.platform.database import transaction
from usance.servicing import read
from usance.web.api.routes import ENDPOINTS

ALL = [*roles()]
WORDS = sorted({value for person in PEOPLE for value in spellings(person)})
QUICK = work.Patience(attempts=2, first_delay=timedelta(milliseconds=1))


class Life:
    """A served book, whoever may do everything in it, and what was said meanwhile."""

    def __init__(self, site: Site, said: Heard) -> None:
        self.site, self.said = site, said
        self.csrf = ""
        self.numbers = count()

    async def post(self, path: str, body: Any, **more: Any) -> Any:
        return self.said.answered(await self.site.post(path, body, **more))

    async def get(self, path: str, **more: Any) -> Any:
        return self.said.answered(await self.site.client.get(path, **more))

    async def log_in(self) -> None:
        """A member of staff, whose cookie goes along with pages."""
        await self.site.services.staff.create("anna", "correct horse battery", ALL)
        token, session = await self.site.services.staff.log_in("anna", "correct horse battery")
        self.cookies = {"usance_session": token}
        self.csrf = session.csrf

    async def page(self, path: str, form: dict[str, str] | None = None, **query: str) -> Any:
        """A page of the console, or a form sent to it."""
        client, headers = self.site.client, {"authorization": ""}
        client.cookies.update(self.cookies)
        request = client.build_request(
            "POST" if form else "GET", f"/console{path}", params=query,
            data=form and form | {"csrf_token": self.csrf, "key": f"k{next(self.numbers)}"},
            headers=headers,
        )  # fmt: skip
        del request.headers["authorization"]
        answer = await client.send(request)
        client.cookies.clear()
        return self.said.shown(answer)


async def live(life: Life) -> list[str]:
    """Registered by machine and by hand, a line, a loan, purchases, payments, forty days."""
    found = []
    for n, person in enumerate(PEOPLE):
        if n % 2:
            sent = await life.page("/borrowers/new", {"language": "en", **person})
            assert sent.status_code == 303, sent.text
            found.append(sent.headers["location"].rpartition("/")[2].partition("?")[0])
        else:
            answer = await life.post("/v1/borrowers", person)
            assert answer.status_code == 201, answer.text
            found.append(answer.json()["borrower_id"])
    for borrower, person in zip(found[:3], PEOPLE, strict=False):
        await serviced(life, borrower)
        await complained(life, borrower, person)
    await life.site.close_days(40)
    return found


async def serviced(life: Life, borrower: str) -> None:
    path = f"/v1/borrowers/{borrower}"
    line = {"product": "pay_later", "limit": "9000.00"}
    account = (await life.post(f"{path}/lines", line)).json()["contract_id"]
    await life.post(f"{path}/lines", line | {"product": "cash_loan"})
    asked = {"product": "cash_loan", "principal": "3000.00", "instalments": 3}
    offer = (await life.post(f"{path}/offers", asked)).json()["offer_id"]
    await read_costs_at(life.post, f"{path}/offers/{offer}")
    await life.post(f"{path}/offers/{offer}/accept", {})
    hold = {"product": "pay_later", "amount": "70.00", "merchant": "Tea"}
    await life.post(f"{path}/authorisations", hold)
    for name, amount in (("purchases", "800.00"), ("repayments", "5.00")):
        await life.post(f"/v1/contracts/{account}/{name}", {"amount": amount})


async def complained(life: Life, borrower: str, person: dict[str, str]) -> None:
    """A case whose words, messages and files say everything of the person."""
    words = " ".join(person.values())
    case = {"kind": "complaint", "text": words, "borrower_id": borrower}
    opened_case = await life.post("/v1/cases", case)
    assert opened_case.status_code == 201, opened_case.text
    path = f"/v1/cases/{opened_case.json()['case_id']}"
    for way in ("from_borrower", "to_borrower", "note"):
        said = await life.post(f"{path}/messages", {"way": way, "text": words})
        assert said.status_code == 201, said.text
    sent = await life.site.client.post(
        f"{path}/attachments", content=words.encode(),
        params={"way": "from_borrower", "name": person["name"].replace("/", "")[:40] + ".txt"},
        headers={"idempotency-key": borrower, "content-type": "application/octet-stream"},
    )  # fmt: skip
    assert sent.status_code == 201, sent.text
    for part in ("", "/messages", "/events", "/attachments"):
        assert (await life.get(f"{path}{part}")).status_code == 200
    agreed = {"document": "notices-service", "version": 1, "decision": "given", "language": "en",
              "method": "paper", "evidence": words}  # fmt: skip
    path = f"/v1/borrowers/{borrower}/consents"
    assert (await life.post(path, agreed)).status_code == 201
    assert (await life.get(path)).status_code == 200


async def opened_up(life: Life, borrower: str, person: dict[str, str]) -> None:
    """Somebody gives a reason, with a note that says whom it is about."""
    reason = life.site.services.accesses.policy.reasons_of_people()[0].code
    note = f"{person['name']} called from {person['phone']}"
    form = {"reason": reason, "note": note}
    assert (await life.page(f"/borrowers/{borrower}/open", form)).status_code == 303


async def looked_for(life: Life, found: list[str]) -> None:
    """Found by phone and number in every spelling, read, listed, exported, shown."""
    for borrower, person in zip(found, PEOPLE, strict=True):
        for name in ("phone", "identity_number"):
            answer = await life.post("/v1/borrowers/search", {name: person[name]})
            assert answer.json()["borrower_id"] == borrower
            page = await life.page("/borrowers", q=person[name])
            assert borrower in page.headers["location"]
        await opened_up(life, borrower, person)
        shown = await life.page(f"/borrowers/{borrower}")
        name = unicodedata.normalize("NFC", person["name"])
        assert name in html.unescape(shown.text)
        assert (await life.page(f"/borrowers/{borrower}/export")).status_code == 200
        for path in ("", "/export", "/lines", "/contracts", "/operations"):
            assert (await life.get(f"/v1/borrowers/{borrower}{path}")).status_code == 200
    assert (await life.get("/v1/borrowers?limit=200")).status_code == 200


async def refused(life: Life, found: list[str]) -> None:
    """Every route is asked for nonsense that is somebody's: in body, query, path and JSON."""
    for person in PEOPLE:
        for change in ({"phone": "13800138000"}, {"identity_number": "NEW1"}, {"language": "xx"},
                       {"name": "\x00"}, {"email": "no"}, {"language": person["name"]},
                       {person["phone"]: 1}):  # fmt: skip
            answer = await life.post("/v1/borrowers", person | change)
            assert answer.status_code in (409, 422), answer.text
    for n, endpoint in enumerate(ENDPOINTS):
        word, second = WORDS[n % len(WORDS)], WORDS[(n * 7 + 3) % len(WORDS)]
        path = endpoint.path.format(**dict.fromkeys(endpoint.placeholders, word.replace("/", "")))
        await life.get(path, params={word: second})
        if endpoint.method != "GET":
            await nonsense(life, endpoint, found[0], word, second)


async def nonsense(life: Life, endpoint: Any, borrower: str, word: str, second: str) -> None:
    """One route: each field somebody's, then all, then what is no JSON at all."""
    contract = await life.site.pool.fetchval("SELECT min(contract_id) FROM contract")
    known = {"borrower_id": borrower, "contract_id": written("contract", contract)}
    path = endpoint.path.format(
        **{name: known.get(name, "o-1") for name in endpoint.placeholders}
    )
    names = [f.name for f in msgspec.structs.fields(endpoint.body)] if endpoint.body else ["x"]
    bodies = [dict.fromkeys(names, word), {word: second}, {"terms": {word: second}}]
    bodies += [dict.fromkeys(names[: n + 1], word) for n in range(len(names))]
    for body in bodies:
        await life.post(path, body)
    for raw in (f'{{"{word}', f'"{word}"', f"[{word}]"):
        headers = {"idempotency-key": "n", "content-type": "application/json"}
        answer = await life.site.client.request(
            endpoint.method, path, content=raw.encode(), headers=headers
        )
        life.said.answered(answer)


async def broken(life: Life, found: list[str], patch: pytest.MonkeyPatch) -> None:
    """Accidents deep inside, whose words hold what was just decrypted, and a job that fails so."""

    def writing(key: bytes, plaintext: str, **place: Any) -> bytes:
        raise KeyError(plaintext, repr(plaintext))

    for borrower, person in zip(found, PEOPLE, strict=True):
        with patch.context() as broken_now:
            broken_now.setattr(borrowers_room, "encrypt_field", writing)
            fresh = {"identity_number": person["identity_number"] + "7", "phone": "13711112222"}
            assert (await life.post("/v1/borrowers", person | fresh)).status_code == 500
            form = {"language": "en", **person, **fresh}
            assert (await life.page("/borrowers/new", form)).status_code == 500
        with patch.context() as broken_now:
            broken_now.setattr(borrowers_room, "opened", opened_badly)
            assert (await life.get(f"/v1/borrowers/{borrower}")).status_code == 500
            assert (await life.page(f"/borrowers/{borrower}")).status_code == 500
            search = {"identity_number": person["identity_number"]}
            assert (await life.post("/v1/borrowers/search", search)).status_code == 500
    with patch.context() as broken_now:
        broken_now.setattr(read, "products", no_products)
        for word in WORDS:
            name = quote(word.replace("/", ""), safe="")
            assert (await life.get(f"/v1/products/{name}")).status_code == 500
            assert (await life.page(f"/products/{name}")).status_code == 500
    await failing_job(life)


async def no_products(_: object) -> None:
    """An accident on a path that somebody's name is part of."""
    raise RuntimeError("an accident")


def opened_badly(data_key: bytes, row: Any) -> dict[str, str]:
    """Whoever decrypts and then fails says in the error what was decrypted."""
    details = opened_well(data_key, row)
    raise RuntimeError(f"no {details} {list(details.values())} {json.dumps(details)}")


opened_well = borrowers_room.opened


async def failing_job(life: Life) -> None:
    """A job's last error is kept in a table."""
    async with transaction(life.site.pool) as connection:
        await work.enqueue(connection, "planted", "k", {})

    async def handle(connection: Any, job: work.Job) -> None:
        rows = await connection.fetch("SELECT * FROM borrower WHERE data_key <> ''")
        for row in rows:
            borrowers_room.decrypted(life.site.services.keys, row)
        people = [borrowers_room.decrypted(life.site.services.keys, row) for row in rows]
        raise LookupError(" ".join(f"{p.name} {p.phone} {p.email} {p.name!a}" for p in people))

    await work.run(life.site.pool, "planted", handle, until_idle=True, patience=QUICK)


async def changed(life: Life, found: list[str]) -> None:
    """Keys are rotated, one person renewed, one erased."""
    site = life.site
    keys, path = site.services.keys, site.services.settings.master_key_file
    await rotation.add_master_key(site.pool, path, actor="operator")
    await rotation.add_index_key(site.pool, path, actor="operator")
    assert await rewrap.rewrap(site.pool, keys) == 0
    assert await rewrap.rehash(site.pool, keys) == 0
    await rotation.renew_borrower(
        site.pool, keys, parse("borrower", found[0]), actor="operator"
    )
    list_file = site.services.settings.erasures_file
    last = parse("borrower", found[3])
    await erasure.erase(site.pool, last, "request", actor="staff:1", list_file=list_file)
    await site.close_days(2)


async def given_to_auditors(life: Life, directory: Path) -> dict[str, bytes]:
    """The files of an export of the audit, whole."""
    key = open_key(life.site.services.settings.audit_key_file)
    await Sequencer(life.site.pool, key).catch_up()
    await export(life.site.pool, key, directory, datetime.now(UTC))
    return files_in(directory)


def files_in(directory: Path) -> dict[str, bytes]:
    files = [each for each in directory.rglob("*") if each.is_file()]
    return {f"export {each.relative_to(directory)}": each.read_bytes() for each in files}


async def test_nobody_is_found_anywhere(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with heard() as said:
        async with opened(database, tmp_path, sandbox=True) as site:
            life, visits = Life(site, said), Visits(site, said)
            await life.log_in()
            found = await live(life)
            await visits.made(found[:3])
            await looked_for(life, found)
            await refused(life, found)
            await broken(life, found, monkeypatch)
            await visits.broken(monkeypatch, opened_badly)
            await changed(life, found)
            metrics = (await site.client.get("/metrics")).text
            assert await verify.run(site.pool) == []
            given = await given_to_auditors(life, tmp_path / "export")
            async with site.pool.acquire() as connection:
                tables = await dump(connection)
    everything = dict(tables) | given | {"metrics": metrics.encode()} | {
        name: getattr(said, name).getvalue().encode() for name in ("json", "text")
    }  # fmt: skip
    assert len(said.problems) > 300
    assert b"request failed" in everything["json"]
    assert b"job failed" in everything["text"]
    assert len(tables) > 20
    assert len(given) > 8
    assert b"LookupError" in tables["job"]
    guessed = repr(("POST", "/my/number", [("phone", NEW_PHONE)])).encode()
    assert hashlib.sha256(guessed).digest() not in tables["idempotency"]
    bad = [each for name, text in everything.items() for each in hits(name, text)]
    bad += [each for text in said.problems for each in hits("problem", text)]
    assert sorted(set(bad)) == []


@pytest.mark.parametrize("person", PEOPLE)
def test_the_search_finds_every_form(person: dict[str, str]) -> None:
    """A value in a log line, an address, a hex or base64 column, an escaped document."""
    for value in spellings(person):
        for form in forms(value):
            assert hits("there", b"xx" + form + b"yy"), form
    assert not hits("there", b"nothing of anybody 13800138000")
