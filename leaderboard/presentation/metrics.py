"""The site's figures as Prometheus reads them; docs/monitoring.md lists each with what to do about it."""

from __future__ import annotations

from collections import Counter
from statistics import quantiles

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from leaderboard import queries
from leaderboard.domain.runstate import RunState
from leaderboard.models import DeliveryState, Entry
from leaderboard.presentation import request_times


def exposition() -> bytes:
    """All figures in Prometheus' text format. A constant number of queries."""
    registry = CollectorRegistry()
    _runs(registry)
    _workers(registry)
    _lines(registry)
    _past(registry)
    _spent(registry)
    entries = queries.entries().filter(Entry.ON_BOARD).count()
    Gauge("leaderboard_entries", "Entries on all boards", registry=registry).set(entries)
    traces = Gauge("leaderboard_traces", "Power traces of runs in storage", ["form"], registry=registry)
    by_form = queries.traces_by_form()
    for form in ("full", "thinned"):
        traces.labels(form).set(by_form[form])
    saved = Gauge(
        "leaderboard_trace_bytes_saved", "Bytes by which thinning made power traces smaller", registry=registry
    )
    saved.set(by_form["saved"])
    notices = Gauge("leaderboard_notices", "Mails and webhooks by state", ["state"], registry=registry)
    counted = queries.notices_by_state()
    for kind in DeliveryState:
        notices.labels(kind.value).set(counted.get(kind, 0))
    return generate_latest(registry) + generate_latest(request_times.registry())


def _runs(registry: CollectorRegistry) -> None:
    runs = Gauge("leaderboard_runs", "Verification runs by state", ["state"], registry=registry)
    by_state = queries.runs_by_state()
    for state in RunState:
        runs.labels(state.value).set(by_state.get(state, 0))


def _workers(registry: CollectorRegistry) -> None:
    workers = Gauge("leaderboard_live_workers", "Workers seen in the last minute", ["hardware"], registry=registry)
    out = Gauge(
        "leaderboard_workers_out_of_service", "Live workers that take no run", ["hardware"], registry=registry
    )
    live = list(queries.live_workers())
    lacking = Counter(worker.hardware.slug for worker in live if worker.out_of_service)
    for hardware, number in Counter(worker.hardware.slug for worker in live).items():
        workers.labels(hardware).set(number)
        out.labels(hardware).set(lacking[hardware])


def _lines(registry: CollectorRegistry) -> None:
    def gauge(name: str, words: str) -> Gauge:
        return Gauge(f"leaderboard_{name}", words, ["hardware"], registry=registry)

    queued = gauge("queued_runs", "Runs that wait for a worker")
    oldest = gauge("oldest_queued_run_seconds", "How long the oldest queued run has waited")
    running = gauge("running_runs", "Runs under way")
    lease = gauge("lease_left_seconds", "Until the first lease of a running run ends; negative: its worker is silent")
    power = gauge("power_watts", "What running runs drew at their last reports, metered or estimated, added up")
    for line in queries.queue_by_hardware():
        queued.labels(line.hardware).set(line.queued)
        running.labels(line.hardware).set(line.running)
        if line.queued:
            oldest.labels(line.hardware).set(line.oldest_s)
        if line.lease_left_s is not None:
            lease.labels(line.hardware).set(line.lease_left_s)
        if line.power_w is not None:
            power.labels(line.hardware).set(line.power_w)


def _past(registry: CollectorRegistry) -> None:
    waited = Gauge(
        "leaderboard_wait_seconds_last_day",
        "How long runs that ended within the last day had waited to begin",
        ["hardware", "quantile"],
        registry=registry,
    )
    for hardware, waits in queries.waits_lately().items():
        parts = quantiles(waits, n=20, method="inclusive") if len(waits) > 1 else waits * 19
        for quantile, seconds in (("0.5", parts[9]), ("0.95", parts[18])):
            waited.labels(hardware, quantile).set(seconds)
    attempts = Gauge(
        "leaderboard_attempts_last_day",
        "Attempts that ended, of runs that ended within the last day or go on; fault: what ended them",
        ["outcome", "fault"],
        registry=registry,
    )
    for row in queries.attempts_lately():
        attempts.labels(row["outcome"] or "unknown", row["fault"] or "none").set(row["number"])


def _spent(registry: CollectorRegistry) -> None:
    spent = Gauge(
        "leaderboard_spent_joules",
        "Energy of all verification since the site began, accelerator scope; it only grows",
        ["hardware", "provenance"],
        registry=registry,
    )
    for row in queries.spending("hardware"):
        for provenance in ("metered", "estimated"):
            if row[f"{provenance}_j"] is not None:
                spent.labels(row["value"], provenance).set(row[f"{provenance}_j"])
