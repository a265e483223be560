"""Which addresses a message may go to, so that nobody makes this host talk to its neighbours."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import urlsplit

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.platform.http_courier import PORTS, Target
from usance.webhooks.policy import Reach

URL_MAX = 500
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")


@rule("R-HOOK-02")
def target_of(url: str, reach: Reach) -> Target:
    """The URL of an endpoint; raises ``Refused``. Numbers in place of a name are looked at here."""
    if not (1 <= len(url) <= URL_MAX and url.isascii() and url.isprintable() and " " not in url):
        raise bad(f"an address has at most {URL_MAX} plain characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise bad("not an address") from error
    if parts.scheme not in PORTS or (parts.scheme == "http" and not reach.allow_http):
        raise bad("the address must begin with https://")
    if not parts.hostname or "@" in parts.netloc or parts.fragment or "\\" in url or port == 0:
        raise bad("an address is https://host/path, without a user or a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme, parts.hostname, port or PORTS[parts.scheme], path)
    address = written_out(target.host)
    if address is not None:
        check_address(address, reach)
    elif not NAME.fullmatch(target.host):
        raise bad("not an address")
    return target


def bad(detail: str) -> Refused:
    """The refusal of an address."""
    return Refused("R-HOOK-02", detail, "url")


def written_out(host: str) -> Address | None:
    """The address that stands in place of a name; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


@rule("R-HOOK-02")
def check_address(address: Address, reach: Reach) -> None:
    """Raise ``Refused`` for what is not of the public internet, unless its network is allowed."""
    if any(address in ipaddress.ip_network(each) for each in reach.networks):
        return
    if not all(is_public(each) for each in inside(address)):
        raise bad("the address is not one of the public internet")


@rule("R-HOOK-02")
def allowed(addresses: Iterable[str], reach: Reach) -> list[str]:
    """Addresses to connect to, of those that a name has: every one must be allowed."""
    found = list(dict.fromkeys(addresses))
    if not found:
        raise bad("the name has no address")
    for each in found:
        check_address(ipaddress.ip_address(each), reach)
    return found


def is_public(address: Address) -> bool:
    """Neither private, loopback, link-local, multicast, reserved nor shared."""
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_loopback
        or address.is_link_local or address.is_unspecified
    )  # fmt: skip


def inside(address: Address) -> list[Address]:
    """What an address leads to: itself, and the IPv4 addresses that it maps, tunnels or translates.

    A translated one (NAT64) counts as what stands in it.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address in NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    leads_to = (address, address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
    return [each for each in leads_to if each is not None]
