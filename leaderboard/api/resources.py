"""Stored objects as the API shows them. No e-mail addresses."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from leaderboard import queries
from leaderboard.api.serializers import (
    OF_BELOW_FLOOR,
    OF_BUSY,
    OF_DATA,
    OF_HIDDEN,
    OF_MEMORY,
    OF_MODE,
    OF_QUALITY_BY,
    OF_RESULTS,
    OF_SOURCE,
    OF_WEIGHTS,
    ComparisonSerializer,
    EntryLinksSerializer,
    GroupSerializer,
    MethodSerializer,
    PageSerializer,
    PhaseSerializer,
    SourceSerializer,
)
from leaderboard.domain.quality import QUALITY_BY
from leaderboard.domain.repeats import Basis
from leaderboard.domain.runstate import RunState
from leaderboard.models import (
    DATA,
    MODES,
    SOURCES,
    Action,
    Hardware,
    LogLine,
    PhaseEnergy,
    Provenance,
    Run,
    Submission,
    Worker,
)
from leaderboard.presentation.entry.repeats import QUANTITY_CHOICES
from leaderboard.routing import tracks_in
from leaderboard.services import MOST_OF_REASON, REASON_PATTERN

STATES = [(state.value, state.value) for state in RunState]


class MeasuredPhaseSerializer(serializers.ModelSerializer[PhaseEnergy]):
    """One phase's figures in one scope, as stored."""

    # Declared, because a model's integers are documented with the bounds of the database in use.
    position = serializers.IntegerField()
    images = serializers.IntegerField(allow_null=True)

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
        ]
        extra_kwargs = {
            "sources": {"help_text": "the instruments that the figure comes from"},
            "contains_estimate": {"help_text": "whether any part comes from a power model"},
            "duration_s": {"help_text": "of what was run; the joules of a sampled phase are for the whole phase"},
        }


class ClaimSerializer(serializers.Serializer[Any]):
    """Another person's names for the same work."""

    title = serializers.CharField()
    authors = serializers.ListField(child=serializers.CharField())
    paper = serializers.URLField(allow_null=True)


class ResultSerializer(serializers.Serializer[Any]):
    """A run of an entry's work, and whether it counts in the mean."""

    run = serializers.IntegerField()
    state = serializers.ChoiceField(STATES)
    mode = serializers.ChoiceField(list(MODES.items()), help_text=OF_MODE)
    recipe = serializers.CharField(help_text="SHA-256")
    seed = serializers.IntegerField()
    counts = serializers.BooleanField(help_text="whether the entry's figures are the mean of this and others")
    weight = serializers.FloatField(help_text="its part of the mean, 0 to 1")
    one_time_energy_j = serializers.FloatField(allow_null=True, help_text="unshared; null if a phase is missing")
    inference_energy_j = serializers.FloatField(allow_null=True, help_text="per image")
    device = serializers.CharField(help_text="a hash of the UUID of the device; empty if unknown")
    power_limit_w = serializers.FloatField(allow_null=True, help_text="of the device, when it ran")
    outlier_in = serializers.ListField(
        child=serializers.ChoiceField(QUANTITY_CHOICES),
        help_text="in which quantities it lies far from its median, by the spread of the board's other works",
    )
    withdrawn = serializers.BooleanField(help_text="whether its submission was withdrawn; it may still count")
    held_for = serializers.ListField(child=serializers.CharField())
    quality = serializers.FloatField(allow_null=True)
    hidden_quality = serializers.FloatField(allow_null=True, help_text=OF_HIDDEN)


class UncertaintySerializer(serializers.Serializer[Any]):
    """Where the uncertainty of one quantity of an entry is from."""

    of = serializers.ChoiceField(QUANTITY_CHOICES)
    u95_j = serializers.FloatField(allow_null=True, help_text="null if unknown")
    basis = serializers.ChoiceField(
        [str(basis) for basis in Basis],
        help_text="own: the spread of its results; pooled: that of all works of the board; within: one run alone",
    )
    relative_deviation = serializers.FloatField(allow_null=True, help_text="standard deviation of a run, 0.02 is 2 %")
    degrees_of_freedom = serializers.IntegerField(allow_null=True, help_text="of that deviation")
    works = serializers.IntegerField(allow_null=True, help_text="how many works a pool is of; null without one")


