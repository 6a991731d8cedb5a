"""docs/methodology.md shows what `python -m catalogue predict` computes from the catalogue."""

import subprocess
import sys

from tests.docs.reading import DOCS, ROOT, text_of

PAGE = text_of(DOCS / "methodology.md")


def test_every_number_of_the_table_is_predicts() -> None:
    command = [sys.executable, "-m", "catalogue", "predict"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [line.split(" | ") for line in PAGE.split("\n") if line.startswith(("| Quadro", "| Intel Xeon"))]
    assert len(rows) == 6
    for name, *figures in rows:
        hardware, framework, phase = name.removeprefix("| ").split(", ")
        kind = "inference_per_image" if phase == "inference" else "training_per_epoch"
        (line,) = [line for line in printed.split("\n") if line.startswith(f"{hardware}, {framework}, {kind} ")]
        numbers = line.removeprefix(f"{hardware}, {framework}, {kind}").split()
        runs, tau, median, at_90, _, *macs = numbers
        assert [figure.removesuffix(" |") for figure in figures] == [runs, tau, median, at_90, *macs]
    for evidence, percent in (("gpu-inference", 25), ("gpu-training", 33), ("cpu-inference", 69)):
        assert f"An estimate by {evidence} carries {percent}%." in printed
    assert "25 % for inference and 33 % for training on a GPU, and 69 %" in PAGE.replace("\n", " ")
