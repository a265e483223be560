"""Where messages may go (R-HOOK-02): never to a neighbour of this host, whatever a name says."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.webhooks.receiver import Receiver, receiving
from usance.core.refusals import Refused
from usance.webhooks.policy import Reach, default_policy
from usance.webhooks.rules import allowed, check_address, target_of
from usance.webhooks.sender import Courier, Sender, UnreachableError

STRICT = Reach()
HTTP = Reach(allow_http=True, networks=("127.0.0.1/32",))


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "named"),
    [("https://hooks.example.com/in", "hooks.example.com", 443, "/in", "hooks.example.com"),
     ("https://EXAMPLE.com", "example.com", 443, "/", "example.com"),
     ("https://example.com:8443/a?b=c&d", "example.com", 8443, "/a?b=c&d", "example.com:8443"),
     ("https://93.184.215.14/x", "93.184.215.14", 443, "/x", "93.184.215.14"),
     ("https://[2606:2800:21f::1]:9/x", "2606:2800:21f::1", 9, "/x", "[2606:2800:21f::1]:9")],
)  # fmt: skip
def test_addresses_that_can_be(url: str, host: str, port: int, path: str, named: str) -> None:
    found = target_of(url, STRICT)
    assert (found.host, found.port, found.path, found.named) == (host, port, path, named)


@pytest.mark.parametrize(
    "url",
    ["", "x", "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://",
     "https:///x", "https://user@example.com/", "https://user:pw@example.com/",
     "https://example.com/#part", "https://example.com:0/", "https://example.com:99999/",
     "https://example.com:x/", "https://exa mple.com/", "https://example.com/\r\nX: y",
     "https://example.com/\x00", "https://ex\u00e4mple.com/", "https://example.com\\@evil.com/",
     "https://" + "a" * 64 + ".com/", "https://a..b/", "https://example.com/" + "x" * 500,
     "https://127.0.0.1/", "https://[::1]/", "https://10.1.2.3/", "https://169.254.169.254/latest",
     "https://[::ffff:127.0.0.1]/", "https://[fe80::1]/", "https://0.0.0.0/", "https://[::]/",
     "javascript:alert(1)", "https://[1.2.3.4]/", "https://[fe80::1%25eth0]/"],
)  # fmt: skip
def test_addresses_that_cannot_be(url: str) -> None:
    with pytest.raises(Refused, match="R-HOOK-02"):
        target_of(url, STRICT)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
     "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.1",
     "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1",
     "::ffff:10.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "2002:a00:1::1",
     "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:db8::1",
     "2001:0:53aa:64c:0:fbff:80ff:fffe"],
)  # fmt: skip
def test_neighbours_are_refused_in_every_spelling(address: str) -> None:
    with pytest.raises(Refused, match="R-HOOK-02"):
        check_address(ipaddress.ip_address(address), STRICT)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_the_public_internet_is_allowed(address: str) -> None:
    check_address(ipaddress.ip_address(address), STRICT)


def test_networks_of_our_own_can_be_allowed() -> None:
    reach = Reach(networks=("10.1.0.0/16", "fd00::/8"))
    for address in ("10.1.2.3", "fd00::5"):
        check_address(ipaddress.ip_address(address), reach)
    with pytest.raises(Refused):
        check_address(ipaddress.ip_address("10.2.0.1"), reach)


def test_a_name_with_one_bad_address_is_refused_whole() -> None:
    with pytest.raises(Refused):
        allowed(["93.184.215.14", "10.0.0.1"], STRICT)
    with pytest.raises(Refused):
        allowed([], STRICT)
    assert allowed(["8.8.8.8", "8.8.8.8", "8.8.4.4"], STRICT) == ["8.8.8.8", "8.8.4.4"]


# -- names -----------------------------------------------------------------------------------------


def resolver(*answers: list[str]) -> Callable[[str, int], object]:
    """Gives one answer after the other, the last one again and again."""
    rest = list(answers)

    async def resolve(_: str, __: int) -> list[str]:
        return rest.pop(0) if len(rest) > 1 else rest[0]

    return resolve


async def error_of(sender: Sender, url: str) -> str:
    with pytest.raises(UnreachableError) as refused:
        await sender.find(url)
    return refused.value.error


async def test_a_name_that_leads_inside_is_not_followed() -> None:
    for inside in ("127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"):
        sender = Sender(default_policy(), STRICT, resolve=resolver([inside]))
        assert await error_of(sender, "https://hooks.example.com/") == "address"


async def test_numbers_in_disguise_are_what_they_lead_to() -> None:
    """The system reads 2130706433, 0x7f.1 and 127.1 as 127.0.0.1."""
    sender = Sender(default_policy(), Reach(allow_http=True))
    for host in ("2130706433", "0x7f.1", "127.1", "localhost", "017700000001"):
        assert await error_of(sender, f"http://{host}/") in ("address", "name"), host


async def test_a_name_that_is_not_known() -> None:
    async def unknown(_: str, __: int) -> list[str]:
        raise socket.gaierror

    sender = Sender(default_policy(), STRICT, resolve=unknown)
    assert await error_of(sender, "https://nobody.example.com/") == "name"


async def test_the_address_that_was_checked_is_the_one_connected_to(receiver: Receiver) -> None:
    """A name that changes its mind after the check (DNS rebinding) is not asked again."""
    sender = Sender(default_policy(), HTTP, resolve=resolver(["127.0.0.1"], ["10.0.0.1"]))
    route = await sender.find(f"http://rebinding.example.com:{receiver.port}/in")
    courier = Courier(sender, route)
    assert (await courier.post({"A": "b"}, b"{}")).status == 204
    courier.close()
    assert (await courier.post({"A": "b"}, b"{}")).status == 204
    courier.close()
    assert receiver.received[0].headers["host"] == f"rebinding.example.com:{receiver.port}"


async def test_a_dead_address_does_not_hide_a_live_one(receiver: Receiver) -> None:
    reach = Reach(allow_http=True, networks=("127.0.0.0/8",))
    sender = Sender(default_policy(), reach, resolve=resolver(["127.0.0.9", "127.0.0.1"]))
    courier = Courier(sender, await sender.find(f"http://two.example.com:{receiver.port}/"))
    assert (await courier.post({}, b"{}")).status == 204
    courier.close()


async def test_a_connection_that_was_closed_while_idle_is_opened_anew(receiver: Receiver) -> None:
    sender = Sender(default_policy(), HTTP)
    courier = Courier(sender, await sender.find(receiver.url))
    receiver.answer = lambda _, writer: writer.write(b"HTTP/1.1 204 No\r\n\r\n")  # then hangs up
    for _ in range(3):
        assert (await courier.post({}, b"{}")).status == 204
    courier.close()
    assert (receiver.connections, len(receiver.received)) == (3, 3)


# -- TLS -------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server that has a certificate for a name, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cafile=str(pem))
    return server, client


@pytest.mark.parametrize(
    ("host", "trust", "wanted"),
    [("hooks.example.com", "known", (204, "")), ("other.example.com", "known", (0, "tls")),
     ("hooks.example.com", "unknown", (0, "tls"))],
)  # fmt: skip
async def test_tls_holds_the_address_to_the_name(
    tmp_path: Path, host: str, trust: str, wanted: tuple[int, str]
) -> None:
    server, client = certificate(tmp_path, "hooks.example.com")
    async with receiving(server) as receiver:
        reach = Reach(networks=("127.0.0.1/32",))
        tls = client if trust == "known" else ssl.create_default_context()
        sender = Sender(default_policy(), reach, resolve=resolver(["127.0.0.1"]), tls=tls)
        courier = Courier(sender, await sender.find(f"https://{host}:{receiver.port}/in"))
        outcome = await courier.post({"Usance-Webhook-Id": "w-1-1"}, b"{}")
        courier.close()
        assert (outcome.status, outcome.error) == wanted
        assert len(receiver.received) == (1 if wanted[0] else 0)
