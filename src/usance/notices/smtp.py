"""E-mail by SMTP: a few connections that are kept, and what a server's answers mean.

Until a server was given the text it cannot have taken a message; once it was, only its word says
whether it did. A message has the same ``Message-ID`` however often it is handed over.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPResponseException,
    SMTPSenderRefused,
)

from usance.core.rules import rule
from usance.notices.letters import From, letter, mailbox, message_id
from usance.notices.providers import LATER, REFUSED, TAKEN, UNKNOWN, Order, Outcome
from usance.platform.clock import Clock
from usance.platform.config_carriers import STARTTLS, MailServer
from usance.platform.config_carriers import TLS as IMPLICIT

WIDTH = 8
"""Connections at most."""
IDLE_SECONDS = 60
"""So long a connection waits for its next message: servers hang up after some minutes."""
BUSY_SECONDS = 30
"""So long a server that says 421 is left in peace."""
UNAVAILABLE = 421
ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")


@dataclass(slots=True)
class Held:
    """A connection, and when it was used last."""

    client: SMTP
    used_at: float
    is_new: bool = True


class SmtpCarrier:
    """A mail server that takes our messages."""

    def __init__(
        self, at: MailServer, clock: Clock, *, width: int = WIDTH, tls: ssl.SSLContext | None = None
    ) -> None:
        self.name = at.name
        self._at = at
        self._from = From(at.address, at.sender, at.reply_to, at.unsubscribe)
        self._clock = clock
        self._tls = tls or ssl.create_default_context()
        self._room = asyncio.Semaphore(width)
        self._idle: list[Held] = []

    @rule("R-DELIVERY-04")
    async def carry(self, order: Order) -> Outcome:
        """Hand one message over."""
        to = mailbox(order.to)
        if to is None:
            return Outcome(REFUSED, error="bad_address")
        raw = letter(order, to, self._from, self._clock.now())
        async with self._room:
            outcome = None
            while outcome is None:  # where it was closed while it was idle
                try:
                    held = await self._held()
                except SMTPResponseException as error:
                    return said(error, LATER)
                except (SMTPException, OSError, ValueError) as error:
                    return Outcome(LATER, error=type(error).__name__)
                outcome = await self._hand_over(held, to.addr_spec, raw)
        if outcome.said == TAKEN:
            return Outcome(TAKEN, message_id(order.key, self._from.domain))
        return outcome

    async def _held(self) -> Held:
        """A connection that is ready for a message."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            held = self._idle.pop()
            if held.client.is_connected and now - held.used_at < IDLE_SECONDS:
                held.is_new = False
                return held
            held.client.close()
        at = self._at
        client = SMTP(
            hostname=at.host, port=at.port, timeout=at.answer_seconds, tls_context=self._tls,
            use_tls=at.security == IMPLICIT, start_tls=at.security == STARTTLS,
            username=at.user or None, password=at.password or None,
            local_hostname=self._from.domain,
        )  # fmt: skip
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return Held(client, now)

    async def _hand_over(self, held: Held, to: str, raw: bytes) -> Outcome | None:
        """One message; None if an idle connection turned out to be dead before anything was said.

        Whatever goes wrong beside an answer ends the connection.
        """
        client, stays = held.client, False
        try:
            try:
                await client.mail(self._from.address)
                await client.rcpt(to)
            except SMTPSenderRefused as error:
                outcome = said(error, LATER)  # that is about us, not about the message
            except SMTPResponseException as error:
                outcome = said(error, REFUSED)
            except (SMTPException, OSError) as error:
                return Outcome(LATER, error=type(error).__name__) if held.is_new else None
            else:
                outcome = await self._give_text(client, raw)
            stays = outcome.said == TAKEN or await is_reset(client, outcome)
            return outcome
        finally:
            if stays:
                held.used_at = asyncio.get_running_loop().time()
                self._idle.append(held)
            else:
                client.close()

    async def _give_text(self, client: SMTP, raw: bytes) -> Outcome:
        """The text; from here on silence leaves it unknown."""
        try:
            await client.data(raw)
        except SMTPResponseException as error:
            return said(error, REFUSED)
        except (SMTPException, OSError) as error:
            return Outcome(UNKNOWN, error=type(error).__name__)
        return Outcome(TAKEN)

    async def close(self) -> None:
        """No more."""
        for each in self._idle:
            each.client.close()
        self._idle.clear()


@rule("R-DELIVERY-04")
def said(error: SMTPResponseException, permanent: str) -> Outcome:
    """What a code means; ``permanent`` for one of 500 to 599. Texts are left out: they name people.

    Anything that is no code of failure leaves it unknown.
    """
    found = ENHANCED.match(error.message)
    word = f"{error.code} {found[0]}" if found else str(error.code)
    if 400 <= error.code <= 499:
        return Outcome(LATER, error=word, wait=BUSY_SECONDS if error.code == UNAVAILABLE else 0)
    if 500 <= error.code <= 599:
        return Outcome(permanent, error=word)
    return Outcome(UNKNOWN, error=word)


async def is_reset(client: SMTP, outcome: Outcome) -> bool:
    """Whether a connection can take the next message after a refusal."""
    if outcome.said == UNKNOWN or outcome.error.startswith(str(UNAVAILABLE)):
        return False
    try:
        await client.rset()
    except (SMTPException, OSError):
        return False
    return True


