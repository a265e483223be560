"""What operators watch, in Prometheus' text format. Names and labels hold no personal data."""

from __future__ import annotations

import os
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import Gauge as AnyGauge
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

FIGURES = "PROMETHEUS_MULTIPROC_DIR"
"""Names the directory, for the client library, in which processes behind one port keep them."""

registry = CollectorRegistry()
Gauge = partial(AnyGauge, multiprocess_mode="mostrecent")
"""What one process found is so for all of them."""

requests = Counter(
    "usance_http_requests", "Answers by route and status", ["route", "status"], registry=registry
)
request_seconds = Histogram(
    "usance_http_request_seconds", "Time to answer", ["route"], buckets=QUICK, registry=registry
)
operations = Counter(
    "usance_operations",
    "Operations on the book by kind and outcome (done, repeated, refused, failed)",
    ["kind", "outcome"],
    registry=registry,
)
day_close_seconds = Gauge(
    "usance_day_close_seconds",
    "How long the last finished day close took; 0 before the first",
    registry=registry,
)
contracts_woken = Gauge(
    "usance_contracts_woken",
    "Contracts woken by the run that finished the last day close",
    registry=registry,
)
business_date = Gauge(
    "usance_business_date", "The business date, as a proleptic day ordinal", registry=registry
)
jobs = Counter(
    "usance_jobs",
    "Attempts by queue and outcome (done, failed, dead, lease_lost)",
    ["queue", "outcome"],
    registry=registry,
)
refused_by_rate = Counter(
    "usance_refused_by_rate", "Requests refused because of a client's rate", ["kind"],
    registry=registry,
)  # fmt: skip
webhooks = Counter(
    "usance_webhooks",
    "Attempts to deliver a webhook by outcome (delivered, failed, given_up)",
    ["outcome"],
    registry=registry,
)
breakers_opened = Counter(
    "usance_breakers_opened", "Breakers of notices that opened by themselves", ["kind"],
    registry=registry,
)  # fmt: skip
webhook_lag_seconds = Gauge(
    "usance_webhook_lag_seconds", "Age of the oldest webhook that is due", registry=registry
)
webhooks_given_up = Gauge(
    "usance_webhooks_given_up", "Webhooks that were given up and are kept", registry=registry
)
outbox_lag_seconds = Gauge(
    "usance_outbox_lag_seconds", "Age of the oldest notice that is due", registry=registry
)
backup_receiving = Gauge(
    "usance_backup_receiving", "1 while the write-ahead log is received", registry=registry
)
backup_behind = Gauge(
    "usance_backup_behind_bytes",
    "Bytes of the write-ahead log that are not in the backup directory yet",
    registry=registry,
)

audit_leaves = Gauge("usance_audit_leaves", "Audit events in the tree", registry=registry)
audit_delay_seconds = Gauge(
    "usance_audit_delay_seconds",
    "How long the oldest event of the last portion waited for its place in the tree",
    registry=registry,
)
audit_refusals = Counter(
    "usance_audit_refusals",
    "Checkpoints that were not signed because the tree contradicts an earlier one",
    registry=registry,
)
code_asks = Counter(
    "usance_code_asks", "Asks whether a notice is genuine by outcome (found, missed, refused)",
    ["outcome"], registry=registry,
)  # fmt: skip
code_misses = Gauge(
    "usance_code_misses", "Asks in vain within the window of the alarm", registry=registry
)
code_alarms = Gauge(
    "usance_code_alarms", "Alarms about asks in vain at which nobody has looked", registry=registry
)


def exposition() -> bytes:
    """All figures, as ``/metrics`` gives them: of all processes that serve behind one port."""
    if os.environ.get(FIGURES):
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)
    return generate_latest(registry)