class EntrySerializer(GroupSerializer):
    """An entry in full. `one_time_energy_j` is unshared."""

    entry = serializers.IntegerField()
    method = MethodSerializer()
    source = serializers.ChoiceField(list(SOURCES.items()), help_text=OF_SOURCE)  # type: ignore[assignment]  # a field of this name, which DRF takes off the class
    model = serializers.CharField(allow_null=True, help_text="of a published result: timm's name with its tag")
    sources = SourceSerializer(many=True, help_text="of published figures; empty of a verified result")
    replaced_by = serializers.IntegerField(
        allow_null=True, help_text="the verified entry that has a published one's place on the board"
    )
    comparison = ComparisonSerializer(
        allow_null=True, help_text="both results, if the published model was verified here"
    )
    work = serializers.CharField(allow_null=True, help_text="SHA-256 of what the recipe does, whatever its seed")
    results = serializers.IntegerField(help_text=OF_RESULTS)
    runs = ResultSerializer(many=True, help_text="every run of the work on this hardware, the newest first")
    device = serializers.CharField(help_text="a hash of the UUID of what it was measured on; empty if unknown")
    gain_u95 = serializers.FloatField(
        help_text="that device's relative gain error at 95 %; in rank intervals only against other devices"
    )
    uncertainties = UncertaintySerializer(many=True, help_text="of what was measured; empty if published")
    also_claimed_as = ClaimSerializer(many=True, help_text="claims of authorship that are not decided")
    recipe = serializers.CharField(allow_null=True, help_text="SHA-256, of the newest result; null if published")
    recipe_document = serializers.DictField(allow_null=True, help_text="see /api/v1/recipe-schema")
    usage_intensity = serializers.FloatField()
    one_time_energy_j = serializers.FloatField()
    full_cycle_energy_j = serializers.FloatField(help_text="lower bound if complete is false")
    full_cycle_energy_u95_j = serializers.FloatField(
        allow_null=True, help_text="null if the repeatability of any part is unknown"
    )
    shared_energy_j = serializers.FloatField(help_text="search and pretrain")
    own_energy_j = serializers.FloatField(help_text="train, compress and finetune")
    inference_energy_j = serializers.FloatField(help_text="per image")
    shared_u95_j = serializers.FloatField(allow_null=True)
    own_u95_j = serializers.FloatField(allow_null=True)
    inference_u95_j = serializers.FloatField(allow_null=True)
    metered_shared_j = serializers.FloatField()
    metered_own_j = serializers.FloatField()
    inference_provenance = serializers.ChoiceField(Provenance.choices)
    provenance = serializers.ChoiceField(Provenance.choices)
    complete = serializers.BooleanField()
    quality = serializers.FloatField(help_text="0 to 1")
    quality_metric = serializers.CharField()
    quality_provenance = serializers.CharField()
    quality_by = serializers.ChoiceField(list(QUALITY_BY.items()), help_text=OF_QUALITY_BY)
    below_floor = serializers.BooleanField(help_text=OF_BELOW_FLOOR)
    submitters_weights = serializers.BooleanField(help_text=OF_WEIGHTS)
    busy_machine = serializers.BooleanField(help_text=OF_BUSY)
    hidden_quality = serializers.FloatField(allow_null=True, help_text=OF_HIDDEN)
    mode = serializers.ChoiceField(list(MODES.items()), help_text=OF_MODE)
    data = serializers.ChoiceField(list(DATA.items()), help_text=OF_DATA)  # type: ignore[assignment]  # a field of this name, which DRF takes off the class
    phases = PhaseSerializer(many=True)
    parameters = serializers.IntegerField()
    macs = serializers.IntegerField(allow_null=True)
    latency_p50_ms = serializers.FloatField(allow_null=True, help_text="per batch; null if not published")
    throughput_images_per_s = serializers.FloatField()
    batch_size = serializers.IntegerField()
    peak_memory_bytes = serializers.IntegerField(allow_null=True, help_text=OF_MEMORY)
    published_at = serializers.DateTimeField()
    run = serializers.IntegerField(allow_null=True)
    submission = serializers.UUIDField(allow_null=True)
    measured_phases = MeasuredPhaseSerializer(many=True)
    links = EntryLinksSerializer()


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


class TakenDownSerializer(serializers.Serializer[Any]):
    taken_down = serializers.IntegerField(help_text="the number that the entry had")


class RerunSerializer(serializers.Serializer[Any]):
    reason = _reason(required=False)
    mode = serializers.ChoiceField(list(MODES.items()), required=False, help_text="default: that of the run")


class LinksSerializer(serializers.Serializer[Any]):
    """Absolute addresses."""

    self = serializers.URLField()
    page = serializers.URLField()
    withdraw = serializers.URLField()


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """A submission, with its newest run."""

    state = serializers.ChoiceField(STATES, source="newest_run.state", help_text="of the newest run")
    method = serializers.CharField(source="recipe.method.title")
    family = serializers.CharField(source="recipe.method.family")
    recipe = serializers.CharField(source="recipe.sha256", help_text="SHA-256")
    track = serializers.CharField(source="recipe.track")
    hardware = serializers.CharField(source="hardware.slug")
    waits_for = serializers.SerializerMethodField()
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

    @extend_schema_field(LinksSerializer)
    def get_links(self, submission: Submission) -> dict[str, str]:
        """Addresses of the submission."""
        absolute = self.context["request"].build_absolute_uri
        return {
            "self": absolute(reverse("api-submission", args=[submission.pk])),
            "page": absolute(submission.get_absolute_url()),
            "withdraw": absolute(reverse("api-submission-withdraw", args=[submission.pk])),
        }


class QueueSerializer(PageSerializer):
    results = QueueLineSerializer(many=True)


class HardwareSerializer(serializers.ModelSerializer[Hardware]):
    live_workers = serializers.IntegerField(help_text="seen within the last minute")

    class Meta:
        model = Hardware
        fields = ["slug", "name", "kind", "live_workers"]


class WorkerSerializer(serializers.ModelSerializer[Worker]):
    hardware = serializers.CharField(source="hardware.slug")
    live = serializers.BooleanField(help_text="seen within the last minute")
    out_of_service = serializers.CharField(
        help_text="why it takes no run at present: what its machine lacks; empty while it is in service"
    )
    out_of_service_since = serializers.DateTimeField(allow_null=True)
    clock_offset_s = serializers.FloatField(
        allow_null=True, help_text="how far its machine's clock is ahead of the database's, which dates everything"
    )
    tracks = serializers.SerializerMethodField()

    class Meta:
        model = Worker
        fields = [
            "name",
            "hardware",
            "device",
            "live",
            "out_of_service",
            "out_of_service_since",
            "clock_offset_s",
            "tracks",
            "started_at",
            "seen_at",
        ]

    def get_tracks(self, worker: Worker) -> list[str] | None:
        """Keys of the tracks whose data it has; null if it never reported them."""
        tracks = tracks_in(worker.diagnosis)
        return None if tracks is None else sorted(tracks)


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
