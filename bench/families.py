"""Every example recipe on the digits run in full: how long it takes, what quality it reaches, whether parts add
up."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import django

from bench import MISSED
from measurement.documents import read_document
from measurement.record import PhaseRecord, Record, parse_record
from measurement.vocabulary import Scope

RECIPES = Path(__file__).parents[1] / "recipes"
MOST_S = 90.0
IMAGES = 1_000_000

WEIGHTS_MADE_BY = "starnet-s050-long"
TRANSFER = RECIPES / "transfer" / "starnet-s050.yaml"
EVIDENCE = f"https://example.org/{WEIGHTS_MADE_BY}/record.json"

Row = tuple[str, str, str]


def run() -> Iterator[Row]:
    """Rows of (what, measured, wanted) as they are completed, one per recipe; the last starts from the weights of
    another."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _set_up_site(folder)
        for path in sorted((RECIPES / "digits").glob("*.yaml")):
            yield _row(path.stem, path, folder)
        yield _transferred(folder)


def _set_up_site(folder: Path) -> None:
    """Django, for the site's own sums over a record; nothing is stored."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")
    os.environ.setdefault("DATA_ROOT", str(folder / "site"))
    django.setup()


def _row(name: str, path: Path, folder: Path, floor_from: Path | None = None) -> Row:
    """Run `path` into `folder/name` and compare it with its promises."""
    text = (floor_from or path).read_text("utf-8")
    floor = float(re.findall(r"^# floor: (0\.\d+)$", text, re.MULTILINE)[0])
    wanted = f"under {MOST_S:.0f} s, quality at least {floor:g}, parts add up"
    begun = time.monotonic()
    command = [sys.executable, "-m", "measurement", "run", str(path), "--out", str(folder / name), "--device", "cpu"]
    environment = os.environ | {"MEASUREMENT_LOCK_FOLDER": str(folder), "MEASUREMENT_DATA_ROOT": str(folder / "data")}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    took_s = time.monotonic() - begun
    if ended.returncode:
        return name, (ended.stderr.strip().splitlines() or ["?"])[-1][:70], MISSED + wanted
    record = _record(folder / name)
    as_declared = [str(phase.phase) for phase in _one_time(record)] == [spec.phase for spec in record.recipe.phases]
    good = as_declared and _adds_up(record) and took_s <= MOST_S and record.quality.value >= floor
    measured = f"{took_s:.0f} s, {record.quality.value:.3f}, {_one_time_energy_j(record):.0f} J once"
    return name, measured, wanted if good else MISSED + wanted


def _transferred(folder: Path) -> Row:
    """The example of transfer, with the weights of an earlier row and the joules that they took."""
    made = folder / WEIGHTS_MADE_BY
    if not (made / "record.json").exists():
        return "transfer", f"no weights from {WEIGHTS_MADE_BY}", MISSED + "weights to start from"
    record = _record(made)
    weights = folder / "data" / "weights"
    weights.mkdir(parents=True)
    shutil.copyfile(made / "model.safetensors", weights / f"{record.model.weights_sha256}.safetensors")
    recipe = read_document(TRANSFER.read_bytes())
    figure = {"energy_j": _one_time_energy_j(record), "evidence": EVIDENCE}
    recipe["phases"][0] |= {"sha256": record.model.weights_sha256} | figure
    filled_in = folder / "transfer.json"
    filled_in.write_text(json.dumps(recipe), "utf-8")
    return _row("transfer", filled_in, folder, floor_from=TRANSFER)


def _record(folder: Path) -> Record:
    return parse_record((folder / "record.json").read_bytes())


def _one_time(record: Record) -> list[PhaseRecord]:
    return [phase for phase in record.phases if phase.phase not in ("inference", "evaluate")]


def _one_time_energy_j(record: Record) -> float:
    return math.fsum(phase.energy(Scope.ACCELERATOR).energy_j or 0.0 for phase in _one_time(record))


def _adds_up(record: Record) -> bool:
    """Whether the life cycle that the site would publish holds exactly the joules of the record."""
    from leaderboard.services.publication import life_cycle

    once_j = _one_time_energy_j(record)
    for phase in record.phases:
        if phase.scenario is None:
            continue
        cycle = life_cycle(record, phase, Scope.ACCELERATOR)
        images_j = IMAGES * (phase.energy(Scope.ACCELERATOR).energy_per_image_j or 0.0)
        found = cycle.one_time_energy_j(), cycle.full_cycle_energy_j(IMAGES)
        if not all(map(math.isclose, found, (once_j, once_j + images_j))):
            return False
    return True
