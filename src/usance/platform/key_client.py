"""Keys that are kept by a key service: HTTP on this machine, or https to another.

The contract is small enough for a sidecar in front of any hosted service. Bodies are JSON, bytes
are base64, ids are decimal strings:

    GET  /keys                                  -> {"master": [1, 2], "index": [1]}
    POST /wrap    {"key", "owner", "table"}     -> {"wrapped"}
    POST /unwrap  {"wrapped", "owner", "table"} -> {"key"}
    POST /index   {"value", "purpose"}          -> {"lookups": [...]}, the newest index key's first

``/unwrap`` answers 410 where the master key is not there and 422 where the bytes are not this
owner's. The first four bytes of ``wrapped`` are the number of its master key. Certificates of both
sides are for the deployment: a sidecar or a proxy has them.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import httpx

from usance.core.rules import rule
from usance.platform.config import Settings
from usance.platform.crypto import (
    DecryptionError,
    KeyIds,
    KeysAway,
    KeyService,
    LocalKeyService,
    MissingKeyError,
)

TIMEOUT = httpx.Timeout(3, connect=1)
KEPT = 1_000
"""Unwrapped data keys that a process holds at most: in memory, never written anywhere."""


def open_keys(settings: Settings) -> KeyService:
    """The key service that is configured; the local key file if none is."""
    if settings.key_service_url is None:
        return LocalKeyService.open(settings.master_key_file)
    token = token_of(settings.key_service_token_file)
    return RemoteKeyService(settings.key_service_url, token)


def token_of(file: Path | None) -> str:
    """The shared secret with the key service, if there is one."""
    return file.read_text("ascii").strip() if file else ""


class RemoteKeyService:
    """Asks the key service at a URL: ``unix:/path``, ``http://127.0.0.1:port`` or ``https://...``.

    Synchronous, like the file: whoever serves requests calls it in a thread (``waits``).
    """

    waits = True

    def __init__(self, url: str, token: str = "", timeout: httpx.Timeout = TIMEOUT) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        split = urlsplit(url)
        transport = httpx.HTTPTransport(uds=split.path) if split.scheme == "unix" else None
        self._client = httpx.Client(
            base_url="http://keys" if transport else url, headers=headers, timeout=timeout,
            transport=transport, follow_redirects=False, trust_env=False,
        )  # fmt: skip
        self._kept: OrderedDict[tuple[bytes, int, str], bytes] = OrderedDict()
        self._lock = Lock()

    def ids(self) -> KeyIds:
        """Which keys there are."""
        found = self._asked("GET", "/keys")
        return KeyIds(tuple(found["master"]), tuple(found["index"]))

    def wrap(self, data_key: bytes, owner_id: int, table: str = "borrower") -> bytes:
        """Encrypt the data key of a row's owner under the newest master key."""
        body = {"key": _text(data_key), "owner": str(owner_id), "table": table}
        wrapped = b64decode(self._asked("POST", "/wrap", body)["wrapped"])
        self._keep((wrapped, owner_id, table), data_key)
        return wrapped

    def unwrap(self, wrapped: bytes, owner_id: int, table: str = "borrower") -> bytes:
        """Open a wrapped data key; DecryptionError when it is not this owner's."""
        place = wrapped, owner_id, table
        with self._lock:
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
        body = {"wrapped": _text(wrapped), "owner": str(owner_id), "table": table}
        data_key = b64decode(self._asked("POST", "/unwrap", body)["key"])
        self._keep(place, data_key)
        return data_key

    def blind_index(self, value: str, purpose: str) -> bytes:
        """Keyed hash of a normalised value under the newest index key."""
        return self.blind_indexes(value, purpose)[0]

    def blind_indexes(self, value: str, purpose: str) -> list[bytes]:
        """The hash under every index key, the newest first."""
        found = self._asked("POST", "/index", {"value": value, "purpose": purpose})
        return [b64decode(each) for each in found["lookups"]]

    @rule("R-KEY-01")
    def _asked(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        """What the service answers; nothing of body or answer gets into an error."""
        try:
            answer = self._client.request(method, path, json=body)
            if answer.status_code == 200:
                return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise KeysAway(f"the key service does not answer ({type(error).__name__})") from None
        if path == "/unwrap" and answer.status_code == 410:
            raise MissingKeyError("the data key is wrapped by a master key that is not here")
        if path == "/unwrap" and answer.status_code == 422:
            raise DecryptionError("wrong key, wrong place or damaged bytes")
        raise KeysAway(f"the key service answers with {answer.status_code}")

    def _keep(self, place: tuple[bytes, int, str], data_key: bytes) -> None:
        with self._lock:
            self._kept[place] = data_key
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
