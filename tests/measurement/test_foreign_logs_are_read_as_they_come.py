"""Logs that people already have: each is read as its program writes it, and never to a wrong number."""

from __future__ import annotations

import gzip

import pytest

from measurement.errors import BadInput
from measurement.traces.integrate import integrate_trace


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def refused(path, *named, **options):
    with pytest.raises(BadInput) as caught:
        integrate_trace(path, **options)
    for words in named:
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)


SMI = (
    "timestamp, power.draw [W]\n"
    "2024/01/02 03:04:05.000, 100.00 W\n2024/01/02 03:04:06.000, 200.00 W\n2024/01/02 03:04:07.000, 50.00 W\n"
)


@pytest.mark.parametrize(
    "text",
    [
        SMI.replace(" W\n", "\n"),
        SMI.replace("\n", "\r\n"),
        SMI.replace("\n", "\r"),
        b"\xef\xbb\xbf" + SMI.encode(),
        SMI.encode("utf-16"),
        gzip.compress(SMI.encode(), mtime=0),
        SMI + SMI.splitlines()[0] + "\n",
        SMI.partition("\n")[2],
        SMI.replace("timestamp", "Timestamp"),
        SMI.replace(".00 W", "000.00 mW").replace("[W]", "[mW]"),
        "\n\n# logged on a node\n" + SMI,
        SMI + "\n\n",
    ],
    ids=[
        "nounits",
        "windows",
        "old mac",
        "bom",
        "utf-16",
        "gzip",
        "header twice",
        "noheader",
        "capitals",
        "milliwatts",
        "comments",
        "blank lines",
    ],
)
def test_an_nvidia_smi_log_in_any_dress(write, text):
    integral = integrate_trace(write(text))
    assert (integral.energy_j, integral.duration_s, integral.samples) == (300, 2, 3)
    assert integral.notes == []


@pytest.mark.parametrize("cell", ["[N/A]", "[Not Supported]", "[Unknown Error]", "[GPU is lost]", "N/A", ""])
def test_a_cell_without_a_reading_is_skipped_and_said(write, cell):
    integral = integrate_trace(write(SMI.replace("200.00 W", cell)))
    assert integral.energy_j == 200
    assert any("1 cell of power.draw without a reading" in note for note in integral.notes)


@pytest.mark.parametrize("rest", ["2024/01/02 03:0", "2024/01/02 03:04:08.000, 30", "2024/01/02 03:04:08.000, 3"])
def test_a_truncated_last_line_is_left_out_with_a_note(write, rest):
    for text in (SMI, SMI.replace(" W\n", "\n")):
        integral = integrate_trace(write(text + rest))
        assert integral.energy_j == 300
        assert any("line 5, the last" in note for note in integral.notes)


def test_a_log_killed_within_a_line_and_started_again(write):
    rest = "\n".join(line.replace("03:04", "03:05") for line in SMI.splitlines())
    integral = integrate_trace(write(SMI + "2024/01/02 03:04:08.0" + rest + "\n"))
    assert integral.energy_j == 300 + 50 * 58 + 300
    assert any("line 5 is truncated and runs into another header" in note for note in integral.notes)
    assert any("1 gap without samples" in note and "2900 J" in note for note in integral.notes)


def test_zero_bytes_at_the_end_are_left_out_and_said(write):
    integral = integrate_trace(write(SMI.encode() + b"\0" * 512))
    assert integral.energy_j == 300
    assert any("zero bytes" in note for note in integral.notes)


def test_a_second_log_with_other_columns_is_refused(write):
    refused(write(SMI + "timestamp, power.draw.instant [W]\n"), "line 5", "another header")


GPUS = "timestamp, index, uuid, power.draw [W]\n" + "".join(
    f"2024/01/02 03:04:0{second}.000, {gpu}, GPU-{gpu}{gpu}, {100 * (gpu + 1)}.00 W\n"
    for second in range(4)
    for gpu in range(2)
)


def test_gpus_of_one_log_are_distinguished_by_index_or_uuid(write):
    path = write(GPUS)
    refused(path, "2 GPUs in this log (0, 1)", "--gpu all")
    assert integrate_trace(path, gpu="0").energy_j == 300
    assert integrate_trace(path, gpu="GPU-11").energy_j == 600
    assert integrate_trace(path, gpu="all").energy_j == 900
    refused(write(SMI), "no column that distinguishes GPUs", gpu="0")


