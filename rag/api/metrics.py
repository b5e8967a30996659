"""What is counted for Prometheus, in a registry of each server's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from rag.store.ended import Ended
from rag.store.freshness import BOUNDS, Measured
from rag.types import Answer

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """Counters of one server since its start. Their labels are routes and words of ours."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "ratchet_requests", "Requests.", ("route", "method", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "ratchet_request_seconds",
            "Time to the last byte.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._answers = Counter(
            "ratchet_answers", "Answers made.", ("abstained",), registry=self.registry
        )
        self._cached = Counter(
            "ratchet_answers_cached",
            "Answers that a model had written before.",
            registry=self.registry,
        )
        self._tokens = Counter(
            "ratchet_tokens", "Tokens of language models.", ("kind",), registry=self.registry
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        known = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answer(self, answer: Answer) -> None:
        self._answers.labels(str(answer.abstained).lower()).inc()
        self._cached.inc(answer.cached)
        self._tokens.labels("prompt").inc(answer.usage.prompt_tokens)
        self._tokens.labels("completion").inc(answer.usage.completion_tokens)

    def text(self, freshness: Sequence[Measured], ended: Sequence[Ended]) -> bytes:
        """With what is kept of freshness and runs, which every process that syncs adds to."""
        kept = CollectorRegistry()
        kept.register(_Kept(freshness, ended))
        return generate_latest(self.registry) + generate_latest(kept)


class _Kept(Collector):
    """What the database holds; the names of sources are the admin's words."""

    def __init__(self, freshness: Sequence[Measured], ended: Sequence[Ended]) -> None:
        self._freshness = freshness
        self._ended = ended

    def collect(self) -> Iterable[Metric]:
        family = HistogramMetricFamily(
            "ratchet_freshness_seconds",
            "From a change, deletion or revocation at a source to its effect in answers.",
            labels=("domain", "source", "kind"),
        )
        for one in self._freshness:
            bounds = [*(str(float(bound)) for bound in BOUNDS), "+Inf"]
            family.add_metric(
                (one.domain, one.source, one.kind),
                list(zip(bounds, accumulate(one.counts), strict=True)),
                one.total,
            )
        yield family
        # Gauges: runs are forgotten in time, which a counter may not.
        runs = GaugeMetricFamily(
            "ratchet_runs_last_day",
            "Runs that ended in the last 24 hours.",
            labels=("domain", "source", "kind", "state"),
        )
        documents = GaugeMetricFamily(
            "ratchet_sync_documents_last_day",
            "Documents by outcome, of the syncs that ended in the last 24 hours.",
            labels=("domain", "source", "outcome"),
        )
        for one in self._ended:
            for state, count in one.states.items():
                runs.add_metric((one.domain, one.source, one.kind, state), count)
            for outcome, count in one.outcomes.items():
                documents.add_metric((one.domain, one.source, outcome), count)
        yield runs
        yield documents
