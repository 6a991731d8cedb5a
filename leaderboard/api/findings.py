"""A board's findings as the API shows them, with the schema of the response."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from leaderboard.api.schemas.common import GroupSerializer
from leaderboard.domain.findings import Model, overtaking
from leaderboard.domain.firmness import DRAWS
from leaderboard.queries import Findings

IMAGES = "images over the model's life"


class NamedEntrySerializer(serializers.Serializer[Any]):
    entry = serializers.IntegerField()
    method = serializers.CharField()


class AgreementSerializer(serializers.Serializer[Any]):
    usage_intensity = serializers.FloatField(help_text=IMAGES)
    macs = serializers.FloatField(allow_null=True)
    parameters = serializers.FloatField(allow_null=True)
    inference_energy_j = serializers.FloatField(allow_null=True)


class ChoicesSerializer(serializers.Serializer[Any]):
    """What is chosen; of equals the one of higher quality. A choice is missing if nothing can be chosen by it."""

    macs = NamedEntrySerializer(required=False)
    parameters = NamedEntrySerializer(required=False)
    inference_energy_j = NamedEntrySerializer(required=False)
    quality = NamedEntrySerializer(required=False)


class FactorsSerializer(serializers.Serializer[Any]):
    macs = serializers.FloatField(required=False, allow_null=True)
    parameters = serializers.FloatField(required=False, allow_null=True)
    inference_energy_j = serializers.FloatField(required=False, allow_null=True)
    quality = serializers.FloatField(required=False, allow_null=True)


class CostSerializer(NamedEntrySerializer):
    """`entry` has the least energy; `factors` are the energy of each choice over it."""

    usage_intensity = serializers.FloatField(help_text=IMAGES)
    full_cycle_energy_j = serializers.FloatField()
    factors = FactorsSerializer()


class ShareSerializer(serializers.Serializer[Any]):
    usage_intensity = serializers.FloatField(help_text=IMAGES)
    share = serializers.FloatField(help_text="of the complete entries, 0 to 1")


class OvertakingSerializer(serializers.Serializer[Any]):
    """Images at which inference has used as much as all one-time phases: median and middle 90 % of the entries."""

    entries = serializers.IntegerField()
    low = serializers.FloatField()
    median = serializers.FloatField()
    high = serializers.FloatField()
    shares = ShareSerializer(many=True)


class TrainingSerializer(NamedEntrySerializer):
    one_time_energy_j = serializers.FloatField()
    inference_energy_j = serializers.FloatField(help_text="per image")
    quality = serializers.FloatField()
    overtaken_at = serializers.FloatField(allow_null=True, help_text="images from which inference uses more")


class TrainingsSerializer(serializers.Serializer[Any]):
    architecture = serializers.CharField()
    parameters = serializers.IntegerField()
    macs = serializers.IntegerField(allow_null=True)
    factor = serializers.FloatField(help_text="one-time energy of the dearest over that of the cheapest")
    results = TrainingSerializer(many=True)


class PhasePartSerializer(serializers.Serializer[Any]):
    """A phase's share of the one-time energy among the complete entries that have it; null if none has."""

    phase = serializers.CharField(help_text="or teacher: the forward passes of one, which are part of a phase")
    entries = serializers.IntegerField()
    low = serializers.FloatField(allow_null=True)
    median = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    one_time_energy_j = serializers.FloatField(allow_null=True, help_text="of these entries, the median")
    missing = serializers.IntegerField(
        allow_null=True, help_text="entries that have the phase without a figure; null of a teacher"
    )


class FirmChampionSerializer(NamedEntrySerializer):
    min_quality = serializers.FloatField()
    usage_intensity = serializers.FloatField(help_text=IMAGES)
    full_cycle_energy_j = serializers.FloatField()
    share = serializers.FloatField(help_text="of the draws in which it stays champion, 0 to 1")
    rivals = serializers.IntegerField(help_text="others that win at least one draw")


