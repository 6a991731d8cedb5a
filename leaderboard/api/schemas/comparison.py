"""A published result and the verified one that repeats it, side by side."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.api.schemas.common import SourceSerializer
from leaderboard.models import Provenance


class FigureSerializer(serializers.Serializer[Any]):
    energy_j = serializers.FloatField(allow_null=True, help_text="null exactly if provenance is missing")
    u95_j = serializers.FloatField(allow_null=True)
    provenance = serializers.ChoiceField(Provenance.choices)


class PhasePairSerializer(serializers.Serializer[Any]):
    """A phase of both results; inference is per image. Null of the one that has no such phase."""

    phase = serializers.CharField()
    published = FigureSerializer(allow_null=True)
    verified = FigureSerializer(allow_null=True)
    ratio = serializers.FloatField(allow_null=True, help_text="verified / published; null if either is unknown or 0")


class TotalPairSerializer(serializers.Serializer[Any]):
    """Joules of both results; lower bounds if incomplete, and then without a ratio."""

    published_j = serializers.FloatField()
    verified_j = serializers.FloatField()
    ratio = serializers.FloatField(allow_null=True, help_text="verified / published")


class ComparisonSerializer(serializers.Serializer[Any]):
    """A published result and the verified one that repeats its training on the same board."""

    model = serializers.CharField(help_text="timm's name with its tag")
    published_entry = serializers.IntegerField()
    verified_entry = serializers.IntegerField()
    verified_run = serializers.IntegerField()
    in_its_place = serializers.BooleanField(help_text="whether the verified result has the published one's place")
    reason = serializers.CharField(allow_null=True, help_text="why it does not")
    phases = PhasePairSerializer(many=True)
    one_time = TotalPairSerializer()
    full_cycle = TotalPairSerializer()
    published_quality = serializers.FloatField()
    verified_quality = serializers.FloatField()
    sources = SourceSerializer(many=True, help_text="of the published figures")
