"""Each monitor's own format is read by what its manual says: the device, the unit, and what the joules cover."""

from __future__ import annotations

import pytest

from measurement.errors import BadInput
from measurement.traces.integrate import integrate_trace


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "log.txt"
        path.write_text(text)
        return path

    return to_file


def refused(path, *named, **options):
    with pytest.raises(BadInput) as caught:
        integrate_trace(path, **options)
    for words in named:
        assert words in str(caught.value)


DCGMI = """\
#Entity             SMACT             POWER
ID                                    W
GPU 0               0.100             100.000
GPU 1               N/A               200.000
GPU 0               0.100             110.000
GPU 1               0.100             N/A
#Entity             SMACT             POWER
ID                                    W
GPU 0               0.100             120.000
GPU 1               0.100             220.000
"""


def test_dcgmi_dmon_has_no_times_of_its_own(write):
    path = write(DCGMI)
    refused(path, "no column timestamp_s", "--interval", gpu="0")
    refused(path, "2 GPUs in this log (GPU 0, GPU 1)", interval=1)
    read = integrate_trace(path, gpu="0", interval=0.5)
    assert (read.energy_j, read.duration_s, read.scope) == (105, 1, "the whole GPU board")
    assert integrate_trace(path, gpu="all", interval=1).energy_j == 210 + 400
    refused(
        write(DCGMI.replace("GPU 1               N/A               200.000\n", "")),
        "rows are missing",
        gpu="all",
        interval=1,
    )
    stamped = "".join(f"2026-02-03 10:00:0{at // 2}.500 {line}\n" for at, line in enumerate(DCGMI.splitlines()))
    assert integrate_trace(write(stamped), gpu="0").energy_j == 100 + 220
    refused(write(DCGMI.replace("GPU 1               N/A ", "GPU 1 ")), "line 4", gpu="0", interval=1)


def test_nvidia_dmon_without_times_needs_the_interval(write):
    path = write("# gpu   pwr\n# Idx     W\n    0    70\n    1    80\n    0    90\n    1    80\n")
    assert integrate_trace(path, gpu="0", interval=2).energy_j == 140
    refused(path, "2 GPUs", interval=2)
    refused(path, "above 0", interval=0)


def test_amd_smi_monitor_and_metric(write):
    text = "timestamp,gpu,power_usage\n" + "".join(
        f"{1_770_000_000 + at},{gpu},{100 + gpu}\n" for at in range(4) for gpu in (0, 1)
    )
    refused(write(text), "2 GPUs in this log (0, 1)")
    read = integrate_trace(write(text), gpu="all")
    assert (read.energy_j, read.column) == (603, "power_usage")
    assert "not the whole board" in read.scope
    metric = "".join(f"timestamp,gpu,socket_power,gfx_voltage\n{1_770_000_000 + at},0,150,N/A\n\n" for at in range(4))
    assert integrate_trace(write(metric)).energy_j == 450


def test_rocm_smi_polled_in_a_loop(write):
    header = "device,Average Graphics Package Power (W),Max Graphics Package Power (W)\n"
    text = f"{header}card0,100.0,560\ncard1,200.0,560\n\n" * 3
    refused(write(text), "rocm-smi writes no times", gpu="all")
    read = integrate_trace(write(text), gpu="all", interval=2)
    assert (read.energy_j, read.scope) == (1200, "the GPU's package with memory, not the whole board")
    assert integrate_trace(write(text), gpu="1", interval=2).energy_j == 800
    second_die = write(text.replace("200.0", "N/A (Secondary die)"))
    assert integrate_trace(second_die, interval=2).energy_j == 400


def test_xpu_smi_has_times_of_day(write):
    times = ("23:59:58.000", "23:59:59.000", "00:00:00.000", "00:00:01.500")
    text = "Timestamp, DeviceId, GPU Power (W)\n" + "".join(f"{time},    0, 100.00\n" for time in times)
    read = integrate_trace(write(text))
    assert (read.energy_j, read.duration_s, read.column) == (350, 3.5, "gpu power")
    assert "Intel" in read.scope
    assert (
        integrate_trace(write(text.replace("23:", "2026/02/03 23:").replace("00:00", "2026/02/04 00:00"))).energy_j
        == 350
    )
    refused(write(text.replace("00:00:00", "03:00:00")), "line 4", "more than an hour", "--date")
    refused(write(text.replace("0, 100", "1, 100", 1)), "2 GPUs in this log")


def tegrastats(rails, stamp=True):
    start = "RAM 2819/7618MB (lfb 73x4MB) SWAP 0/3809MB CPU [37%@1510,off] GR3D_FREQ 42% cpu@40.2C "
    times = [f"02-03-2026 10:00:0{at} " if stamp else "" for at in range(3)]
    return "".join(f"{time}{start}{rails.format(3000 + 1000 * at)}\n" for at, time in enumerate(times))


