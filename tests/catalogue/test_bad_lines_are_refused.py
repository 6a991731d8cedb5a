"""`check` names file, line and field of everything that can't be taken, says what to do, and exits with 2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import catalogue
from catalogue.__main__ import main
from tests.catalogue.copies import RTX_3090, RTX_4090, Copy

MODEL = {
    "model": "resnet50.new_in1k",
    "architecture": "resnet50",
    "family": "compact",
    "resolution": "224",
    "top1": "0.8",
    "parameters_m": "25.56",
    "gmacs": "4.11",
    "source": "timm-results",
}
TRAINING = {
    "model": "resnet50.a1_in1k",
    "phase": "compress",
    "dataset": "in1k",
    "images": "1281167",
    "epochs": "10",
    "resolution": "224",
    "confidence": "high",
    "source": "timm-results",
}
THROUGHPUT = {
    "architecture": "resnet50",
    "resolution": "208",
    "hardware": RTX_3090,
    "kind": "inference",
    "precision": "amp",
    "batch": "1024",
    "images_per_s": "4000",
    "source": "timm-benchmarks",
}
ENERGY = {
    "model": "resnet50.tv_in1k",
    "architecture": "resnet50",
    "resolution": "224",
    "hardware": "Quadro RTX 5000",
    "what": "inference_per_image",
    "joules": "0.33",
    "images": "50000",
    "duration_s": "80",
    "batch": "64",
    "framework": "PyTorch",
    "scope": "accelerator",
    "source": "zeus",
}
POWER = {"hardware": "NVIDIA Test", "limit_w": "300", "limit_source": "zeus"}
SEARCH = {
    "model": "resnet50.a1_in1k",
    "phase": "search",
    "amount": "100",
    "unit": "device_hours",
    "hardware": "Google TPU v2",
    "confidence": "low",
    "source": "mnasnet",
}
THROUGHPUTS = "throughputs/rtx-3090-inference.csv"


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def faults(copy: Copy, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["check", str(copy.folder)]) == 2
    told = capsys.readouterr()
    assert not told.out
    return told.err.splitlines()


def test_the_catalogue_itself_is_free_of_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    told = capsys.readouterr()
    assert told.out.count("\n") == 1
    assert "models" in told.out
    assert not told.err


@pytest.mark.parametrize(
    ("name", "row", "changes", "field", "what"),
    [
        ("models.csv", MODEL, {"top1": "1.2"}, "top1", "1.2 is above 1; write a share"),
        ("models.csv", MODEL, {"top1": "76.1"}, "top1", "76.1 is above 1; write a share"),
        ("models.csv", MODEL, {"top1": "nan"}, "top1", "nan is not finite"),
        ("models.csv", MODEL, {"top1": "-0.1"}, "top1", "-0.1 is below 0"),
        ("models.csv", MODEL, {"top1": ""}, "top1", "is empty; write a value"),
        ("models.csv", MODEL, {"top1": "good"}, "top1", "'good' is not a number"),
        (
            "models.csv",
            MODEL,
            {"architecture": "resnet5O"},
            "architecture",
            "is not an architecture of timm (resnet50",
        ),
        ("models.csv", MODEL, {"model": "resnet50"}, "model", "is not a name with a tag; write architecture.tag"),
        ("models.csv", MODEL, {"family": "clever"}, "family", "'clever' is not known here; write one of compact"),
        ("models.csv", MODEL, {"resolution": "4"}, "resolution", "4 is not between 8 and 2048"),
        ("models.csv", MODEL, {"resolution": "224.5"}, "resolution", "'224.5' is not a whole number"),
        ("models.csv", MODEL, {"parameters_m": "0"}, "parameters_m", "0 is not above 0"),
        ("models.csv", MODEL, {"source": "hearsay"}, "source", "'hearsay' is not listed; add it to sources.yaml"),
        ("models.csv", MODEL, {"source": ""}, "source", "is empty"),
        ("models.csv", MODEL, {"architecture": "resnet18"}, "architecture", "is not the name before the dot"),
        ("models.csv", MODEL, {}, "model", "resnet50.new_in1k has no line in trainings.csv"),
        ("trainings.csv", TRAINING, {"epochs": "-3"}, "epochs", "-3 is below 0"),
        ("trainings.csv", TRAINING, {"phase": "inference"}, "phase", "'inference' is not known here"),
        ("trainings.csv", TRAINING, {"images": ""}, "images", "is empty, but epochs is given"),
        ("trainings.csv", TRAINING, {"resolution": ""}, "resolution", "is empty, but epochs is given"),
        ("trainings.csv", TRAINING, {"epochs_max": "5"}, "epochs_max", "5 is not above epochs"),
        ("trainings.csv", TRAINING, {"passes_max": "2"}, "passes_max", "2 is not above passes"),
        ("trainings.csv", TRAINING, {"model": "vgg11.new_in1k"}, "model", "vgg11.new_in1k has no line in models.csv"),
        ("trainings.csv", TRAINING, {"teacher": "test_vit.x"}, "teacher", "test_vit.x has no throughput to charge"),
        ("trainings.csv", TRAINING, {"amount": "3"}, "amount", "3 is of a search"),
        ("trainings.csv", TRAINING, {"source": "hearsay"}, "source", "'hearsay' is not listed"),
        ("trainings.csv", SEARCH, {"unit": "gpu_days"}, "unit", "'gpu_days' is not known here; write one of device_"),
        ("trainings.csv", SEARCH, {"unit": ""}, "unit", "is empty, but an amount is given; write device_hours"),
        ("trainings.csv", SEARCH, {"hardware": "a GPU"}, "hardware", "'a GPU' has no power share"),
        ("trainings.csv", SEARCH, {"epochs": "3"}, "epochs", "3 in a search"),
        (THROUGHPUTS, THROUGHPUT, {"images_per_s": "0"}, "images_per_s", "0 is not above 0"),
        (THROUGHPUTS, THROUGHPUT, {"kind": "both"}, "kind", "'both' is not known here; write one of inference"),
        (THROUGHPUTS, THROUGHPUT, {"source": "hearsay"}, "source", "'hearsay' is not listed"),
        (THROUGHPUTS, THROUGHPUT, {"architecture": "no_net"}, "architecture", "is not an architecture of timm"),
        (
            "energies.csv",
            ENERGY,
            {"what": "kWh"},
            "what",
            "'kWh' is not known here; write one of inference_per_image",
        ),
        ("energies.csv", ENERGY, {"joules": "-1"}, "joules", "-1 is not above 0"),
        ("energies.csv", ENERGY, {"utilisation": "94"}, "utilisation", "94 is above 1"),
        ("energies.csv", ENERGY, {"scope": "room"}, "scope", "'room' is not known here; write one of accelerator"),
        ("energies.csv", ENERGY, {"hardware": "a GPU"}, "hardware", "'a GPU' has no power limit"),
        ("energies.csv", ENERGY, {"mean_power_w": "999"}, "mean_power_w", "999 W is far above the limit of 230 W"),
        (
            "energies.csv",
            ENERGY,
            {"resolution": "96"},
            "model",
            "resnet50.tv_in1k at 96 px has no line in models.csv",
        ),
        ("energies.csv", ENERGY, {"source": "hearsay"}, "source", "'hearsay' is not listed"),
        ("power.csv", POWER, {"share": "0.8"}, "share", "has no interval or source"),
        ("power.csv", POWER, {"limit_w": "-300"}, "limit_w", "-300 is not above 0"),
        ("power.csv", POWER, {"limit_source": "hearsay"}, "limit_source", "'hearsay' is not listed"),
        ("power.csv", POWER, {"hardware": RTX_3090}, "hardware", "is in line 2 too; keep one"),
    ],
)
def test_bad_line(
    copy: Copy,
    capsys: pytest.CaptureFixture[str],
    *,
    name: str,
    row: dict[str, str],
    changes: dict[str, str],
    field: str,
    what: str,
) -> None:
    line = copy.append(name, **{**row, **changes})
    told = faults(copy, capsys)
    expected = f"{copy.folder / name}:{line}: {field}: "
    assert any(fault.startswith(expected) and what in fault for fault in told), told


@pytest.mark.parametrize("name", ["models.csv", "trainings.csv", THROUGHPUTS, "energies.csv"])
def test_the_same_line_twice(copy: Copy, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = copy.folder / name
    first, second = path.read_text("utf-8").splitlines()[:2]
    rest = path.read_text("utf-8").splitlines()[2:]
    path.write_text("\n".join([first, second, second, *rest]) + "\n", "utf-8")
    (told,) = faults(copy, capsys)
    assert told.startswith(f"{path}:3: ")
    assert "line 2); keep one of the two" in told


def test_all_faults_are_told_at_once_in_their_order(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    third = copy.append("trainings.csv", **{**TRAINING, "epochs": "-1", "resolution": "0"})
    first = copy.append("models.csv", **{**MODEL, "top1": "2"})
    told = faults(copy, capsys)
    assert [fault.partition(": ")[0].rpartition("/")[2] for fault in told] == [
        f"models.csv:{first}",
        f"trainings.csv:{third}",
        f"trainings.csv:{third}",
    ]


def test_unknown_and_missing_columns(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    copy.replace("power.csv", "hardware,limit_w,", "hardware,limit_kw,")
    told = faults(copy, capsys)
    assert any(
        ":1: limit_kw: 'limit_kw' is no column of this table; use hardware, limit_w" in fault for fault in told
    )
    assert any(":1: limit_w: this column is not there; add it to the first line" in fault for fault in told)


def test_a_cell_too_many(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy.folder / "power.csv").open("a", encoding="utf-8") as file:
        file.write("NVIDIA Test,300,zeus,,,,,one, two\n")
    (told,) = faults(copy, capsys)
    assert f"power.csv:{copy.lines('power.csv')}: 9 cells where the table has 8 columns; quote a cell" in told


def test_bytes_that_are_not_utf_8(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    line = copy.lines("models.csv") + 1
    with (copy.folder / "models.csv").open("ab") as file:
        file.write(b"resnet50.caf\xe9,\n")
    told = faults(copy, capsys)
    assert any(f"models.csv:{line}: byte 0xe9 is not UTF-8; save the file as UTF-8" in fault for fault in told)


def test_a_file_that_is_not_there(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    (copy.folder / "energies.csv").unlink()
    assert any("energies.csv:1: can't be read (No such file" in fault for fault in faults(copy, capsys))


@pytest.mark.parametrize(
    ("old", "new", "field", "what"),
    [
        ("  version: 2011-11-11", "", "test-source.version", "Field required"),
        ("  address: https://example.org/a", "  address: example.org", "test-source.address", "got 'example.org'"),
        ("  licence: MIT", "  license: MIT", "test-source.license", "Extra inputs are not permitted"),
    ],
)
def test_bad_source(
    copy: Copy, capsys: pytest.CaptureFixture[str], *, old: str, new: str, field: str, what: str
) -> None:
    source = (
        "test-source:\n  citation: Somebody\n  address: https://example.org/a\n"
        "  version: 2011-11-11\n  licence: MIT\n"
    )
    assert old in source
    with (copy.folder / "sources.yaml").open("a", encoding="utf-8") as file:
        file.write("\n" + source.replace(old, new))
    copy.append("power.csv", **{**POWER, "limit_source": "test-source"})
    told = faults(copy, capsys)
    assert any(f": {field}: " in fault and what in fault and "sources.yaml:" in fault for fault in told), told


def test_a_source_that_nothing_cites(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy.folder / "sources.yaml").open("a", encoding="utf-8") as file:
        file.write("\nidle:\n  citation: A\n  address: https://example.org/\n  version: 2011-11-11\n  licence: MIT\n")
    (told,) = faults(copy, capsys)
    assert told.endswith("idle: no figure cites this source; take it out or cite it")


def test_text_that_is_not_yaml(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy.folder / "boards.yaml").open("a", encoding="utf-8") as file:
        file.write("\n: : [\n")
    told = faults(copy, capsys)
    assert any("boards.yaml:" in fault and "not YAML" in fault for fault in told)


def test_yaml_that_refers_to_itself(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    with (copy.folder / "sources.yaml").open("a", encoding="utf-8") as file:
        file.write("\nendless: &endless\n  citation: *endless\n")
    assert any("endless: refers to itself without end" in fault for fault in faults(copy, capsys))


def test_a_board_on_hardware_without_power(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    copy.replace("boards.yaml", f"  - hardware: {RTX_4090}", "  - hardware: NVIDIA H200")
    assert any("boards.yaml:1: hardware: 'NVIDIA H200' has no power share" in fault for fault in faults(copy, capsys))


def test_nothing_is_published_of_a_faulty_catalogue(copy: Copy) -> None:
    copy.append("models.csv", **{**MODEL, "top1": "2"})
    with pytest.raises(catalogue.CatalogueError) as refused:
        catalogue.published_results(copy.folder)
    fault: Any = refused.value.faults[0]
    assert (fault.field, fault.place.line) == ("top1", copy.lines("models.csv"))
    assert "2 is above 1" in fault.message
