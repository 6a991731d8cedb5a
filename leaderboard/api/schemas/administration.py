"""What administrators read: what verification has cost, and the log."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard import queries
from leaderboard.api.schemas.common import PageSerializer
from leaderboard.models import Action, LogLine


class SpendingRowSerializer(serializers.Serializer[Any]):
    """Joules of the accelerator scope of all attempts that one hardware, user or month had."""

    value = serializers.CharField(allow_null=True, help_text="slug, name or month; null: no user")
    attempts = serializers.IntegerField()
    metered_j = serializers.FloatField(allow_null=True, help_text="from counters and sensors; null: none was metered")
    estimated_j = serializers.FloatField(allow_null=True, help_text="from a power model; null: none was estimated")
    lost_j = serializers.FloatField(
        allow_null=True, help_text="the part of both that attempts without a result spent: a lower bound"
    )
    time_s = serializers.FloatField(allow_null=True)
    unknown = serializers.IntegerField(help_text="attempts whose spending is not known, in none of the sums")


class SpendingSerializer(PageSerializer):
    by = serializers.ChoiceField(list(queries.SPENT_BY))
    results = SpendingRowSerializer(many=True)


class LogLineSerializer(serializers.ModelSerializer[LogLine]):
    """Who did what to which object, and why."""

    id = serializers.IntegerField()
    action = serializers.ChoiceField(Action.choices)
    details = serializers.DictField(help_text="what else there is to say, such as values before and after")

    class Meta:
        model = LogLine
        fields = ["id", "at", "actor", "action", "object_type", "object_id", "object_name", "reason", "details"]


class LogSerializer(PageSerializer):
    results = LogLineSerializer(many=True)
