"""docs/catalogue.md: its example works on a copy and shows what the page shows; every column stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import catalogue
from catalogue.__main__ import main
from catalogue.rows import COLUMNS, Energy, Model, Power, Throughput, Training
from catalogue.settings import Board, Boards, Evidence, OneTime
from tests.catalogue.copies import RTX_3090, Copy
from tests.docs.reading import DOCS, blocks, first_names, rows, sections, text_of

PAGE = DOCS / "catalogue.md"
TABLES: dict[str, type] = {
    "models.csv": Model,
    "trainings.csv": Training,
    "throughputs/*.csv": Throughput,
    "energies.csv": Energy,
    "power.csv": Power,
}
EXAMPLE = "resnet50.example_in1k"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy to which the page's example was added, as a reader would."""
    changed = Copy(tmp_path)
    steps = re.findall(r"Add this to\s+`([\w.]+)`:\n\n```\w+\n(.*?)```", text_of(PAGE), re.DOTALL)
    assert [name for name, _ in steps] == ["sources.yaml", "models.csv", "trainings.csv"]
    for name, lines in steps:
        with (changed.folder / name).open("a", encoding="utf-8") as file:
            file.write(lines)
    return changed


def test_the_example_passes_the_check(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(copy.folder)]) == 0
    assert "no faults" in capsys.readouterr().out


def test_the_example_shows_what_the_page_shows(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", EXAMPLE, str(copy.folder)]) == 0
    told = capsys.readouterr().out
    shown = blocks(PAGE, "text")
    assert len(shown) == 2
    for block in shown:
        assert without_uncertainties(block) in without_uncertainties(told)


def without_uncertainties(text: str) -> str:
    """They move a little with every metered figure that somebody adds."""
    return re.sub(r"± [\d.]+ .?J", "±", text)


def test_the_example_is_published_on_every_board_from_throughput(copy: Copy) -> None:
    added = [r for r in catalogue.published_results(copy.folder) if r.model == EXAMPLE]
    assert len(added) == 4
    assert all(result.complete for result in added)
    assert {result.quality for result in added} == {0.771}
    assert next(r for r in added if r.hardware == RTX_3090).phases[0].sources[0] == "example-paper"


def test_a_model_that_is_not_there_is_told_with_what_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "resnet50.a9_in1k"]) == 2
    assert "not in this catalogue; did you mean resnet50.a" in capsys.readouterr().err


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_explained(name: str) -> None:
    explained = [re.findall(r"`(\w+)`", cells[0])[0] for cells in rows(sections(PAGE)[name])]
    assert explained == list(COLUMNS[TABLES[name]])


def test_every_field_of_a_source_is_explained() -> None:
    explained = {cells[0].strip("`") for cells in rows(sections(PAGE)["sources.yaml"])}
    assert explained == set(catalogue.Source.model_fields)


def test_every_field_of_the_boards_is_explained() -> None:
    text = sections(PAGE)["boards.yaml"]
    for kind in (Boards, Board, Evidence, OneTime):
        assert all(f"`{field}`" in text for field in kind.model_fields), kind


@pytest.mark.parametrize("command", ["check", "predict", "show"])
def test_every_command_stands_there(command: str) -> None:
    assert any(f"python -m catalogue {command}" in name for name in first_names(text_of(PAGE)))
