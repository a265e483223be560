"""What an address is counted under: who has one of IPv6 has as many as there are in its network."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

NETWORK_BITS = 64
"""Of an IPv6 address: a household or a machine gets at least so large a network."""


def counted_as(address: str) -> str:
    """IPv4 as it is, also where it is written as IPv6; IPv6 by its /64; anything else as it is."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Network((found.packed, NETWORK_BITS), strict=False))
