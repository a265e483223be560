"""Settings, read once from the environment. There are no default secrets."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from usance.platform.config_carriers import Carriers, CarriersError, read_carriers

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("json", "text")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ConfigurationError(ValueError):
    """A setting that cannot be used; the message names the variable and what it accepts."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An OpenID Connect provider that members of staff log in with."""

    issuer: str
    """USANCE_OIDC_ISSUER: exactly as the provider calls itself; https, but on this machine."""
    client_id: str
    """USANCE_OIDC_CLIENT_ID: what the provider calls this usance."""
    client_secret_file: Path
    """USANCE_OIDC_CLIENT_SECRET_FILE: its first line is the secret."""
    claim: str
    """USANCE_OIDC_CLAIM: what in the provider's answer is the name of an account here."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a usance process needs to know before it can start."""

    home: Path
    """USANCE_HOME: the embedded server, the master key and everything else that is kept."""
    database_url: str | None
    """USANCE_DATABASE_URL: a PostgreSQL to use in place of the embedded one."""
    master_key_file: Path
    """USANCE_MASTER_KEY_FILE: wraps every borrower's data key; made on first use."""
    audit_key_file: Path
    """USANCE_AUDIT_KEY_FILE: signs checkpoints of the audit tree; made on first use."""
    checkpoint_directory: Path | None
    """USANCE_CHECKPOINT_DIR: where checkpoints are kept outside of the database."""
    log_level: str
    """USANCE_LOG: DEBUG, INFO, WARNING or ERROR."""
    log_format: str
    """USANCE_LOG_FORMAT: json or text."""
    pool_size: int
    """USANCE_POOL_SIZE: database connections a process may hold, 1 to 90."""
    worker: int | None
    """USANCE_WORKER: number of this server, 0 to 1023, unique among those that run at once.

    Without one it is drawn, as every command draws its own.
    """
    backup_dir: Path | None = None
    """USANCE_BACKUP_DIR: where backups and the write-ahead log go; None: nothing is kept."""
    sandbox: bool = False
    """USANCE_SANDBOX: 1 has messages and payments of borrowers played instead of really done."""
    webhooks_allow_http: bool = False
    """USANCE_WEBHOOKS_ALLOW_HTTP: 1 lets webhooks go over plain HTTP."""
    webhooks_networks: tuple[str, ...] = ()
    """USANCE_WEBHOOKS_NETWORKS: networks that webhooks may go to although they are not public."""
    key_service_url: str | None = None
    """USANCE_KEY_SERVICE_URL: who keeps the master keys in place of the file."""
    key_service_token_file: Path | None = None
    """USANCE_KEY_SERVICE_TOKEN_FILE: holds what this process shows to the key service."""
    lender_phone: str = ""
    """USANCE_LENDER_PHONE: what notices say to call; without it nobody is told anything."""
    identity_provider: IdentityProvider | None = None
    """USANCE_OIDC_ISSUER and its companions: who else may say that somebody is staff."""

    bureau_url: str | None = None
    """USANCE_BUREAU_URL: a credit bureau; without it none is asked, but that of a sandbox."""
    bureau_token_file: Path | None = None
    """USANCE_BUREAU_TOKEN_FILE: its first line is what this usance shows to the bureau."""
    carriers_file: Path | None = None
    """USANCE_CARRIERS_FILE: providers of messages and mail servers, with their secrets."""
    carriers: Carriers = field(default_factory=Carriers)
    """What that file says."""

    @property
    def erasures_file(self) -> Path:
        """Whom a restored backup must forget again: kept beside the master key."""
        return self.master_key_file.with_name(f"{self.master_key_file.name}.erasures")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raise ConfigurationError at the first one that is wrong."""
        env = os.environ if environment is None else environment
        home = _path(env, "USANCE_HOME", Path.home() / ".local/share/usance")
        master_key_file = _path(env, "USANCE_MASTER_KEY_FILE", home / "master.key")
        beside = master_key_file.with_name("audit.key")
        return cls(
            home=home,
            database_url=_database_url(env),
            master_key_file=master_key_file,
            audit_key_file=_path(env, "USANCE_AUDIT_KEY_FILE", beside),
            checkpoint_directory=_file(env, "USANCE_CHECKPOINT_DIR"),
            log_level=_choice(env, "USANCE_LOG", "INFO", LOG_LEVELS),
            log_format=_choice(env, "USANCE_LOG_FORMAT", "json", LOG_FORMATS),
            pool_size=_number(env, "USANCE_POOL_SIZE", 10, 1, 90),
            worker=_number(env, "USANCE_WORKER", 0, 0, 1023) if env.get("USANCE_WORKER") else None,
            backup_dir=_file(env, "USANCE_BACKUP_DIR"),
            sandbox=_choice(env, "USANCE_SANDBOX", "0", ("0", "1")) == "1",
            webhooks_allow_http=_choice(env, "USANCE_WEBHOOKS_ALLOW_HTTP", "0", ("0", "1")) == "1",
            webhooks_networks=_networks(env, "USANCE_WEBHOOKS_NETWORKS"),
            key_service_url=_key_service_url(env),
            key_service_token_file=_file(env, "USANCE_KEY_SERVICE_TOKEN_FILE"),
            lender_phone=_phone(env, "USANCE_LENDER_PHONE"),
            identity_provider=_identity_provider(env),
            bureau_url=_bureau_url(env),
            bureau_token_file=_file(env, "USANCE_BUREAU_TOKEN_FILE"),
            carriers_file=_file(env, "USANCE_CARRIERS_FILE"),
            carriers=_carriers(env),
        )


def _phone(env: Mapping[str, str], name: str) -> str:
    value = env.get(name) or ""
    if value and not re.fullmatch(r"\+?[0-9][0-9 -]{1,17}[0-9]", value, re.ASCII):
        raise ConfigurationError(f"{name} must be a telephone number, not {value!r}")
    return value


def _identity_provider(env: Mapping[str, str]) -> IdentityProvider | None:
    """All of its settings, or none: half a provider would be a door that nobody looks at."""
    issuer, client_id = env.get("USANCE_OIDC_ISSUER"), env.get("USANCE_OIDC_CLIENT_ID")
    file = env.get("USANCE_OIDC_CLIENT_SECRET_FILE")
    if not (issuer or client_id or file or env.get("USANCE_OIDC_CLAIM")):
        return None
    if not issuer:
        raise ConfigurationError("USANCE_OIDC_ISSUER is missing beside the other USANCE_OIDC_...")
    split = urlsplit(issuer)
    near = split.scheme == "http" and split.hostname in LOOPBACK
    whole = split.hostname and not (split.query or split.fragment or split.username)
    if not (whole and (near or split.scheme == "https")):
        raise ConfigurationError("USANCE_OIDC_ISSUER must be https://..., or http on this machine")
    if not client_id:
        raise ConfigurationError("USANCE_OIDC_CLIENT_ID is missing beside USANCE_OIDC_ISSUER")
    if not file:
        raise ConfigurationError("USANCE_OIDC_CLIENT_SECRET_FILE is missing beside the issuer")
    claim = env.get("USANCE_OIDC_CLAIM") or "preferred_username"
    if not re.fullmatch(r"[A-Za-z0-9_:/.-]{1,100}", claim):
        raise ConfigurationError("USANCE_OIDC_CLAIM must be the name of one claim")
    path = _path(env, "USANCE_OIDC_CLIENT_SECRET_FILE", Path())
    return IdentityProvider(issuer, client_id, path, claim)


def _bureau_url(env: Mapping[str, str]) -> str | None:
    """Names and identity numbers travel in clear over plain HTTP: that is for this machine."""
    url = env.get("USANCE_BUREAU_URL")
    if not url:
        return None
    split = urlsplit(url)
    near = split.scheme == "http" and split.hostname in LOOPBACK
    whole = split.hostname and not (split.query or split.fragment or split.username)
    if not (whole and (near or split.scheme == "https")):
        raise ConfigurationError("USANCE_BUREAU_URL must be https://..., or http on this machine")
    if not env.get("USANCE_BUREAU_TOKEN_FILE"):
        raise ConfigurationError("USANCE_BUREAU_TOKEN_FILE is missing beside USANCE_BUREAU_URL")
    return url


def _carriers(env: Mapping[str, str]) -> Carriers:
    path = _file(env, "USANCE_CARRIERS_FILE")
    try:
        return read_carriers(path) if path else Carriers()
    except CarriersError as error:
        raise ConfigurationError(f"USANCE_CARRIERS_FILE: {error}") from None


def _path(env: Mapping[str, str], name: str, default: Path) -> Path:
    path = Path(env.get(name) or default).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(f"{name} must be an absolute path, not {str(path)!r}")
    return path


def _file(env: Mapping[str, str], name: str) -> Path | None:
    return _path(env, name, Path()) if env.get(name) else None


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


def _networks(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Such as ``10.0.0.0/8,127.0.0.1``."""
    found = tuple(each.strip() for each in (env.get(name) or "").split(",") if each.strip())
    for each in found:
        try:
            ipaddress.ip_network(each)
        except ValueError as error:
            raise ConfigurationError(f"{name} holds {each!r}, which is no network") from error
    return found


def _database_url(env: Mapping[str, str]) -> str | None:
    """The URL itself never enters the message: it may hold a password."""
    url = env.get("USANCE_DATABASE_URL")
    if not url:
        return None
    if urlsplit(url).scheme not in ("postgresql", "postgres"):
        raise ConfigurationError("USANCE_DATABASE_URL must begin with postgresql://")
    return url


def _key_service_url(env: Mapping[str, str]) -> str | None:
    """Keys travel in clear over plain HTTP: that is for this machine alone."""
    url = env.get("USANCE_KEY_SERVICE_URL")
    if not url:
        return None
    split = urlsplit(url)
    near = split.scheme == "http" and split.hostname in LOOPBACK
    socket = split.scheme == "unix" and split.path.startswith("/") and not split.netloc
    if not (near or socket or (split.scheme == "https" and split.hostname)):
        forms = "unix:/path, http:// on this machine or https://"
        raise ConfigurationError(f"USANCE_KEY_SERVICE_URL must be {forms}")
    return url
