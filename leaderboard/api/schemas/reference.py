"""What there is to choose from: tracks, grids, prices, hardware, workers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from leaderboard.models import Hardware, Provenance, Reference, Worker
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


class ReferenceSerializer(serializers.ModelSerializer[Reference]):
    """What the reference workload took on a worker: the same work each time. Relative figures: 0.02 is 2 % more."""

    images_per_s = serializers.FloatField()
    energy_per_image_j = serializers.FloatField(allow_null=True, help_text="accelerator scope")
    provenance = serializers.ChoiceField(Provenance.choices, help_text="of the joules")
    drift = serializers.FloatField(
        allow_null=True, help_text="of images per second, from the median of its own past; null with too few"
    )
    energy_drift = serializers.FloatField(allow_null=True, help_text="of metered joules per image, likewise")
    of_hardware = serializers.FloatField(
        allow_null=True, help_text="of images per second, from the median of the hardware's other workers"
    )
    past = serializers.IntegerField(help_text="how many measurements its own past is of")
    is_adrift = serializers.BooleanField(help_text="whether a drift lies beyond its bound")
    is_disturbed = serializers.BooleanField(help_text="whether other work changed it, so that it is not compared")

    class Meta:
        model = Reference
        fields = [
            "at",
            "workload",
            "images_per_s",
            "energy_per_image_j",
            "provenance",
            "drift",
            "energy_drift",
            "of_hardware",
            "past",
            "is_adrift",
            "is_disturbed",
        ]


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
    reference = ReferenceSerializer(allow_null=True, help_text="the newest; null if it never ran")

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
            "reference",
            "started_at",
            "seen_at",
        ]

    def get_tracks(self, worker: Worker) -> list[str] | None:
        """Keys of the tracks whose data it has; null if it never reported them."""
        tracks = tracks_in(worker.diagnosis)
        return None if tracks is None else sorted(tracks)
