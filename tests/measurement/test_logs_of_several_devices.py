"""A log that holds several devices, in whatever way it says so, is never summed up as one."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from measurement.errors import BadInput
from measurement.traces.integrate import integrate_trace


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="log.csv"):
        path = tmp_path / name
        if isinstance(text, pa.Table):
            pq.write_table(text, path)
        else:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def refused(path, *named, **options):
    with pytest.raises(BadInput) as caught:
        integrate_trace(path, **options)
    for words in named:
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def long(column, label="{}", seconds=6):
    rows = (f"{at},{label.format(gpu)},{100 + 100 * gpu}\n" for at in range(seconds) for gpu in (0, 1))
    return f"timestamp_s,{column},power_w\n" + "".join(rows)


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("gpu_index", "{}"),
        ("GPU", "{}"),
        ("gpu id", "{}"),
        ("DeviceId", "{}"),
        ("device", "cuda:{}"),
        ("card", "card{}"),
        ("name", "RTX {}"),
        ("hostname", "node{}"),
        ("uuid", "GPU-{}a"),
        ("pci.bus_id", "0000:0{}:00.0"),
        ("serial", "132{}"),
        ("index", "{}"),
        ("socket", "S{}"),
    ],
)
def test_a_column_of_devices_by_any_name(write, column, label):
    path = write(long(column, label))
    first, second = label.format(0), label.format(1)
    refused(path, f"2 GPUs in this log ({first}, {second})", "--gpu all", column.lower())
    assert integrate_trace(path, gpu="all").energy_j == 1500
    assert integrate_trace(path, gpu=second).energy_j == 1000
    assert integrate_trace(path, gpu=first.upper()).energy_j == 500


def test_two_hosts_whose_gpus_have_the_same_numbers(write):
    rows = "".join(f"{at},{host},{gpu},100\n" for at in range(4) for host in "ab" for gpu in (0, 1))
    path = write("timestamp_s,hostname,gpu,power_w\n" + rows)
    refused(path, "4 GPUs in this log (a/0, a/1, b/0, b/1)")
    refused(path, "'0' means 2 GPUs (a/0, b/0)", gpu="0")
    assert integrate_trace(path, gpu="b/1").energy_j == 300
    assert integrate_trace(path, gpu="all").energy_j == 1200


def test_gpus_that_were_renumbered_are_refused(write):
    rows = "".join(f"{at},{gpu},{'AB'[gpu ^ (at > 3)]},100\n" for at in range(8) for gpu in (0, 1))
    refused(write("timestamp_s,gpu,uuid,power_w\n" + rows), "line 10, column gpu", "renumbered", gpu="all")


@pytest.mark.parametrize(
    "titles",
    [
        ("gpu0_w", "gpu1_w"),
        ("GPU 0 Power (W)", "GPU 1 Power (W)"),
        ("power_gpu0_watts", "power_gpu1_watts"),
        ("card0 [W]", "card1 [W]"),
    ],
)
def test_a_column_for_each_device(write, titles):
    path = write(f"timestamp_s,{','.join(titles)},temp\n" + "".join(f"{at},100,200,50\n" for at in range(6)))
    refused(path, "2 GPUs in this log (0, 1)")
    assert integrate_trace(path, gpu="all").energy_j == 1500
    assert integrate_trace(path, gpu="1").energy_j == 1000
    assert integrate_trace(path, column=titles[0]).energy_j == 500


def test_columns_of_devices_without_a_unit(write):
    text = "timestamp_s,GPU0,GPU1\n" + "".join(f"{at},100,200\n" for at in range(6))
    path = write(text)
    refused(path, "2 GPUs (gpu0, gpu1)", "--unit W")
    assert integrate_trace(path, unit="W", gpu="all").energy_j == 1500
    read = integrate_trace(path, gpu="all")
    assert read.energy_j == 1500
    assert any("read as watts" in note for note in read.notes)
    assert integrate_trace(path, column="GPU1", unit="mW").energy_j == 1
    # These may be shares of use, in per cent.
    refused(write(text.replace("200", "90")), "--unit", gpu="all")


def test_two_columns_of_one_name_are_two_devices(write):
    rows = "".join(f"{at},100,200\n" for at in range(6))
    refused(write("timestamp_s,power_w,power_w\n" + rows), "same title")
    refused(write("timestamp_s,power_w,power_w.1\n" + rows), "2 GPUs in this log (power_w, power_w.1)")
    smi = rows.replace("100", "2026/02/03").replace("\n", "\n")
    refused(write("timestamp, power.draw [W], power.draw [W].1\n" + smi), "2 columns are called power.draw")


def test_parquet_in_both_layouts(write):
    at, gpu = [at for at in range(6) for _ in (0, 1)], [0, 1] * 6
    power = [100.0 + 100 * number for number in gpu]
    path = write(pa.table({"timestamp_s": at, "gpu": gpu, "power_w": power}), "long.parquet")
    refused(path, "2 GPUs in this log (0, 1)")
    assert integrate_trace(path, gpu="all").energy_j == 1500
    wide = {"timestamp": pa.array([10**9 * at for at in range(6)], pa.timestamp("ns")), "gpu0_w": [100] * 6}
    path = write(pa.table({**wide, "gpu1_w": [200] * 6}), "wide.parquet")
    refused(path, "2 GPUs in this log (0, 1)")
    assert integrate_trace(path, gpu="1").energy_j == 1000


def test_a_count_of_rows_tells_no_devices_apart(write):
    text = "index,timestamp_s,power_w\n" + "".join(f"{at},{1_770_000_000 + at},100\n" for at in range(10))
    assert integrate_trace(write(text)).energy_j == 900
    refused(write(text.replace("index", "gpu")), "10 GPUs")
    # One poll of eight GPUs is not eight readings of one.
    poll = "".join(f"{gpu},0.{4 * gpu:03},100\n" for gpu in range(8))
    refused(write("index,timestamp_s,power_w\n" + poll), "8 GPUs")


def test_a_row_that_says_no_device_among_others_is_refused(write):
    refused(write(long("serial").replace("3,0,", "3,[N/A],")), "line 8, column serial", "'[N/A]' says no device")


UNTOLD = "timestamp_s,power_w\n"


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([(at, power) for at in range(20) for power in (100, 300) if (at, power) != (5, 100)], "most stamps come 2"),
        ([(at, power + at) for at in range(20) for power in (100, 101, 300)], "stamps come 3"),
        ([(at, power) for at in range(20) for power in (70, 70)], "with the same watts"),
        ([(at + 0.004 * gpu, 100 + 200 * gpu) for at in range(10) for gpu in (0, 1)], "2 at a time, 4 ms apart"),
        ([(at + 0.03 * gpu, 70) for at in range(10) for gpu in (0, 1) if (at, gpu) != (4, 0)], "2 at a time"),
        ([(0.02 * at, (100, 300)[at % 2]) for at in range(40) if at % 7], "alternate between 2 levels"),
    ],
    ids=["a row lost", "three", "both idle", "4 ms", "30 ms, a row lost", "evenly apart"],
)
def test_devices_that_nothing_distinguishes_are_refused_with_what_was_seen(write, rows, seen):
    text = UNTOLD + "".join(f"{at:g},{power}\n" for at, power in rows)
    refused(write(text), seen, "as from several devices", "log a column that distinguishes the devices")
    refused(write(text), seen, gpu="all")
    one = text.replace("power_w", "gpu,power_w").replace("\n", "\n#").replace(",", ",0,").replace("\n#", "\n")
    refused(write(one.replace("timestamp_s,0,gpu,0,power_w", "timestamp_s,gpu,power_w")), seen)


def test_a_device_counts_for_the_time_it_was_read_and_the_rest_is_said(write):
    rows = [f"{at},0,100\n" for at in range(20)] + [f"{at},1,200\n" for at in range(5, 12)]
    rows += [f"{at},2,{'50' if at < 9 else '[GPU is lost]'}\n" for at in range(20)]
    path = write("timestamp_s,gpu,power_w\n" + "".join(rows))
    read = integrate_trace(path, gpu="all")
    assert read.energy_j == 1900 + 1200 + 400
    assert "GPU 1 was read from 5 to 11 s, of 0 to 19 s: it counts for this time alone" in read.notes
    assert "GPU 2 was read from 0 to 8 s, of 0 to 19 s: it counts for this time alone" in read.notes
    assert integrate_trace(path, 4, 6, gpu="all").energy_j == 200 + 200 + 100
    refused(write("timestamp_s,gpu,power_w\n" + "".join(rows[:21])), "GPU 1: only one sample", gpu="all")


def test_the_better_column_needs_readings_of_every_device(write):
    rows = "".join(
        f"2026/02/03 10:00:0{at}.000, {gpu}, {'[N/A]' if gpu else '90.00 W'}, 100.00 W\n"
        for at in range(6)
        for gpu in (0, 1)
    )
    path = write("timestamp, index, power.draw.instant [W], power.draw [W]\n" + rows)
    read = integrate_trace(path, gpu="all")
    assert (read.energy_j, read.column) == (1000, "power.draw")
    assert any("no readings of GPU 1" in note for note in read.notes)
    assert integrate_trace(path, gpu="0").column == "power.draw.instant"
