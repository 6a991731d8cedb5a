"""An entry with its evidence. No e-mail addresses."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.api.schemas.common import (
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
    STATES,
    GroupSerializer,
    PhaseSerializer,
    SourceSerializer,
)
from leaderboard.api.schemas.comparison import ComparisonSerializer
from leaderboard.api.schemas.own import CorrectionSerializer, VersionSerializer
from leaderboard.api.schemas.runs import MeasuredPhaseSerializer
from leaderboard.domain.quality import QUALITY_BY
from leaderboard.domain.repeats import Basis
from leaderboard.domain.running import PRECISIONS, RUNTIMES
from leaderboard.models import DATA, FAMILIES, MODES, SOURCES, Provenance
from leaderboard.presentation.entry.repeats import QUANTITY_CHOICES


class MethodSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    family = serializers.ChoiceField(list(FAMILIES.items()))
    paper = serializers.URLField(allow_null=True)
    authors = serializers.ListField(child=serializers.CharField())
    summary = serializers.CharField()


class EntryLinksSerializer(serializers.Serializer[Any]):
    """`trace`, `record` and `run` are null of a published result."""

    self = serializers.URLField()
    page = serializers.URLField()
    trace = serializers.URLField(allow_null=True)
    record = serializers.URLField(allow_null=True)
    badge = serializers.URLField()
    run = serializers.URLField(allow_null=True)


class ThinnedTraceSerializer(serializers.Serializer[Any]):
    """That the power trace has fewer samples than were taken. Joules and extremes are those of all samples."""

    at = serializers.DateTimeField()
    samples_before = serializers.IntegerField()
    samples = serializers.IntegerField()
    sha256_before = serializers.CharField(help_text="of the full trace: the record's trace_sha256")
    sha256 = serializers.CharField(help_text="of the file that the site gives now")


class ClaimSerializer(serializers.Serializer[Any]):
    """Another person's names for the same work."""

    title = serializers.CharField()
    authors = serializers.ListField(child=serializers.CharField())
    paper = serializers.URLField(allow_null=True)


class RunAsSerializer(serializers.Serializer[Any]):
    """How a network is run while its quality and its energy per image are measured."""

    precision = serializers.ChoiceField(list(PRECISIONS.items()))
    channels_last = serializers.BooleanField()
    compile = serializers.BooleanField()
    cuda_graphs = serializers.BooleanField()
    runtime = serializers.ChoiceField(list(RUNTIMES.items()))
    mark = serializers.CharField(help_text="in short, e.g. bf16 · compiled; empty for eager float32")


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
    audit = serializers.BooleanField(help_text="whether it was to check a result that stood")
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
    superseded_by = serializers.IntegerField(
        allow_null=True, help_text="the entry of a newer version by the same person that has its place on the board"
    )
    versions = VersionSerializer(many=True, help_text="of its work by one person; empty if there is one alone")
    corrections = CorrectionSerializer(many=True, help_text="of its names, the newest first")
    comparison = ComparisonSerializer(
        allow_null=True, help_text="both results, if the published model was verified here"
    )
    work = serializers.CharField(allow_null=True, help_text="SHA-256 of what the recipe does, whatever its seed")
    results = serializers.IntegerField(help_text=OF_RESULTS)
    runs = ResultSerializer(many=True, help_text="every run of the work on this hardware, the newest first")
    last_audited_at = serializers.DateTimeField(
        allow_null=True, help_text="when the last audit that left a result ended; null if there was none"
    )
    device = serializers.CharField(help_text="a hash of the UUID of what it was measured on; empty if unknown")
    gain_u95 = serializers.FloatField(
        help_text="that device's relative gain error at 95 %; in rank intervals only against other devices"
    )
    uncertainties = UncertaintySerializer(many=True, help_text="of what was measured; empty if published")
    also_claimed_as = ClaimSerializer(many=True, help_text="claims of authorship that are not decided")
    recipe = serializers.CharField(allow_null=True, help_text="SHA-256, of the newest result; null if published")
    recipe_document = serializers.DictField(allow_null=True, help_text="see /api/v1/recipe-schema")
    run_as = RunAsSerializer(allow_null=True, help_text="how its network is run; null if published")
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
    trace_thinned = ThinnedTraceSerializer(allow_null=True, help_text="null if the power trace is a full one")
    links = EntryLinksSerializer()


class TakenDownSerializer(serializers.Serializer[Any]):
    taken_down = serializers.IntegerField(help_text="the number that the entry had")