def test_tegrastats_by_its_input_rail(write):
    text = tegrastats("VDD_IN {}mW/2900mW VDD_CPU_CV 570mW/500mW VDD_SOC 1380mW/1300mW")
    read = integrate_trace(write(text))
    assert (read.energy_j, read.duration_s, read.scope) == (7, 2, "the whole module")
    assert "a part of the module" in integrate_trace(write(text), column="VDD_SOC").scope
    read = integrate_trace(write(text + "02-03-2026 10:00:04 RAM 2819/7618MB (lfb 73x4MB) CPU [3"))
    assert any("truncated" in note for note in read.notes)
    refused(
        write(tegrastats("VDD_GPU_SOC {}mW/2900mW VDD_CPU_CV 570mW/500mW")), "vdd_gpu_soc, vdd_cpu_cv", "--column"
    )
    refused(write(tegrastats("tj@40C")), "no power")
    old = tegrastats("POM_5V_IN {}/2698 POM_5V_GPU 40/40", stamp=False)
    refused(write(old), "--interval")
    assert integrate_trace(write(old), interval=2).energy_j == 14


TURBOSTAT = "turbostat version 2022.04.16\nCPUID(0): GenuineIntel 0x16\n" + "".join(
    "Package\tCPU\tTime_Of_Day_Seconds\tBusy%\tPkgWatt\tRAMWatt\n"
    f"-\t-\t{1_770_000_001 + at}.000000\t1\t{watts}\t10.00\n"
    f"0\t0\t{1_770_000_001 + at}.000100\t1\t{watts / 2}\t5.00\n0\t1\t{1_770_000_001 + at}.000100\t1\n"
    for at, watts in enumerate((100.0, 200.0, 300.0))
)


def test_turbostat_by_its_summary_whose_watts_are_of_the_interval_before(write):
    read = integrate_trace(write(TURBOSTAT))
    assert (read.energy_j, read.duration_s, read.column) == (500, 2, "pkgwatt")
    assert "without DRAM" in read.scope
    assert any("whose beginning isn't known" in note for note in read.notes)
    assert integrate_trace(write(TURBOSTAT), column="RAMWatt").scope.startswith("the DRAM alone")
    summary = "Time_Of_Day_Seconds\tPkg_J\n" + "".join(
        f"{1_770_000_001 + at}.0\t{joules}\n" for at, joules in enumerate((10, 20, 30))
    )
    assert integrate_trace(write(summary)).energy_j == 50
    refused(write("Busy%\tPkgWatt\n1\t10.0\n1\t20.0\n"), "Time_Of_Day_Seconds", "--interval")
    cpus_alone = "\n".join(line for line in TURBOSTAT.split("\n") if not line.startswith("-"))
    refused(write(cpus_alone), "no summary row")
    untold = "".join(f"PkgWatt\tRAMWatt\n{at}0.0\t1.0\n5.0\t1.0\n" for at in (1, 2, 3))
    refused(write(untold), "nothing distinguishes the summary", interval=1)
    refused(write(untold.replace("5.0\t1.0", "5.0")), "1 cells, the header has 2", "--Summary", interval=1)


def perf(rows, socket=""):
    head = "# started on Tue Feb  3 10:00:00 2026\n\n#           time             counts unit events\n"
    return head + "".join(
        f"     {at}.000100000 {socket}{joules:>18} Joules power/energy-{domain}/\n" for at, domain, joules in rows
    )


def test_perf_stat_counts_joules_from_its_start(write):
    rows = [(1, "pkg", "12.50"), (1, "ram", "2.50"), (2, "pkg", "22.50"), (2, "ram", "2.50"), (3, "pkg", "1,032.50")]
    read = integrate_trace(write(perf(rows)))
    assert (read.energy_j, read.duration_s) == (pytest.approx(1067.5), pytest.approx(3.0001))
    assert "without DRAM" in read.scope
    assert integrate_trace(write(perf(rows)), column="power/energy-ram/").energy_j == pytest.approx(5)
    comma = perf([(1, "pkg", "12,50"), (2, "pkg", "1.022,50")])
    assert integrate_trace(write(comma)).energy_j == pytest.approx(1035)
    refused(write(perf([(1, "pkg", "12,500"), (2, "pkg", "1,0")])), "line 4", "-x,")
    assert integrate_trace(
        write(perf([(1, "pkg", "10.00"), (2, "pkg", "10.00")])), 0, 1.00005
    ).energy_j == pytest.approx(10, rel=1e-3)


def test_perf_stat_for_programs_and_by_socket(write):
    text = "".join(
        f"{at}.000100000,S{socket},1,{10.0 * at + socket},Joules,power/energy-pkg/,1000123456,100.00,,\n"
        for at in (1, 2, 3)
        for socket in (0, 1)
    )
    refused(write(text), "2 GPUs in this log (S0, S1)")
    assert integrate_trace(write(text), gpu="all").energy_j == pytest.approx(123)
    assert integrate_trace(write(text), gpu="S1").energy_j == pytest.approx(63)
    refused(write(text.replace("S0,1,", "").replace("S1,1,", "")), "a second figure")


def test_a_lost_interval_is_held_and_said_never_spread(write):
    lost = perf([(at, "pkg", "10.00") for at in (1, 2, 3, 6, 7, 8)])
    read = integrate_trace(write(lost))
    assert read.energy_j == pytest.approx(80, rel=1e-3)
    assert any("gap" in note for note in read.notes)


def test_one_start_of_intervals_and_unreadable_ones(write):
    counted = perf([(1, "pkg", "10.00"), (2, "pkg", "10.00"), (4, "pkg", "10.00")])
    uncounted = counted + "     3.000100000      <not counted> Joules power/energy-pkg/\n"
    assert integrate_trace(write(uncounted)).energy_j == pytest.approx(40, rel=1e-3)
