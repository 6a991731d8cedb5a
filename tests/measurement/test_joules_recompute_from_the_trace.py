"""The published trace holds every window's joules to six digits."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.traces.integrate import integrate_trace
from measurement.traces.trace import METADATA_KEY, Readings, counter_power_w, read_trace
from measurement.vocabulary import Scope


class Replayed:
    """A counter or sensor of a GPU, set by hand."""

    kind, range_mj = "gpu", None
    update_period_s, sample_period_s = 0.1, 0.05

    def __init__(self, name, source, value=0.0):
        self.name, self.source, self.value = name, source, value


class Counter(Replayed):
    def read_mj(self):
        return self.value


class Sensor(Replayed):
    def read_w(self):
        return self.value


def assert_recomputes(path):
    trace = read_trace(path)
    assert trace.windows
    for window in trace.windows:
        for component, energy_j in window.components_j.items():
            assert trace.window_energy_j(window, component) == pytest.approx(energy_j, rel=1e-6, abs=1e-9)
    return trace


def test_a_real_run_recomputes(tmp_path):
    with EnergyMeter.for_device("cpu") as meter:
        meter.measure_idle(0.3)
        with meter.window("train"):
            subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
        with meter.window("inference") as window:
            for block in range(3):
                if block:
                    time.sleep(0.05)
                    window.resume()
                sum(range(2 * 10**6))
                window.pause()
                window.mark_block(images=8)
    meter.write_trace(tmp_path / "trace.parquet")
    trace = assert_recomputes(tmp_path / "trace.parquet")
    assert [mark.name for mark in trace.windows] == ["idle", "train", "inference"]
    integral = integrate_trace(tmp_path / "trace.parquet", window="inference")
    expected = window.measurement.energies[Scope.ACCELERATOR].energy_j
    assert integral.energy_j == pytest.approx(expected, rel=1e-6)
    assert integral.duration_s == pytest.approx(window.measurement.duration_s, rel=1e-9)
    train = trace.windows[1]
    cut = integrate_trace(tmp_path / "trace.parquet", train.started_s, train.ended_s)
    assert cut.energy_j == pytest.approx(train.energies_j["accelerator"], rel=1e-6)


def test_the_columns_are_those_that_are_documented(tmp_path):
    with EnergyMeter.for_device("cpu") as meter, meter.window("train"):
        time.sleep(0.1)
    meter.write_trace(tmp_path / "trace.parquet")
    table = pq.read_table(tmp_path / "trace.parquet")
    assert table.column_names[:2] == ["timestamp_s", "power_w"]
    times = table.column("timestamp_s").to_pylist()
    assert times == sorted(times)
    document = json.loads(table.schema.metadata[METADATA_KEY])
    for component in document["components"]:
        assert {f"{component['name']}_w", f"{component['name']}_energy_j"} <= set(table.column_names)
    assert document["trace_version"] == 1
    assert document["wall_at_zero"].endswith("+00:00")


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 0.5), st.floats(0, 400), st.booleans(), st.sampled_from(["", "", "pause", "mark", "next"])
        ),
        min_size=2,
        max_size=40,
    )
)
def test_any_course_of_power_recomputes(tmp_path_factory, course):
    folder = tmp_path_factory.mktemp("trace")
    clock = ManualClock()
    counter, sensor = Counter("gpu0", "replay"), Sensor("gpu0", "replay", 50.0)
    lone = Sensor("gpu1", "replay", 75.0)
    spent_mj = 0.0
    meter = EnergyMeter([counter], [sensor, lone], MeterOptions(device="cuda:0", clock=clock, sampling=False))
    with meter:
        steps = iter(course)
        for number in range(3):
            with meter.window(f"window {number}") as window:
                for seconds, power_w, ticks, action in steps:
                    clock.sleep(seconds)
                    spent_mj += power_w * seconds * 1000
                    counter.value = spent_mj if ticks else counter.value
                    sensor.value = lone.value = power_w
                    meter.sample()
                    if action == "pause":
                        window.pause()
                        clock.sleep(0.2)
                        window.resume()
                    elif action == "mark":
                        window.mark_block()
                    elif action == "next":
                        break
    meter.write_trace(folder / "trace.parquet")
    trace = assert_recomputes(folder / "trace.parquet")
    for window in trace.windows:
        integral = integrate_trace(folder / "trace.parquet", window=window.name)
        assert integral.energy_j == pytest.approx(window.energies_j["accelerator"], rel=1e-6, abs=1e-9)


def test_a_counter_that_ticks_seldom_shows_its_mean_power_not_spikes():
    readings = Readings(["gpu0_energy_j"])
    for row in range(41):
        readings.append(row * 0.025, {"gpu0_energy_j": 100 * 0.1 * (row // 4)}, edge=row in (0, 40))
    power = counter_power_w(readings, "gpu0_energy_j", 0.1)
    assert power == pytest.approx([100] * 41)


def test_a_sampled_run_of_nothing_but_zero_stays_zero():
    readings = Readings(["cpu_energy_j"])
    for row in range(5):
        readings.append(float(row), {"cpu_energy_j": 7.0}, edge=row in (0, 4))
    assert counter_power_w(readings, "cpu_energy_j", 0.01) == [0.0] * 5


def test_a_reading_that_is_missing_is_null_and_not_zero(tmp_path):
    clock = ManualClock()
    counter = Counter("gpu0", "replay", None)
    with EnergyMeter([counter], options=MeterOptions(device="cuda:0", clock=clock, sampling=False)) as meter:
        clock.sleep(1)
        counter.value = 1000.0
        with meter.window("train"):
            clock.sleep(1)
            counter.value = 3000.0
    meter.write_trace(tmp_path / "trace.parquet")
    columns = read_trace(tmp_path / "trace.parquet").columns
    assert columns["gpu0_energy_j"] == [None, 0.0, 2.0]
    assert columns["power_w"][0] is None
    assert columns["power_w"][1] > 0
    assert not any(value is not None and math.isnan(value) for value in columns["power_w"])
