"""Log-in through an identity provider by OpenID Connect: the authorization code flow with PKCE.

The browser carries a sealed cookie with the state, the nonce and the verifier of its log-in; the
provider's answer is looked at once, for this browser, within minutes. The ID token must be signed
by a key that the provider publishes, made for this client, by this issuer, for this log-in, and not
be expired. Everything that is wrong is one refusal; what it was is in the log.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from usance.core.refusals import Refused
from usance.core.rules import rule
from usance.identity import staff_sql
from usance.identity.attempts import hashed
from usance.identity.sessions import AGE_MAX
from usance.platform.clock import Clock, SystemClock
from usance.platform.config import LOOPBACK, IdentityProvider
from usance.platform.crypto import KeyService, beside
from usance.platform.database import Pool
from usance.platform.logs import get_logger

logger = get_logger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "Ed25519")
"""Signatures by the provider's own key: never `none`, never a secret that both sides know."""
LEEWAY_SECONDS = 60
MAX_AGE_SECONDS = int(AGE_MAX.total_seconds())
"""Who authenticated at the provider longer ago than a session lasts here does so again."""
LASTS = timedelta(minutes=10)
KEPT = timedelta(minutes=10)
FETCHED_AGAIN_AFTER = timedelta(seconds=30)
"""A key that is not known is asked for anew, but not more often than this."""
ANSWER_MAX = 1_000_000
TIMEOUT_SECONDS = 10
SCOPE = "openid profile email"


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser keeps while it is at the provider."""

    state: str
    nonce: str
    verifier: str
    target: str
    began_at: int
    redirect: str
    max_age: int = MAX_AGE_SECONDS


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is."""

    account: str
    claims: Mapping[str, Any]
    shown_at: datetime | None = None
    """When they authenticated there; None where the provider does not say."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the provider says of itself, and its keys."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    keys: Mapping[str, Any]
    read_at: datetime


class ProviderError(Exception):
    """Why an answer was not accepted: for the log."""


class Provider:
    """The identity provider of the settings."""

    def __init__(
        self, settings: IdentityProvider, pool: Pool, keys: KeyService, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._keys = keys
        self._clock = clock or SystemClock()
        self._known: Description | None = None
        self._reading = asyncio.Lock()

    @rule("R-STAFF-09", "R-STEP-01")
    async def begin(
        self, redirect: str, target: str, *, anew: bool = False
    ) -> tuple[str, str]:
        """(where to send the browser, what it keeps meanwhile). Raises ``Refused``.

        ``anew``: the provider asks who it is, although it may know the browser.
        """
        ticket = Ticket(
            state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48), target=target, redirect=redirect,
            began_at=int(self._clock.now().timestamp()), max_age=0 if anew else MAX_AGE_SECONDS,
        )  # fmt: skip
        try:
            known = await self._description()
            client = self._client(redirect, "")
            async with client:
                address, _ = client.create_authorization_url(
                    known.authorization_endpoint, state=ticket.state, nonce=ticket.nonce,
                    code_verifier=ticket.verifier, max_age=ticket.max_age,
                )  # fmt: skip
        except (ProviderError, httpx.HTTPError, OSError) as error:
            raise not_accepted(error) from error
        return str(address), await self._sealed(ticket)

    @rule("R-STAFF-09")
    async def finish(self, sealed: str, query: Mapping[str, str]) -> tuple[Identity, str]:
        """(who it is, where to go on) from the provider's answer. Raises ``Refused``."""
        try:
            ticket = await self._opened(sealed)
            code = await self._code_of(ticket, query)
            return await self._identity(ticket, code), ticket.target
        except (ProviderError, httpx.HTTPError, OSError) as error:
            raise not_accepted(error) from error

    # -- the cookie ----------------------------------------------------------------------------

    async def _sealed(self, ticket: Ticket) -> str:
        text = base64.urlsafe_b64encode(msgspec.json.encode(ticket)).decode()
        return f"{text}.{await self._seal(text)}"

    async def _seal(self, text: str) -> str:
        keys, purpose = self._keys, "log-in at the identity provider"
        digest = await beside(keys, lambda: keys.blind_index(text, purpose))
        return hashlib.sha256(digest).hexdigest()

    async def _opened(self, sealed: str) -> Ticket:
        text, _, seal = sealed.partition(".")
        if not hmac.compare_digest(seal.encode(), (await self._seal(text)).encode()):
            raise ProviderError("the browser has not begun this log-in")
        ticket = msgspec.json.decode(base64.urlsafe_b64decode(text), type=Ticket)
        if self._clock.now().timestamp() - ticket.began_at > LASTS.total_seconds():
            raise ProviderError("the log-in took too long")
        return ticket

    async def _code_of(self, ticket: Ticket, query: Mapping[str, str]) -> str:
        """The code of an answer that is for this browser, and is looked at for the first time."""
        if not hmac.compare_digest(query.get("state", "").encode(), ticket.state.encode()):
            raise ProviderError("the state is another browser's")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:
            raise ProviderError("the answer is another issuer's")
        now = self._clock.now()
        if not await staff_sql.use_state(self._pool, hashed(ticket.state), now, now - 2 * LASTS):
            raise ProviderError("the answer was looked at before")
        if "error" in query or not query.get("code"):
            raise ProviderError("the provider refused")
        return query["code"]

    # -- the token -----------------------------------------------------------------------------

    async def _identity(self, ticket: Ticket, code: str) -> Identity:
        from authlib.common.errors import AuthlibBaseError

        known = await self._description()
        secret = await asyncio.to_thread(self._settings.client_secret_file.read_text, "utf-8")
        client = self._client(ticket.redirect, secret.partition("\n")[0].strip())
        async with client:
            try:
                answer = await client.fetch_token(
                    known.token_endpoint, code=code, code_verifier=ticket.verifier
                )
            except (AuthlibBaseError, ValueError, KeyError) as error:
                raise ProviderError(f"no token: {type(error).__name__}") from error
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the answer holds no ID token")
        claims = await self._claims(token, ticket.nonce)
        return Identity(self._account_of(claims), claims, self._shown_at(claims, ticket))

    @rule("R-STAFF-09")
    async def _claims(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that holds in every respect."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        signed = await self._verified(token)
        client_id, now = self._settings.client_id, int(self._clock.now().timestamp())
        registry = jwt.JWTClaimsRegistry(
            now=now, leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.issuer},
            sub={"essential": True}, aud={"essential": True, "value": client_id},
            exp={"essential": True}, iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        try:
            registry.validate(signed)
        except JoseError as error:
            raise ProviderError(f"the ID token: {error.error}") from error
        several = isinstance(signed["aud"], list) and len(signed["aud"]) > 1
        if signed.get("azp", None if several else client_id) != client_id:
            raise ProviderError("the ID token was made for another client")
        return signed

    @rule("R-STAFF-09", "R-STEP-01")
    def _shown_at(self, claims: Mapping[str, Any], ticket: Ticket) -> datetime | None:
        """When somebody authenticated at the provider: not after now, nor too long before."""
        said = claims.get("auth_time")
        if said is None:
            return None
        now = self._clock.now()
        if isinstance(said, bool) or not isinstance(said, int):
            raise ProviderError("the moment of authentication is none")
        if said > now.timestamp() + LEEWAY_SECONDS:
            raise ProviderError("the moment of authentication lies ahead")
        if said < ticket.began_at - ticket.max_age - LEEWAY_SECONDS:
            raise ProviderError("who it is was shown longer ago than was asked for")
        return min(datetime.fromtimestamp(said, UTC), now)

    async def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token that a key of the provider has signed."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError
        from joserfc.jwk import KeySet

        for again in (False, True):
            known = await self._description(unknown_key=again)
            try:
                keys = KeySet.import_key_set(dict(known.keys))  # type: ignore[arg-type]
                return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
            except (InvalidKeyIdError, JoseError, ValueError, KeyError, TypeError) as error:
                if again or not isinstance(error, InvalidKeyIdError):
                    raise ProviderError(f"the ID token: {type(error).__name__}") from error
        raise AssertionError("the loop returns or raises")

    @rule("R-STAFF-09")
    def _account_of(self, claims: Mapping[str, Any]) -> str:
        """The name of an account here; an e-mail address only if the provider has verified it."""
        name = claims.get(self._settings.claim)
        if not isinstance(name, str) or not name:
            raise ProviderError("the ID token lacks the claim that names the account")
        if self._settings.claim == "email" and claims.get("email_verified") is not True:
            raise ProviderError("the e-mail address is not verified")
        return name

    # -- asking the provider -------------------------------------------------------------------

    def _client(self, redirect: str, secret: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # authlib warns of its own future at import
            from authlib.integrations.httpx_client import AsyncOAuth2Client

        return AsyncOAuth2Client(
            self._settings.client_id, secret, scope=SCOPE, redirect_uri=redirect,
            code_challenge_method="S256", timeout=TIMEOUT_SECONDS, follow_redirects=False,
        )  # fmt: skip

    async def _description(self, *, unknown_key: bool = False) -> Description:
        """What the provider says of itself; asked anew from time to time, or for a new key."""
        async with self._reading:
            known, now = self._known, self._clock.now()
            lasts = FETCHED_AGAIN_AFTER if unknown_key else KEPT
            if known is None or now - known.read_at >= lasts:
                known = self._known = await self._read(now)
            return known

    async def _read(self, now: datetime) -> Description:
        issuer = self._settings.issuer
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False) as client:
            where = issuer.rstrip("/") + "/.well-known/openid-configuration"
            said = await document(client, where)
            if said.get("issuer") != issuer:
                raise ProviderError("the provider calls itself something else")
            places = [said.get(each) for each in PLACES]
            if not all(isinstance(each, str) and is_safe(each) for each in places):
                raise ProviderError("the provider names no address that can be trusted")
            authorization, token, keys_at = (str(each) for each in places)
            return Description(authorization, token, keys_at, await document(client, keys_at), now)


PLACES = ("authorization_endpoint", "token_endpoint", "jwks_uri")


async def document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """A JSON object at an address; raises ``ProviderError``."""
    async with client.stream("GET", address) as answer:
        raw = b""
        async for part in answer.aiter_bytes():
            raw += part
            if len(raw) > ANSWER_MAX:
                raise ProviderError("the provider says too much")
    if answer.status_code != 200:
        raise ProviderError(f"the provider answers {answer.status_code}")
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ProviderError("the provider's answer is no document") from error


def is_safe(address: str) -> bool:
    """Whether nobody reads along: TLS, or this machine."""
    split = urlsplit(address)
    return split.scheme == "https" or (split.scheme == "http" and split.hostname in LOOPBACK)


@rule("R-STAFF-09")
def not_accepted(error: Exception) -> Refused:
    """One refusal for everything that may be wrong; the log says what it was."""
    why = str(error) if isinstance(error, ProviderError) else type(error).__name__
    logger.warning("log-in by the identity provider refused", extra={"why": why})
    return Refused("R-STAFF-09", "the identity provider's answer was not accepted; begin again")