@pytest.mark.parametrize("apart_ms", [0, 3])
def test_gpus_that_no_column_distinguishes_are_refused(write, apart_ms):
    rows = "".join(
        f"2024/01/02 03:04:0{second}.{gpu * apart_ms:03}, {100 * (gpu + 1)}.00 W\n"
        for second in range(9)
        for gpu in range(3)
    )
    refused(write("timestamp, power.draw [W]\n" + rows), "3 at a time", "--query-gpu=timestamp,index")


DMON = """\
#Date       Time        gpu    pwr  gtemp  mtemp
#YYYYMMDD   HH:MM:SS    Idx      W      C      C
 20240102   03:04:05      0    100     40      -
 20240102   03:04:06      0    200     40      -
#Date       Time        gpu    pwr  gtemp  mtemp
#YYYYMMDD   HH:MM:SS    Idx      W      C      C
 20240102   03:04:07      0      -     40      -
 20240102   03:04:08      0     50     40      -
"""


def test_dmon_with_date_and_time(write):
    integral = integrate_trace(write(DMON + " 20240102   03:0"))
    assert (integral.energy_j, integral.duration_s) == (100 + 400, 3)
    assert any("truncated" in note for note in integral.notes)
    refused(write(DMON + DMON.splitlines()[2].replace("  0 ", "  1 ").replace(":05", ":09") + "\n"), "2 GPUs")
    commas = "\n".join(", ".join(line.lstrip("#").split()) for line in DMON.splitlines())
    commas = commas.replace("Date", "#Date").replace("YYYY", "#YYYY")
    assert integrate_trace(write(commas + "\n")).energy_j == 500


def test_dmon_without_a_time_is_refused_with_the_command_that_logs_one(write):
    refused(write("# gpu   pwr gtemp\n# Idx     W     C\n    0    70    48\n"), "line 1", "dmon -s p -o DT")


ZEUS = "1700000000.25,100.0,10.0\n1700000001.25,200.0,10.0\n1700000002.25,50.0,10.0\n"


def test_zeus_power_monitor(write):
    path = write(ZEUS)
    refused(path, "2 GPUs in this log (0, 1)")
    assert integrate_trace(path, gpu="0").energy_j == 300
    assert integrate_trace(path, gpu="1").column == "power1"
    assert integrate_trace(path, column="power1").energy_j == 20
    both = integrate_trace(path, 1700000001.25, gpu="all")
    assert (both.energy_j, both.duration_s) == (210, 1)
    assert any("Zeus" in note for note in both.notes)
    one = integrate_trace(write("time,power3\n" + ZEUS.replace(",10.0", "")))
    assert (one.energy_j, one.column) == (300, "power3")
    refused(write(ZEUS), "no GPU '9'; it has 0, 1", gpu="9")


def test_zeus_monitor_writes_milliwatts(write):
    text = "Time,Power\n" + "".join(f"2022-07-13 02:07:3{second}.708783111,{power}\n" for second, power in
                                    [(6, 100000), (7, 200000), (8, 50000)])  # fmt: skip
    integral = integrate_trace(write(text))
    assert integral.energy_j == 300
    assert any("milliwatts" in note for note in integral.notes)
    refused(write(text.replace(".708783111", "")), "line 1", "column power has no unit", "power_w")


def test_what_is_no_power_trace_is_said_to_be_none(write):
    refused(
        write(
            "timestamp,project_name,duration,emissions,energy_consumed\n2024-05-27T11:31:35,codecarbon,299,0.1,0.03\n"
        ),
        "CodeCarbon",
        "energy_consumed, in kWh",
    )
    refused(write("start_time,window_name,elapsed_time,gpu0_energy\n1.0,epoch,9.2,2053.6\n"), "Zeus", "in joules")


