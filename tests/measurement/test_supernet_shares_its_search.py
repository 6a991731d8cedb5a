"""A supernet that was really run: what its search took is divided by its deployments, and that decides its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard.domain.energy import LifeCycle, PhaseEnergy, Provenance
from leaderboard.domain.ranking import Candidate, rank
from leaderboard.services.figures import life_cycle
from measurement.record import parse_record
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.vocabulary import Scope
from tests.measurement.running import BRIEF, tiny_recipe

IMAGES = 1_000
SUPERNET = {
    "technique": "supernet",
    "phase": "search",
    "space": {"resolutions": [8, 16], "depths": [1], "kernels": [3], "expansions": [1, 2]},
    "training": {"epochs": 1, "batch_size": 160},
    "strategy": "random",
    "random_per_step": 0,
    "candidates": 2,
}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> LifeCycle:
    """The life cycle that the site would publish of a run's record, as it lies on the disk."""
    out: Path = tmp_path_factory.mktemp("supernet")
    model = {"architecture": "elastic_mobile", "resolution": 16, "width": 0.5}
    run_recipe(tiny_recipe(SUPERNET, model=model), out, RunOptions(device="cpu", plan=BRIEF))
    record = parse_record((out / "record.json").read_bytes())
    inference = next(phase for phase in record.phases if phase.scenario == "offline")
    return life_cycle(record, inference, Scope.ACCELERATOR)


def compact(searched: LifeCycle, one_time_energy_j: float) -> Candidate:
    """A network of the same cost per image that was trained separately, so its training is not shared."""
    train = PhaseEnergy("train", one_time_energy_j, 0.0, Provenance.METERED)
    return Candidate.of("compact", LifeCycle((train,), searched.inference), quality=0.9)


def test_the_whole_of_it_was_search(searched: LifeCycle) -> None:
    assert [part.phase for part in searched.one_time] == ["search"]
    assert searched.shared_energy_j > 0
    assert searched.own_energy_j == 0


@pytest.mark.parametrize(
    ("share", "places"),
    [
        # What the compact network took, as a share of the supernet's search: places for 1, 10 and 40 deployments.
        (1 / 3, ["compact", "supernet", "supernet"]),
        (1 / 20, ["compact", "compact", "supernet"]),
        (1 / 60, ["compact", "compact", "compact"]),
    ],
)
def test_deployments_that_share_it_lift_it_past_a_network_trained_by_itself(
    searched: LifeCycle, share: float, places: list[str]
) -> None:
    entries = [Candidate.of("supernet", searched, quality=0.9), compact(searched, share * searched.shared_energy_j)]
    ranked = {shared_by: rank(entries, IMAGES, shared_by=shared_by) for shared_by in (1, 10, 40)}
    assert [results[0].key for results in ranked.values()] == places
    for shared_by, results in ranked.items():
        energy_j = next(result.energy_j for result in results if result.key == "supernet")
        served_j = IMAGES * searched.inference_energy_j
        assert energy_j == pytest.approx(searched.shared_energy_j / shared_by + served_j)
