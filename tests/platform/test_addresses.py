"""R-LOGIN-05: what an address is counted under."""

from __future__ import annotations

import pytest

from usance.identity.attempts import of_log_in
from usance.platform.addresses import counted_as


@pytest.mark.parametrize(("address", "counted"), [
    ("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"),
    ("::FFFF:CB00:7109", "203.0.113.9"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80::/64"),
    ("::1", "::/64"), ("", ""), ("testclient", "testclient"), ("203.0.113.9:80", "203.0.113.9:80"),
    ("\u0661.1.1.1", "\u0661.1.1.1"),
])  # fmt: skip
def test_an_address_is_counted_by_what_its_holder_has(address: str, counted: str) -> None:
    assert counted_as(address) == counted


def test_attempts_of_staff_are_counted_so_too() -> None:
    """R-AUTH-05."""
    first, second = of_log_in("anna", "2001:db8::1"), of_log_in("anna", "2001:db8::ffff:2")
    assert first == second
    assert len(first) == 2
    assert first.keys() != of_log_in("anna", "2001:db8:0:1::1").keys()
