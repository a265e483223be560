"""A credit bureau over HTTP: asked with consent, beside the book, again and once; its sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec import structs

from tests.risk.facts_house import DAY, NOON, STAFF, House, house
from tests.risk.test_known import findings
from tests.servicing.books import KEYS
from usance.core.identifiers import parse
from usance.core.refusals import Refused
from usance.identity import erasure, rotation
from usance.identity.changing import Asking
from usance.notices.sandbox_server import serving
from usance.platform.config import ConfigurationError, Settings
from usance.platform.database import Pool
from usance.risk import bureau, sandbox_bureau
from usance.risk.bureau import Answered, HttpBureau, Report, Subject
from usance.risk.bureau_pulls import BureauPulls, Pull
from usance.risk.facts_policy import fact_policy
from usance.risk.sandbox_bureau import CALM, BureauInside, Manners, SandboxBureau
from usance.web import personal
from usance.web.app import bureau_of

PATIENCE = structs.replace(fact_policy().bureau, answer_seconds=1)
SUBJECT = Subject("Li 0", "110101199001010001")
REPORT = Report("r-1", NOON, late=True, lenders=4, monthly_payments="2000.00", currency="CNY")


@dataclass
class Played:
    """A bureau that answers what it is told to; ``asked``: under which keys it was."""

    answers: list[Answered]
    name: str = "played"
    asked: list[str] = field(default_factory=list)
    meanwhile: Any = None

    async def report(self, subject: Subject, key: str) -> Answered:
        assert subject.identity_number
        self.asked.append(key)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answers[min(len(self.asked), len(self.answers)) - 1]

    async def close(self) -> None:
        pass


GOOD = Answered(REPORT, b'{"as": "it came"}')


@pytest_asyncio.fixture
async def home(pool: Pool) -> AsyncIterator[House]:
    async with house(pool) as found:
        yield found


async def asked(home: House, pulls: BureauPulls, key: str = "") -> int:
    """A report that is asked for; its number."""
    answer = await pulls.ask(home.who, Asking(STAFF, key, b"h"))
    assert answer.status == 201
    return parse("pull", answer.document["pull_id"])


async def only(home: House, pulls: BureauPulls) -> Pull:
    (found,) = await pulls.of(home.who)
    return found


async def test_a_report_becomes_facts(home: House) -> None:
    """R-BUREAU-01, R-BUREAU-02, R-BUREAU-03, R-IDEM-01"""
    await home.agree("bureau-pull")
    await home.record("income", "income", "8000 CNY", observed_at=NOON - 300 * DAY)
    played = Played([GOOD])
    pulls = home.pulls(played)
    number = await asked(home, pulls, "k")
    assert await asked(home, pulls, "k") == number
    assert (await only(home, pulls)).state == "under_way"
    assert played.asked == []  # asking waits for nobody
    assert await pulls.look() == 1
    assert await pulls.look() == 0
    assert (await only(home, pulls)).state == "answered"
    values = await home.values()
    assert values == {"income": 800_000, "bureau_late": 1, "bureau_lenders": 4,
                      "debt_service": 2_500}  # fmt: skip
    ends = {name: each.valid_until for name, each in (await home.known()).items()}
    assert ends["bureau_late"] == NOON + 90 * DAY
    assert ends["debt_service"] == NOON + 65 * DAY  # no longer than the income that it rests on
    assert b"came" not in await home.pool.fetchval("SELECT answer FROM bureau_pull")
    await home.book.holds()


async def test_without_income_no_share_of_it(home: House) -> None:
    """R-BUREAU-03"""
    await home.agree("bureau-pull")
    pulls = home.pulls(Played([GOOD]))
    await asked(home, pulls)
    await pulls.look()
    assert await home.values() == {"bureau_late": 1, "bureau_lenders": 4}
    assert bureau.features_of(replace_report(currency="USD"), 5, "CNY").keys() == {
        "bureau_late", "bureau_lenders"}  # fmt: skip
    assert bureau.features_of(REPORT, 1, "CNY")["debt_service"] == bureau.SHARE_MAX


def replace_report(**changes: Any) -> Report:
    return structs.replace(REPORT, **changes)


async def test_nobody_is_asked_about_without_consent(home: House) -> None:
    """R-BUREAU-01, R-BUREAU-04"""
    played = Played([GOOD])
    pulls = home.pulls(played)
    for found, rule in ((pulls, "R-BUREAU-01"), (home.pulls(None), "R-BUREAU-04")):
        with pytest.raises(Refused, match=rule):
            await found.ask(home.who, Asking(STAFF))
    assert pulls.can_ask
    assert not home.pulls(None).can_ask
    place = await home.agree("bureau-pull")
    with pytest.raises(Refused, match="R-FOUND-01"):
        await pulls.ask(home.who + 1024, Asking(STAFF))
    await asked(home, pulls)
    with pytest.raises(Refused, match="R-BUREAU-01"):
        await pulls.ask(home.who, Asking(STAFF))  # one is under way
    await home.withdraw(place)
    await pulls.look()
    assert played.asked == []
    assert ((await only(home, pulls)).state, (await only(home, pulls)).because) == (
        "failed", "no_consent")  # fmt: skip
    await home.book.holds()


async def test_what_was_withdrawn_while_the_bureau_answered_is_not_kept(home: House) -> None:
    """R-BUREAU-01, R-FACT-07"""
    place = await home.agree("bureau-pull")
    played = Played([GOOD])
    played.meanwhile = lambda: home.withdraw(place)
    pulls = home.pulls(played)
    await asked(home, pulls)
    await pulls.look()
    assert len(played.asked) == 1
    assert (await only(home, pulls)).because == "no_consent"
    assert await home.pool.fetchval("SELECT answer FROM bureau_pull") == b""
    assert await home.pool.fetchval("SELECT count(*) FROM fact") == 0
    await home.book.holds()


async def test_asked_again_under_one_key_and_then_given_up(home: House) -> None:
    """R-BUREAU-02"""
    await home.agree("bureau-pull")
    played = Played([Answered(error=bureau.TIMEOUT), Answered(error=bureau.BUSY), GOOD])
    pulls = home.pulls(played)
    await asked(home, pulls)
    assert await pulls.look() == 1
    assert await pulls.look() == 0  # not at once
    assert (await only(home, pulls)).because == "timeout"
    home.clock.advance(timedelta(seconds=30))
    assert await pulls.look() == 1
    home.clock.advance(timedelta(seconds=30))
    assert await pulls.look() == 0  # twice as long
    home.clock.advance(timedelta(seconds=30))
    assert await pulls.look() == 1
    assert ((await only(home, pulls)).state, len(set(played.asked))) == ("answered", 1)
    away = Played([Answered(error=bureau.AWAY)])
    pulls = home.pulls(away)
    await asked(home, pulls)
    for _ in range(10):
        await pulls.look()
        home.clock.advance(DAY)
    assert len(away.asked) == PATIENCE.attempts
    newest = (await pulls.of(home.who))[0]
    assert (newest.state, newest.because) == ("failed", "away")
    await home.book.holds()


@pytest.mark.parametrize(
    "answer",
    [Answered(error=bureau.REFUSED), Answered(error=bureau.NOBODY),
     Answered(error=bureau.UNREADABLE),
     Answered(replace_report(as_of=NOON - 91 * DAY), b"{}")],
)  # fmt: skip
async def test_what_does_not_pass_fails_at_once_and_says_why(
    home: House, answer: Answered
) -> None:
    """R-BUREAU-02"""
    await home.agree("bureau-pull")
    pulls = home.pulls(Played([answer]))
    await asked(home, pulls)
    await pulls.look()
    found = await only(home, pulls)
    assert (found.state, found.because) == ("failed", answer.error or "outdated")
    assert await home.values() == {}
    await home.book.holds()


async def test_two_who_look_ask_once_and_a_lost_one_is_made_good(home: House) -> None:
    """R-BUREAU-02"""
    await home.agree("bureau-pull")
    played = Played([GOOD])
    one, two = home.pulls(played), home.pulls(played)
    await asked(home, one)
    await asyncio.gather(one.look(), two.look())
    assert len(played.asked) == 1

    async def die() -> None:
        raise RuntimeError

    broken = Played([GOOD])
    broken.meanwhile = die
    await asked(home, one)
    with pytest.raises(RuntimeError):
        await home.pulls(broken).look()
    assert await two.look() == 0
    home.clock.advance(timedelta(minutes=3))
    assert await two.look() == 1
    assert (await two.of(home.who))[0].state == "answered"
    await home.book.holds()


async def test_who_was_erased_is_not_asked_about(home: House, tmp_path: Path) -> None:
    """R-BUREAU-01, R-FACT-12"""
    await home.agree("bureau-pull")
    played = Played([GOOD])
    pulls = home.pulls(played)
    await asked(home, pulls)
    await pulls.look()
    await rotation.renew_borrower(home.pool, KEYS, home.who, actor=STAFF)
    export = await personal.export(home.pool, KEYS, home.who, None, own=True)
    assert export is not None
    assert export.parts["bureau_reports"][0]["answer"] == '{"as": "it came"}'
    await asked(home, pulls)
    listed = tmp_path / "erasures"
    await erasure.erase(home.pool, home.who, "request", actor=STAFF, list_file=listed)
    await pulls.look()
    assert len(played.asked) == 1
    assert [each.because for each in await pulls.of(home.who)] == ["no_borrower", ""]
    export = await personal.export(home.pool, KEYS, home.who, None, own=True)
    assert export is not None
    assert [each["answer"] for each in export.parts["bureau_reports"]] == ["", ""]
    await home.book.holds()


async def test_damage_to_a_report_is_named(home: House) -> None:
    """INV-FACT-02"""
    await home.agree("bureau-pull")
    pulls = home.pulls(Played([GOOD]))
    number = await asked(home, pulls)
    await pulls.look()
    for damage in (
        "UPDATE bureau_pull SET state = 1", "UPDATE bureau_pull SET state = 3",
        "UPDATE bureau_pull SET operation_id = 0", "UPDATE bureau_pull SET ended_by = 0",
        "UPDATE bureau_pull SET answer_hash = 'x'", "DELETE FROM fact",
    ):  # fmt: skip
        assert (await findings(home, damage))["INV-FACT-02"].key == str(number), damage


# -- over HTTP -------------------------------------------------------------------------------------


@asynccontextmanager
async def sandbox(manners: Manners = CALM) -> AsyncIterator[tuple[SandboxBureau, HttpBureau, str]]:
    server = SandboxBureau("right", manners)
    async with serving(server) as address:
        found = HttpBureau(address, "right", PATIENCE)
        yield server, found, address
        await found.close()


KNOWN = structs.replace(CALM, unknown=0)


async def test_the_sandbox_says_the_same_of_the_same_person() -> None:
    """R-BUREAU-02, R-BUREAU-04"""
    async with sandbox(KNOWN) as (server, found, address):
        one, again = await found.report(SUBJECT, "k-1"), await found.report(SUBJECT, "k-1")
        other = await found.report(SUBJECT, "k-2")
        assert one.report is not None
        assert other.report is not None
        assert one.body == again.body != other.body
        assert one.report.lenders == other.report.lenders
        assert server.tries == {"k-1": 2, "k-2": 1}
        async with httpx.AsyncClient(headers={"authorization": "Bearer right"}) as client:
            counted = await client.get(f"{address}/sandbox/inquiries")
            assert counted.json() == {"inquiries": 2}
            for method, path, body, status in (
                ("GET", "/reports", b"", 404), ("POST", "/reports", b"{}", 400),
                ("POST", "/sandbox/manners", b"[", 400),
                ("POST", "/sandbox/manners", b'{"away": 1000}', 200),
            ):  # fmt: skip
                answer = await client.request(
                    method, address + path, content=body, headers={"idempotency-key": "k"}
                )
                assert answer.status_code == status, path
            no_key = await client.post(f"{address}/reports", content=b"{}")
            assert no_key.status_code == 400
        assert (await found.report(SUBJECT, "k-3")).error == bureau.AWAY
        wrong = HttpBureau(address, "wrong", PATIENCE)
        assert (await wrong.report(SUBJECT, "k-4")).error == bureau.REFUSED
        await wrong.close()


@pytest.mark.parametrize(
    ("manners", "error"),
    [({"away": 1000}, "away"), ({"busy": 1000}, "busy"), ({"silent": 1000}, "timeout"),
     ({"unknown": 1000}, "no_record"), ({"unknown": 0, "delay_ms": 5000}, "timeout")],
)  # fmt: skip
async def test_how_a_bureau_fails(manners: dict[str, int], error: str) -> None:
    """R-BUREAU-02"""
    async with sandbox(Manners(**manners)) as (_, found, _):
        assert (await found.report(SUBJECT, "k")).error == error


async def test_where_nobody_listens() -> None:
    """R-BUREAU-02"""
    found = HttpBureau("http://127.0.0.1:9", "right", PATIENCE)
    assert (await found.report(SUBJECT, "k")).error == bureau.AWAY
    await found.close()


@pytest.mark.parametrize(
    "changed",
    [{"late": "no"}, {"lenders": -1}, {"lenders": 1001}, {"lenders": 1.5}, {"report_id": ""},
     {"report_id": "x" * 101}, {"monthly_payments": "1.234"}, {"monthly_payments": "-1.00"},
     {"monthly_payments": 5}, {"currency": "XYZ"}, {"as_of": "2026-03-01T12:00:00"},
     {"as_of": "yesterday"}, {"late": None}],
)  # fmt: skip
def test_half_a_report_is_none(changed: dict[str, Any]) -> None:
    """R-BUREAU-03"""
    whole = json.loads(structs_json())
    assert bureau.read(json.dumps(whole).encode()) == REPORT
    assert bureau.read(json.dumps(whole | changed).encode()) is None
    assert bureau.read(b"\xff") is None
    assert bureau.read(b"[]") is None


def structs_json() -> str:
    import msgspec

    return msgspec.json.encode(REPORT).decode()


def test_an_answer_that_is_too_long_is_not_read() -> None:
    """R-BUREAU-02"""
    body = structs_json().encode()
    assert bureau.answered(200, body, len(body)).report == REPORT
    assert bureau.answered(200, body, len(body) - 1).error == bureau.UNREADABLE
    assert bureau.answered(302, b"", 10).error == bureau.REFUSED


async def test_the_one_inside_is_asked_over_a_socket() -> None:
    """R-BUREAU-04"""
    found = BureauInside(PATIENCE, "CNY")
    first = await found.report(SUBJECT, "k")
    assert first.report is not None or first.error == bureau.NOBODY
    await found.close()
    assert (await found.report(SUBJECT, "k")).error == first.error
    await found.close()
    shares = [sandbox_bureau.invented(str(n), "CNY") for n in range(500)]
    assert 0 < sum(each["late"] for each in shares) < 100
    assert all(each["lenders"] or each["monthly_payments"] == "0.00" for each in shares)


def test_a_bureau_is_set_up_whole_or_not_at_all(tmp_path: Path) -> None:
    """R-BUREAU-04"""
    token = tmp_path / "token"
    token.write_text("secret\nrest")
    env = {"USANCE_HOME": str(tmp_path), "USANCE_BUREAU_URL": "https://bureau.example/v1"}
    with pytest.raises(ConfigurationError, match="USANCE_BUREAU_TOKEN_FILE"):
        Settings.from_environment(env)
    env["USANCE_BUREAU_TOKEN_FILE"] = str(token)
    for url in ("http://bureau.example", "ftp://bureau.example", "https://u@bureau.example/",
                "https://bureau.example/?a=1"):  # fmt: skip
        with pytest.raises(ConfigurationError, match="USANCE_BUREAU_URL"):
            Settings.from_environment(env | {"USANCE_BUREAU_URL": url})
    settings = Settings.from_environment(env)
    assert isinstance(bureau_of(settings, "CNY", played=True), HttpBureau)
    bare = Settings.from_environment({"USANCE_HOME": str(tmp_path)})
    assert bureau_of(bare, "CNY", played=False) is None
    assert isinstance(bureau_of(bare, "CNY", played=True), BureauInside)
    for wrong in ("", "\n", "a\x07b"):
        token.write_text(wrong)
        with pytest.raises(ConfigurationError, match="USANCE_BUREAU_TOKEN_FILE"):
            bureau_of(settings, "CNY", played=False)
    with pytest.raises(ConfigurationError, match="USANCE_BUREAU_TOKEN_FILE"):
        bureau_of(replace(settings, bureau_token_file=tmp_path / "none"), "CNY", played=False)


