"""The sandbox key service: the local key file behind the contract of ``key_client``, plain ASGI.

For tests and for trying out how usance runs with its keys elsewhere. A deployment puts a sidecar
with the same contract in front of its own key service.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from usance.platform.crypto import DecryptionError, KeysAway, KeyService, MissingKeyError

BODY_MAX = 100_000


class Wrap(msgspec.Struct, forbid_unknown_fields=True):
    """A data key to be wrapped."""

    key: str
    owner: str
    table: str


class Unwrap(msgspec.Struct, forbid_unknown_fields=True):
    """A wrapped data key to be opened."""

    wrapped: str
    owner: str
    table: str


class Index(msgspec.Struct, forbid_unknown_fields=True):
    """A value to be hashed."""

    value: str
    purpose: str


def wrap(keys: KeyService, body: Wrap) -> dict[str, str]:
    """Under the newest master key."""
    return {"wrapped": _text(keys.wrap(b64decode(body.key), int(body.owner), body.table))}


def unwrap(keys: KeyService, body: Unwrap) -> dict[str, str]:
    """For the owner named, or not at all."""
    return {"key": _text(keys.unwrap(b64decode(body.wrapped), int(body.owner), body.table))}


def index(keys: KeyService, body: Index) -> dict[str, list[str]]:
    """Under every index key, the newest first."""
    return {"lookups": [_text(each) for each in keys.blind_indexes(body.value, body.purpose)]}


ROUTES: dict[str, tuple[type, Callable[..., Any]]] = {
    "/wrap": (Wrap, wrap), "/unwrap": (Unwrap, unwrap), "/index": (Index, index),
}  # fmt: skip


class KeyServer:
    """The ASGI application. With a token, whoever does not show it gets 401."""

    def __init__(self, keys: KeyService, token: str = "") -> None:
        self._keys = keys
        self._wanted = f"Bearer {token}".encode() if token else b""

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:  # fmt: skip
        """Answer one request; a refusal says nothing but its status."""
        if scope["type"] != "http":
            return
        status, document = self._answer(scope, await _body(receive))
        content = msgspec.json.encode(document)
        headers = [(b"content-type", b"application/json"),
                   (b"content-length", str(len(content)).encode())]  # fmt: skip
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Any, raw: bytes) -> tuple[int, Any]:
        shown = dict(scope["headers"]).get(b"authorization", b"")
        if self._wanted and not hmac.compare_digest(shown, self._wanted):
            return 401, {}
        asked = scope["method"], scope["path"]
        if asked == ("GET", "/keys"):
            found = self._keys.ids()
            return 200, {"master": found.master, "index": found.index}
        if asked[0] != "POST" or asked[1] not in ROUTES:
            return 404, {}
        return self._carried_out(*ROUTES[asked[1]], raw)

    def _carried_out(
        self, shape: type, act: Callable[..., Any], raw: bytes
    ) -> tuple[int, Any]:
        try:
            return 200, act(self._keys, msgspec.json.decode(raw, type=shape))
        except KeysAway:
            return 503, {}
        except MissingKeyError:
            return 410, {}
        except (DecryptionError, msgspec.MsgspecError, ValueError):
            return 422, {}


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    """The whole body; what is too long is cut, and is no JSON then."""
    parts, more = b"", True
    while more and len(parts) <= BODY_MAX:
        message = await receive()
        parts += message.get("body", b"")
        more = message.get("more_body", False)
    return parts[:BODY_MAX]


def _text(data: bytes) -> str:
    return b64encode(data).decode()
