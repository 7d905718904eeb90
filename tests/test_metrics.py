from __future__ import annotations

import re

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from hashpass.domain.errors import RoundStale, ShutOut
from hashpass.metrics import CONTENT_TYPE, GAUGES, MAX_TASKS, Metrics


def read(metrics: Metrics) -> dict[str, float]:
    """Every sample as `name{label}` and its value, by Prometheus' own parser."""
    samples = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            label = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            samples[f"{sample.name}{{{label}}}" if label else sample.name] = sample.value
    return samples


def test_submissions_are_counted_by_outcome() -> None:
    metrics = Metrics()
    for outcome in ("won", "lost", "lost", RoundStale.code, ShutOut.code):
        metrics.submission(outcome)
    samples = read(metrics)
    assert samples["hashpass_submissions_total{outcome=won}"] == 1
    assert samples["hashpass_submissions_total{outcome=lost}"] == 2
    assert samples["hashpass_submissions_total{outcome=round_stale}"] == 1
    assert samples["hashpass_submissions_total{outcome=shut_out}"] == 1


def test_unknown_label_values_fold_into_one() -> None:
    metrics = Metrics()
    for word in ("10.0.0.1", "hps_secret", "\n"):
        metrics.submission(word)
        metrics.round_ended(word)
        metrics.gate_answered(word)
    samples = read(metrics)
    assert samples["hashpass_submissions_total{outcome=other}"] == 3
    assert samples["hashpass_rounds_total{end=other}"] == 3
    assert samples["hashpass_gate_results_total{outcome=other}"] == 3
    assert b"10.0.0.1" not in metrics.render()


def test_task_names_are_bounded() -> None:
    metrics = Metrics()
    for number in range(MAX_TASKS + 10):
        metrics.task_crashed(f"task-{number}")
    metrics.task_crashed("task-0")
    samples = read(metrics)
    assert samples["hashpass_task_crashes_total{task=task-0}"] == 2
    assert samples["hashpass_task_crashes_total{task=other}"] == 10


def test_hashes_rounds_gates_and_slow_readers() -> None:
    metrics = Metrics("1.2.3")
    metrics.hash_verified(0.12)
    metrics.hash_verified(3.0)
    metrics.round_ended("solved")
    metrics.gate_answered("passed")
    metrics.slow_reader_dropped()
    samples = read(metrics)
    assert samples["hashpass_hashes_verified_total"] == 2
    assert samples["hashpass_verify_seconds_count"] == 2
    assert samples["hashpass_verify_seconds_bucket{le=0.15}"] == 1
    assert samples["hashpass_rounds_total{end=solved}"] == 1
    assert samples["hashpass_rounds_total{end=timeout}"] == 0
    assert samples["hashpass_gate_results_total{outcome=passed}"] == 1
    assert samples["hashpass_slow_readers_dropped_total"] == 1
    assert samples["hashpass_info{version=1.2.3}"] == 1


def test_a_gauge_is_read_when_it_is_asked_for() -> None:
    metrics, now = Metrics(), [1.0]
    metrics.watch("connections", lambda: now[0])
    assert read(metrics)["hashpass_connections"] == 1
    now[0] = 9
    assert read(metrics)["hashpass_connections"] == 9


def test_a_gauge_nobody_watches_is_not_shown_as_zero() -> None:
    assert "hashpass_sessions" not in read(Metrics())


def test_all_gauges_can_be_watched_once() -> None:
    metrics = Metrics()
    for name in GAUGES:
        metrics.watch(name, lambda: 1)
    assert all(read(metrics)[f"hashpass_{name}"] == 1 for name in GAUGES)
    with pytest.raises(ValueError, match="already"):
        metrics.watch("sessions", lambda: 1)
    with pytest.raises(ValueError, match="no gauge"):
        metrics.watch("secrets", lambda: 1)


def test_two_instances_share_nothing_and_the_global_registry_is_left_alone() -> None:
    first, second = Metrics(), Metrics()
    first.submission("won")
    assert read(second)["hashpass_submissions_total{outcome=won}"] == 0
    assert not [name for family in REGISTRY.collect() if (name := family.name).startswith("hashpass")]


def test_the_content_type_is_prometheus_text() -> None:
    assert re.match(r"text/plain; version=\d", CONTENT_TYPE)