PLAIN = "timestamp_s,power_w\n10,100\n11,200\n13,50\n"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";").replace("\n", ";\n"),
        "timestamp_ms,power_mw\n10000,100000\n11000,200000\n13000,50000\n",
        "time_ns,gpu_kw\n10000000000,0.1\n11000000000,0.2\n13000000000,0.05\n",
        "timestamp_s;power_w\n10,0;100,0\n11,0;200,00\n13,0;50,0\n",
        'timestamp_s,power_w\n10,"100,0"\n11,"200,0"\n13,"50,0"\n',
        "Timestamp_S,Power_W\n10,100\n11,200\n13,50\n",
        "timestamp,power_w\n2024-01-02T03:04:05Z,100\n2024-01-02T04:04:06+01:00,200\n2024-01-02 03:04:08.000,50\n",
        "timestamp_s,power_w\n10,100 W\n11,0.2 kW\n13,50000 mW",
    ],
    ids=[
        "semicolons",
        "tabs",
        "closing",
        "milli",
        "nano-kilo",
        "decimal-commas",
        "quoted-commas",
        "capitals",
        "zones",
        "units",
    ],
)
def test_plain_csv_in_any_dress(write, text):
    integral = integrate_trace(write(text))
    assert (integral.energy_j, integral.duration_s) == (500, 3)
    assert integral.notes == []


def test_a_comma_that_may_be_either_is_refused(write):
    refused(write("timestamp_s;power_w\n0;70,125\n1;80,250\n"), "line 2", "70.125 or 70125")
    refused(write("timestamp_s;power_w\n0.5;70,1\n1.5;80,2\n"), "line 2", "use only points")
    refused(write("timestamp_s,power_w\n0,70,1\n1,80,2\n"), "line 2", "3 cells", "need quotes")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("timestamp_s,power_w\n0,10\n1,250000\n2,1\n", ["line 3", "column power_w", "power_mw"]),
        ("timestamp_s,power_w\n0,10\n1e300,1\n", ["line 3", "column timestamp_s", "not a time"]),
        ("timestamp,power_w\n1700000000,10\n1700000001,1\n", ["line 1", "timestamp_s or timestamp_ms"]),
        ("timestamp_s,power_w\n0,10\n1,NaN\n2,1\n", ["line 3", "column power_w", "'NaN'"]),
        ("timestamp_s,power_w\n0,10\n1,1.2.3\n2,1\n", ["line 3", "column power_w"]),
        ("0,10\n1,10\n", ["line 1", "no header"]),
        ("2024/01/02 03:04:05.000, 100.00 W, 300.00 W\n", ["line 1", "no header"]),
        ("power_w\n1\n2\n", ["line 1", "timestamp_s"]),
        (SMI.replace("03:04:06", "03:64:06"), ["line 3", "column timestamp", "is not a date"]),
        (gzip.compress(SMI.encode(), mtime=0)[:-9], ["gzip"]),
        (SMI.encode("utf-16")[:-1], ["UTF-16"]),
        ("# nothing\n# at all\n", ["empty"]),
    ],
)
def test_what_cannot_be_is_refused(write, text, named):
    path = write(text)
    refused(path, str(path), *named)


def test_a_clock_set_back_is_not_an_unsorted_log(write):
    ahead = [f"2024/10/27 02:{minute:02}:00.000, 100.00 W" for minute in range(30, 60)]
    again = [f"2024/10/27 02:{minute:02}:30.000, 300.00 W" for minute in range(60)]
    path = write("timestamp, power.draw [W]\n" + "\n".join(ahead + again) + "\n")
    refused(path, "line 32", "goes back by 3510 s", "clock set back")
    exactly = [f"{time},100" for time in [*range(20), *range(10, 40)]]
    refused(write("timestamp_s,power_w\n" + "\n".join(exactly) + "\n"), "line 22", "goes back by 9 s")


def test_logs_joined_in_the_wrong_order_are_sorted_and_said(write):
    rows = [f"{time},{100 + time}" for time in [*range(20, 40), *range(20)]]
    integral = integrate_trace(write("timestamp_s,power_w\n" + "\n".join(rows) + "\n"))
    assert integral.energy_j == sum(100 + time for time in range(39))
    assert integral.notes == ["time stepped back 1 time, by 39 s at most: samples were sorted"]


def test_irregular_sampling_is_said(write):
    times = [0.1 * at if at < 10 else 0.9 + 0.5 * (at - 9) for at in range(20)]
    integral = integrate_trace(write("timestamp_s,power_w\n" + "".join(f"{time},10\n" for time in times)))
    assert integral.energy_j == pytest.approx(59)
    assert any("irregular, 0.1 to 0.5 s" in note for note in integral.notes)


def test_a_gap_outside_the_window_is_not_said(write):
    path = write("timestamp_s,power_w\n0,1\n1,1\n2,1\n60,1\n61,1\n")
    assert any("1 gap without samples, the longest 58 s" in note for note in integrate_trace(path).notes)
    assert integrate_trace(path, 0, 1.5).notes == []
