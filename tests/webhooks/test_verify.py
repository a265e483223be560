"""What a receiver finds (R-HOOK-10): authentic, fresh and new, or not to be trusted."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from usance.webhooks import secrets
from usance.webhooks import verify as module
from usance.webhooks.verify import TOLERANCE, Memory, NotGenuineError, verify

SECRET, OTHER = "whsec_one", "whsec_two"
BODY = b'{"id":"w-1-7","type":"repayment.booked"}'
SENT = 1_800_000_000


def headers(*by: str, timestamp: int = SENT, body: bytes = BODY) -> dict[str, str]:
    return secrets.signed(by or (SECRET,), timestamp, "w-1-7", body)


def test_a_genuine_message_is_taken() -> None:
    found = verify(headers(), BODY, [SECRET], now=SENT + 2, memory=Memory())
    assert (found.message_id, found.timestamp, found.repeated) == ("w-1-7", SENT, False)


def test_the_signature_is_what_the_document_says() -> None:
    """Computed by a program of others, from the recipe alone."""
    openssl = ["openssl", "dgst", "-sha256", "-hmac", SECRET, "-r"]
    signed = f"{SENT}.w-1-7.".encode() + BODY
    run = subprocess.run(openssl, input=signed, capture_output=True, check=True)
    found = headers()["Usance-Webhook-Signature"]
    assert found == "v1=" + run.stdout.decode().split()[0]


def test_a_replay_is_seen() -> None:
    memory = Memory()
    assert not verify(headers(), BODY, [SECRET], now=SENT, memory=memory).repeated
    again = verify(headers(), BODY, [SECRET], now=SENT + TOLERANCE, memory=memory)
    assert again.repeated
    retried = headers(timestamp=SENT + 60)
    assert verify(retried, BODY, [SECRET], now=SENT + 60, memory=memory).repeated


def test_a_message_that_could_not_be_handled_may_come_again() -> None:
    memory = Memory()
    verify(headers(), BODY, [SECRET], now=SENT, memory=memory)
    memory.forget("w-1-7")
    assert not verify(headers(), BODY, [SECRET], now=SENT, memory=memory).repeated


def test_the_memory_outlives_the_tolerance() -> None:
    """From a clock that runs ahead, a message stays fresh for twice the tolerance."""
    memory = Memory()
    early = SENT - TOLERANCE
    assert not verify(headers(), BODY, [SECRET], now=early, memory=memory).repeated
    for now in range(early, SENT + TOLERANCE + 1, 20):
        memory.is_new(f"another {now}", now, now)  # which clears away what is old
        assert verify(headers(), BODY, [SECRET], now=now, memory=memory).repeated, now
    with pytest.raises(NotGenuineError):
        verify(headers(), BODY, [SECRET], now=SENT + TOLERANCE + 1, memory=memory)
    memory.is_new("last", SENT + 9 * TOLERANCE, SENT + 9 * TOLERANCE)
    assert list(memory._until) == ["last"], "nothing is kept for ever"


@pytest.mark.parametrize("skew", [TOLERANCE + 1, -TOLERANCE - 1, 10**9])
def test_what_is_not_fresh_is_refused(skew: int) -> None:
    with pytest.raises(NotGenuineError, match="too old, or from the future"):
        verify(headers(), BODY, [SECRET], now=SENT + skew, memory=Memory())


@pytest.mark.parametrize("skew", [TOLERANCE, -TOLERANCE])
def test_clocks_may_differ_a_little(skew: int) -> None:
    assert verify(headers(), BODY, [SECRET], now=SENT + skew, memory=Memory())


@pytest.mark.parametrize(
    "change",
    [{}, {"Usance-Webhook-Timestamp": str(SENT + 1)}, {"Usance-Webhook-Id": "w-1-8"},
     {"Usance-Webhook-Signature": ""}, {"Usance-Webhook-Signature": "v1=" + "0" * 64},
     {"Usance-Webhook-Signature": "v1=\u00e9"}, {"Usance-Webhook-Id": ""},
     {"Usance-Webhook-Timestamp": ""}, {"Usance-Webhook-Timestamp": "1e9"},
     {"Usance-Webhook-Timestamp": "9" * 400}, {"Usance-Webhook-Timestamp": f" {SENT}"},
     {"Usance-Webhook-Timestamp": f"-{SENT}"}],
)  # fmt: skip
def test_what_was_changed_on_the_way_is_refused(change: dict[str, str]) -> None:
    body = BODY[:-1] if not change else BODY
    with pytest.raises(NotGenuineError):
        verify(headers() | change, body, [SECRET], now=SENT, memory=Memory())


@pytest.mark.parametrize("body", [BODY[:-1], BODY + b" ", b"", BODY.replace(b"7", b"8")])
def test_every_byte_counts(body: bytes) -> None:
    with pytest.raises(NotGenuineError, match="no signature"):
        verify(headers(), body, [SECRET], now=SENT, memory=Memory())


def test_another_secret_is_refused_and_remembered_nowhere() -> None:
    memory = Memory()
    with pytest.raises(NotGenuineError, match="no signature"):
        verify(headers(OTHER), BODY, [SECRET], now=SENT, memory=memory)
    assert not verify(headers(), BODY, [SECRET], now=SENT, memory=memory).repeated
    with pytest.raises(NotGenuineError):
        verify(headers(), BODY, [], now=SENT, memory=memory)


def test_while_a_secret_is_rotated_either_opens() -> None:
    both = headers(SECRET, OTHER)
    for known in ([SECRET], [OTHER], [OTHER, SECRET]):
        assert verify(both, BODY, known, now=SENT, memory=Memory())
    with pytest.raises(NotGenuineError):
        verify(headers(SECRET), BODY, [OTHER], now=SENT, memory=Memory())


def test_the_names_of_headers_may_be_written_in_any_case() -> None:
    upper = {name.upper(): value for name, value in headers().items()}
    assert verify(upper, BODY, [SECRET], now=SENT, memory=Memory())


def test_the_file_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    roots = {
        (each.module or "").partition(".")[0] for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom)
    } | {
        name.name.partition(".")[0] for each in ast.walk(tree)
        if isinstance(each, ast.Import) for name in each.names
    }  # fmt: skip
    assert roots - {"__future__"} <= sys.stdlib_module_names
    assert "compare_digest" in Path(module.__file__).read_text()
