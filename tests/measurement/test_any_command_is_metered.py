"""`python -m measurement meter -- command`: any program's joules, in the phases that it marks itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from measurement.command_record import CommandRecord, parse_any_record
from measurement.traces.trace import read_trace
from measurement.vocabulary import Provenance, Scope
from tests.measurement.running import ROOT
from tests.waiting import HANG_S

pytestmark = pytest.mark.slow  # it starts programs

TRAIN = """
from measurement.marks import phase
with phase("search"):
    sum(range(10**6))
for _ in range(2):
    with phase("train"):
        sum(range(3 * 10**6))
"""


def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "locks").mkdir(exist_ok=True)
    return os.environ | {"PYTHONPATH": str(ROOT), "MEASUREMENT_LOCK_FOLDER": str(tmp_path / "locks")}


def command_line(tmp_path: Path, *arguments: object) -> list[str]:
    out = tmp_path / "out"
    return [sys.executable, "-m", "measurement", "meter", "--device", "cpu", "--out", str(out), *map(str, arguments)]


def meter(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(tmp_path, *arguments), env=environment(tmp_path), capture_output=True, text=True, check=False,
        timeout=HANG_S,
    )  # fmt: skip


def record_of(tmp_path: Path) -> CommandRecord:
    record = parse_any_record((tmp_path / "out" / "record.json").read_bytes())
    assert isinstance(record, CommandRecord)
    return record


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "train.py"
    path.write_text(text)
    return path


def test_the_phases_of_a_script_equal_their_trace_to_six_digits(tmp_path: Path) -> None:
    ended = meter(tmp_path, "--", sys.executable, script(tmp_path, TRAIN))
    assert ended.returncode == 0, ended.stderr
    record = record_of(tmp_path)
    assert [stretch.phase for stretch in record.phases] == [None, "search", None, "train", None, "train", None]
    assert all(stretch.energy(Scope.ACCELERATOR).energy_j is not None for stretch in record.phases)

    recomputed = subprocess.run(
        [sys.executable, "-m", "measurement", "recompute", tmp_path / "out", "--json"],
        env=environment(tmp_path), capture_output=True, text=True, check=True,
    )  # fmt: skip
    figures = json.loads(recomputed.stdout)["figures"]
    assert {"search", "train", "not marked"} == {figure["phase"] for figure in figures}
    assert all(figure["agrees"] for figure in figures)

    integrated = subprocess.run(
        [sys.executable, "-m", "measurement", "integrate", tmp_path / "out" / "trace.parquet", "--window", "3-train",
         "--json"],
        env=environment(tmp_path), capture_output=True, text=True, check=True,
    )  # fmt: skip
    first = record.phases[3].energy(Scope.ACCELERATOR)
    assert json.loads(integrated.stdout)["energy_j"] == pytest.approx(first.energy_j, rel=1e-6)
    for line in ("train", "search", "not marked", "ESTIMATED" if first.provenance == Provenance.ESTIMATED else ""):
        assert line in ended.stderr


def test_a_figure_that_is_not_its_traces_is_found(tmp_path: Path) -> None:
    meter(tmp_path, "--", sys.executable, "-c", "sum(range(10**6))")
    path = tmp_path / "out" / "record.json"
    document = json.loads(path.read_text())
    document["phases"][0]["energies"][0]["energy_j"] *= 1.001
    path.write_text(json.dumps(document))
    found = subprocess.run(
        [sys.executable, "-m", "measurement", "recompute", path],
        env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 5
    assert "train, accelerator: the record says" in found.stderr


def test_without_marks_the_whole_command_is_one_phase(tmp_path: Path) -> None:
    ended = meter(tmp_path, "--phase", "finetune", "--", "sh", "-c", "echo its own output; exit 7")
    assert (ended.returncode, ended.stdout) == (7, "its own output\n")
    record = record_of(tmp_path)
    assert [stretch.phase for stretch in record.phases] == ["finetune"]
    assert (record.exit_code, record.interrupted) == (7, None)
    assert [window.name for window in read_trace(tmp_path / "out" / "trace.parquet").windows] == [
        "idle",
        "0-finetune",
    ]


def test_a_shell_and_its_children_mark_too(tmp_path: Path) -> None:
    mark = f"{sys.executable} -m measurement mark"
    text = f"{mark} begin train && (sh -c ': work' && {mark} end train) && {mark} begin compress"
    ended = meter(tmp_path, "--", "sh", "-c", text)
    assert ended.returncode == 0, ended.stderr
    phases = record_of(tmp_path).phases
    assert [stretch.phase for stretch in phases] == [None, "train", None, "compress"]
    assert phases[-1].detail["left_open"] is True
    assert "compress: was still open as the command ended" in ended.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("with phase('train'):\n with phase('search'): pass", "train is still open; end it before search begins"),
        ("with phase('trian'): pass", "'trian' is not a phase; use one of search, pretrain, train"),
        ("end('train')", "phase train is not open, so it can't end; begin it first"),
        ("begin('train'); end('search')", "phase search is not open, but train is; end train first"),
    ],
)  # fmt: skip
def test_a_wrong_mark_says_so_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    ended = meter(tmp_path, "--", sys.executable, "-c", f"from measurement.marks import *\n{text}")
    assert ended.returncode == 1
    assert message in ended.stderr
    assert (tmp_path / "out" / "record.json").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--", "no-such-program", "x"], "meter: COMMAND: no-such-program: command not found"),
        (["--", "/etc"], "meter: COMMAND: /etc: can't be executed"),
        ([], "meter: no command; write it after --"),
        (["--phase", "trian", "--", "true"], "trian"),
        (["--device", "tpu", "--", "true"], "--device: 'tpu' is not a device"),
    ],
)
def test_what_can_t_be_metered_is_explained(tmp_path: Path, arguments: list[str], message: str) -> None:
    ended = meter(tmp_path, *arguments)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out" / "record.json").exists()


def test_a_record_is_not_overwritten_unasked(tmp_path: Path) -> None:
    assert meter(tmp_path, "--", "true").returncode == 0
    again = meter(tmp_path, "--", "true")
    assert again.returncode == 2
    assert "holds a record.json already" in again.stderr
    assert meter(tmp_path, "--force", "--", "true").returncode == 0


@pytest.mark.parametrize("polite", [True, False], ids=["ends by itself", "ignores it"])
def test_ctrl_c_ends_the_whole_group_and_keeps_what_was_measured(tmp_path: Path, polite: bool) -> None:
    ignoring = "" if polite else "import signal; signal.signal(signal.SIGINT, lambda *_: print('no', flush=True))\n"
    text = f"""
