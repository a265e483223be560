"""Puts the room of notices together: the gate, carriers, who plans, who sends."""

from __future__ import annotations

from collections.abc import Sequence

from usance.family.follows import BEFORE, FOLLOWS
from usance.family.policy import family_policy
from usance.identity.access import BorrowerAccess
from usance.identity.messages import Messenger, Outgoing
from usance.notices.carriers import carriers_of
from usance.notices.deciding import House
from usance.notices.delivery import Delivery
from usance.notices.documents import WEBHOOK
from usance.notices.gate import Gate
from usance.notices.health import Health
from usance.notices.legal import law
from usance.notices.own import OwnNotices
from usance.notices.planner import Planner
from usance.notices.providers import TAKEN, Carrier, Order, Outcome
from usance.notices.recipients import Members
from usance.notices.samples import BY_TYPE
from usance.notices.sending import sending
from usance.notices.watches import DEVICE, NETWORK
from usance.notices.webhook_carrier import WebhookCarrier
from usance.platform.clock import Clock
from usance.platform.config import Settings
from usance.platform.crypto import KeyService
from usance.platform.database import Pool, transaction
from usance.web.services import NoticeRoom

SANDBOX = "sandbox"
WHOLE = 100


class SandboxCarrier:
    """Sends nothing: lays messages where staff of a sandbox look at them."""

    name = SANDBOX

    def __init__(self, pool: Pool, messenger: Messenger) -> None:
        self._pool = pool
        self._messenger = messenger

    async def carry(self, order: Order) -> Outcome:
        """Keep it under its borrower's key."""
        borrower_id, _, kind = order.about
        async with transaction(self._pool) as connection:
            message = Outgoing(borrower_id, kind, order.to, order.text)
            await self._messenger.send(connection, message)
        return Outcome(TAKEN, order.key)

    async def close(self) -> None:
        """Nothing is open."""


def in_the_sandbox(
    pool: Pool, keys: KeyService, clock: Clock, access: BorrowerAccess, jurisdiction: str
) -> Delivery:
    """Who sends where nothing leaves the house."""
    settings = Settings.from_environment({})
    room = notice_room(settings, pool, keys, clock, access, jurisdiction, played=True)
    assert room.delivery is not None
    return room.delivery


def notice_room(
    settings: Settings, pool: Pool, keys: KeyService, clock: Clock, access: BorrowerAccess,
    jurisdiction: str, members: Members | None = None, *, played: bool,
) -> NoticeRoom:  # fmt: skip
    """Everything of notices on a book; ``played``: nothing leaves the house."""
    phone = settings.lender_phone or (BY_TYPE["phone"] if played else "")
    carriers: dict[str, Sequence[Carrier]] = dict(carriers_of(settings, clock))
    weights = dict(settings.carriers.weights)
    if played:
        carriers = dict.fromkeys(("sms", "email"), (SandboxCarrier(pool, access.sandbox),))
        weights = {channel: {SANDBOX: WHOLE} for channel in carriers}
    carriers[WEBHOOK] = (WebhookCarrier(pool, clock),)
    weights[WEBHOOK] = {WebhookCarrier.name: WHOLE}
    resting = {(channel, name): weight
               for channel, some in weights.items() for name, weight in some.items()}  # fmt: skip
    own, places = OwnNotices(pool, keys, clock, phone), family_policy()
    watches = {DEVICE: places.from_device, NETWORK: places.from_network}
    health = Health(pool, clock, resting, watches=watches)
    gate = Gate(law())
    zone = gate.law.zones_of(jurisdiction)[0].key
    if not phone:
        return NoticeRoom(zone, own, health, None, None)
    names = {channel: [each.name for each in some] for channel, some in carriers.items()}
    house = House(keys, gate, jurisdiction, phone, sending(), names, members)
    return NoticeRoom(
        zone, own, health, Planner(pool, clock, gate, jurisdiction, (FOLLOWS,), BEFORE),
        Delivery(pool, clock, house, carriers),
    )  # fmt: skip
