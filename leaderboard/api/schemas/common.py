"""What several answers have in common: errors, pages, phases, sources, a comparability group. Energies are joules."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.domain.runstate import RunState
from leaderboard.models import Provenance, Scenario, Scope

OF_BUSY = "whether other work on the machine may have changed one of its figures"
OF_WEIGHTS = "whether the quality depends on weights that the submitter brought"
OF_HIDDEN = "on the track's unpublished test split; null if it has none or the network was not evaluated"
OF_RESULTS = "how many results of the work, from whatever seeds, the figures are the mean of"
OF_MEMORY = "of inference at its peak: weights, one batch and what the forward pass adds; null if unknown"
OF_CLAIM = "another person's title for the same work, until an administrator decides; null if nobody claims it"
OF_QUALITY_BY = "who evaluated the quality"
OF_BELOW_FLOOR = "whether the quality is below the track's default floor; such an entry is ranked only on request"
OF_FLOOR = "the quality floor in force: the parameter, or the track's own; null if there is no board"
OF_MODE = "sampled: part of each long phase was run and its joules were scaled up"
OF_SOURCE = "verified: measured by this site's workers; published: figures of others, from the catalogue"
OF_DATA = "synthetic: random noise in the track's image shape; training energy then excludes the input pipeline"


STATES = [(state.value, state.value) for state in RunState]


class ErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_null=True, help_text="The parameter or field; null for the whole request.")
    message = serializers.CharField()


class ErrorsSerializer(serializers.Serializer[Any]):
    errors = ErrorSerializer(many=True)  # type: ignore[assignment]  # a field of this name, which DRF takes off the class


class PhaseSerializer(serializers.Serializer[Any]):
    phase = serializers.CharField()
    energy_j = serializers.FloatField(allow_null=True, help_text="null exactly if provenance is missing")
    u95_j = serializers.FloatField(allow_null=True)
    provenance = serializers.ChoiceField(Provenance.choices)
    hardware = serializers.CharField(required=False, help_text="if it ran on other hardware than the board's")
    teacher_energy_j = serializers.FloatField(required=False, help_text="the part that a teacher's passes took")


class GroupSerializer(serializers.Serializer[Any]):
    """A comparability group; null if no board answers and none was requested."""

    track = serializers.CharField(allow_null=True)
    hardware = serializers.CharField(allow_null=True)
    scenario = serializers.ChoiceField(Scenario.choices, allow_null=True)
    scope = serializers.ChoiceField(Scope.choices, allow_null=True)


class PageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class SourceSerializer(serializers.Serializer[Any]):
    """Where published figures come from."""

    id = serializers.CharField()
    citation = serializers.CharField()
    address = serializers.URLField()
    version = serializers.CharField(help_text="commit or date")
    licence = serializers.CharField()
