"""What a route of the API is: a function from ids and a body to a command or to a document.

Three decorators enter functions into ``ENDPOINTS``, from which both the handlers and the OpenAPI
document are made: ``command`` (asks the book), ``change`` (asks another service) and ``read``. The
shapes of body and query are the annotations of the function. Between the socket and the book there
is one guard, one decoding and one hash; nothing is injected.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, get_args, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from usance.core.refusals import without_values
from usance.core.rules import rule
from usance.identity.changing import Asking
from usance.identity.once import Answer
from usance.servicing.commands import Command
from usance.web.api.values import WORDS, Ids, Money, identifier
from usance.web.grades import is_weighty, permission_of
from usance.web.problems import PROBLEM_JSON, Headers, ProblemError
from usance.web.security import Caller
from usance.web.services import Services

Query = TypeVar("Query")
Function = TypeVar("Function", bound=Callable[..., Any])
Handler: TypeAlias = Callable[["Incoming"], Awaitable["Reply"]]

KEY = re.compile(r"[\x21-\x7e]{1,200}")
KEY_HEADER, REASON_HEADER = b"idempotency-key", b"access-reason"
JSON_HEADERS: Headers = ((b"content-type", b"application/json"),)
PROBLEM_HEADERS: Headers = ((b"content-type", PROBLEM_JSON.encode()),)
REPLAYED = (b"idempotent-replayed", b"true")
JSON = "application/json"
PROPOSAL = "Proposal"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request whose caller may do what it asks."""

    services: Services
    caller: Caller
    at: dict[str, str]
    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    raw: bytes

    @property
    def money(self) -> Money:
        """Of the book."""
        return Money(self.services.currency, self.services.decimals)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    status: int
    body: bytes
    headers: Headers = JSON_HEADERS


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class Asked(Generic[Query]):
    """A request, taken apart."""

    services: Services
    caller: Caller
    at: Ids
    query: Query
    money: Money
    key: str = ""
    request_hash: bytes = b""
    raw: bytes = b""
    reason: str = ""
    """Why a person's details are asked for."""

    @property
    def asking(self) -> Asking:
        """Who asks for a change, once for their key."""
        return Asking(self.caller.actor, self.key, self.request_hash)

    async def submitted(self, act: Any) -> Answer:
        """An act, done at once or as a proposal (202)."""
        return await self.services.approvals.submit(
            act, actor=self.caller.actor, key=self.key, request_hash=self.request_hash
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route with everything that its description needs."""

    method: str
    path: str
    permission: str
    name: str
    subject: str
    summary: str
    body: type | None
    query: type
    returns: Any
    serve: Handler
    changes: bool = True
    media_type: str = JSON
    body_max: int | None = None
    step_up: bool = False
    """Whether a person who asks shows a fresh factor."""
    shows_people: bool = False
    """Whether a person's details are in the answer: every one of them is noted."""
    may_wait: bool = False
    """Whether the act may be put behind a second person, so that it is answered with 202."""
    waiting: str = PROPOSAL
    """What is answered then, by the name of its shape."""

    @property
    def placeholders(self) -> list[str]:
        """Names in braces in the path."""
        return re.findall(r"{(\w+)}", self.path)


ENDPOINTS: list[Endpoint] = []


def command(method: str, path: str) -> Callable[[Function], Function]:
    """A function (ids, body, money) -> ``Command``; its docstring is the summary."""

    def enter(build: Function) -> Function:
        hints = get_type_hints(build)
        permission, body = permission_of(hints["return"]), body_of(hints)
        decode = decoder(body)

        async def serve(incoming: Incoming) -> Reply:
            key = idempotency_key(incoming)
            raw = raw_json(incoming)
            asked: Command = build(ids_of(incoming), decode(raw), incoming.money)
            answer = await incoming.services.book.submit(
                asked, actor=incoming.caller.actor, key=key, request_hash=hashed(incoming)
            )
            return answered(answer)

        add(build, method, path, permission, body=body, returns=dict, serve=serve, may_wait=True,
            step_up=is_weighty(permission, hints["return"]))  # fmt: skip
        return build

    return enter


def change(
    method: str, path: str, permission: str, *, media_type: str = JSON,
    body_max: int | None = None, waiting: str = "",
) -> Callable[[Function], Function]:  # fmt: skip
    """An async function (asked, body) -> ``Answer`` that changes something beside the book.

    ``waiting`` names the shape of its answer (202) where a part of it waits for a second person.
    """

    def enter(act: Function) -> Function:
        hints = get_type_hints(act)
        body, query = body_of(hints), query_of(hints)
        decode = decoder(body) if body else None
        ask = asker(query)

        async def serve(incoming: Incoming) -> Reply:
            key = idempotency_key(incoming)
            raw = raw_json(incoming) if decode else raw_of(incoming, media_type)
            asked = ask(incoming, key, hashed(incoming), raw)
            return answered(await (act(asked, decode(raw)) if decode else act(asked)))

        add(act, method, path, permission, body=body, query=query, returns=dict, serve=serve,
            media_type=media_type, body_max=body_max, step_up=is_weighty(permission),
            may_wait=bool(waiting), waiting=waiting or PROPOSAL)  # fmt: skip
        return act

    return enter


def read(
    path: str, permission: str, *, method: str = "GET", shows_people: bool = False
) -> Callable[[Function], Function]:
    """An async function (asked[, body]) -> document, or a ``Reply`` as it is; changes nothing."""

    def enter(look: Function) -> Function:
        hints = get_type_hints(look)
        body, query = body_of(hints), query_of(hints)
        decode = decoder(body) if body else None
        ask = asker(query)

        async def serve(incoming: Incoming) -> Reply:
            raw = raw_json(incoming) if method != "GET" else b""
            asked = ask(incoming, "", b"", raw)
            document = await (look(asked, decode(raw)) if decode else look(asked))
            if isinstance(document, Reply):  # a file, as it is
                return document
            return Reply(200, msgspec.json.encode(document))

        add(look, method, path, permission, body=body, query=query, returns=hints["return"],
            serve=serve, changes=False, shows_people=shows_people)  # fmt: skip
        return look

    return enter


def add(
    function: Callable[..., Any], method: str, path: str, permission: str, *, serve: Handler,
    body: type | None = None, query: type = Empty, **rest: Any,
) -> None:  # fmt: skip
    """Enter an endpoint."""
    ENDPOINTS.append(
        Endpoint(
            method=method,
            path=path,
            permission=permission,
            name=function.__name__,
            subject=function.__module__.rpartition(".")[2],
            summary=inspect.getdoc(function) or "",
            body=body,
            query=query,
            serve=serve,
            **rest,
        )
    )


def body_of(hints: dict[str, Any]) -> Any:
    """The body's shape: the annotation of the second parameter, if there are two."""
    names = [name for name in hints if name != "return"]
    return hints[names[1]] if len(names) > 1 else None


def query_of(hints: dict[str, Any]) -> type:
    """The query's shape: the parameter of ``Asked``."""
    found: type = get_args(hints["asked"])[0]
    return found


def asker(query: type) -> Callable[[Incoming, str, bytes, bytes], Asked[Any]]:
    """Takes a request apart."""

    def ask(incoming: Incoming, key: str, digest: bytes, raw: bytes) -> Asked[Any]:
        asked = query_from(incoming, query)
        at, money = ids_of(incoming), incoming.money
        given = incoming.headers.get(REASON_HEADER)
        # A reason that is given must be one, also an empty one; only who gives none has the usual.
        reason = "" if given is None else given.decode("latin-1") or "none"
        return Asked(incoming.services, incoming.caller, at, asked, money, key, digest, raw, reason)

    return ask


def ids_of(incoming: Incoming) -> dict[str, Any]:
    """The ids in the path; 404 for what is none."""
    given = incoming.at.items()
    return {name: text if name in WORDS else identifier(name, text) for name, text in given}


@rule("R-IDEM-02")
def idempotency_key(incoming: Incoming) -> str:
    """The key of a mutation: 1 to 200 visible ASCII characters; 400 without one."""
    key = incoming.headers.get(KEY_HEADER, b"").decode("latin-1")
    if not KEY.fullmatch(key):
        detail = "Idempotency-Key: 1 to 200 visible ASCII characters are needed"
        raise ProblemError(400, "R-IDEM-02", detail, "Idempotency-Key")
    return key


def hashed(incoming: Incoming) -> bytes:
    """SHA-256 over method, path, query and body: what a key stands for."""
    target = f"{incoming.method}\0{incoming.path}\0".encode()
    return hashlib.sha256(target + incoming.query + b"\0" + incoming.raw).digest()


@rule("R-HTTP-03")
def raw_of(incoming: Incoming, media_type: str) -> bytes:
    """The body, if it is of the type that the route takes."""
    given = incoming.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if incoming.raw and given != media_type.encode():
        raise ProblemError(415, "R-HTTP-03", f"the body must be {media_type}", "Content-Type")
    return incoming.raw


def raw_json(incoming: Incoming) -> bytes:
    """A JSON body; no body at all is an empty object."""
    return raw_of(incoming, JSON) or b"{}"


@rule("R-DOC-01", "R-HTTP-05")
def decoder(shape: type) -> Callable[[bytes], Any]:
    """Decodes a body of this shape; 400 if it is not JSON, 422 with the path if it is misshapen."""
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(shape).decode

    def checked(raw: bytes) -> Any:
        try:
            return decode(raw)
        except msgspec.ValidationError as error:
            raise misshapen(error) from error
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise ProblemError(400, "R-HTTP-05", f"not JSON: {error}") from error

    return checked


def query_from(incoming: Incoming, shape: type) -> Any:
    """The query in its shape."""
    text = incoming.query.decode("latin-1")
    if not text and shape is Empty:
        return None
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise ProblemError(422, "R-DOC-01", "not a query", "query") from error
    if len(dict(pairs)) < len(pairs):
        raise ProblemError(422, "R-DOC-01", "a parameter is given twice", "query")
    try:
        return msgspec.convert(dict(pairs), shape, strict=False)
    except msgspec.ValidationError as error:
        raise misshapen(error) from error


def misshapen(error: msgspec.ValidationError) -> ProblemError:
    """What is wrong with the shape, and where."""
    detail, _, path = without_values(str(error)).partition(" - at `")
    return ProblemError(422, "R-DOC-01", detail, path.removeprefix("$").strip(".`"))


def answered(answer: Answer) -> Reply:
    """The book's answer."""
    headers = PROBLEM_HEADERS if answer.status >= 400 else JSON_HEADERS
    if answer.replayed:
        headers = (*headers, REPLAYED)
    return Reply(answer.status, msgspec.json.encode(answer.document), headers)