class FindingsSerializer(GroupSerializer):
    """Empty lists and nulls if fewer than five entries are complete."""

    revision = serializers.IntegerField(help_text="raised with every change of the group; 0 if it is empty")
    entries = serializers.IntegerField()
    complete = serializers.IntegerField(help_text="entries without a missing phase")
    compared = serializers.IntegerField(help_text="complete entries whose orders are compared")
    min_quality = serializers.FloatField(allow_null=True, help_text="the quality floor of choices and costs")
    eligible = serializers.IntegerField(help_text="complete entries at or above it")
    draws = serializers.IntegerField(help_text="that champions are tested with")
    orders = AgreementSerializer(many=True, help_text="Kendall's τ-b with the full-cycle order")
    choices = ChoicesSerializer()
    costs = CostSerializer(many=True)
    overtaking = OvertakingSerializer(allow_null=True)
    trainings = TrainingsSerializer(allow_null=True)
    phases = PhasePartSerializer(many=True)
    champions = FirmChampionSerializer(many=True)


def findings(found: Findings | None, group: dict[str, Any]) -> dict[str, Any]:
    """The response; None if no board answers."""
    if found is None:
        return group | _NOTHING
    of_board = found.of_board
    where, trainings = of_board.overtaking, of_board.trainings

    def named(model: Model) -> dict[str, Any]:
        return {"entry": model.key, "method": of_board.titles[model.key]}

    return group | {
        "revision": of_board.board.revision,
        "entries": of_board.entries,
        "complete": len(of_board.models),
        "compared": of_board.compared if of_board.enough else 0,
        "min_quality": found.min_quality,
        "eligible": found.eligible,
        "draws": DRAWS,
        "orders": [_renamed(asdict(one)) for one in of_board.agreements],
        "choices": _renamed({rule: named(model) for rule, model in found.choices.items()}),
        "costs": [
            {
                "usage_intensity": cost.usage_intensity,
                **named(cost.best),
                "full_cycle_energy_j": cost.best.energy_j(cost.usage_intensity),
                "factors": _renamed(cost.factors),
            }
            for cost in found.costs
        ],
        "overtaking": where
        and {
            "entries": where.models,
            "low": where.low,
            "median": where.median,
            "high": where.high,
            "shares": [{"usage_intensity": n, "share": share} for n, share in where.shares],
        },
        "trainings": trainings
        and {
            "architecture": trainings.network.partition("\n")[0],
            "parameters": trainings.models[0].parameters,
            "macs": trainings.models[0].macs,
            "factor": trainings.factor,
            "results": [
                {
                    **named(model),
                    "one_time_energy_j": model.one_time_j,
                    "inference_energy_j": model.inference_j,
                    "quality": model.quality,
                    "overtaken_at": overtaking(model),
                }
                for model in trainings.models
            ],
        },
        "phases": [
            {
                "phase": part.phase,
                "entries": part.models,
                "low": part.low,
                "median": part.median,
                "high": part.high,
                "one_time_energy_j": part.one_time_j,
                "missing": part.missing,
            }
            for part in of_board.phases
        ],
        "champions": [
            {
                "min_quality": champion.min_quality,
                "usage_intensity": champion.usage_intensity,
                **named(champion.model),
                "full_cycle_energy_j": champion.model.energy_j(champion.usage_intensity),
                "share": champion.share,
                "rivals": champion.rivals,
            }
            for champion in of_board.champions
        ],
    }


_NOTHING: dict[str, Any] = {
    "revision": 0,
    "entries": 0,
    "complete": 0,
    "compared": 0,
    "min_quality": None,
    "eligible": 0,
    "draws": DRAWS,
    "orders": [],
    "choices": {},
    "costs": [],
    "overtaking": None,
    "trainings": None,
    "phases": [],
    "champions": [],
}


def _renamed(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures under the names that a row of the leaderboard has."""
    return {{"inference_j": "inference_energy_j"}.get(name, name): value for name, value in figures.items()}
