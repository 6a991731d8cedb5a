"""A thinned trace has fewer samples, and the same joules in every window, stretch and figure."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measurement.__main__ import main
from measurement.dataroot import sha256_of
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.record import parse_record
from measurement.run.recompute import recompute
from measurement.run.thin import thin
from measurement.traces import thinning
from measurement.traces.thinning import NotThinned, thin_trace
from measurement.traces.trace import METADATA_KEY, read_trace
from tests.measurement.recorded import Course, Sensor, record_a_run

AT = "2026-12-01T03:00:00+00:00"
STEPS = st.tuples(st.floats(0.001, 3.0), st.integers(0, 700_000))
COURSE = st.lists(STEPS, min_size=1, max_size=40)
FEW = st.tuples(st.integers(1, 30), st.integers(1, 4))


def integrated(trace: Path, window: str, capsys: Any) -> dict[str, Any]:
    """What the public command says."""
    assert main(["integrate", str(trace), "--window", window, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


@settings(max_examples=20, deadline=None)
@given(train=COURSE, blocks=st.lists(COURSE, min_size=1, max_size=5), few=FEW)
def test_any_course_of_power_keeps_its_joules(
    tmp_path_factory: pytest.TempPathFactory, train: Course, blocks: list[Course], few: tuple[int, int]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    full, thinned = folder / "trace.parquet", folder / "thinned.parquet"
    record = record_a_run(folder, train, blocks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thinning, "MOST_SAMPLES", few[0])
        patch.setattr(thinning, "LEAST_OF_A_STRETCH", few[1])
        patch.setattr(thinning, "WORTH", 10.0)  # most of so small a file is metadata
        said = thin(record, full, thinned, AT)
    before, after = read_trace(full), read_trace(thinned)
    assert (said.samples_before, said.samples) == (len(before.columns["power_w"]), len(after.columns["power_w"]))
    assert after.windows == before.windows
    for window in before.windows:
        for component in window.components_j:
            was_j, is_j = before.window_energy_j(window, component), after.window_energy_j(window, component)
            assert is_j == pytest.approx(was_j, rel=1e-12, abs=1e-12)
    assert recompute(record, after, sha256_of(thinned)).agrees
    assert extremes(after, "power") == extremes(before, "power")


def extremes(trace: Any, name: str) -> tuple[float, float]:
    """The highest and the lowest reading, both as samples of the trace."""
    values = [value for value in trace.columns[f"{name}_w"] if value is not None]
    return min(values), max(values)


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10,000 samples of training with one peak, and inference in blocks; thinned."""
    folder = tmp_path_factory.mktemp("long")
    train = [(0.02, 200_000 + 1_000 * (step % 97)) for step in range(20_000)]
    train[16_543] = (0.02, 650_000)
    record_a_run(folder, train, [[(0.02, 150_000)] * 50] * 3)
    assert main(["thin", str(folder / "trace.parquet"), "--out", str(folder / "thinned.parquet")]) == 0
    return folder


def test_a_long_trace_is_a_fraction_and_keeps_its_peak(long_run: Path, capsys: Any) -> None:
    full, thinned = long_run / "trace.parquet", long_run / "thinned.parquet"
    before, after = pq.read_table(full), pq.read_table(thinned)
    assert after.num_rows < before.num_rows / 3
    assert thinned.stat().st_size < full.stat().st_size
    peak = before["power_w"].to_pylist().index(max(before["power_w"].to_pylist()))
    assert before["timestamp_s"][peak].as_py() in after["timestamp_s"].to_pylist()
    for name in ("power", "gpu0", "cpu0", "dram0", "gpu0_sensor"):
        assert max(after[f"{name}_most_w"].to_pylist()) == max(before[f"{name}_w"].to_pylist())
        assert min(after[f"{name}_least_w"].to_pylist()) == min(before[f"{name}_w"].to_pylist())
    for window in ("0-train", "1-evaluate", "2-inference-offline"):
        was, now = integrated(full, window, capsys), integrated(thinned, window, capsys)
        assert now["energy_j"] == pytest.approx(was["energy_j"], rel=1e-12)
        assert (now["start_s"], now["end_s"], now["duration_s"]) == (was["start_s"], was["end_s"], was["duration_s"])
        # A note says what the file is; a long step is a mean of many samples, and no gap.
        note, *others = now["notes"]
        assert not any("gap" in said or "irregular" in said for said in others)
        assert note.startswith("thinned on 20")
        assert f"from {before.num_rows} samples to {after.num_rows}" in note


def test_the_file_says_what_it_is(long_run: Path, capsys: Any) -> None:
    metadata = json.loads(pq.read_schema(long_run / "thinned.parquet").metadata[METADATA_KEY])
    before = json.loads(pq.read_schema(long_run / "trace.parquet").metadata[METADATA_KEY])
    said = metadata.pop("thinned")
    assert metadata == before
    assert said["sha256"] == sha256_of(long_run / "trace.parquet")
    assert said["samples_before"] == pq.read_table(long_run / "trace.parquet").num_rows
    # Its record names the full file: the thinned one is accepted as made from that, and no other is.
    assert main(["recompute", str(long_run), "--trace", str(long_run / "thinned.parquet")]) == 0
    said = capsys.readouterr().out
    assert "note: thinned on" in said
    assert f"its own SHA-256 is {sha256_of(long_run / 'thinned.parquet')}, to be compared with" in said
    record = parse_record((long_run / "record.json").read_bytes())
    other = recompute(
        record.model_copy(update={"trace_sha256": "0" * 64}), read_trace(long_run / "thinned.parquet"), "1"
    )
    assert "the trace is not the record's" in other.faults[0]


