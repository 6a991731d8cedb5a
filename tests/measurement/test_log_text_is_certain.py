"""Cells, units, encodings and clocks of power logs: what is certain is read, the rest is refused with what to do."""

from __future__ import annotations

import pytest

from measurement.errors import BadInput
from measurement.traces.integrate import integrate_trace
from measurement.traces.units import title_of


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "log.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


def refused(path, *named, field=None, **options):
    with pytest.raises(BadInput) as caught:
        integrate_trace(path, **options)
    for words in named:
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert field in (None, caught.value.field)


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("Power (W)", "W"), ("power.draw [W]", "W"), ("watts", "W"), ("power_watts", "W"), ("total_watts", "W"),
        ("PkgWatt", "W"), ("powerW", "W"), ("Power / W", "W"), ("power_w_gpu0", "W"), ("power_w.1", "W"),
        ("gpu_mw", "mW"), ("Power [mW]", "mW"), ("power_milliwatts", "mW"), ("Leistung (kW)", "kW"), ("p_uw", "uW"),
        ("Power (MW)", "MW"), ("POWER_MW", "MW"), ("powermW", ""), ("power", ""), ("watt_hours", ""),
        ("energy (Wh)", ""), ("gpu_util_pct", ""), ("Power (VA)", ""), ("kernel_w_size", ""),
    ],
)  # fmt: skip
def test_units_as_people_write_them(title, unit):
    assert title_of(title).unit == unit


ROWS = "0,100\n10,200\n20,100\n"


@pytest.mark.parametrize(
    ("title", "energy_j"),
    [("Power (W)", 3000), ("watts", 3000), ("total_watts", 3000), ("power [mW]", 3), ("Power / uW", 0.003)],
)
def test_a_column_of_power_in_any_unit(write, title, energy_j):
    path = write(f"Time (s),{title}\n{ROWS}")
    assert integrate_trace(path).energy_j == pytest.approx(energy_j)
    assert integrate_trace(path, column=title).energy_j == pytest.approx(energy_j)


def test_column_reads_any_numeric_column_and_unit_says_its_unit(write):
    path = write("timestamp_s,power,board,temp,use [%],power_w\n0,100,300,50,1,7\n10,200,300,50,1,7\n20,9,9,9,9,7\n")
    assert integrate_trace(path).energy_j == 140
    read = integrate_trace(path, column="board")
    assert read.energy_j == 6000
    assert any("board without a unit: read as watts" in note for note in read.notes)
    assert integrate_trace(path, column="BOARD", unit="milliwatts").energy_j == 6
    assert integrate_trace(path, column="power", unit="uW").energy_j == 0.003
    assert integrate_trace(path, column="use", unit="W").energy_j == 20
    refused(path, "is no power by its name", "--unit W", field="--column", column="temp")
    refused(path, "is in %, not a power", field="--column", column="use [%]")
    refused(path, "says W, not mW", field="--unit", column="power_w", unit="mW")
    refused(path, "'VA' is not a unit of power", field="--unit", column="power", unit="VA")
    milli = write("timestamp_s,board\n0,100000\n1,100000\n")
    refused(milli, "--unit mW", field="--unit", column="board")
    assert integrate_trace(write("timestamp_s,power\n0,1000\n1,1000\n"), unit="mW").energy_j == 1
    refused(write("timestamp_s,power\n0,1 MW\n1,1 MW\n"), "line 2", "megawatts", column="power")
    refused(write("timestamp_s,Power (MW)\n0,1\n1,1\n"), "MW, megawatts", "--unit mW")
    assert integrate_trace(write("timestamp_s,Power (MW)\n0,9\n1,9\n"), unit="mW").energy_j == pytest.approx(0.009)


def test_a_limit_is_no_power_drawn(write):
    rows = "".join(f"{at},700,100\n" for at in range(3))
    assert integrate_trace(write("timestamp_s,power.limit [W],gpu [W]\n" + rows)).energy_j == 200


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('timestamp_s,power_w\n0,"1\n2"\n1,100\n2,100\n', ["line 2", "column power_w", r"'1\n2'"]),
        ('timestamp_s,power_w\n"0\n1",100\n2,100\n3,1\n', ["line 2", "column timestamp_s"]),
        ('timestamp_s,name,power_w\n0,"a,10\n1,b,900\n2,c",100\n3,b,100\n', ["line 2", "column name", "whole lines"]),
        ('timestamp_s,power_w,name\n0,10,"a\n1,100,b\n2,100,c\n', ["line 2", "quote opens here and never closes"]),
        ('timestamp_s,power_w\n0,"10"5\n1,100\n', ["line 2", "not CSV"]),
    ],
)
def test_quotes_never_glue_numbers_together_or_swallow_lines(write, text, named):
    refused(write(text), *named)


