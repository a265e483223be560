"""Logs are one JSON object a line, and personal data stays out of them."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usance.platform import logs, metrics
from usance.platform.config import Settings
from usance.platform.logs import (
    HIDDEN,
    JsonFormatter,
    Private,
    TextFormatter,
    begin_concealing,
    conceal,
    masked,
)


def written(formatter: logging.Formatter, message: str, *arguments: object, **extra: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.Logger("usance.test")
    logger.addHandler(handler)
    logger.info(message, *arguments, extra=extra)
    return stream.getvalue().removesuffix("\n")


@given(st.text(), st.text(min_size=1))
def test_every_line_is_one_json_object(message: str, value: str) -> None:
    line = written(JsonFormatter(), "%s", message, key=value)
    assert len(line.splitlines()) == 1 or "\u2028" in line or "\x85" in line or "\u2029" in line
    record = json.loads(line)
    assert (record["message"], record["key"]) == (message, value)
    assert record["level"] == "INFO"
    assert record["at"].endswith("+00:00")


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
@pytest.mark.parametrize(
    "extra",
    [
        {"name_of_borrower": Private("Han Meimei")},
        {"data_key": b"Han Meimei"},
        {"phone": "Han Meimei"},
        {"api_token": "Han Meimei"},
        {"Set-Cookie": "Han Meimei"},
        {"request": {"password": "Han Meimei", "path": "/v1"}},
        {"requests": [{"client_secret": "Han Meimei"}, b"Han Meimei"]},
    ],
)
def test_personal_data_and_secrets_print_as_dots(formatter, extra: dict) -> None:
    line = written(formatter, "a message")
    assert HIDDEN not in line
    line = written(formatter, "a message", **extra)
    assert "Han" not in line
    assert HIDDEN in line


def test_a_private_value_hides_in_every_spelling() -> None:
    name = Private("Han Meimei")
    assert {str(name), repr(name), f"{name}", f"{name:>20}", "%s" % name} == {HIDDEN}  # noqa: UP031
    assert written(TextFormatter(), "hello %s", name).endswith(f"hello {HIDDEN}")
    assert name.reveal() == "Han Meimei"


def test_the_operation_at_hand_is_on_every_line_inside() -> None:
    with logs.operation(request_id="r1"), logs.operation(operation_id=5):
        record = json.loads(written(JsonFormatter(), "inside"))
    assert (record["request_id"], record["operation_id"]) == ("r1", 5)
    assert "request_id" not in json.loads(written(JsonFormatter(), "outside"))


def test_an_error_carries_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        logs.configure(Settings(
            home=Path("/"), database_url=None, master_key_file=Path("/k"),
            audit_key_file=Path("/a"), checkpoint_directory=None,
            log_level="INFO", log_format="json", pool_size=1, worker=0,
        ))
        try:
            raise ValueError("broken")
        except ValueError:
            logs.get_logger("usance.test").exception("failed")
    finally:
        root.handlers[:], root.level = before
    record = json.loads(capsys.readouterr().err)
    assert "ValueError: broken" in record["error"]
    assert record["level"] == "ERROR"


def test_metrics_are_exposed_in_the_text_format() -> None:
    metrics.requests.labels("/v1/test", "200").inc()
    text = metrics.exposition().decode()
    assert 'usance_http_requests_total{route="/v1/test",status="200"} 1.0' in text
    for name in ("usance_operations", "usance_day_close_seconds", "usance_outbox_lag_seconds"):
        assert f"# HELP {name}" in text


# -- what a request knows of a person --------------------------------------------------------------


@pytest.mark.parametrize(
    "value", ["王小明", "Li", "+8613800138000", "o'brien \"b\"@x.example", "Zoé"]
)
def test_what_is_concealed_is_masked_in_every_spelling(value: str) -> None:
    begin_concealing()
    conceal([value])
    spelled = [value, repr(value), ascii(value), json.dumps(value), quote(value)]
    for text in spelled:
        assert value not in masked(f"so {text}, yes")
        assert HIDDEN in masked(f"so {text}, yes")
    try:
        raise ValueError(f"not {value} {value!r} {json.dumps(value)}")
    except ValueError:
        record = logging.LogRecord("a", 40, "b", 1, "m %s", (value,), sys.exc_info())
        record.field = [value]
    for formatter in (JsonFormatter(), TextFormatter()):
        line = formatter.format(record)
        assert HIDDEN in line
        assert all(form.strip("'\"") not in line for form in spelled)


def test_only_whole_words_are_masked_and_only_in_this_request() -> None:
    begin_concealing()
    conceal(["Li", "", "x"])
    assert masked("Litestar met Li. xLi Lix, x") == f"Litestar met {HIDDEN}. xLi Lix, x"
    begin_concealing()
    assert masked("Li") == "Li"


def test_a_request_remembers_a_thousand_values_at_most() -> None:
    known = begin_concealing()
    conceal(f"value-{n}" for n in range(5000))
    assert len(known) == 1000
    assert masked("value-4999 value-1") == f"{HIDDEN} value-1"
