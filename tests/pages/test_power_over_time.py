"""A trace is thinned for its chart without losing a joule, a peak or a phase; without a trace there is no chart."""

import io
import json
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from leaderboard.presentation.charts import MOST_TRACE_POINTS, power_trace
from tests.factories import EntryFactory, make_board, make_verified_entry
from tests.power_traces import trace


def joules_of(thinned, end_s):
    edges = [*thinned["time_s"], end_s]
    return sum(w * (b - a) for w, a, b in zip(thinned["power_w"], edges, edges[1:], strict=False))


def test_a_short_trace_is_kept_as_it_is():
    thinned = power_trace(trace([10.0, 11.0, 13.0], [5.0, 7.0, 7.0]))
    assert thinned["time_s"] == [10.0, 11.0]
    assert thinned["power_w"] == thinned["least_w"] == thinned["most_w"] == [5.0, 7.0]
    assert thinned["samples"] == 3


@pytest.mark.parametrize("gap_s", [0.0, 40.0])
def test_a_long_trace_keeps_joules_and_peaks(gap_s):
    times = [0.01 * n + (gap_s if n > 20_000 else 0) for n in range(50_000)]
    powers = [100.0 + 50 * (n // 500 % 2) for n in range(50_000)]
    powers[31_234] = 900.0
    thinned = power_trace(trace(times, powers))
    whole_j = sum(w * (b - a) for w, a, b in zip(powers, times, times[1:], strict=False))
    assert 300 < len(thinned["time_s"]) <= MOST_TRACE_POINTS + 1
    assert joules_of(thinned, times[-1]) == pytest.approx(whole_j, rel=2e-3)
    assert max(thinned["most_w"]) == 900
    assert min(thinned["least_w"]) == 100
    assert thinned["time_s"] == sorted(thinned["time_s"])


@pytest.mark.parametrize(("times", "powers"), [([], []), ([1.0], [2.0]), ([1.0, 2.0, 3.0], [None, None, None])])
def test_a_trace_without_power_has_no_points(times, powers):
    assert power_trace(trace(times, powers))["time_s"] == []


def test_samples_at_one_moment_make_no_infinite_power():
    thinned = power_trace(trace([1.0, 1.0, 1.0, 2.0], [5.0, 6.0, 7.0, 7.0]))
    assert json.dumps(thinned, allow_nan=False)
    assert thinned["power_w"][-1] == 7


@pytest.mark.django_db
def test_address_gives_points_and_phase_marks(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    entry = make_verified_entry(make_board(1))
    attempt = entry.run.attempts.get()
    address = reverse("entry-power", args=[entry.pk])
    assert client.get(address).status_code == 404
    energies = [{"scope": "accelerator", "energy_j": 12.0}]
    phase = {"phase": "train", "started_s": 10.0, "ended_s": 13.0, "duration_s": 3.0, "energies": energies}
    sampled = phase | {"phase": "finetune", "started_s": 14.0, "detail": {"sampled": {"left_out_s": 5.0}}}
    attempt.record = {"phases": [phase, sampled]}
    attempt.trace.save("trace.parquet", ContentFile(trace([10.0, 11.0, 13.0], [5.0, 7.0, 7.0]).read()))
    answer = client.get(address)
    assert answer.json()["power_w"] == [5.0, 7.0]
    mark, of_a_sample = answer.json()["phases"]
    assert of_a_sample["mean_w"] == 1.5  # joules of all its steps, over the seconds of all
    assert mark == {"phase": "train", "name": "train", "start_s": 10.0, "end_s": 13.0, "mean_w": 4.0}
    assert client.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    entry.run.attempts.update(started_at=attempt.started_at + timedelta(microseconds=1))  # in a replaced database
    assert client.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 200
    assert address in client.get(entry.get_absolute_url()).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("content", [None, b"no Parquet at all"])
def test_a_trace_that_is_gone_or_broken_is_a_404_in_words(client, settings, tmp_path, content):
    settings.MEDIA_ROOT = tmp_path
    entry = make_verified_entry(make_board(1))
    attempt = entry.run.attempts.get()
    attempt.trace.save("trace.parquet", ContentFile(content or b""))
    if content is None:
        attempt.trace.storage.delete(attempt.trace.name)
    answer = client.get(reverse("entry-power", args=[entry.pk]))
    assert answer.status_code == 404
    assert "can't be read" in answer.json()["detail"]
    assert client.get(entry.get_absolute_url()).status_code == 200


@pytest.mark.django_db
def test_other_columns_are_no_trace(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    entry = make_verified_entry(make_board(1))
    file = io.BytesIO()
    pq.write_table(pa.table({"timestamp_s": [1.0]}), file)
    entry.run.attempts.get().trace.save("trace.parquet", ContentFile(file.getvalue()))
    assert client.get(reverse("entry-power", args=[entry.pk])).status_code == 404
    assert client.get(reverse("entry-power", args=[EntryFactory().pk])).status_code == 404
    assert client.get(reverse("entry-power", args=[10**9])).status_code == 404
