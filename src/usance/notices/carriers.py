"""Who carries what: the operator's settings as carriers, by channel."""

from __future__ import annotations

from collections.abc import Mapping

from usance.core.rules import rule
from usance.notices.providers import Carrier, HttpProvider
from usance.notices.smtp import SmtpCarrier
from usance.platform.clock import Clock
from usance.platform.config import Settings
from usance.platform.config_carriers import EMAIL


@rule("R-DELIVERY-06")
def carriers_of(settings: Settings, clock: Clock) -> Mapping[str, tuple[Carrier, ...]]:
    """Carriers by channel, in the order of the file; a channel that nobody carries is not there.

    How many of a hundred messages each is to carry stands in ``settings.carriers.weights``.
    """
    found: dict[str, list[Carrier]] = {}
    for provider in settings.carriers.providers:
        carrier = HttpProvider(provider.name, provider.url, provider.token, clock)
        found.setdefault(provider.channel, []).append(carrier)
    for server in settings.carriers.smtp:
        found.setdefault(EMAIL, []).append(SmtpCarrier(server, clock))
    return {channel: tuple(carriers) for channel, carriers in found.items()}
