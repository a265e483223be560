"""How people want to be told, and whether they believe what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from usance.core.refusals import Refused
from usance.demo import store
from usance.demo.people import Deck
from usance.identity.borrower_sessions import actor_of
from usance.identity.borrowers import Borrowers
from usance.identity.changing import Asking
from usance.notices import preferences
from usance.notices.asking import Verification
from usance.notices.codes import ALPHABET, DIGITS, LENGTH
from usance.notices.preferences import Preferences
from usance.platform.clock import Clock
from usance.platform.crypto import KeyService
from usance.platform.database import Pool

WISHES = (
    (300, Preferences(ways=("email", "inbox"))),
    (60, Preferences(ways=("email", "sms"), refused=(("marketing", "email"),))),
    (50, Preferences(opens=18 * 60, closes=21 * 60)),
    (40, Preferences(refused=(("servicing", "sms"), ("marketing", "email")))),
)
"""Per mille of people who want it so; the others leave it to the house."""
RIGHT, WRONG = 3, 7
"""How often the code of one notice is asked for, and how often one that was never made."""


async def choose(pool: Pool, clock: Clock, borrowers: Sequence[int], rng: Random) -> int:
    """Some of them choose; how many."""
    decks = [(Deck(rng, per_mille), wish) for per_mille, wish in WISHES]
    chose = 0
    for borrower_id in borrowers:
        wish = next((wish for deck, wish in decks if deck.draw()), None)
        if wish is not None:
            asking = Asking(actor_of(borrower_id))
            await preferences.choose(pool, clock, borrower_id, wish, asking)
            chose += 1
    return chose


async def doubt(pool: Pool, keys: KeyService, clock: Clock, rng: Random) -> int:
    """Somebody asks whether a notice is genuine, others ask for what nobody sent; asks in all."""
    verification, asks = Verification(pool, keys, clock), 0
    found = await store.with_code(pool)
    who = await Borrowers(pool, keys).read(found["borrower_id"]) if found else None
    if found is not None and who is not None:
        code = (await store.secrets_of(pool, keys, found))["code"]
        for _ in range(RIGHT):
            await verification.ask(code, who.phone[-DIGITS:], "192.0.2.1")
            asks += 1
    for place in range(WRONG):
        code = "".join(rng.choice(ALPHABET) for _ in range(LENGTH))
        try:
            await verification.ask(code, "0000", f"198.51.{100 + place}.1")
        except Refused:
            continue
        asks += 1
    return asks
