"""A real mail server over sockets, in a thread of its own, that does what it is told."""

from __future__ import annotations

import asyncio
import email
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

HANGS_UP, WAITS = "hangs up", "waits"


@dataclass
class Mail:
    """What came. ``at_*``: what is answered then, in place of yes."""

    raw: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    connections: int = 0
    at_mail: str = ""
    at_rcpt: str = ""
    at_data: str = ""
    port: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(each, _class=EmailMessage, policy=default)
                for each in self.raw]  # fmt: skip

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if answer := await self._told(server, self.at_mail):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if answer := await self._told(server, self.at_rcpt):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.raw.append(envelope.original_content)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        return await self._told(server, self.at_data) or "250 OK"

    async def _told(self, server: Any, answer: str) -> str:
        if answer == HANGS_UP:
            server.transport.abort()
            await asyncio.sleep(0.1)
        if answer == WAITS:
            await asyncio.sleep(2)
        return answer


def let_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = (data.login, data.password) == (b"house", b"s3cret")
    return AuthResult(success=known)


@contextmanager
def listening(tls: ssl.SSLContext | None = None, **more: Any) -> Iterator[Mail]:
    """A server on a port of its own; ``tls`` from the first byte on."""
    mail, loop = Mail(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> asyncio.Server:
        return await loop.create_server(
            lambda: SMTP(mail, hostname="mail.example", loop=loop, **more), "127.0.0.1", 0, ssl=tls
        )

    async def end(server: asyncio.Server) -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(5)
    mail.port = server.sockets[0].getsockname()[1]
    yield mail
    asyncio.run_coroutine_threadsafe(end(server), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
