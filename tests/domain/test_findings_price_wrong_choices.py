"""What a choice by the wrong figure costs, where inference overtakes, and what trainings and phases add."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.domain.findings import (
    Model,
    at_floor,
    choices,
    costs,
    overtakings,
    phase_parts,
    quantile,
    teacher_part,
    widest_trainings,
    without_inference,
)

MODELS = st.lists(
    st.builds(
        Model,
        key=st.integers(1, 10**6),
        quality=st.sampled_from([0.6, 0.7, 0.75, 0.8, 0.9]),
        one_time_j=st.floats(1, 1e12),
        inference_j=st.floats(1e-3, 1e3),
        parameters=st.integers(1, 5),
        macs=st.none() | st.integers(1, 5),
    ),
    max_size=30,
    unique_by=lambda model: model.key,
)


@given(MODELS, st.sampled_from([0.5, 0.75, 0.85, 0.95]))
def test_brute_force_agrees(models, floor):
    eligible = [model for model in models if model.quality >= floor]
    found = at_floor(models, floor)
    assert sorted(model.key for model in found) == sorted(model.key for model in eligible)
    chosen = choices(found)
    for name in ("macs", "parameters", "inference_j"):
        known = [model for model in eligible if getattr(model, name) is not None]
        assert (name in chosen) == bool(known)
        for other in known:
            order = (getattr(other, name), -other.quality, other.key)
            assert (getattr(chosen[name], name), -chosen[name].quality, chosen[name].key) <= order
    if eligible:
        assert chosen["quality"].quality == max(model.quality for model in eligible)
    for cost in costs(found, (1e3, 1e9)):
        energies = {model.key: model.one_time_j + cost.usage_intensity * model.inference_j for model in eligible}
        assert energies[cost.best.key] == min(energies.values())
        for rule, factor in cost.factors.items():
            assert factor == energies[chosen[rule].key] / min(energies.values()) >= 1
    assert len(costs(found, (1e3, 1e9))) == (2 if eligible else 0)


def test_no_factor_over_an_energy_of_nothing():
    (cost,) = costs([Model(1, 0.9, 0.0, 0.0), Model(2, 0.8, 1.0, 1.0)], (1e3,))
    assert cost.best.key == 1
    assert cost.factors["quality"] is None


@given(st.lists(st.floats(0, 1e15), min_size=2, max_size=60))
def test_quantiles_are_those_of_the_standard_library(values):
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    for position, part in ((0, 0.05), (9, 0.5), (18, 0.95)):
        assert quantile(sorted(values), part) == pytest.approx(cuts[position], rel=1e-9, abs=1e-9)


def test_inference_overtakes():
    models = [Model(key, 0.9, one_time_j=100.0 * key, inference_j=1.0) for key in range(1, 6)]
    models.append(Model(6, 0.9, one_time_j=5.0, inference_j=0.0))
    found = overtakings(models, (1.0, 300.0, 301.0, 1e6))
    assert found.models == 5
    assert found.median == 300
    assert (found.low, found.high) == (pytest.approx(120), pytest.approx(480))
    assert found.shares == ((1.0, 0.0), (300.0, 2 / 6), (301.0, 3 / 6), (1e6, 5 / 6))
    assert overtakings(models[5:]) is None


def test_widest_trainings():
    def trained(key, network, one_time_j):
        return Model(key, 0.7 + key / 1000, one_time_j, 1.0, network=network)

    narrow = [trained(key, "narrow", 10.0 + key) for key in range(1, 6)]
    wide = [trained(11, "wide", 700.0), trained(12, "wide", 10.0), trained(13, "wide", 40.0)]
    pair = [trained(21, "pair", 1.0), trained(22, "pair", 1e9)]
    unnamed = [trained(key, "", 10.0**key) for key in range(31, 36)]
    models = [*narrow, *wide, *pair, *unnamed]
    random.Random(1).shuffle(models)
    found = widest_trainings(models)
    assert (found.network, found.factor) == ("wide", 70)
    assert [model.key for model in found.models] == [12, 13, 11]
    assert widest_trainings([*pair, *unnamed]) is None


def test_a_phases_part():
    def made(key, *phases, complete=True):
        return Model(key, 0.9, sum(j or 0.0 for _, j in phases), 1.0, phases=phases, complete=complete)

    models = [
        made(1, ("pretrain", 90.0), ("finetune", 10.0)),
        made(2, ("pretrain", 30.0), ("finetune", 5.0), ("finetune", 5.0)),
        made(3, ("train", 50.0)),
        made(4, ("search", None), ("train", 50.0), complete=False),
        made(5, ("train", 20.0), complete=False),
    ]
    parts = {part.phase: part for part in phase_parts(models)}
    assert list(parts) == ["search", "pretrain", "train", "finetune"]
    assert (parts["pretrain"].models, parts["pretrain"].median) == (2, pytest.approx((0.9 + 0.75) / 2))
    assert parts["pretrain"].one_time_j == pytest.approx(70)
    assert parts["finetune"].median == pytest.approx((0.1 + 0.25) / 2)
    assert (parts["train"].models, parts["train"].median, parts["train"].missing) == (1, 1.0, 0)
    assert (parts["search"].models, parts["search"].median, parts["search"].missing) == (0, None, 1)
    assert without_inference(models) == 1


def test_a_teachers_part():
    models = [
        Model(1, 0.9, 100.0, 1.0, teacher_j=20.0),
        Model(2, 0.9, 200.0, 1.0, teacher_j=20.0),
        Model(3, 0.9, 50.0, 1.0),
        Model(4, 0.9, 50.0, 1.0, teacher_j=50.0, complete=False),
    ]
    found = teacher_part(models)
    assert (found.models, found.median, found.one_time_j) == (2, pytest.approx(0.15), pytest.approx(150))
    assert teacher_part(models[2:]).models == 0
