"""What operators watch, in Prometheus' text format. Names and labels hold no personal data."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

registry = CollectorRegistry()

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
outbox_lag_seconds = Gauge(
    "usance_outbox_lag_seconds", "Age of the oldest message that is due", registry=registry
)


def exposition() -> bytes:
    """All figures, as ``/metrics`` gives them."""
    return generate_latest(registry)
