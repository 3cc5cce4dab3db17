"""What a Prometheus server reads: counters of this process, backlogs of the whole service."""

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from notifier.web.context import Service, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Collected:
    """One scrape: values that were read before, in the shape the library wants."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def render(service: Service, tally: Tally, gauges: Mapping[str, Any]) -> bytes:
    """The page of metrics. ``gauges`` as ``store.views.gauges`` gives them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(_metrics(service, tally, gauges)))
    return bytes(generate_latest(registry))


def _metrics(service: Service, tally: Tally, gauges: Mapping[str, Any]) -> Iterable[Metric]:
    sent = CounterMetricFamily(
        "notifier_messages", "Messages by channel and outcome, of this process",
        labels=("channel", "outcome"),
    )  # fmt: skip
    for (channel, outcome), number in sorted(service.outbox.counted.items()):
        sent.add_metric((channel, outcome), number)
    yield sent
    receipts = CounterMetricFamily(
        "notifier_receipts", "Receipts that providers brought to this process",
        labels=("channel", "kind"),
    )  # fmt: skip
    for (channel, kind), number in sorted(tally.receipts.items()):
        receipts.add_metric((channel, kind), number)
    yield receipts
    requests = CounterMetricFamily(
        "notifier_http_requests", "Requests by method, route and status",
        labels=("method", "route", "status"),
    )  # fmt: skip
    for (method, route, status), number in sorted(tally.requests.items()):
        requests.add_metric((method, route, str(status)), number)
    yield requests
    batches = GaugeMetricFamily(
        "notifier_batches_due", "Batches that should be leaving", labels=("channel",)
    )
    oldest = GaugeMetricFamily(
        "notifier_oldest_due_seconds", "How long the oldest due batch waits", labels=("channel",)
    )
    for channel in service.switchboard.channels:
        number, age = gauges["backlog"].get(channel, (0, None))
        batches.add_metric((channel,), number)
        oldest.add_metric((channel,), 0.0 if age is None else age.total_seconds())
    yield batches
    yield oldest
    yield GaugeMetricFamily(
        "notifier_plans_to_reconcile", "Plans that ask to be looked at", value=gauges["reconcile"]
    )
    yield GaugeMetricFamily(
        "notifier_batches_uncertain", "Batches nobody knows the outcome of",
        value=gauges["uncertain"],
    )  # fmt: skip
    yield GaugeMetricFamily(
        "notifier_exceptions_open", "Open entries on the list for people",
        value=gauges["exceptions"],
    )  # fmt: skip
    yield GaugeMetricFamily(
        "notifier_event_loop_lag_seconds", "How late the event loop was at the last look",
        value=tally.lag,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "notifier_event_loop_lag_worst_seconds", "The latest it ever was", value=tally.worst_lag
    )
