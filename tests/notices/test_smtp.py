"""E-mail over a real socket: what goes over the wire, and what a server's answers mean."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.notices.mail_server import HANGS_UP, WAITS, let_in, listening
from tests.webhooks.test_addresses import certificate
from usance.notices.letters import mailbox, message_id, one_line
from usance.notices.providers import LATER, REFUSED, TAKEN, UNKNOWN, Order, Outcome
from usance.notices.smtp import SmtpCarrier
from usance.platform.clock import FixedClock
from usance.platform.config_carriers import MailServer

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ORDER = Order(
    "n-1", "email", "lin.xia@example.com", "您好：\n本期账单 1,234.50 元。\n.\n有期", "zh-CN",
    "有期", title="您的账单 2026年11月", purpose="servicing",
)  # fmt: skip
TAKEN_IT = Outcome(TAKEN, message_id("n-1", "usance.example"))


HEADERS = {
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted",
    "Content-Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}  # fmt: skip


def at(port: int, **more: Any) -> MailServer:
    found = MailServer(
        host="127.0.0.1", port=port, security="none", address="notices@usance.example",
        reply_to="service@usance.example", unsubscribe="mailto:stop@usance.example",
        answer_seconds=0.5,
    )  # fmt: skip
    return msgspec.structs.replace(found, **more)


async def carried(server: MailServer, order: Order = ORDER, **more: Any) -> Outcome:
    carrier = SmtpCarrier(server, FixedClock(NOW), **more)
    found = await carrier.carry(order)
    await carrier.close()
    return found


async def test_a_letter_arrives_as_it_was_written() -> None:
    """R-DELIVERY-04."""
    with listening() as mail:
        assert await carried(at(mail.port)) == TAKEN_IT
    assert mail.envelopes == [("notices@usance.example", ["lin.xia@example.com"])]
    found = mail.messages[0]
    assert dict(found.items()) == {
        "From": "有期 <notices@usance.example>", "To": "lin.xia@example.com",
        "Reply-To": "service@usance.example", "Subject": ORDER.title,
        "Date": "Fri, 27 Nov 2026 12:00:00 +0000", "Message-ID": f"<{TAKEN_IT.reference}>",
        "Auto-Submitted": "auto-generated", "Content-Language": "zh-CN", "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"', "Content-Transfer-Encoding": "base64",
    }  # fmt: skip
    assert found.get_content().splitlines() == ORDER.text.splitlines()
    assert mail.raw[0].isascii()
    assert max(len(line) for line in mail.raw[0].split(b"\r\n")) <= 78


async def test_only_advertising_says_how_to_be_left_in_peace() -> None:
    """R-DELIVERY-04."""
    with listening() as mail:
        await carried(at(mail.port), replace(ORDER, purpose="marketing"))
    assert mail.messages[0]["List-Unsubscribe"] == "<mailto:stop@usance.example>"


@pytest.mark.parametrize("subject", [
    "Bill\r\nBcc: x@example.com", "Bill\nX-A: b", "Bill\x00\x0b\x0c", "Bill\u2028X-A: b",
    "账单\r\nX-A: b", "=?utf-8?q?=0D=0AX-A:_b?=", "Bill\x85X-A: b", "\u202eBill",
])  # fmt: skip
async def test_nobody_adds_a_header(subject: str) -> None:
    """R-DELIVERY-04: neither by the subject, nor by the name of the lender, nor by an address."""
    with listening() as mail:
        await carried(at(mail.port), replace(ORDER, title=subject, sender=subject))
    assert set(mail.messages[0].keys()) == HEADERS
    assert mail.envelopes[0][1] == ["lin.xia@example.com"]
    assert "X-A" not in mail.messages[0]
    assert "Bcc" not in mail.messages[0]


@pytest.mark.parametrize("to", [
    "", "x", "a@b@c", "a b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>",
    "a@example.com, b@example.com", "<a@example.com>", "lín@example.com", "a@-\u2028.com",
    "a@" + "b" * 64 + ".com", "a" * 65 + "@example.com", '"a b"@example.com', "a@example.com>",
    "a..b@example.com", ".a@example.com", "a@",
])  # fmt: skip
async def test_what_is_no_address_is_refused(to: str) -> None:
    """R-DELIVERY-04: nobody is asked."""
    with listening() as mail:
        refused = await carried(at(mail.port), replace(ORDER, to=to))
    assert refused == Outcome(REFUSED, error="bad_address")
    assert mail.connections == 0


def test_names_of_domains_and_lines() -> None:
    found = mailbox("lin@bücher.example")
    assert found is not None
    assert found.addr_spec == "lin@xn--bcher-kva.example"
    assert one_line(" a\tb \r\n c ", 4) == "a b"
    assert one_line("=?utf-8?q?=0D?=", 40) == "= ?utf-8?q?=0D?="


@pytest.mark.parametrize(("step", "answer", "wanted"), [
    ("at_rcpt", "550 5.1.1 <lin.xia@example.com> unknown", Outcome(REFUSED, error="550 5.1.1")),
    ("at_rcpt", "451 4.7.1 come back", Outcome(LATER, error="451 4.7.1")),
    ("at_rcpt", "421 busy", Outcome(LATER, error="421", wait=30)),
    ("at_rcpt", HANGS_UP, Outcome(LATER, error="SMTPServerDisconnected")),
    ("at_rcpt", WAITS, Outcome(LATER, error="SMTPReadTimeoutError")),
    ("at_mail", "550 5.7.1 not you", Outcome(LATER, error="550 5.7.1")),
    ("at_mail", "421 4.3.2 closing", Outcome(LATER, error="421 4.3.2", wait=30)),
    ("at_data", "554 5.6.0 no", Outcome(REFUSED, error="554 5.6.0")),
    ("at_data", "452 full", Outcome(LATER, error="452")),
    ("at_data", "421 4.3.2 closing", Outcome(LATER, error="421 4.3.2", wait=30)),
    ("at_data", "354 what", Outcome(UNKNOWN, error="354")),
    ("at_data", HANGS_UP, Outcome(UNKNOWN, error="SMTPServerDisconnected")),
    ("at_data", WAITS, Outcome(UNKNOWN, error="SMTPReadTimeoutError")),
])  # fmt: skip
async def test_what_an_answer_means(step: str, answer: str, wanted: Outcome) -> None:
    """R-DELIVERY-04: and after each of them the next message goes."""
    with listening() as mail:
        setattr(mail, step, answer)
        carrier = SmtpCarrier(at(mail.port), FixedClock(NOW))
        assert await carrier.carry(ORDER) == wanted
        setattr(mail, step, "")
        assert await carrier.carry(ORDER) == TAKEN_IT
        await carrier.close()


async def test_a_message_that_is_handed_over_again_can_be_told() -> None:
    """R-DELIVERY-04: what was perhaps taken has the same name, whatever the moment."""
    with listening() as mail:
        mail.at_data = HANGS_UP
        clock = FixedClock(NOW)
        carrier = SmtpCarrier(at(mail.port), clock)
        assert (await carrier.carry(ORDER)).said == UNKNOWN
        mail.at_data = ""
        assert (await carrier.carry(ORDER)).said == TAKEN
        await carrier.carry(replace(ORDER, key="n-2"))
        await carrier.close()
    one, again, other = (each["Message-ID"] for each in mail.messages)
    assert one == again != other


async def test_connections_are_kept_and_dead_ones_replaced() -> None:
    """R-DELIVERY-04."""
    with listening() as mail:
        carrier = SmtpCarrier(at(mail.port), FixedClock(NOW), width=3)
        orders = [replace(ORDER, key=f"n-{number}") for number in range(30)]
        said = await asyncio.gather(*(carrier.carry(each) for each in orders))
        assert {each.said for each in said} == {TAKEN}
        assert len(mail.raw) == 30
        assert mail.connections == 3
        mail.at_mail = HANGS_UP  # all three, and the new one
        assert (await carrier.carry(ORDER)).said == LATER
        mail.at_mail = ""
        assert (await carrier.carry(ORDER)).said == TAKEN
        assert mail.connections == 5
        await carrier.close()


async def test_who_cannot_be_reached_has_not_taken_it() -> None:
    """R-DELIVERY-04."""
    assert await carried(at(9)) == Outcome(LATER, error="SMTPConnectError")
    nowhere = at(25, host="no.invalid")
    assert (await carried(nowhere)).said == LATER


@pytest.mark.parametrize(("security", "trusted", "wanted"), [
    ("tls", True, TAKEN), ("starttls", True, TAKEN), ("tls", False, LATER),
    ("starttls", False, LATER),
])  # fmt: skip
async def test_tls_holds_a_server_to_its_name(
    tmp_path: Path, security: str, trusted: bool, wanted: str  # noqa: FBT001
) -> None:
    """R-DELIVERY-04: nothing is said to who is not trusted."""
    server, client = certificate(tmp_path, "localhost")
    more: dict[str, Any] = (
        {"tls": server} if security == "tls" else
        {"tls_context": server, "require_starttls": True}
    )  # fmt: skip
    with listening(**more) as mail:
        found = at(mail.port, host="localhost", security=security)
        tls = {"tls": client} if trusted else {}
        assert (await carried(found, **tls)).said == wanted
        assert len(mail.raw) == (1 if trusted else 0)


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for() -> None:
    with listening() as mail:
        assert (await carried(at(mail.port, security="starttls"))).said == LATER
        assert mail.raw == []


@pytest.mark.parametrize(("password", "wanted"), [("s3cret", TAKEN), ("wrong", LATER)])
async def test_who_must_log_in_does(password: str, wanted: str) -> None:
    """R-DELIVERY-04: a wrong password is no fault of the message."""
    more = {"authenticator": let_in, "auth_required": True, "auth_require_tls": False}
    with listening(**more) as mail:
        found = at(mail.port, user="house", password=password)
        assert (await carried(found)).said == wanted
        assert len(mail.raw) == (wanted == TAKEN)
