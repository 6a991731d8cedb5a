"""The formatting rules answer to tests/vectors/format.json, as the browser's do."""

import json
from pathlib import Path

import pytest

from leaderboard.presentation import format as energy

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "format.json").read_text("utf-8"))
RULES = sorted(set(VECTORS) - {"about"})


@pytest.mark.parametrize("rule", RULES)
def test_rule_answers_to_the_vectors(rule):
    for *given, expected in VECTORS[rule]:
        assert getattr(energy, rule)(*given) == expected, given
