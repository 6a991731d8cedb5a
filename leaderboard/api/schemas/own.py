"""One's own submissions, their versions, and the names that can be corrected."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard import queries
from leaderboard.api.schemas.common import STATES, PageSerializer
from leaderboard.models import FAMILIES, MODES, Provenance
from leaderboard.services import CORRECTED, MOST_OF_REASON, REASON_PATTERN

VERSION_STATES = ("on the board", "superseded", "withdrawn", "without a run", *(state for state, _ in STATES))


class VersionSerializer(serializers.Serializer[Any]):
    """One of several versions of what a person submitted."""

    number = serializers.IntegerField(help_text="counted from 1, the first")
    submission = serializers.UUIDField()
    method = serializers.CharField()
    hardware = serializers.CharField()
    created_at = serializers.DateTimeField()
    state = serializers.ChoiceField(VERSION_STATES, help_text="where its entry is; without one the state of its run")
    entry = serializers.IntegerField(allow_null=True)
    superseded_by = serializers.IntegerField(allow_null=True, help_text="the entry that has its place on the board")
    quality = serializers.FloatField(allow_null=True)
    one_time_energy_j = serializers.FloatField(allow_null=True, help_text="unshared")
    inference_energy_j = serializers.FloatField(allow_null=True)


class CorrectionSerializer(serializers.Serializer[Any]):
    """What was corrected in a method's names."""

    at = serializers.DateTimeField()
    by = serializers.ChoiceField(["submitter", "administrator"])
    reason = serializers.CharField()
    changes = serializers.DictField(help_text="by name: what it was and what it became")


class OwnSubmissionSerializer(serializers.Serializer[Any]):
    """One of one's own submissions, with its newest run and the entry of its work on its hardware."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField([*queries.OWN_STATES], help_text="of the newest run; or withdrawn")
    words = serializers.CharField(help_text="the state in words, with what there is to say of it")
    method = serializers.CharField()
    family = serializers.ChoiceField(list(FAMILIES.items()))
    recipe = serializers.CharField(help_text="SHA-256")
    track = serializers.CharField()
    hardware = serializers.CharField()
    mode = serializers.ChoiceField(list(MODES.items()), allow_null=True)
    created_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)
    version_of = serializers.UUIDField(allow_null=True)
    run = serializers.IntegerField(allow_null=True)
    ahead = serializers.IntegerField(allow_null=True, help_text="runs that will be done before a queued one")
    waits_for = serializers.CharField(help_text="what a queued run is missing besides its turn; empty if nothing")
    reason = serializers.CharField(help_text="why the run failed, was cancelled or waits again")
    held_for = serializers.ListField(child=serializers.CharField())
    entry = serializers.IntegerField(allow_null=True)
    superseded_by = serializers.IntegerField(allow_null=True)
    quality = serializers.FloatField(allow_null=True)
    one_time_energy_j = serializers.FloatField(allow_null=True, help_text="unshared")
    inference_energy_j = serializers.FloatField(allow_null=True)
    provenance = serializers.ChoiceField(Provenance.choices, allow_null=True)
    rank = serializers.IntegerField(
        allow_null=True, help_text="at the default usage intensity and floor of the entry's board; null without one"
    )
    rank_best = serializers.IntegerField(allow_null=True)
    rank_worst = serializers.IntegerField(allow_null=True)
    ranked = serializers.IntegerField(allow_null=True, help_text="how many entries of that board have a rank")
    scenario = serializers.CharField(allow_null=True, help_text="of that board")
    scope = serializers.CharField(allow_null=True)
    links = serializers.DictField(child=serializers.URLField(), help_text="self and page")


class OwnSubmissionsSerializer(PageSerializer):
    results = OwnSubmissionSerializer(many=True)


class NamesSerializer(serializers.Serializer[Any]):
    """The names of one's own work; what is left out stays."""

    title = serializers.CharField(required=False, min_length=3, max_length=120)
    family = serializers.ChoiceField(
        list(FAMILIES.items()), required=False, help_text="one that the recipe's phases bear out"
    )
    paper = serializers.URLField(required=False, allow_null=True)
    authors = serializers.ListField(child=serializers.CharField(max_length=100), required=False, max_length=50)
    summary = serializers.CharField(required=False, max_length=1000, allow_blank=True)
    reason = serializers.RegexField(
        REASON_PATTERN, max_length=MOST_OF_REASON, required=False, help_text="why, for the log", trim_whitespace=False
    )


class CorrectedSerializer(serializers.Serializer[Any]):
    """The names as they are now, and what this request has changed."""

    title = serializers.CharField()
    family = serializers.ChoiceField(list(FAMILIES.items()))
    paper = serializers.URLField(allow_null=True)
    authors = serializers.ListField(child=serializers.CharField())
    summary = serializers.CharField()
    changed = serializers.ListField(child=serializers.ChoiceField(CORRECTED))
