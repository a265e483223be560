"""Who carries notices: a file of the operator's that names providers and the mail server.

The file holds secrets, so only its owner may read it, and nothing of it is ever printed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from usance.core.refusals import without_values

TLS, STARTTLS, PLAIN = "tls", "starttls", "none"
EMAIL = "email"
POINTS = 100
"""The weights of a channel together."""
SECRET_MIN = 24
VISIBLE = re.compile(r"[!-~]+")
MAIL_ADDRESS = re.compile(
    r"[A-Za-z0-9_%+-]+(\.[A-Za-z0-9_%+-]+)*@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*"
)

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,39}$")]
Secret = Annotated[str, Meta(min_length=1, max_length=500)]
Weight = Annotated[int, Meta(ge=0, le=POINTS)]
Carried: TypeAlias = Literal["sms", "email", "voice"]


class CarriersError(ValueError):
    """What is wrong with the file; never what a secret is."""


class ProviderAt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A provider over HTTP. ``receipts_secret`` signs what it tells later; empty: nothing."""

    channel: Carried
    name: Name
    url: str
    token: Secret
    weight: Weight = POINTS
    receipts_secret: str = ""

    def __repr__(self) -> str:
        """Without secrets."""
        return f"ProviderAt({self.channel!r}, {self.name!r})"


class MailServer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mail server. E-mails are from ``address``, by the name ``sender``."""

    name: Name = "smtp"
    host: Annotated[str, Meta(min_length=1, max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65_535)] = 587
    security: Literal["tls", "starttls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    address: str
    sender: Annotated[str, Meta(max_length=100)] = ""
    reply_to: str = ""
    unsubscribe: str = ""
    weight: Weight = POINTS
    receipts_secret: str = ""
    answer_seconds: Annotated[float, Meta(gt=0, le=600)] = 30

    def __repr__(self) -> str:
        """Without secrets."""
        return f"MailServer({self.name!r})"


class Carriers(Struct, frozen=True, forbid_unknown_fields=True):
    """Everybody who carries notices; nobody, where the operator named no file."""

    providers: tuple[ProviderAt, ...] = ()
    smtp: tuple[MailServer, ...] = ()

    @property
    def everybody(self) -> tuple[ProviderAt | MailServer, ...]:
        """Providers, then mail servers."""
        return (*self.providers, *self.smtp)

    @property
    def weights(self) -> Mapping[str, Mapping[str, int]]:
        """By channel, how many of a hundred messages each is to carry."""
        found: dict[str, dict[str, int]] = {}
        for provider in self.providers:
            found.setdefault(provider.channel, {})[provider.name] = provider.weight
        for server in self.smtp:
            found.setdefault(EMAIL, {})[server.name] = server.weight
        return found

    @property
    def receipt_secrets(self) -> Mapping[str, bytes]:
        """What receipts are signed with, by the name of who sends them."""
        return {
            each.name: each.receipts_secret.encode()
            for each in self.everybody if each.receipts_secret
        }  # fmt: skip


def read_carriers(path: Path) -> Carriers:
    """What the file says; raises ``CarriersError``."""
    import yaml  # most commands start without

    try:
        if path.stat().st_mode & 0o077:
            raise CarriersError("others than its owner may read it; chmod 600")
        return carriers_in(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise CarriersError(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CarriersError("it is not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise CarriersError(f"it is not YAML{where}") from None  # the error would show the line


def carriers_in(document: Any) -> Carriers:
    """A document as settings; raises ``CarriersError``."""
    try:
        found = msgspec.convert({} if document is None else document, Carriers)
    except msgspec.ValidationError as error:
        raise CarriersError(without_values(str(error))) from None
    names = [each.name for each in found.everybody]
    if len(set(names)) < len(names):
        raise CarriersError("two have one name")
    for channel, weights in found.weights.items():
        if sum(weights.values()) != POINTS:
            raise CarriersError(f"the weights of {channel} must be {POINTS} together")
    for each in found.everybody:
        if each.receipts_secret and len(each.receipts_secret) < SECRET_MIN:
            raise CarriersError(f"{each.name}: receipts_secret has {SECRET_MIN} signs or more")
    for provider in found.providers:
        check_provider(provider)
    for server in found.smtp:
        check_server(server)
    return found


def check_provider(provider: ProviderAt) -> None:
    """A token goes in clear over plain HTTP: that is for this machine and private networks."""
    if not VISIBLE.fullmatch(provider.token):
        raise CarriersError(f"{provider.name}: a token has visible ASCII characters only")
    try:
        parts = urlsplit(provider.url)
        whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    plain = provider.url.isascii() and provider.url.isprintable() and " " not in provider.url
    bare = whole and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not (plain and bare and "\\" not in provider.url):
        raise CarriersError(f"{provider.name}: url is https://host/path and no more")
    near = parts.scheme == "http" and is_near(parts.hostname or "")
    if not (near or parts.scheme == "https"):
        forms = "https://, or http:// to an address of this machine or of a private network"
        raise CarriersError(f"{provider.name}: url must be {forms}")


def check_server(server: MailServer) -> None:
    """The same for a mail server, whose password and letters would go in clear."""
    if server.security == PLAIN and not is_near(server.host):
        raise CarriersError(f"{server.name}: security none is for this machine's networks alone")
    if bool(server.user) != bool(server.password):
        raise CarriersError(f"{server.name}: a user has a password")
    for text in filter(None, (server.address, server.reply_to)):
        if not MAIL_ADDRESS.fullmatch(text):
            raise CarriersError(f"{server.name}: address and reply_to are name@domain")
    forms = ("mailto:", "https://")
    if server.unsubscribe and not (
        server.unsubscribe.startswith(forms) and re.fullmatch("[!-;=?-~]+", server.unsubscribe)
    ):
        raise CarriersError(f"{server.name}: unsubscribe is mailto:... or https://...")


def is_near(host: str) -> bool:
    """Whether a host is this machine, or an address of a private network."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or (address.is_private and not address.is_unspecified)
