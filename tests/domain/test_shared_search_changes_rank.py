"""A supernet's search is divided by the deployments that share it, so K decides where it stands."""

import pytest

from leaderboard.domain.energy import LifeCycle, PhaseEnergy, Provenance
from leaderboard.domain.ranking import Candidate, break_even, champions, rank

IMAGES = 1_000_000


def candidate(name: str, inference_energy_j: float, **one_time_j: float) -> Candidate:
    phases = tuple(metered(phase, energy_j) for phase, energy_j in one_time_j.items())
    return Candidate.of(name, LifeCycle(phases, metered("inference", inference_energy_j)), quality=0.9)


def metered(phase: str, energy_j: float) -> PhaseEnergy:
    return PhaseEnergy(phase, energy_j, 0.0, Provenance.METERED)


# Searched and trained once for all; nothing is trained for one deployment alone.
SUPERNET = candidate("supernet", 0.001, search=44_000.0)
# The architecture that was found is shared, its training is not.
SEARCHED = candidate("searched", 0.001, search=20_000.0, train=3_600.0)
PLAIN = candidate("plain", 0.002, train=3_000.0)


@pytest.mark.parametrize(
    ("deployments", "expected"),
    [
        (1, [("plain", 5_000), ("searched", 24_600), ("supernet", 45_000)]),
        (10, [("plain", 5_000), ("supernet", 5_400), ("searched", 6_600)]),
        (40, [("supernet", 2_100), ("plain", 5_000), ("searched", 5_100)]),
    ],
)
def test_more_deployments_lift_the_supernet(deployments: int, expected: list[tuple[str, float]]) -> None:
    ranked = rank([SUPERNET, PLAIN, SEARCHED], IMAGES, shared_by=deployments)
    assert [(result.rank, result.key, pytest.approx(result.energy_j)) for result in ranked] == [
        (place, name, energy_j) for place, (name, energy_j) in enumerate(expected, start=1)
    ]


def test_the_usage_intensity_from_which_the_supernet_wins_falls_with_each_deployment() -> None:
    """Against the plain network: (44,000/K - 3,000) / (0.002 - 0.001) images."""
    assert break_even(SUPERNET, PLAIN, shared_by=1) == pytest.approx(41_000_000)
    assert break_even(SUPERNET, PLAIN, shared_by=10) == pytest.approx(1_400_000)
    assert break_even(SUPERNET, PLAIN, shared_by=40) is None  # it wins from the first image on
    assert [champion.key for champion in champions([SUPERNET, PLAIN], shared_by=40)] == ["supernet"]
