"""Settings come from the environment; a wrong one is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from usance.platform.clock import FixedClock, SystemClock
from usance.platform.config import ConfigurationError, IdentityProvider, Settings


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path.home() / ".local/share/usance"
    assert settings.master_key_file == settings.home / "master.key"
    assert settings.audit_key_file == settings.home / "audit.key"
    assert settings.checkpoint_directory is None
    assert settings.database_url is None
    assert settings.backup_dir is None
    assert (settings.log_level, settings.log_format) == ("INFO", "json")
    assert (settings.pool_size, settings.worker) == (10, None)


def test_every_setting_is_read() -> None:
    url = "postgresql://app@db.example/usance"
    settings = Settings.from_environment({
        "USANCE_HOME": "/srv/usance", "USANCE_DATABASE_URL": url, "USANCE_LOG": "debug",
        "USANCE_MASTER_KEY_FILE": "/run/key", "USANCE_LOG_FORMAT": "text",
        "USANCE_POOL_SIZE": "30", "USANCE_WORKER": "7", "USANCE_AUDIT_KEY_FILE": "/run/signs",
        "USANCE_CHECKPOINT_DIR": "/mnt/kept", "USANCE_BACKUP_DIR": "/mnt/backup",
    })  # fmt: skip
    expected = Settings(
        Path("/srv/usance"), url, Path("/run/key"), Path("/run/signs"), Path("/mnt/kept"), "DEBUG",
        "text", 30, 7, Path("/mnt/backup"),
    )  # fmt: skip
    assert settings == expected


def test_the_audit_key_lies_beside_the_master_key() -> None:
    settings = Settings.from_environment({"USANCE_MASTER_KEY_FILE": "/run/keys/master"})
    assert settings.audit_key_file == Path("/run/keys/audit.key")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USANCE_HOME", "relative/path"),
        ("USANCE_MASTER_KEY_FILE", "key"),
        ("USANCE_BACKUP_DIR", "backups"),
        ("USANCE_AUDIT_KEY_FILE", "key"),
        ("USANCE_CHECKPOINT_DIR", "kept"),
        ("USANCE_DATABASE_URL", "sqlite:///book.db"),
        ("USANCE_DATABASE_URL", "mysql://user:hunter2@db/x"),
        ("USANCE_LOG", "loud"),
        ("USANCE_LOG_FORMAT", "xml"),
        ("USANCE_POOL_SIZE", "0"),
        ("USANCE_POOL_SIZE", "91"),
        ("USANCE_POOL_SIZE", "ten"),
        ("USANCE_POOL_SIZE", "-1"),
        ("USANCE_WORKER", "1024"),
        ("USANCE_WORKER", "¹"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as refusal:
        Settings.from_environment({name: value})
    assert "hunter2" not in str(refusal.value)


OIDC = {
    "USANCE_OIDC_ISSUER": "https://id.example/realm", "USANCE_OIDC_CLIENT_ID": "usance",
    "USANCE_OIDC_CLIENT_SECRET_FILE": "/run/secret", "USANCE_OIDC_CLAIM": "email",
}  # fmt: skip


def test_an_identity_provider_is_read_whole() -> None:
    found = Settings.from_environment(OIDC).identity_provider
    assert found == IdentityProvider(
        "https://id.example/realm", "usance", Path("/run/secret"), "email"
    )
    few = {name: value for name, value in OIDC.items() if name != "USANCE_OIDC_CLAIM"}
    provider = Settings.from_environment(few).identity_provider
    assert provider is not None
    assert provider.claim == "preferred_username"
    near = OIDC | {"USANCE_OIDC_ISSUER": "http://localhost:9000"}
    assert Settings.from_environment(near).identity_provider is not None
    assert Settings.from_environment({}).identity_provider is None


@pytest.mark.parametrize(("name", "value"), [
    ("USANCE_OIDC_ISSUER", ""), ("USANCE_OIDC_CLIENT_ID", ""),
    ("USANCE_OIDC_CLIENT_SECRET_FILE", ""), ("USANCE_OIDC_CLIENT_SECRET_FILE", "secret"),
    ("USANCE_OIDC_ISSUER", "http://id.example"), ("USANCE_OIDC_ISSUER", "id.example"),
    ("USANCE_OIDC_ISSUER", "https://id.example/?a=b"), ("USANCE_OIDC_ISSUER", "https://"),
    ("USANCE_OIDC_ISSUER", "https://me:hunter2@id.example"), ("USANCE_OIDC_CLAIM", "a b"),
])  # fmt: skip
def test_half_a_provider_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as refusal:
        Settings.from_environment(OIDC | {name: value})
    assert "hunter2" not in str(refusal.value)


def test_an_empty_value_is_as_good_as_none() -> None:
    names = ("USANCE_HOME", "USANCE_DATABASE_URL", "USANCE_LOG", "USANCE_POOL_SIZE",
             "USANCE_BACKUP_DIR")  # fmt: skip
    assert Settings.from_environment(dict.fromkeys(names, "")) == Settings.from_environment({})


def test_the_system_clock_is_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_fixed_clock_moves_only_forward_and_only_when_told() -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    clock = FixedClock(noon)
    assert clock.now() == clock.now() == noon
    clock.advance(timedelta(days=1))
    assert clock.now() == noon + timedelta(days=1)
    with pytest.raises(ValueError, match="go back"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 1, 1))
