"""`integrate` recomputes joules from anybody's trace, and says what it skipped, put right or refused."""

from __future__ import annotations

import argparse
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from measurement.errors import BadInput
from measurement.traces.integrate import add_integrate_arguments, integrate_trace, run_integrate

SMI = """\
timestamp, index, name, power.draw [W], power.draw.average [W], power.draw.instant [W], temperature.gpu
2026/01/31 23:59:59.000, 0, NVIDIA A100-SXM4-80GB, 70.00 W, 71.00 W, 100.00 W, 40
2026/01/31 23:59:59.500, 0, NVIDIA A100-SXM4-80GB, 70.00 W, 71.00 W, 200.00 W, 40
2026/02/01 00:00:00.000, 0, NVIDIA A100-SXM4-80GB, 70.00 W, 71.00 W, 300.00 W, 40
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="trace.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def run(*words):
    parser = argparse.ArgumentParser()
    add_integrate_arguments(parser)
    return run_integrate(parser.parse_args([str(word) for word in words]))


def test_each_sample_holds_until_the_next(write):
    integral = integrate_trace(write("timestamp_s,power_w\n10,100\n11,200\n13,50\n"))
    assert (integral.energy_j, integral.duration_s, integral.samples) == (500, 3, 3)
    assert (integral.column, integral.notes) == ("power_w", [])


def test_a_window_between_samples_and_beyond_them(write):
    path = write("timestamp_s,power_w\n10,100\n11,200\n13,50\n")
    assert integrate_trace(path, 10.5, 12).energy_j == 250
    assert integrate_trace(path, 11.2, 11.4).samples == 0
    beyond = integrate_trace(path, 9, 15)
    assert beyond.energy_j == 100 + 500 + 100
    assert any("beyond the samples" in note for note in beyond.notes)
    assert integrate_trace(path, 11, 11).energy_j == 0


def test_an_nvidia_smi_log_is_read_as_it_comes_by_its_instantaneous_column(write):
    integral = integrate_trace(write(SMI))
    assert integral.column == "power.draw.instant"
    assert (integral.energy_j, integral.duration_s, integral.samples) == (150, 1.0, 3)
    assert integrate_trace(write(SMI), column="power.draw [W]").energy_j == 70
    assert integrate_trace(write(SMI), column="power.draw.average").energy_j == 71
    assert integrate_trace(write(SMI), 0.5, 1.0).energy_j == 100


def test_an_nvidia_smi_log_without_units_is_read_too(write):
    assert integrate_trace(write(SMI.replace(" W,", ","))).energy_j == 150


def test_cells_without_a_reading_are_skipped_and_said(write):
    integral = integrate_trace(write(SMI.replace("200.00 W", "[N/A]")))
    assert integral.energy_j == 100
    assert integral.samples == 2
    assert any("1 cell of power.draw.instant" in note for note in integral.notes)


def test_a_board_without_instantaneous_power_falls_back_and_says_so(write):
    text = SMI.replace("100.00 W", "[N/A]").replace("200.00 W", "[N/A]").replace("300.00 W", "[Not Supported]")
    integral = integrate_trace(write(text))
    assert (integral.column, integral.energy_j) == ("power.draw", 70)
    assert any("power.draw.instant has no readings" in note for note in integral.notes)


def test_two_gpus_in_one_log_are_never_added_unasked(write):
    text = SMI + "".join(line.replace(", 0,", ", 1,", 1) + "\n" for line in SMI.splitlines()[1:])
    path = write(text.replace("1, NVIDIA A100-SXM4-80GB, 70.00", "1, NVIDIA A100-SXM4-80GB, 80.00"))
    with pytest.raises(BadInput, match=r"2 GPUs in this log \(0, 1\); choose one with --gpu, or --gpu all"):
        integrate_trace(path)
    integral = integrate_trace(path, gpu="all")
    assert (integral.energy_j, integral.duration_s) == (300, 1.0)
    assert any("2 GPUs" in note for note in integral.notes)
    assert integrate_trace(path, gpu="1", column="power.draw").energy_j == 80
    with pytest.raises(BadInput, match="no GPU '7'; it has 0, 1"):
        integrate_trace(path, gpu="7")


def test_an_appended_log_and_a_truncated_last_line_are_read(write):
    text = (
        SMI
        + SMI.splitlines()[0]
        + "\n2026/02/01 00:00:01.000, 0, NVIDIA A100-SXM4-80GB, 70.00 W, 71.00 W, 300.00 W, 40\n"
    )
    integral = integrate_trace(write(text + "2026/02/01 00:00:02.0"))
    assert integral.energy_j == 450
    assert any("truncated" in note for note in integral.notes)


def test_unsorted_and_doubled_stamps_are_put_right_and_said(write):
    integral = integrate_trace(write("timestamp_s,power_w\n0,10\n2,30\n1,20\n1,25\n3,0\n"))
    assert integral.energy_j == 10 + 25 + 30
    assert any("sorted" in note for note in integral.notes)
    assert any("stamp of another" in note for note in integral.notes)


def test_a_gap_is_held_over_and_said(write):
    rows = "".join(f"{time},100\n" for time in [0, 1, 2, 3, 60, 61])
    integral = integrate_trace(write("timestamp_s,power_w\n" + rows))
    assert integral.energy_j == 6100
    assert any("1 gap" in note and "57 s" in note for note in integral.notes)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("timestamp_s,power_w\n0,10\n1,lots\n2,3\n", ["line 3", "power_w", "'lots'"]),
        ("timestamp_s,power_w\n0,10\n1,-5\n2,3\n", ["line 3", "power_w", "negative"]),
        ("timestamp_s,power_w\n0,10\nnoon,5\n", ["line 3", "timestamp_s", "'noon'"]),
        ("timestamp_s,power_w\n0,10\nnan,5\n", ["line 3", "timestamp_s"]),
        ("timestamp_s,power_w\n0,10\n1,nan\n2,1\n", ["line 3", "power_w"]),
        ("timestamp_s,power_w\n0,10\n1,1e999\n2,1\n", ["line 3", "power_w"]),
        ("timestamp_s,power_w\n0,10\n1\n2,3\n", ["line 3", "1 cell,"]),
        ("timestamp_s,power_w\n0,10\n", ["only one sample", "power_w"]),
        ("timestamp_s,power_w\n", ["no sample", "power_w"]),
        ("timestamp_s,power_w\n5,10\n5,11\n", ["all samples have the same time"]),
        ("timestamp_s,volts\n0,1\n1,1\n", ["power_w"]),
        ("timestamp_s,a_w,b_w\n0,1,2\n1,1,2\n", ["a_w, b_w", "--column"]),
        ("time,power\n0,1\n", ["line 1", "column power", "power_w"]),
        ("when,power_w\n0,1\n", ["line 1", "when, power_w", "timestamp_s"]),
        ("", ["empty"]),
        (b"\x00\xff\xfe\x80", ["Parquet"]),
        (b"PAR1 and nothing more", ["Parquet"]),
        (SMI.replace("200.00 W", "200.00 V"), ["line 3", "power.draw.instant", "'200.00 V'"]),
        (SMI.replace("2026/02/01", "01.02.2026"), ["line 4", "timestamp"]),
    ],
)
def test_what_cannot_be_read_is_refused_by_file_line_and_column(write, text, named):
    path = write(text)
    with pytest.raises(BadInput) as caught:
        integrate_trace(path)
    assert str(path) in str(caught.value)
    for words in named:
        assert words in str(caught.value)


def test_a_window_that_cannot_be_is_refused(write):
    path = write("timestamp_s,power_w\n0,10\n10,10\n")
    for start, end, field, words in [
        (5, 4, "--end", "is before --start"),
        (20, 30, "--start", "runs from"),
        (-20, -10, "--end", "runs from"),
        (float("nan"), 5, "--start", "number of seconds"),
        (0, float("inf"), "--end", "number of seconds"),
    ]:
        with pytest.raises(BadInput, match=words) as caught:
            integrate_trace(path, start, end)
        assert caught.value.field == field
    with pytest.raises(BadInput, match="no window 'train'"):
        integrate_trace(path, window="train")
    with pytest.raises(BadInput, match="no power column 'x'"):
        integrate_trace(path, column="x")


def test_a_parquet_trace_of_others_is_read_and_its_faults_named(tmp_path):
    path = tmp_path / "trace.parquet"
    pq.write_table(pa.table({"timestamp_s": [0, 1, 2], "power_w": [10.0, None, 30.0]}), path)
    integral = integrate_trace(path)
    assert (integral.energy_j, integral.samples) == (20, 2)
    assert any("1 row without a reading" in note for note in integral.notes)
    pq.write_table(pa.table({"timestamp_s": [0, 1], "power_w": [10.0, -1.0]}), path)
    with pytest.raises(BadInput, match="row 2, column power_w"):
        integrate_trace(path)
    pq.write_table(pa.table({"timestamp_s": ["a", "b"], "power_w": [10.0, 1.0]}), path)
    with pytest.raises(BadInput, match="timestamp_s"):
        integrate_trace(path)
    pq.write_table(pa.table({"when": [1], "power_w": [10.0]}), path)
    with pytest.raises(BadInput, match="no column timestamp_s"):
        integrate_trace(path)


def test_the_command_prints_a_line_for_people_or_json_for_programs(write, capsys):
    path = write("timestamp_s,power_w\n0,100\n10,100\n")
    assert run(path) == 0
    assert capsys.readouterr().out == "1000 J over 10 s (2 samples of power_w, mean 100 W)\n"
    assert run(path, "--start", "5", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["energy_j"], printed["duration_s"], printed["samples"]) == (500, 5, 1)


def test_the_command_puts_a_fault_on_standard_error_and_exits_2(tmp_path, capsys):
    assert run(tmp_path / "absent.csv") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"{tmp_path / 'absent.csv'}: can't be read: No such file or directory\n"


def test_the_command_names_the_option_at_fault(write, capsys):
    path = write("timestamp_s,power_w\n0,10\n10,10\n")
    assert run(path, "--start", "5", "--end", "4") == 2
    assert capsys.readouterr().err.startswith("--end: 4 s is before --start")
    assert run(path, "--gpu", "0") == 2
    assert capsys.readouterr().err.startswith("--gpu: ")
