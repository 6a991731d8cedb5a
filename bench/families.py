"""Every recipe of recipes/digits/ done whole: how long it takes, what quality it reaches, whether parts add up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import MISSED
from measurement.record import parse_record
from measurement.vocabulary import Scope

FOLDER = Path(__file__).parents[1] / "recipes" / "digits"
MOST_S = 90.0


def run() -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted), one a recipe."""
    return [_row(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _row(path: Path) -> tuple[str, str, str]:
    floor = float(re.findall(r"^# floor: (0\.\d+)$", path.read_text("utf-8"), re.MULTILINE)[0])
    wanted = f"under {MOST_S:.0f} s, quality at least {floor:g}"
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        command = [sys.executable, "-m", "measurement", "run", str(path), "--out", f"{folder}/out", "--device", "cpu"]
        environment = os.environ | {"MEASUREMENT_LOCK_FOLDER": folder}
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        took_s = time.monotonic() - begun
        if ended.returncode:
            return path.stem, (ended.stderr.strip().splitlines() or ["?"])[-1][:70], MISSED + wanted
        record = parse_record((Path(folder) / "out" / "record.json").read_bytes())
    one_time = [phase for phase in record.phases if phase.phase not in ("inference", "evaluate")]
    joules = [phase.energy(Scope.ACCELERATOR).energy_j for phase in one_time]
    told = f"{took_s:.0f} s, {record.quality.value:.3f}, {sum(energy_j or 0.0 for energy_j in joules):.0f} J once"
    as_declared = [str(phase.phase) for phase in one_time] == [spec.phase for spec in record.recipe.phases]
    good = as_declared and took_s <= MOST_S and record.quality.value >= floor
    return path.stem, told, wanted if good else MISSED + wanted
