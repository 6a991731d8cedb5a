"""Submissions, their runs, and what may be asked of them. No e-mail addresses."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboard import queries
from leaderboard.api.own import version_lines
from leaderboard.api.schemas.common import STATES, PageSerializer
from leaderboard.api.schemas.own import VersionSerializer
from leaderboard.models import MODES, PhaseEnergy, Run, Submission
from leaderboard.presentation.own_submissions import restorable_until
from leaderboard.services import MOST_OF_REASON, REASON_PATTERN
from leaderboard.services.measurements import measured_address


class MeasuredPhaseSerializer(serializers.ModelSerializer[PhaseEnergy]):
    """One phase's figures in one scope, as stored."""

    # Declared, because a model's integers are documented with the bounds of the database in use.
    position = serializers.IntegerField()
    images = serializers.IntegerField(allow_null=True)
    measured_by_submitter = serializers.SerializerMethodField()

    class Meta:
        model = PhaseEnergy
        fields = [
            "position",
            "phase",
            "technique",
            "scenario",
            "scope",
            "provenance",
            "sources",
            "contains_estimate",
            "energy_j",
            "repeatability_u95_j",
            "absolute_u95_j",
            "net_of_idle_j",
            "duration_s",
            "energy_per_image_j",
            "energy_per_image_u95_j",
            "energy_per_image_absolute_u95_j",
            "images",
            "flags",
            "evidence",
            "measured_by_submitter",
        ]
        extra_kwargs = {
            "sources": {"help_text": "the instruments that the figure comes from"},
            "contains_estimate": {"help_text": "whether any part comes from a power model"},
            "duration_s": {"help_text": "of what was run; the joules of a sampled phase are for the whole phase"},
        }

    def get_measured_by_submitter(self, phase: PhaseEnergy) -> bool:
        """Whether the figure is reported, and follows from a trace that the submitter sent."""
        return measured_address(phase.evidence) is not None


class QueueLineSerializer(serializers.ModelSerializer[Run]):
    """A run in a list."""

    attempt = serializers.IntegerField()
    method = serializers.CharField(source="recipe.method.title")
    family = serializers.CharField(source="recipe.method.family")
    recipe = serializers.CharField(source="recipe.sha256", help_text="SHA-256")
    track = serializers.CharField(source="recipe.track")
    hardware = serializers.CharField(source="hardware.slug")
    submission = serializers.UUIDField(source="submission_id", allow_null=True)
    state = serializers.ChoiceField(STATES)
    mode = serializers.CharField(help_text="full or sampled")
    progress = serializers.JSONField(
        help_text="of an attempt: position, phase, scenario, fraction, detail, power_w, energy_j, steps, ended, spent"
    )

    class Meta:
        model = Run
        fields = [
            "id",
            "state",
            "attempt",
            "mode",
            "method",
            "family",
            "recipe",
            "track",
            "hardware",
            "submission",
            "cancel_requested",
            "queued_at",
            "started_at",
            "finished_at",
            "progress",
        ]


class RunSerializer(QueueLineSerializer):
    """A run, with what its current attempt measured."""

    held_for = serializers.ListField(
        child=serializers.CharField(),
        help_text="flags that hold the result for review",
    )
    phases = serializers.SerializerMethodField()
    entries = serializers.SerializerMethodField()

    class Meta(QueueLineSerializer.Meta):
        fields = [*QueueLineSerializer.Meta.fields, "reason", "held_for", "phases", "entries"]

    @extend_schema_field(MeasuredPhaseSerializer(many=True))
    def get_phases(self, run: Run) -> Collection[Any]:
        """Figures of the current attempt, one for each phase and scope."""
        return MeasuredPhaseSerializer(queries.phases_of(run), many=True).data

    def get_entries(self, run: Run) -> list[int]:
        """Entries whose figures are from this run."""
        return list(run.entries.order_by("pk").values_list("pk", flat=True))


def _reason(*, required: bool) -> serializers.RegexField:
    meaning = "why; the submitter and the readers of the entry's page see it" if required else "why, for the log"
    return serializers.RegexField(
        REASON_PATTERN, max_length=MOST_OF_REASON, required=required, help_text=meaning, trim_whitespace=False
    )


class ReasonSerializer(serializers.Serializer[Any]):
    reason = _reason(required=True)


class OptionalReasonSerializer(serializers.Serializer[Any]):
    reason = _reason(required=False)


class RerunSerializer(serializers.Serializer[Any]):
    reason = _reason(required=False)
    mode = serializers.ChoiceField(list(MODES.items()), required=False, help_text="default: that of the run")


class LinksSerializer(serializers.Serializer[Any]):
    """Absolute addresses."""

    self = serializers.URLField()
    page = serializers.URLField()
    withdraw = serializers.URLField()
    restore = serializers.URLField()
    names = serializers.URLField()


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """A submission, with its newest run."""

    state = serializers.ChoiceField(STATES, source="newest_run.state", help_text="of the newest run")
    method = serializers.CharField(source="recipe.method.title")
    family = serializers.CharField(source="recipe.method.family")
    recipe = serializers.CharField(source="recipe.sha256", help_text="SHA-256")
    track = serializers.CharField(source="recipe.track")
    hardware = serializers.CharField(source="hardware.slug")
    waits_for = serializers.SerializerMethodField()
    restorable_until = serializers.SerializerMethodField()
    version_of = serializers.UUIDField(
        source="version_of_id", allow_null=True, help_text="the earlier submission that this is a new version of"
    )
    versions = serializers.SerializerMethodField()
    run = RunSerializer(source="newest_run")
    links = serializers.SerializerMethodField()

    class Meta:
        model = Submission
        fields = [
            "id",
            "state",
            "method",
            "family",
            "recipe",
            "track",
            "hardware",
            "created_at",
            "withdrawn_at",
            "restorable_until",
            "version_of",
            "versions",
            "waits_for",
            "run",
            "links",
        ]

    def to_representation(self, submission: Submission) -> dict[str, Any]:
        submission.newest_run = queries.current_run(submission)  # type: ignore[attr-defined]  # ours, for the fields
        return super().to_representation(submission)

    def get_waits_for(self, submission: Submission) -> str:
        """What a queued run waits for: a live worker, or one with its data; empty if there is one."""
        return queries.waits_for(submission.newest_run)  # type: ignore[attr-defined]  # set above

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_restorable_until(self, submission: Submission) -> datetime | None:
        """Until when a withdrawal can be undone; null if there is none, or it can't be any more."""
        return restorable_until(submission)

    @extend_schema_field(VersionSerializer(many=True))
    def get_versions(self, submission: Submission) -> Any:
        """All versions that this is one of, the first one first; empty if it is the only one."""
        return VersionSerializer(version_lines(queries.versions_of_submission(submission)), many=True).data

    @extend_schema_field(LinksSerializer)
    def get_links(self, submission: Submission) -> dict[str, str]:
        """Addresses of the submission."""
        absolute = self.context["request"].build_absolute_uri
        return {
            "self": absolute(reverse("api-submission", args=[submission.pk])),
            "page": absolute(submission.get_absolute_url()),
            **{
                act: absolute(reverse(f"api-submission-{act}", args=[submission.pk]))
                for act in ("withdraw", "restore", "names")
            },
        }


class QueueSerializer(PageSerializer):
    results = QueueLineSerializer(many=True)
