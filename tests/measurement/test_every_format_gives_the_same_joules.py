"""A random step function, written in every format, integrates to the exact value, sorted or not."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measurement.traces.integrate import integrate_trace

ZERO = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH_S = 1_700_000_000

Steps = list[tuple[int, int]]
"""Milliseconds since the start, ascending, and the milliwatts from then on."""


def steps_of(rows: list[tuple[int, int]]) -> Steps:
    times, found = 0, []
    for step_ms, power_mw in rows:
        found.append((times, power_mw))
        times += step_ms
    return found


# Steps of milliseconds between long ones may be the polls of several GPUs, and are refused.
STEPS = st.lists(st.tuples(st.integers(60, 5_000), st.integers(0, 700_000)), min_size=2, max_size=60).map(steps_of)


def exact_j(steps: Steps) -> Fraction:
    pairs = pairwise(steps)
    return sum((Fraction(power_mw * (until - at), 10**6) for (at, power_mw), (until, _) in pairs), Fraction(0))


def stamp(time_ms: int, form: str = "%Y/%m/%d %H:%M:%S.") -> str:
    return (ZERO + timedelta(milliseconds=time_ms)).strftime(form) + f"{time_ms % 1000:03}"


def seconds(value: int, mark: str = ".") -> str:
    return f"{value // 1000}{mark}{value % 1000:03}"


def smi(steps: Steps, unit: str = " W", head: str = "timestamp, power.draw.instant [W], power.draw [W]\n") -> str:
    # nvidia-smi writes two decimals; three keep these steps exact.
    return head + "".join(f"{stamp(at)}, {seconds(power)}{unit}, 1.00{unit}\n" for at, power in steps)


def plain(steps: Steps) -> str:
    return "timestamp_s,power_w\n" + "".join(f"{seconds(at)},{seconds(power)}\n" for at, power in steps)


def two_gpus(steps: Steps) -> str:
    rows = (f"{stamp(at)}, {gpu}, {seconds(power * (1 - gpu))} W\n" for at, power in steps for gpu in (0, 1))
    return "timestamp, index, power.draw [W]\n" + "".join(rows)


FORMATS = {
    "plain": plain,
    "semicolons": lambda steps: plain(steps).replace(",", ";"),
    "tabs": lambda steps: plain(steps).replace(",", "\t").replace("\n", "\r\n"),
    "decimal commas": lambda steps: (
        "timestamp_s;power_w\n"
        + "".join(f"{seconds(at, ',')}0;{seconds(power, ',')}0\n" for at, power in steps)
    ),
    "milli": lambda steps: "time_ms,power_mw\n" + "".join(f"{at},{power}\n" for at, power in steps),
    "nvidia-smi": smi,
    "nvidia-smi nounits": lambda steps: smi(steps, unit=""),
    "nvidia-smi gzip": lambda steps: gzip.compress(smi(steps).encode()),
    "nvidia-smi utf-16": lambda steps: smi(steps).encode("utf-16"),
    "nvidia-smi header twice": lambda steps: smi(steps[:1]) + smi(steps[1:]),
    "nvidia-smi two GPUs": two_gpus,
    "zeus": lambda steps: "".join(f"{EPOCH_S + at // 1000}.{at % 1000:03},{power / 1000}\n" for at, power in steps),
    "zeus_monitor": lambda steps: (
        "Time,Power\n" + "".join(f"{stamp(at, '%Y-%m-%d %H:%M:%S.')}000000,{power}\n" for at, power in steps)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_text(name: str, tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> None:
    path = tmp_path_factory.mktemp("log") / "log.csv"
    content = FORMATS[name](steps)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    integral = integrate_trace(path, gpu="all" if "two GPUs" in name else None)
    # Zeus's seconds since 1970 leave a double some 0.2 µs.
    near = 1e-3 if name == "zeus" else 1e-9
    assert integral.energy_j == pytest.approx(float(exact_j(steps)), rel=1e-12, abs=near)
    assert integral.duration_s == pytest.approx(steps[-1][0] / 1000, rel=1e-12, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_parquet(tmp_path_factory: pytest.TempPathFactory, steps: Steps) -> None:
    path = tmp_path_factory.mktemp("trace") / "trace.parquet"
    columns = {"timestamp_s": [at / 1000 for at, _ in steps], "power_w": [power / 1000 for _, power in steps]}
    pq.write_table(pa.table(columns), path)
    assert integrate_trace(path).energy_j == pytest.approx(float(exact_j(steps)), rel=1e-12, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, cut_ms=st.integers(0, 300_000))
def test_any_cut_and_any_order(tmp_path_factory: pytest.TempPathFactory, steps: Steps, cut_ms: int) -> None:
    path = Path(tmp_path_factory.mktemp("log")) / "log.csv"
    path.write_text(plain(steps))
    whole_j, end_s = integrate_trace(path).energy_j, steps[-1][0] / 1000
    cut_s = min(cut_ms / 1000, end_s)
    parts_j = integrate_trace(path, 0, cut_s).energy_j + integrate_trace(path, cut_s, end_s).energy_j
    assert parts_j == pytest.approx(whole_j, rel=1e-9, abs=1e-9)
    # Lines as two threads that share a file may leave them: each at most two places from its own.
    shuffled = [step for at in range(0, len(steps), 3) for step in reversed(steps[at : at + 3])]
    path.write_text(plain(shuffled))
    integral = integrate_trace(path)
    assert integral.energy_j == pytest.approx(whole_j, rel=1e-12, abs=1e-9)
    assert any("sorted" in note for note in integral.notes)
