"""Answers about a board: its rows, champions, a range of usage intensities, the snapshot. Energies are joules."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.api.schemas.common import (
    OF_BELOW_FLOOR,
    OF_BUSY,
    OF_CLAIM,
    OF_DATA,
    OF_FLOOR,
    OF_HIDDEN,
    OF_MEMORY,
    OF_MODE,
    OF_QUALITY_BY,
    OF_RESULTS,
    OF_SOURCE,
    OF_WEIGHTS,
    GroupSerializer,
    PageSerializer,
    PhaseSerializer,
)
from leaderboard.domain.board_query import ORDERINGS
from leaderboard.domain.constraints import BY_PARAMETER
from leaderboard.domain.quality import QUALITY_BY
from leaderboard.domain.running import COMPILED, PRECISIONS, RUNTIMES
from leaderboard.models import DATA, FAMILIES, MODES, SOURCES, Provenance, Scenario, Scope

OF_RUNNING = "how the network is run while it is measured; null if published"


class RowSerializer(serializers.Serializer[Any]):
    rank = serializers.IntegerField(allow_null=True, help_text="null: listed, but not ranked")
    rank_best = serializers.IntegerField(allow_null=True, help_text="null if unranked or of unknown uncertainty")
    rank_worst = serializers.IntegerField(allow_null=True, help_text="null if unranked or of unknown uncertainty")
    entry = serializers.IntegerField()
    method = serializers.CharField()
    family = serializers.ChoiceField(list(FAMILIES.items()))
    recipe = serializers.CharField(allow_null=True, help_text="SHA-256; null of a published result")
    source = serializers.ChoiceField(list(SOURCES.items()), help_text=OF_SOURCE)  # type: ignore[assignment]  # as above
    model = serializers.CharField(allow_null=True, help_text="of a published result: timm's name with its tag")
    track = serializers.CharField()
    hardware = serializers.CharField()
    scenario = serializers.ChoiceField(Scenario.choices)
    scope = serializers.ChoiceField(Scope.choices)
    quality = serializers.FloatField(help_text="0 to 1")
    quality_metric = serializers.CharField()
    quality_provenance = serializers.CharField(help_text="evaluated or reported")
    quality_by = serializers.ChoiceField(list(QUALITY_BY.items()), help_text=OF_QUALITY_BY)
    below_floor = serializers.BooleanField(help_text=OF_BELOW_FLOOR)
    submitters_weights = serializers.BooleanField(help_text=OF_WEIGHTS)
    busy_machine = serializers.BooleanField(help_text=OF_BUSY)
    hidden_quality = serializers.FloatField(allow_null=True, help_text=OF_HIDDEN)
    results = serializers.IntegerField(help_text=OF_RESULTS)
    also_claimed_as = serializers.CharField(allow_null=True, help_text=OF_CLAIM)
    mode = serializers.ChoiceField(list(MODES.items()), help_text=OF_MODE)
    data = serializers.ChoiceField(list(DATA.items()), help_text=OF_DATA)  # type: ignore[assignment]  # as above
    precision = serializers.ChoiceField(list(PRECISIONS.items()), allow_null=True, help_text=OF_RUNNING)
    runtime = serializers.ChoiceField(list(RUNTIMES.items()), allow_null=True, help_text=OF_RUNNING)
    compiled = serializers.ChoiceField(list(COMPILED.items()), allow_null=True, help_text=OF_RUNNING)
    run_mark = serializers.CharField(
        allow_null=True, help_text="the same in short, with all options; empty for eager float32"
    )
    one_time_energy_j = serializers.FloatField(help_text="search and pretrain divided by shared_by, and the rest")
    inference_energy_j = serializers.FloatField(help_text="per image")
    full_cycle_energy_j = serializers.FloatField(help_text="lower bound if complete is false")
    full_cycle_energy_u95_j = serializers.FloatField(
        allow_null=True, help_text="null if the repeatability of any part is unknown"
    )
    energy_per_correct_j = serializers.FloatField(allow_null=True, help_text="per correct prediction")
    greenness_per_mj = serializers.FloatField(
        allow_null=True, help_text="quality to the power accuracy_weight, over full_cycle_energy_j in MJ"
    )
    greenness_relative = serializers.FloatField(
        allow_null=True, help_text="per cent of the greenest that is ranked; null without a rank or a greenness"
    )
    provenance = serializers.ChoiceField(Provenance.choices, help_text="the weakest of all figures")
    metered_share = serializers.FloatField(help_text="of full_cycle_energy_j, 0 to 1")
    pareto = serializers.BooleanField()
    complete = serializers.BooleanField()
    inference_provenance = serializers.ChoiceField(Provenance.choices)
    parameters = serializers.IntegerField()
    macs = serializers.IntegerField(allow_null=True, help_text="multiply-accumulates per image")
    latency_p50_ms = serializers.FloatField(allow_null=True, help_text="per batch; null if not published")
    throughput_images_per_s = serializers.FloatField()
    batch_size = serializers.IntegerField()
    peak_memory_bytes = serializers.IntegerField(allow_null=True, help_text=OF_MEMORY)
    published_at = serializers.DateTimeField()
    phases = PhaseSerializer(many=True)


class EffectSerializer(serializers.Serializer[Any]):
    """What a limit leaves of the entries that all other filters and the floor let through."""

    parameter = serializers.ChoiceField(list(BY_PARAMETER))
    limit = serializers.FloatField()
    leaves = serializers.IntegerField()
    of = serializers.IntegerField()
    unknown = serializers.IntegerField(help_text="of these, entries without the figure; the limit leaves them out")


class LeaderboardSerializer(PageSerializer, GroupSerializer):
    usage_intensity = serializers.FloatField()
    shared_by = serializers.FloatField()
    accuracy_weight = serializers.FloatField(help_text="the τ of greenness")
    revision = serializers.IntegerField(help_text="raised with every change of the group; 0 if it is empty")
    min_quality = serializers.FloatField(allow_null=True, help_text=OF_FLOOR)
    power_limits_w = serializers.ListField(
        child=serializers.FloatField(), help_text="that the group's entries ran under; empty if unknown"
    )
    below_floor = serializers.IntegerField(help_text="entries excluded by min_quality")
    constraints = EffectSerializer(many=True, help_text="the limits in force")
    results = RowSerializer(many=True)


class ChampionSerializer(serializers.Serializer[Any]):
    entry = serializers.IntegerField()
    method = serializers.CharField()
    from_usage_intensity = serializers.FloatField()
    to_usage_intensity = serializers.FloatField(allow_null=True, help_text="null: no end")
    one_time_energy_j = serializers.FloatField()
    inference_energy_j = serializers.FloatField(help_text="per image")


class ChampionsSerializer(GroupSerializer):
    order_by = serializers.ChoiceField(list(ORDERINGS), help_text="what the champions are best at")
    accuracy_weight = serializers.FloatField(help_text="the τ of greenness")
    min_quality = serializers.FloatField(allow_null=True, help_text=OF_FLOOR)
    revision = serializers.IntegerField()
    results = ChampionSerializer(many=True)


class ChoiceSerializer(serializers.Serializer[Any]):
    """An entry chosen for a range of usage intensities.

    Ratios are to the best at the same N, at least 1; by greenness, of energy over quality to the power of
    accuracy_weight.
    """

    entry = serializers.IntegerField()
    method = serializers.CharField()
    worst_ratio = serializers.FloatField(help_text="the greatest ratio in the range: the worst-case regret")
    worst_at_usage_intensity = serializers.FloatField()
    mean_ratio = serializers.FloatField(help_text="the mean ratio, every power of ten as likely as another")
    extra_energy_j = serializers.FloatField(
        help_text="the most above the best at any N; by greenness, above one of its quality as green as the best"
    )
    extra_at_usage_intensity = serializers.FloatField()


class RangeSerializer(GroupSerializer):
    order_by = serializers.ChoiceField(list(ORDERINGS), help_text="what is best")
    accuracy_weight = serializers.FloatField(help_text="the τ of greenness")
    min_quality = serializers.FloatField(allow_null=True, help_text=OF_FLOOR)
    shared_by = serializers.FloatField()
    revision = serializers.IntegerField()
    n_from = serializers.FloatField()
    n_to = serializers.FloatField()
    winners = serializers.IntegerField(help_text="entries that are best somewhere in the range; 0 if there is none")
    safest = ChoiceSerializer(
        allow_null=True, help_text="of least worst-case regret, which is what not knowing N costs at most"
    )
    best_on_average = ChoiceSerializer(allow_null=True, help_text="of least mean regret")


def _column(field: serializers.Field[Any, Any, Any, Any]) -> serializers.ListField:
    return serializers.ListField(child=field)


class ColumnsSerializer(serializers.Serializer[Any]):
    """Lists of equal length, one item for each entry, in order of entry."""

    entry = _column(serializers.IntegerField())
    method = _column(serializers.CharField())
    family = _column(serializers.ChoiceField(list(FAMILIES.items())))
    recipe = _column(serializers.CharField(allow_null=True))
    source = _column(serializers.ChoiceField(list(SOURCES.items())))  # type: ignore[assignment]  # as above
    architecture = _column(serializers.CharField(allow_null=True))
    quality = _column(serializers.FloatField())
    quality_provenance = _column(serializers.CharField())
    submitters_weights = _column(serializers.BooleanField())
    busy_machine = _column(serializers.BooleanField())
    hidden_quality = _column(serializers.FloatField(allow_null=True))
    results = _column(serializers.IntegerField())
    also_claimed_as = _column(serializers.CharField(allow_null=True))
    mode = _column(serializers.ChoiceField(list(MODES.items())))
    data = _column(serializers.ChoiceField(list(DATA.items())))  # type: ignore[assignment]  # as above
    precision = _column(serializers.ChoiceField(list(PRECISIONS.items()), allow_null=True))
    runtime = _column(serializers.ChoiceField(list(RUNTIMES.items()), allow_null=True))
    compiled = _column(serializers.ChoiceField(list(COMPILED.items()), allow_null=True))
    run_mark = _column(serializers.CharField(allow_null=True))
    shared_energy_j = _column(serializers.FloatField())
    own_energy_j = _column(serializers.FloatField())
    inference_energy_j = _column(serializers.FloatField())
    shared_u95_j = _column(serializers.FloatField(allow_null=True))
    own_u95_j = _column(serializers.FloatField(allow_null=True))
    inference_u95_j = _column(serializers.FloatField(allow_null=True))
    metered_shared_j = _column(serializers.FloatField())
    metered_own_j = _column(serializers.FloatField())
    inference_provenance = _column(serializers.ChoiceField(Provenance.choices))
    provenance = _column(serializers.ChoiceField(Provenance.choices))
    complete = _column(serializers.BooleanField())
    phases = _column(PhaseSerializer(many=True))
    parameters = _column(serializers.IntegerField())
    macs = _column(serializers.IntegerField(allow_null=True))
    latency_p50_ms = _column(serializers.FloatField(allow_null=True))
    throughput_images_per_s = _column(serializers.FloatField())
    batch_size = _column(serializers.IntegerField())
    peak_memory_bytes = _column(serializers.IntegerField(allow_null=True))
    published_at = _column(serializers.DateTimeField())
    device = _column(serializers.CharField())
    gain_u95 = _column(serializers.FloatField())


class SnapshotSerializer(GroupSerializer):
    revision = serializers.IntegerField()
    quality_metric = serializers.CharField(allow_null=True)
    quality_floor = serializers.FloatField(
        allow_null=True, help_text="the track's default floor; a snapshot holds the entries below it too"
    )
    columns = ColumnsSerializer()
