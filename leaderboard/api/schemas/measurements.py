"""A measurement that a submitter made."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.models import Measurement


class MeasuredFigureSerializer(serializers.Serializer[Any]):
    """Joules of one phase in one scope, recomputed from the trace."""

    phase = serializers.CharField()
    scope = serializers.CharField()
    energy_j = serializers.FloatField()
    provenance = serializers.CharField(
        help_text="As metered there; a recipe reports it, and only if it is `metered`."
    )


class MeasurementSerializer(serializers.ModelSerializer[Measurement]):
    """Somebody's own measurement: evidence of reported figures. Never verified here."""

    measured_by = serializers.CharField(source="submitter.username", default=None, allow_null=True)
    figures = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    record = serializers.JSONField()

    class Meta:
        model = Measurement
        fields = ["sha256", "evidence", "measured_by", "hardware", "created_at", "figures", "record"]

    def get_figures(self, measurement: Measurement) -> MeasuredFigureSerializer(many=True):  # type: ignore[valid-type]
        """One for each phase and scope."""
        return [
            {"phase": phase, "scope": scope, **figure}
            for phase, scopes in measurement.figures.items()
            for scope, figure in scopes.items()
        ]

    def get_evidence(self, measurement: Measurement) -> str:
        """The address that a declared phase names as its evidence."""
        address: str = self.context["request"].build_absolute_uri(f"/api/v1/measurements/{measurement.sha256}")
        return address
