"""Structured logs: one JSON object a line, on standard error, through the standard library.

Personal data stays out by type: wrap it in ``Private`` and it prints as dots wherever it ends
up; bytes (keys, hashes, ciphertext) are never written; and a field whose name says that it is
a secret loses its value. The operation at hand is attached by ``operation``.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

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
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=_printable)


class TextFormatter(logging.Formatter):
    """A line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message and fields."""
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{moment:%H:%M:%S} {record.levelname:7} {record.getMessage()} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


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
