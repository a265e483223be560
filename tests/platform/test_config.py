"""Settings come from the environment; a wrong one is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from usance.platform.clock import FixedClock, SystemClock
from usance.platform.config import ConfigurationError, Settings


def test_an_empty_environment_is_enough() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path.home() / ".local/share/usance"
    assert settings.master_key_file == settings.home / "master.key"
    assert settings.database_url is None
    assert (settings.log_level, settings.log_format) == ("INFO", "json")
    assert (settings.pool_size, settings.worker) == (10, 0)


def test_every_setting_is_read() -> None:
    url = "postgresql://app@db.example/usance"
    settings = Settings.from_environment({
        "USANCE_HOME": "/srv/usance", "USANCE_DATABASE_URL": url, "USANCE_LOG": "debug",
        "USANCE_MASTER_KEY_FILE": "/run/key", "USANCE_LOG_FORMAT": "text",
        "USANCE_POOL_SIZE": "30", "USANCE_WORKER": "7",
    })  # fmt: skip
    expected = Settings(Path("/srv/usance"), url, Path("/run/key"), "DEBUG", "text", 30, 7)
    assert settings == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("USANCE_HOME", "relative/path"),
        ("USANCE_MASTER_KEY_FILE", "key"),
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


def test_an_empty_value_is_as_good_as_none() -> None:
    names = ("USANCE_HOME", "USANCE_DATABASE_URL", "USANCE_LOG", "USANCE_POOL_SIZE")
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
