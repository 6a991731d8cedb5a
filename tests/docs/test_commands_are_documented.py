"""docs/command-line.md holds every command, option, exit code, event and field of a run's files."""

import argparse
import re
from typing import get_args

import pytest
from django.core.management import load_command_class
from django.core.management.base import DjangoHelpFormatter

from measurement.__main__ import _parser
from measurement.command_record import CommandRecord, Stretch
from measurement.errors import BadInput, MeasurementError, MeterMissing, NotTrustworthy, OverBudget
from measurement.events import Failed, Finished, PhaseEnded, PhaseStarted, Progress, Started
from measurement.record import Energy, Hardware, InferenceFigures, ModelFacts, PhaseRecord, Quality, Record
from tests.docs.reading import DOCS, ROOT, first_names, rows, sections, text_of

PAGE = DOCS / "command-line.md"
TEXT = text_of(PAGE)
FIRST = first_names(TEXT)
MANAGEMENT = sorted(
    path.stem for path in (ROOT / "leaderboard/management/commands").glob("*.py") if path.stem != "__init__"
)
MAKE_TARGETS = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
DJANGOS_OWN = {option for option in DjangoHelpFormatter.show_last if option.startswith("--")} | {"-v"}


def subparsers() -> dict[str, argparse.ArgumentParser]:
    found = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    return [name for action in parser._actions for name in action.option_strings if name not in ("-h", "--help")]


@pytest.mark.parametrize("target", MAKE_TARGETS)
def test_make_target_is_there(target):
    assert f"make {target}" in FIRST


@pytest.mark.parametrize("name", MANAGEMENT)
def test_management_command_is_there_with_its_options(name):
    assert any(found.split()[:2] == ["manage.py", name] for found in FIRST)
    ours = load_command_class("leaderboard", name).create_parser("manage.py", name)
    for option in set(options_of(ours)) - DJANGOS_OWN:
        assert f"`{option}`" in TEXT


@pytest.mark.parametrize("name", sorted(subparsers()))
def test_measurement_command_is_there_with_its_options(name):
    assert any(found.split()[:4] == ["python", "-m", "measurement", name] for found in FIRST)
    under = sections(PAGE).get(f"Options of `{name}`", TEXT)
    for option in options_of(subparsers()[name]):
        assert f"`{option}`" in under or f"[{option}]" in TEXT, f"{name} {option}"


@pytest.mark.parametrize("error", [MeasurementError, BadInput, OverBudget, MeterMissing, NotTrustworthy])
def test_exit_code_is_there(error):
    assert str(error.exit_code) in [row[0] for row in rows(sections(PAGE)["Exit codes"])]


@pytest.mark.parametrize("event", [Started, PhaseStarted, Progress, PhaseEnded, Finished, Failed])
def test_event_is_there_with_its_fields(event):
    (name,) = get_args(event.model_fields["event"].annotation)
    (row,) = [row for row in rows(sections(PAGE)["Events"]) if row[0] == f"`{name}`"]
    assert set(event.model_fields) - {"event"} == {field for field in event.model_fields if f"`{field}`" in row[1]}


@pytest.mark.parametrize("part", [Record, PhaseRecord, Energy, Quality, ModelFacts, Hardware, InferenceFigures])
def test_field_of_the_record_is_there(part):
    under = sections(PAGE)["`record.json`"]
    assert [field for field in part.model_fields if f"`{field}`" not in under] == []


@pytest.mark.parametrize("part", [CommandRecord, Stretch])
def test_field_of_a_command_s_record_is_there(part):
    under = sections(PAGE)["`record.json` of a metered command"]
    assert [field for field in part.model_fields if f"`{field}`" not in under] == []
