"""The file that names providers and mail servers: wrong ones are refused, secrets never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from usance.platform.config import ConfigurationError, Settings
from usance.platform.config_carriers import CarriersError, carriers_in, read_carriers

PROVIDER = {"channel": "sms", "name": "one", "url": "https://one.example/v1", "token": "t0ken"}
SERVER = {"host": "mail.example", "address": "notices@usance.example", "user": "house",
          "password": "s3cret"}  # fmt: skip
WHOLE = """
providers:
  - {channel: sms, name: one, url: https://one.example, token: t0ken, weight: 60,
     receipts_secret: a-long-secret-of-the-provider}
  - {channel: sms, name: two, url: "http://10.1.2.3:8080", token: t0ken, weight: 40}
  - {channel: voice, name: calls, url: "http://127.0.0.1:8025", token: t0ken}
smtp:
  - {host: mail.example, address: notices@usance.example, user: house, password: s3cret}
"""


def written(folder: Path, text: str = WHOLE, mode: int = 0o600) -> Path:
    path = folder / "carriers.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_everything_that_a_file_names(tmp_path: Path) -> None:
    path = written(tmp_path)
    settings = Settings.from_environment({"USANCE_CARRIERS_FILE": str(path)})
    assert settings.carriers_file == path
    assert settings.carriers.weights == {
        "sms": {"one": 60, "two": 40}, "voice": {"calls": 100}, "email": {"smtp": 100},
    }  # fmt: skip
    assert settings.carriers.receipt_secrets == {"one": b"a-long-secret-of-the-provider"}
    assert (settings.carriers.smtp[0].port, settings.carriers.smtp[0].security) == (587, "starttls")
    for secret in ("t0ken", "s3cret", "a-long-secret"):
        assert secret not in repr(settings)


def test_without_a_file_nobody_carries_anything() -> None:
    assert Settings.from_environment({}).carriers.weights == {}


def provider(**more: Any) -> dict[str, Any]:
    return {"providers": [PROVIDER | more]}


def server(**more: Any) -> dict[str, Any]:
    return {"smtp": [SERVER | more]}


@pytest.mark.parametrize(("document", "wrong"), [
    ([], "object"), ({"provider": []}, "unknown field"), (provider(channel="fax"), "choices"),
    (provider(name="A b"), "regex"), (provider(weight=101), "<= 100"),
    (provider(weight=60), "weights of sms"), ({"providers": [PROVIDER, PROVIDER]}, "one name"),
    (provider(token="a b"), "token"), (provider(token="a\nb"), "token"),
    (provider(receipts_secret="short"), "24"), (provider(token=7), "str"),
    *((provider(url=url), "url") for url in (
        "http://one.example", "http://8.8.8.8", "one.example", "https://", "ftp://one.example",
        "https://u:p@one.example", "https://one.example?a=b", "https://one.example#x",
        "https://one.example/ x", "https://one.example:0", "https://one.example:x",
        "http://0.0.0.0", "https://one.example/\n", "https://önë.example",
        "https://one.example\\@two.example",
    )),
    (server(security="none"), "security"), (server(security="ssl"), "choices"),
    (server(password=""), "password"), (server(user=""), "password"),
    (server(port=0), ">= 1"), (server(address="x"), "address"),
    (server(address="a@b\nc"), "address"), (server(reply_to="A <a@b.c>"), "reply_to"),
    (server(unsubscribe="http://x"), "unsubscribe"),
    (server(unsubscribe="mailto:a@b>\r\nX: y"), "unsubscribe"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused(document: Any, wrong: str) -> None:
    with pytest.raises(CarriersError, match=wrong) as refused:
        carriers_in(document)
    assert "s3cret" not in str(refused.value)
    assert "t0ken" not in str(refused.value)


def test_a_plain_mail_server_is_for_near_networks() -> None:
    for host in ("localhost", "127.0.0.1", "10.0.0.5"):
        assert carriers_in(server(host=host, security="none")).smtp


@pytest.mark.parametrize(("text", "mode", "wrong"), [
    (WHOLE, 0o640, "owner"), ("token: t0ken: t0ken", 0o600, "not YAML"), ("- [", 0o600, "not YAML"),
])  # fmt: skip
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, mode: int, wrong: str) -> None:
    path = written(tmp_path, text, mode)
    with pytest.raises(ConfigurationError, match=f"USANCE_CARRIERS_FILE: .*{wrong}") as refused:
        Settings.from_environment({"USANCE_CARRIERS_FILE": str(path)})
    assert "t0ken" not in str(refused.value)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(CarriersError, match="cannot be read"):
        read_carriers(tmp_path / "nothing")
    path = written(tmp_path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CarriersError, match="UTF-8"):
        read_carriers(path)
