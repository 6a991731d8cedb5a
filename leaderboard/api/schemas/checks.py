"""What a check of a recipe answers: what to expect of it, or what is wrong with it and in which line."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboard.api.schemas.common import ErrorSerializer
from leaderboard.models import MODES, Provenance, Scenario
from leaderboard.presentation.forecast import Forecast
from leaderboard.queries import Fitness


class CheckErrorSerializer(ErrorSerializer):
    line = serializers.IntegerField(
        required=False, allow_null=True, help_text="in the recipe, from 1; null if in none"
    )


class CheckErrorsSerializer(serializers.Serializer[Any]):
    errors = CheckErrorSerializer(many=True)  # type: ignore[assignment]  # a field of this name, as in ErrorsSerializer


class FromToSerializer(serializers.Serializer[Any]):
    """A range. `from` is no name of a Python attribute."""

    least = serializers.FloatField()
    most = serializers.FloatField()

    def to_representation(self, instance: tuple[float, float]) -> dict[str, float]:
        return {"least": instance[0], "most": instance[1]}


class ExpectedPhaseSerializer(serializers.Serializer[Any]):
    phase = serializers.CharField()
    technique = serializers.CharField(help_text="empty for inference")
    scenario = serializers.ChoiceField(["", *Scenario.values], help_text="of inference, else empty")
    provenances = serializers.DictField(
        child=serializers.ListField(child=serializers.ChoiceField(Provenance.choices)),
        help_text="by scope; several if the workers differ, none if no worker has said",
    )


class FitnessSerializer(serializers.Serializer[Fitness]):
    name = serializers.CharField(source="worker.name")
    has_data = serializers.BooleanField(allow_null=True, help_text="null if the worker never reported its data")
    why_not = serializers.CharField(help_text="why it can't do the run at the moment; empty if it can")


class LikeRunsSerializer(serializers.Serializer[Any]):
    """Successful runs on this hardware that are the most like."""

    runs = serializers.SerializerMethodField()
    basis = serializers.ChoiceField(
        ["same work", "same training", "same phases"],
        source="like.basis",
        help_text="how like: the same work; the same network, phases and epochs; or the same architecture and phases",
    )
    time_s = FromToSerializer(allow_null=True)
    energy_j = FromToSerializer(allow_null=True, help_text="all that a run spends, in accelerator scope")
    provenances = serializers.ListField(child=serializers.ChoiceField(Provenance.choices), source="like.provenances")

    def get_runs(self, forecast: Forecast) -> int:
        """How many."""
        return len(forecast.like.durations_s) if forecast.like else 0


class CheckSerializer(serializers.Serializer[Forecast]):
    """What to expect of a submission; nothing was stored."""

    recipe = serializers.CharField(source="recipe.sha256", help_text="SHA-256")
    track = serializers.CharField(source="recipe.track_key")
    hardware = serializers.CharField(source="hardware.slug")
    mode = serializers.ChoiceField(list(MODES.items()))
    submission = serializers.SerializerMethodField()
    phases = ExpectedPhaseSerializer(many=True)
    workers = FitnessSerializer(many=True, source="wait.workers", help_text="the live ones of this hardware")
    waits_for = serializers.CharField(source="wait.waits_for", help_text="empty if a live worker can do it")
    elsewhere = serializers.SerializerMethodField()
    weights = serializers.ListField(
        child=serializers.CharField(), help_text="SHA-256 of weights that the worker's store must have"
    )
    ahead = serializers.IntegerField(
        source="place.ahead", help_text="queued runs before it that a worker which can do it will do"
    )
    running = serializers.IntegerField(source="place.running", help_text="runs that these workers are doing now")
    starts_in_s = FromToSerializer(source="start_s", allow_null=True, help_text="null if not known")
    like_runs = serializers.SerializerMethodField()

    def get_submission(self, forecast: Forecast) -> str | None:
        """Address of the submission that has what is asked for already; null if there is none."""
        if forecast.found is None:
            return None
        absolute: str = self.context["request"].build_absolute_uri(
            reverse("api-submission", args=[forecast.found.pk])
        )
        return absolute

    def get_elsewhere(self, forecast: Forecast) -> list[str]:
        """If no worker of this hardware can do it, slugs of hardware with one that can."""
        return [hardware.slug for hardware in forecast.wait.elsewhere]

    @extend_schema_field(LikeRunsSerializer(allow_null=True))
    def get_like_runs(self, forecast: Forecast) -> dict[str, Any] | None:
        """What time and energy are expected from; null if no run was like it."""
        return LikeRunsSerializer(forecast).data if forecast.like else None
