"""What people see: bars on a terminal, plain lines in a pipe, a table that says `estimated`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from measurement.record import Record
from measurement.run.display import HumanDisplay, print_summary, si
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from tests.measurement.running import BRIEF, TRAIN, tiny_recipe
from tests.records import make_recipe, make_record

SEARCH = {"technique": "declared", "phase": "search"}


def shown(tmp_path: Path, *, terminal: bool) -> tuple[str, Record]:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=140)
    with HumanDisplay(console) as display:
        recipe = tiny_recipe(SEARCH, TRAIN | {"epochs": 4})
        record = run_recipe(recipe, tmp_path / "out", RunOptions(device="cpu", plan=BRIEF, reporter=display))
    print_summary(record, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), record


@pytest.fixture(scope="module")
def in_a_pipe(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Record]:
    return shown(tmp_path_factory.mktemp("pipe"), terminal=False)


def test_a_pipe_gets_short_plain_lines_and_a_table(in_a_pipe: tuple[str, Record]) -> None:
    text, record = in_a_pipe
    assert "\x1b" not in text
    assert "\r" not in text
    assert "train …" in text
    assert "inference offline: " in text
    assert f"quality: top1 {record.quality.value:.4f} (evaluated on 360 images)" in text
    assert "missing" in text


def test_a_terminal_gets_bars(tmp_path: Path) -> None:
    text, _ = shown(tmp_path, terminal=True)
    assert "\x1b" in text
    assert "100 %" in text
    assert "inference single_stream" in text


def test_an_estimate_is_called_one(in_a_pipe: tuple[str, Record]) -> None:
    text, record = in_a_pipe
    estimated = any(energy.provenance == "estimated" for phase in record.phases for energy in phase.energies)
    assert ("ESTIMATED: this machine has no energy counter for some of these figures" in text) == estimated


@pytest.mark.parametrize("flags", [(), ("kernel_time", "no_repeats")])
def test_a_reported_quality_has_no_images_and_doubts_are_explained(flags: tuple[str, ...]) -> None:
    record = make_record(make_recipe(), quality=0.75)
    quality = record.quality.model_copy(update={"provenance": "reported", "images": None})
    train = record.phases[0].model_copy(update={"flags": flags, "detail": {"meter_notes": ["memory"]}})
    console = Console(file=io.StringIO())
    print_summary(record.model_copy(update={"quality": quality, "phases": (train, *record.phases[1:])}), console)
    text = console.file.getvalue()
    assert "quality: top1 0.7500 (reported); " in text
    assert ("train: kernel_time: memory" in text) == bool(flags)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "—"),
        (0.0, "0 J"),
        (0.00153, "1.53 mJ"),
        (12.34, "12.3 J"),
        (999.6, "1000 J"),
        (4.2e6, "4.20 MJ"),
        (2e-6, "2.00 µJ"),
    ],
)
def test_joules_have_three_digits_and_a_prefix(value: float | None, expected: str) -> None:
    assert si(value, "J") == expected
