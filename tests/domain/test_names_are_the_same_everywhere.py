"""Measurement, domain and database know nothing of one another's words, so a test holds them to one vocabulary."""

from typing import get_args

from leaderboard import models
from leaderboard.domain import energy
from measurement import vocabulary


def values(words) -> list[str]:
    return [str(word.value) for word in words]


def test_provenance_in_one_order_of_trust():
    assert values(vocabulary.Provenance) == values(energy.Provenance) == values(models.Provenance)


def test_families_have_titles():
    assert list(models.FAMILIES) == list(get_args(vocabulary.Family))


def test_scenarios_scopes_and_phases():
    assert values(vocabulary.Scenario) == values(models.Scenario)
    assert values(vocabulary.Scope) == values(models.Scope)
    assert values(vocabulary.Phase) == list(energy.PHASES)
