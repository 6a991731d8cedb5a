"""What there is to choose from: tracks, grids, prices, hardware, workers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.models import Hardware, Worker
from leaderboard.routing import tracks_in


class TrackSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    title = serializers.CharField()
    dataset = serializers.CharField()
    source = serializers.CharField(help_text="where the data come from")  # type: ignore[assignment]  # as above
    description = serializers.CharField()
    preprocessing = serializers.CharField(help_text="how images are prepared, in training and in the test")
    protocol_version = serializers.IntegerField()
    metric = serializers.CharField()
    metric_label = serializers.CharField()
    quality_floor = serializers.FloatField(help_text="the default of min_quality, 0 to 1")
    floor_reason = serializers.CharField(help_text="why the floor is there")
    classes = serializers.IntegerField(allow_null=True, help_text="null if it depends on the recipe's data")
    channels = serializers.IntegerField()
    native_resolution = serializers.IntegerField(help_text="pixels")
    min_resolution = serializers.IntegerField(help_text="pixels")
    max_resolution = serializers.IntegerField(help_text="pixels")
    train_images = serializers.IntegerField(allow_null=True, help_text="null if it depends on the recipe's data")
    test_images = serializers.IntegerField(allow_null=True, help_text="null if it depends on the recipe's data")


class GridRegionSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    intensity_g_per_kwh = serializers.FloatField(help_text="CO2-equivalent, lifecycle")
    year = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]  # as above


class CarbonIntensitiesSerializer(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]  # as above
    source_url = serializers.URLField()
    regions = GridRegionSerializer(many=True)


class PriceRegionSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    price_per_kwh = serializers.FloatField(help_text="what businesses paid on average, in `currency`")
    currency = serializers.CharField(help_text="ISO 4217")
    period = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # as above
    source_url = serializers.URLField()


class ElectricityPricesSerializer(serializers.Serializer[Any]):
    regions = PriceRegionSerializer(many=True)


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
