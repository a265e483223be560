"""Structured logs: one JSON object a line, on standard error, through the standard library.

Personal data stays out by type: wrap it in ``Private`` and it prints as dots wherever it ends
up; bytes (keys, hashes, ciphertext) are never written; and a field whose name says that it is
a secret loses its value. What a request was told or has decrypted of a person is noted by
``conceal`` and masked in every line of that request, also inside an exception's words. The
operation at hand is attached by ``operation``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from usance.platform.config import Settings

T = TypeVar("T")

HIDDEN = "•••"
SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "authorization",
    "cookie",
    "phone",
    "identity_number",
)
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_operation: ContextVar[Mapping[str, object]] = ContextVar("operation", default={})  # noqa: B039
CONCEALED_MAX = 1_000
"""Values of persons that a request or a task remembers in order to mask them; the newest."""
_concealed: ContextVar[deque[str] | None] = ContextVar("concealed", default=None)


class Private(Generic[T]):
    """A value that shows only to code that asks for it with ``reveal``."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return HIDDEN


@contextmanager
def operation(**fields: object) -> Iterator[None]:
    """Attach fields (request_id, operation_id, ...) to every line logged inside."""
    token = _operation.set({**_operation.get(), **fields})
    try:
        yield
    finally:
        _operation.reset(token)


def conceal(values: Iterable[str]) -> None:
    """Mask these values in whatever this request (or this task) still logs."""
    known = _concealed.get()
    if known is None:
        known = begin_concealing()
    known.extend(values)


def begin_concealing() -> deque[str]:
    """A request begins: what it conceals, tasks that it starts conceal too."""
    known: deque[str] = deque(maxlen=CONCEALED_MAX)
    _concealed.set(known)
    return known


def masked(text: str) -> str:
    """Without what is concealed, as it is or as Python, JSON and addresses write it."""
    for value in set(_concealed.get() or ()):
        for form in _forms(value):
            if len(form) > 1 and form in text:
                whole = f"{_edge(form[0], '<')}{re.escape(form)}{_edge(form[-1])}"
                text = re.sub(whole, HIDDEN, text)
    return text


def _forms(value: str) -> set[str]:
    """A value as Python, JSON and addresses write it."""
    quoted = repr(value), ascii(value), json.dumps(value), json.dumps(value, ensure_ascii=False)
    return {value, quote(value), *(each[1:-1] for each in quoted)}


def _edge(letter: str, behind: str = "") -> str:
    """Only whole words: a person called Li does not mask half of a library's name."""
    return f"(?{behind}![A-Za-z0-9])" if letter.isascii() and letter.isalnum() else ""


def get_logger(name: str) -> logging.Logger:
    """A standard logger; further fields go into ``extra``."""
    return logging.getLogger(name)


def configure(settings: Settings) -> None:
    """Send everything of this process to standard error in the configured form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)


class JsonFormatter(logging.Formatter):
    """One JSON object for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "at": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": masked(record.getMessage()),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = masked(self.formatException(record.exc_info))
        return masked(json.dumps(line, ensure_ascii=False, default=_printable))


class TextFormatter(logging.Formatter):
    """A line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message and fields."""
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{moment:%H:%M:%S} {record.levelname:7} {record.getMessage()} {fields}".rstrip()
        whole = f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
        return masked(whole)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {name: _redacted(name, value) for name, value in {**_operation.get(), **extra}.items()}


def _redacted(name: str, value: object) -> object:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return HIDDEN
    if any(word in name.lower() for word in SECRET_WORDS):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(name, inner) for inner in value]
    return value


def _printable(value: object) -> str:
    return str(value)
