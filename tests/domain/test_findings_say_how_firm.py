"""A champion's firmness is what drawing for every model, without short cuts, gives; and what is known in theory."""

import math
import random
from statistics import NormalDist, fmean, stdev

import pytest

from leaderboard.domain.findings import Model
from leaderboard.domain.firmness import DRAWS, champions, draw_model, levels, spread

FLOORS = (0.0, 0.7, 0.8)
USAGES = (1e3, 1e6, 1e9)


def some_models(seed: int, number: int = 60) -> list[Model]:
    chance = random.Random(seed)
    models = []
    for key in range(1, number + 1):
        one_time_j, inference_j = 10 ** chance.uniform(6, 9), 10 ** chance.uniform(-2, 0.5)
        known = chance.random() < 0.9
        models.append(
            Model(
                key,
                chance.choice([0.65, 0.72, 0.78, 0.81, 0.84]),
                one_time_j,
                inference_j,
                one_time_j * chance.uniform(0, 0.7) if known else None,
                inference_j * chance.uniform(0, 0.5),
            )
        )
    return models


@pytest.mark.parametrize("seed", range(4))
def test_short_cuts_change_nothing(seed):
    models = some_models(seed)
    found = {(one.min_quality, one.usage_intensity): one for one in champions(models, FLOORS, USAGES)}
    for floor in FLOORS:
        eligible = sorted((m for m in models if m.quality >= floor), key=lambda m: (-m.quality, m.key))
        drawn = {model.key: draw_model(model) for model in eligible}
        for n in USAGES:
            winners = []
            for draw in range(DRAWS):
                energies = {key: f[draw] + n * e[draw] for key, (f, e) in drawn.items()}
                winners.append(min(energies, key=energies.get))
            best = min(eligible, key=lambda m, n=n: m.one_time_j + n * m.inference_j)
            one = found[floor, n]
            assert one.model == best
            assert one.share == winners.count(best.key) / DRAWS
            assert one.rivals == len(set(winners) - {best.key})


def test_a_floor_that_nobody_reaches_has_no_champion():
    assert champions(some_models(1), (0.99,)) == []
    assert champions([], FLOORS) == []


def test_exact_figures_are_firm():
    models = [Model(key, 0.9, 100.0 + key, 1.0) for key in range(1, 9)]
    (one,) = champions(models, (0.0,), (1.0,))
    assert (one.model.key, one.share, one.rivals) == (1, 1.0, 0)


def test_of_equals_the_better_is_champion():
    models = [Model(1, 0.8, 100.0, 1.0), Model(3, 0.9, 100.0, 1.0), Model(2, 0.9, 100.0, 1.0)]
    (one,) = champions(models, (0.0,), (1.0,))
    assert (one.model.key, one.share) == (2, 1.0)


@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.5, 3.0])
def test_two_models_as_theory_has_them(ratio):
    """One-time energies alone, log-normal: P(A < B) = Φ(ln(B/A) / sqrt(σA² + σB²))."""
    found = []
    for key in range(1, 400, 2):  # mean of many pairs, each with draws of its own
        a = Model(key, 0.9, 1000.0, 0.0, 500.0, 0.0)
        b = Model(key + 1, 0.8, 1000.0 * ratio, 0.0, 700.0 * ratio, 0.0)
        found.append(champions([a, b], (0.0,), (1.0,))[0].share)
    sigma = math.hypot(spread(1000.0, 500.0), spread(1000.0 * ratio, 700.0 * ratio))
    assert fmean(found) == pytest.approx(NormalDist().cdf(math.log(ratio) / sigma), abs=0.01)


def test_draws_have_the_stated_uncertainty():
    model = Model(7, 0.9, 5e8, 0.2, 5e8 * 0.4, 0.2 * 0.1)
    one_time, inference = draw_model(model, 4000)
    assert sorted(one_time)[2000] == pytest.approx(5e8, rel=0.01)
    assert stdev(map(math.log, one_time)) == pytest.approx(math.sqrt(math.log1p((0.4 / 1.96) ** 2)), rel=0.01)
    assert stdev(inference) / 0.2 == pytest.approx(0.1 / 1.96, rel=0.02)
    assert draw_model(model) == draw_model(model)
    assert draw_model(model) != draw_model(Model(8, 0.9, 5e8, 0.2, 5e8 * 0.4, 0.2 * 0.1))


def test_levels_are_equally_likely():
    found = levels(100)
    assert [round(NormalDist().cdf(level) * 100 + 0.5) for level in found] == list(range(1, 101))


def test_unknown_uncertainty_is_no_spread():
    assert spread(100.0, None) == spread(100.0, 0.0) == spread(0.0, 5.0) == 0.0