def test_line_breaks_within_other_cells_are_theirs(write):
    text = 'timestamp_s,note,"Power\n(W)"\n' + "".join(f'{at},"warm\nup",100\n' for at in range(4))
    assert integrate_trace(write(text)).energy_j == 300
    refused(write(text.replace("2,", "two,")), "line 7", "'two'")
    cut = integrate_trace(write('timestamp_s,power_w,note\n0,100,a\n1,100,a\n2,100,"warm'))
    assert cut.energy_j == 100
    assert any("line 4, the last, is truncated" in note for note in cut.notes)


SENSORS = "Date , GPU Temperature [°C] , GPU Power [W] ,\n" + "".join(
    f"2026-02-03 10:00:0{at} , 50.0 , 80.0 ,\n" for at in range(3)
)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp437", "gbk", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_that_leave_the_numbers_certain(write, encoding):
    assert integrate_trace(write(SENSORS.encode(encoding))).energy_j == 160


def test_other_encodings_are_refused_with_what_to_do(write):
    refused(write(SENSORS.encode("cp500")), "neither Parquet nor text", "iconv")
    refused(write(SENSORS.encode("utf-16-le") + b"a"), "UTF-16 text is damaged")
    # A letter beyond ASCII in a number is never guessed.
    refused(write(SENSORS.replace("80.0 ", "80\u00b70 ").encode("latin-1")), "line 2, column gpu power")


def stamps(*stretches, power=(100, 200)):
    rows = [
        f"2026-10-25 {at // 60:02}:{at % 60:02}:00,{watts}"
        for (first, last), watts in zip(stretches, power, strict=False)
        for at in range(first, last)
    ]
    return "timestamp,power_w\n" + "\n".join(rows) + "\n"


def test_a_clock_set_back_is_refused_whether_or_not_stamps_overlap(write):
    refused(write(stamps((170, 180), (120, 140))), "line 12", "goes back by 3540 s", "clock set back", "cut the file")
    refused(write(stamps((170, 180), (120, 170))), "line 12", "a whole hour")
    refused(write(stamps((170, 180), (120, 180))), "line 12")
    refused(write(stamps((0, 30), (25, 60))), "line 32", "goes back by 240 s")
    # A load that doesn't change is no line written twice.
    refused(write(stamps((0, 30), (25, 60), power=(100, 100))), "line 32", "goes back by 240 s")
    ahead = "".join(f"{at},100\n" for at in (0, 1, 2, 3, 4, 2.5, 3.5, 4.5, 5.5))
    refused(write("timestamp_s,power_w\n" + ahead), "line 7", "goes back by 1.5 s")
    zoned = stamps((170, 180), (120, 140)).replace(":00,100", ":00+02:00,100").replace(":00,200", ":00+01:00,200")
    assert integrate_trace(write(zoned)).energy_j == 60 * (10 * 100 + 19 * 200)


def test_lines_out_of_order_and_logs_joined_the_wrong_way_round_are_no_clock_set_back(write):
    lines = stamps((0, 60)).splitlines()
    lines[10], lines[11] = lines[11], lines[10]
    assert integrate_trace(write("\n".join(lines) + "\n")).energy_j == 59 * 60 * 100
    reversed_lines = [lines[0], *reversed(stamps((0, 60)).splitlines()[1:])]
    assert integrate_trace(write("\n".join(reversed_lines) + "\n")).energy_j == 59 * 60 * 100
    assert integrate_trace(write(stamps((20, 40), (0, 20)))).energy_j == 20 * 60 * 200 + 19 * 60 * 100


def test_stamps_with_and_without_a_zone_are_not_mixed(write):
    rows = (f"2026-10-25T10:00:0{at}{zone},100\n" for at, zone in enumerate(("+02:00", "", "+02:00")))
    text = "timestamp,power_w\n" + "".join(rows)
    refused(write(text), "line 3, column timestamp", "time zone")