def test_blocks_of_sampled_phases_keep_their_joules(tmp_path: Path) -> None:
    """The trace has no marks of them, so their edges come from the record."""
    clock, sensor = ManualClock(), Sensor("gpu0", "gpu", "nvml_power")
    meter = EnergyMeter([], [sensor], MeterOptions(device="cuda:0", clock=clock, sampling=False))
    with meter, meter.window("0-train"):
        for step in range(5_000):
            sensor.value = 100.0 + step % 41
            clock.sleep(0.06)
            meter.sample()
    meter.write_trace(tmp_path / "trace.parquet")
    window = read_trace(tmp_path / "trace.parquet").windows[0]
    edges = [window.started_s + seconds for seconds in (10.01, 33.337, 71.2, 71.21)]
    thin_trace(tmp_path / "trace.parquet", tmp_path / "thinned.parquet", AT, edges)
    before, after = read_trace(tmp_path / "trace.parquet"), read_trace(tmp_path / "thinned.parquet")
    assert len(after.columns["power_w"]) < 2_500
    for start_s, end_s in pairwise(edges):
        block = type(window)("block", start_s, end_s, columns=window.columns)
        joules = [trace.window_energy_j(block, "gpu0") for trace in (before, after)]
        assert joules[1] == pytest.approx(joules[0], rel=1e-12)


def written(path: Path, columns: dict[str, list[float | None]], windows: list[dict[str, Any]]) -> Path:
    table = pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()})
    pq.write_table(table.replace_schema_metadata({METADATA_KEY: json.dumps({"windows": windows})}), path)
    return path


def test_a_reading_that_is_missing_stays_missing(tmp_path: Path) -> None:
    """It is neither zero nor a mean: the reading before a gap holds over it, the first one back to the beginning."""
    rows = 4_000
    watts: list[float | None] = [float(row % 13) for row in range(rows)]
    for row in [*range(700), *range(2_000, 2_600)]:
        watts[row] = None
    times: list[float | None] = [0.1 * row for row in range(rows)]
    window = {"name": "w", "started_s": 0.05, "ended_s": 400.0, "pauses": [[250.0, 255.5]], "columns": {"g": "g_w"}}
    full = written(tmp_path / "full", {"timestamp_s": times, "power_w": list(watts), "g_w": watts}, [window])
    thin_trace(full, tmp_path / "thinned", AT)
    before, after = read_trace(full), read_trace(tmp_path / "thinned")
    assert None in after.columns["g_w"]
    assert len(after.columns["g_w"]) < rows / 2
    joules = [trace.window_energy_j(trace.windows[0], "g") for trace in (before, after)]
    assert joules[1] == pytest.approx(joules[0], rel=1e-12)


@pytest.mark.parametrize("kind", ["short", "thinned"])
def test_what_would_gain_nothing_stays_as_it_is(long_run: Path, tmp_path: Path, capsys: Any, kind: str) -> None:
    record_a_run(tmp_path, [(0.1, 100_000)] * 5, [[(0.1, 100_000)]])
    trace = tmp_path / "trace.parquet" if kind == "short" else long_run / "thinned.parquet"
    record = tmp_path / "record.json" if kind == "short" else long_run / "record.json"
    options = ["--out", str(tmp_path / "new"), "--record", str(record), "--json"]
    assert main(["thin", str(trace), *options]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["thinned"] is False
    assert kind in answer["reason"]
    assert not (tmp_path / "new").exists()
    with pytest.raises(NotThinned):
        thin_trace(trace, tmp_path / "new", AT)


def test_a_record_that_does_not_follow_keeps_its_full_trace(long_run: Path, tmp_path: Path, capsys: Any) -> None:
    document = json.loads((long_run / "record.json").read_text())
    document["phases"][0]["energies"][0]["energy_j"] *= 1.001
    (tmp_path / "record.json").write_text(json.dumps(document))
    options = ["--out", str(tmp_path / "new"), "--record", str(tmp_path / "record.json")]
    assert main(["thin", str(long_run / "trace.parquet"), *options]) == 5
    assert "would not give the record's figures" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_bad_input_is_named(long_run: Path, tmp_path: Path, capsys: Any) -> None:
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(pa.table({"timestamp_s": [0.0, 1.0], "power_w": [1.0, 1.0]}), foreign)
    back = written(tmp_path / "back", {"timestamp_s": [0.0, 2.0, 1.0], "power_w": [1.0, 1.0, 1.0]}, [])
    integers = written(tmp_path / "null", {"timestamp_s": [0.0, None], "power_w": [1.0, 1.0]}, [])
    record = str(long_run / "record.json")
    for trace, said in (
        (foreign, "is no trace of the meter"),
        (back, "its times step back"),
        (integers, "readings that are no numbers"),
        (tmp_path / "absent", "file not found"),
        (long_run / "record.json", "is no trace of the meter"),
    ):
        assert main(["thin", str(trace), "--out", str(tmp_path / "new"), "--record", record]) == 2
        assert said in capsys.readouterr().err
    assert main(["thin", str(foreign), "--out", str(foreign), "--record", record]) == 2
    assert "--out" in capsys.readouterr().err
    assert main(["thin", str(foreign), "--out", str(tmp_path / "new")]) == 2
    assert "record.json: can't be read" in capsys.readouterr().err
