"""Settings, read once from the environment. There are no default secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("json", "text")


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message names the variable and what it accepts."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a usance process needs to know before it can start."""

    home: Path
    """USANCE_HOME: the embedded server, the master key and everything else that is kept."""
    database_url: str | None
    """USANCE_DATABASE_URL: a PostgreSQL to use in place of the embedded one."""
    master_key_file: Path
    """USANCE_MASTER_KEY_FILE: wraps every borrower's data key; made on first use."""
    log_level: str
    """USANCE_LOG: DEBUG, INFO, WARNING or ERROR."""
    log_format: str
    """USANCE_LOG_FORMAT: json or text."""
    pool_size: int
    """USANCE_POOL_SIZE: database connections a process may hold, 1 to 90."""
    worker: int
    """USANCE_WORKER: number of this process, 0 to 1023, unique among those that run at once."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raise ConfigurationError at the first one that is wrong."""
        env = os.environ if environment is None else environment
        home = _path(env, "USANCE_HOME", Path.home() / ".local/share/usance")
        return cls(
            home=home,
            database_url=_database_url(env),
            master_key_file=_path(env, "USANCE_MASTER_KEY_FILE", home / "master.key"),
            log_level=_choice(env, "USANCE_LOG", "INFO", LOG_LEVELS),
            log_format=_choice(env, "USANCE_LOG_FORMAT", "json", LOG_FORMATS),
            pool_size=_number(env, "USANCE_POOL_SIZE", 10, 1, 90),
            worker=_number(env, "USANCE_WORKER", 0, 0, 1023),
        )


def _path(env: Mapping[str, str], name: str, default: Path) -> Path:
    path = Path(env.get(name) or default).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(f"{name} must be an absolute path, not {str(path)!r}")
    return path


def _choice(env: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    value = env.get(name) or default
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = env.get(name) or str(default)
    if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise ConfigurationError(f"{name} must be a number from {low} to {high}, not {value!r}")
    return int(value)


def _database_url(env: Mapping[str, str]) -> str | None:
    """The URL itself never enters the message: it may hold a password."""
    url = env.get("USANCE_DATABASE_URL")
    if not url:
        return None
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise ConfigurationError("USANCE_DATABASE_URL must begin with postgresql://")
    return url
