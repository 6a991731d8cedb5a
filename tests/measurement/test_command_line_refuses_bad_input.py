"""Bad input: exit code 2, one line per fault on standard error naming field and file, nothing written."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from measurement.__main__ import main
from measurement.meters.discovery import discover
from measurement.vocabulary import Provenance, Scope
from tests.measurement.running import PRUNE, TRAIN, measurement, tiny_document

Change = Callable[[dict[str, Any]], Any]


def setting(path: str, value: object) -> Change:
    """Set the field at a dotted path."""

    def change(document: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        place: Any = document
        for parent in parents:
            place = place[int(parent)] if parent.isdigit() else place.setdefault(parent, {})
        place[last] = value

    return change


def without(name: str) -> Change:
    return lambda document: document.pop(name)


FAULTS: dict[str, tuple[Change, str]] = {
    "unknown architecture": (
        setting("model.architecture", "resnet81"),
        "model.architecture: 'resnet81' is not a timm architecture; did you mean",
    ),
    "unknown track": (setting("track", "digit"), "track: 'digit' is not a track; use one of cifar10"),
    "unknown field": (setting("modle", {}), "modle: is not a field of this schema; remove it or correct"),
    "unknown field inside": (setting("model.widht", 2), "model.widht: is not a field of this schema"),
    "unknown technique": (setting("phases.0.technique", "magic"), "phases.0: technique 'magic' is not known"),
    "wrong type": (setting("seed", "seven"), "seed: should be a valid integer (got 'seven')"),
    "text for a number": (setting("model.resolution", "16"), "model.resolution: should be a valid integer"),
    "negative epochs": (
        setting("phases.0.epochs", -5),
        "phases.0.epochs: should be greater than or equal to 1 (got -5)",
    ),
    "a batch of a billion": (
        setting("phases.0.batch_size", 10**9),
        "phases.0.batch_size: should be less than or equal to 65536 (got 1000000000)",
    ),
    "an inference batch of a billion": (
        setting("inference.max_batch_size", 10**9),
        "inference.max_batch_size: should be less than or equal to 65536",
    ),
    "not a number": (
        setting("phases.0.optimizer", {"learning_rate": float("nan")}),
        "phases.0.optimizer.learning_rate: should be",
    ),
    "resolution of another track": (
        setting("model.resolution", 512),
        "model.resolution: track digits takes 8 to 128 pixels (got 512)",
    ),
    "nothing to train": (setting("phases", []), "phases: "),
    "pruning before training": (setting("phases", [PRUNE, TRAIN]), "phases.0.phase: compress needs trained weights"),
    "missing track": (without("track"), "track: is required"),
}


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_named(fault: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, expected = FAULTS[fault]
    document = copy.deepcopy(tiny_document())
    change(document)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(document), "utf-8")
    out = tmp_path / "out"
    assert main([command, str(recipe), *(["--out", str(out)] if command == "run" else [])]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[0].startswith(f"{recipe}: {expected}")
    assert not out.exists()


EXPLODING = "\n".join(
    [
        'a: &a ["x", "x"]',
        *(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    ]
)
TEXTS: dict[str, tuple[bytes, str]] = {
    "10 MB": (b"x" * 10_000_000, "a recipe may have at most 65,536"),
    "aliases that explode": (EXPLODING.encode(), "YAML aliases (*name) are not allowed"),
    "not YAML": (b"track: [digits", "not valid YAML"),
    "not text": (b"\xff\xfe\x00", "not UTF-8 text"),
    "a list": (b"- 1\n- 2\n", "must be a mapping"),
    "nothing": (b"", "must be a mapping"),
    "deeply nested": (b"a: " + b"[" * 5000, "nested deeper"),
    "a key twice": (b"track: digits\ntrack: digits\n", "given twice"),
    "an object of Python": (b"track: !!python/object/apply:os.system [echo]\n", "not valid YAML"),
}


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize("text", TEXTS)
def test_document_is_refused(text: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw, expected = TEXTS[text]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_bytes(raw)
    out = tmp_path / "out"
    assert main([command, str(recipe), *(["--out", str(out)] if command == "run" else [])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{recipe}: ")
    assert expected in line
    assert not out.exists()


def test_several_faults_are_several_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(tiny_document(TRAIN | {"epochs": 0}, track="none", seed=-1)), "utf-8")
    assert main(["validate", str(recipe)]) == 2
    fields = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert sorted(fields) == ["phases.0.epochs", "seed", "track"]


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "none.yaml"), "--out", str(tmp_path / "out")]) == 2
    assert "can't be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run"],
        ["run", "recipe.yaml"],
        ["run", "recipe.yaml", "--out", "x", "--budget-s", "-1"],
        ["run", "recipe.yaml", "--out", "x", "--budget-j", "nan"],
        ["run", "recipe.yaml", "--out", "x", "--budget-j", "much"],
        ["run", "recipe.yaml", "--out", "x", "--mode", "half"],
        ["run", "recipe.yaml", "--out", "x", "--require", "trust"],
        ["validate"],
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("measurement")


@pytest.mark.parametrize("value", ["abc", "", "0", "-1", "nan", "inf"])
def test_a_bad_budget_is_refused_with_its_range(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "recipe.yaml", "--out", "x", f"--budget-s={value}"])
    assert f"argument --budget-s: must be a number greater than 0 (got {value!r})" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--mode", "sampled"], ": reported: is required in sampled mode"),
        (["--device", "cuda:99"], "--device: 'cuda:99' is not a device of this machine; choose from: cpu"),
        (["--device", "toaster"], "--device: 'toaster' is not a device"),
    ],
)
def test_options_that_this_machine_cannot_serve(arguments: list[str], expected: str, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.json", tmp_path / "out"
    recipe.write_text(json.dumps(tiny_document()))
    ended = measurement("run", recipe, "--out", out, *arguments)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert expected in line
    assert not out.exists()


def test_a_required_meter_that_is_missing_names_its_own_option(tmp_path: Path) -> None:
    if discover("cpu").provenance(Scope.ACCELERATOR) == Provenance.METERED:
        pytest.skip("this machine has RAPL")
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(tiny_document()))
    ended = measurement("run", recipe, "--out", tmp_path / "out", "--device", "cpu", "--require", "metered")
    assert ended.returncode == 4
    (line,) = ended.stderr.splitlines()
    assert line.startswith("--require: no energy meter for cpu")
