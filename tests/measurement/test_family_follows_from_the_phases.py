"""A recipe's family is what its phases make of it; a claim that contradicts them is named with the right one."""

from __future__ import annotations

import pytest

from measurement.__main__ import main
from tests.records import make_recipe

TRAIN = {"technique": "supervised", "phase": "train", "epochs": 1}
FINETUNE = TRAIN | {"phase": "finetune"}
PRUNE = {"technique": "structured_pruning", "phase": "compress", "ratio": 0.5}
DECLARED = {"technique": "declared", "phase": "search"}
PRETRAINED = {"technique": "pretrained", "phase": "pretrain", "source": "timm"}
INT8 = {"technique": "quantization", "phase": "compress", "scheme": "int8_dynamic"}
MADE = [
    ((TRAIN,), {"compact", "efficient_training"}),
    ((TRAIN, PRUNE, FINETUNE), {"pruning"}),
    ((TRAIN, PRUNE, FINETUNE, INT8), {"pruning", "quantization"}),
    ((DECLARED, TRAIN), {"nas"}),
    ((DECLARED, TRAIN, INT8), {"nas", "quantization"}),
    ((PRETRAINED, FINETUNE), {"transfer"}),
    ((TRAIN | {"technique": "early_exit"},), {"dynamic"}),
]
FAMILIES = ["compact", "nas", "pruning", "quantization", "distillation", "low_rank", "efficient_training"]
FAMILIES += ["transfer", "dynamic"]


@pytest.mark.parametrize(("phases", "made"), MADE)
def test_claims_that_the_phases_bear_out(phases, made):
    def why_not(family):
        return make_recipe(phases=list(phases), method={"title": "Claimed", "family": family}).why_not_family()

    assert {family for family in FAMILIES if why_not(family) is None} == made
    fault = why_not(next(family for family in FAMILIES if family not in made))
    assert fault.field == "method.family"
    assert all(repr(family) in fault.message for family in made)


def test_validate_names_the_derived_family(tmp_path, capsys):
    path = tmp_path / "recipe.json"
    path.write_text(make_recipe(phases=[TRAIN, PRUNE], method={"title": "Claimed", "family": "nas"}).text())
    assert main(["validate", str(path)]) == 2
    assert "method.family: is 'nas', but the phases make this 'pruning' (phases.1: " in capsys.readouterr().err