import subprocess, time
from measurement.marks import phase
{ignoring}
with phase("train"):
    child = subprocess.Popen(["sleep", "1000"])
    print(child.pid, flush=True)
    while True:
        time.sleep(1)
"""
    process = subprocess.Popen(
        command_line(tmp_path, "--", sys.executable, script(tmp_path, text)),
        env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    grandchild = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    if not polite:
        assert process.stdout.readline() == "no\n"
        process.send_signal(signal.SIGINT)  # the second one kills
    _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + (signal.SIGINT if polite else signal.SIGKILL)
    assert not Path(f"/proc/{grandchild}").exists() or "Z" in Path(f"/proc/{grandchild}/stat").read_text()
    record = record_of(tmp_path)
    assert record.interrupted == "SIGINT"
    assert "INTERRUPTED by SIGINT" in errors
    assert record.energy_j("train", Scope.ACCELERATOR) is not None


def test_marks_need_nothing_and_do_nothing_where_nothing_is_metered(tmp_path: Path) -> None:
    text = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from measurement.marks import phase
with phase("train"):
    pass
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("torch", "pydantic", "pyarrow")))
"""
    without = {name: value for name, value in os.environ.items() if name != "MEASUREMENT_MARKS"}
    ended = subprocess.run(
        [sys.executable, "-S", "-c", text], env=without, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert ended.stdout == "[]\n"


def test_a_meter_that_is_gone_is_named(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "measurement", "mark", "begin", "train"],
        env=environment(tmp_path) | {"MEASUREMENT_MARKS": str(tmp_path / "gone")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "the meter does not answer" in ended.stderr
