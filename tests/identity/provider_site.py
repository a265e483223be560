"""A small OpenID Connect provider over real HTTP on this machine, and how it can lie."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, SECRET = "usance", "a secret of the client"


@dataclass
class Asked:
    """What an authorisation was asked for."""

    nonce: str
    challenge: str
    redirect: str
    auth_time: int


@dataclass
class Provider:
    """Knows one person, who always agrees. ``lie`` changes a token's claims before it is signed."""

    issuer: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "anna"})
    lie: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    sign: Callable[[dict[str, Any]], str] | None = None
    describe: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: new_key("one"))
    codes: dict[str, Asked] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    seconds: Callable[[], float] = time.time
    showed: int | None = None
    """When the person showed who they are, where the browser has been here before."""
    asked_max_age: str | None = None

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
        } | self.describe  # fmt: skip

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code, now = secrets.token_urlsafe(16), int(self.seconds())
        self.asked_max_age = query.get("max_age")
        if self.showed is None or now - self.showed > int(self.asked_max_age or now):
            self.showed = now  # the person is asked
        self.codes[code] = Asked(
            query["nonce"], query["code_challenge"], query["redirect_uri"], self.showed
        )
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The token for a code: once, for who began, with the client's secret."""
        basic = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client"}
        if asked is None or (asked.challenge, asked.redirect) != (
            challenge, form.get("redirect_uri"),
        ):  # fmt: skip
            return 400, {"error": "invalid_grant"}
        now = int(self.seconds())
        claims = self.lie({
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "person-1", "iat": now, "exp": now + 300,
            "nonce": asked.nonce, "auth_time": asked.auth_time, **self.person,
        })  # fmt: skip
        signed = self.sign(claims) if self.sign else signed_by(self.key, claims)
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": signed}

    def keys(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))


@cache
def new_key(name: str) -> RSAKey:
    """The same key for the same name: making one takes its time."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


def signed_by(key: RSAKey, claims: dict[str, Any], kid: str = "") -> str:
    return jwt.encode({"alg": "RS256", "kid": kid or str(key.kid)}, claims, key)


def part(value: bytes) -> str:
    """As the parts of a token are spelled."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    """Of the algorithm ``none``, spelled by hand: no library makes one."""
    return f"{part(json.dumps({'alg': 'none'}).encode())}.{part(json.dumps(claims).encode())}."


def signed_with_the_public_key(key: RSAKey) -> Callable[[dict[str, Any]], str]:
    """HS256 with the published key as the secret: who takes any algorithm falls for it."""

    def sign(claims: dict[str, Any]) -> str:
        head = part(json.dumps({"alg": "HS256", "kid": "one"}).encode())
        signed = f"{head}.{part(json.dumps(claims).encode())}"
        seal = hmac.digest(key.as_pem(private=False), signed.encode(), hashlib.sha256)
        return f"{signed}.{part(seal)}"

    return sign


@contextmanager
def served(provider: Provider, host: str = "127.0.0.1") -> Iterator[Provider]:
    """On a free port, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            provider.requests.append(split.path)
            if split.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(split.query).items()}
                self.send_response(302)
                self.send_header("location", provider.authorize(query))
                self.end_headers()
                return
            answers = {"/keys": provider.keys, "/.well-known/openid-configuration":
                       provider.description}  # fmt: skip
            found = answers.get(split.path)
            self.say(200 if found else 404, found() if found else {})

        def do_POST(self) -> None:
            provider.requests.append(self.path)
            raw = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            self.say(*provider.token(form, self.headers.get("authorization", "")))

        def say(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    provider.issuer = f"http://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
