"""Settings become carriers, and both kinds carry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.notices.mail_server import listening
from usance.notices.carriers import carriers_of
from usance.notices.providers import TAKEN, HttpProvider, Order
from usance.notices.sandbox import CALM
from usance.notices.sandbox_server import Server, serving
from usance.notices.smtp import SmtpCarrier
from usance.platform.clock import FixedClock
from usance.platform.config import Settings
from usance.platform.config_carriers import carriers_in

CLOCK = FixedClock(datetime(2026, 11, 27, 12, 0, tzinfo=UTC))


async def test_every_channel_has_its_carriers_and_they_carry() -> None:
    """R-DELIVERY-06: in the order of the file."""
    with listening() as mail:
        async with serving(Server("t0ken", CALM)) as address:
            given = {"url": address, "token": "t0ken"}
            house = {"host": "127.0.0.1", "port": mail.port, "security": "none",
                     "address": "notices@usance.example"}  # fmt: skip
            document = {
                "providers": [
                    given | {"channel": "sms", "name": "one", "weight": 70},
                    given | {"channel": "sms", "name": "two", "weight": 30},
                    given | {"channel": "voice", "name": "calls"},
                    given | {"channel": "email", "name": "letters", "weight": 0},
                ],
                "smtp": [house],
            }
            settings = replace(Settings.from_environment({}), carriers=carriers_in(document))
            found = carriers_of(settings, CLOCK)
            names = {channel: [each.name for each in one] for channel, one in found.items()}
            assert names == {"sms": ["one", "two"], "voice": ["calls"],
                             "email": ["letters", "smtp"]}  # fmt: skip
            assert isinstance(found["sms"][0], HttpProvider)
            assert isinstance(found["email"][1], SmtpCarrier)
            for channel, carriers in found.items():
                for carrier in carriers:
                    to = "lin@example.com" if channel == "email" else "+8613812345678"
                    key = f"{channel} {carrier.name}".replace(" ", "-")
                    order = Order(key, channel, to, "x", "en", "House", title="A bill")
                    assert (await carrier.carry(order)).said == TAKEN
            for each in (carrier for some in found.values() for carrier in some):
                await each.close()
    assert len(mail.raw) == 1


def test_nobody_named_nobody_carries() -> None:
    """R-DELIVERY-06."""
    assert carriers_of(Settings.from_environment({}), CLOCK) == {}
