"""Every address under /api/."""

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from leaderboard.api.base import UnknownAddress
from leaderboard.api.views import (
    board,
    checks,
    downloads,
    entries,
    findings,
    log,
    measurements,
    reference,
    runs,
    spending,
    submissions,
    uploads,
)


class ArtifactConverter(StringConverter):
    """A SHA-256, or the id of an upload."""

    regex = "[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Sha256Converter(StringConverter):
    """The SHA-256 of a file."""

    regex = "[0-9a-f]{64}"


register_converter(ArtifactConverter, "artifact")
register_converter(Sha256Converter, "sha256")

urlpatterns = [
    path("v1/leaderboard", board.LeaderboardView.as_view(), name="api-leaderboard"),
    path("v1/leaderboard/snapshot", board.SnapshotView.as_view(), name="api-leaderboard-snapshot"),
    path("v1/leaderboard/champions", board.ChampionsView.as_view(), name="api-leaderboard-champions"),
    path("v1/leaderboard/range", board.RangeView.as_view(), name="api-leaderboard-range"),
    path("v1/leaderboard.csv", downloads.CsvView.as_view(), name="api-leaderboard-csv"),
    path("v1/leaderboard.json", downloads.JsonView.as_view(), name="api-leaderboard-json"),
    path("v1/leaderboard.parquet", downloads.ParquetView.as_view(), name="api-leaderboard-parquet"),
    path("v1/entries/<int:pk>", entries.EntryView.as_view(), name="api-entry"),
    path("v1/entries/<int:pk>/trace", entries.TraceView.as_view(), name="api-entry-trace"),
    path("v1/entries/<int:pk>/take-down", entries.TakeDownView.as_view(), name="api-entry-take-down"),
    path("v1/entries/<int:pk>/badge.svg", entries.BadgeView.as_view(), name="api-entry-badge"),
    path("v1/submissions", submissions.SubmissionsView.as_view(), name="api-submissions"),
    path("v1/submissions/check", checks.CheckView.as_view(), name="api-submission-check"),
    path("v1/submissions/<uuid:pk>", submissions.SubmissionView.as_view(), name="api-submission"),
    path("v1/submissions/<uuid:pk>/withdraw", submissions.WithdrawView.as_view(), name="api-submission-withdraw"),
    path("v1/artifacts", uploads.UploadsView.as_view(), name="api-artifacts"),
    path("v1/artifacts/<artifact:pk>/content", uploads.ContentView.as_view(), name="api-artifact-content"),
    path("v1/artifacts/<artifact:pk>", uploads.UploadView.as_view(), name="api-artifact"),
    path("v1/submissions/<uuid:pk>/restore", submissions.RestoreView.as_view(), name="api-submission-restore"),
    path("v1/submissions/<uuid:pk>/names", submissions.NamesView.as_view(), name="api-submission-names"),
    path("v1/measurements", measurements.MeasurementsView.as_view(), name="api-measurements"),
    path("v1/measurements/<sha256:sha256>", measurements.MeasurementView.as_view(), name="api-measurement"),
    path(
        "v1/measurements/<sha256:sha256>/trace",
        measurements.MeasurementTraceView.as_view(),
        name="api-measurement-trace",
    ),
    path("v1/runs/<int:pk>", runs.RunView.as_view(), name="api-run"),
    path("v1/runs/<int:pk>/record", runs.RecordView.as_view(), name="api-run-record"),
    path("v1/runs/<int:pk>/rerun", runs.RerunView.as_view(), name="api-run-rerun"),
    path("v1/runs/<int:pk>/cancel", runs.CancelView.as_view(), name="api-run-cancel"),
    path("v1/runs/<int:pk>/hold", runs.HoldView.as_view(), name="api-run-hold"),
    path("v1/runs/<int:pk>/release", runs.ReleaseView.as_view(), name="api-run-release"),
    path("v1/log", log.LogView.as_view(), name="api-log"),
    path("v1/log.csv", log.LogCsvView.as_view(), name="api-log-csv"),
    path("v1/log.jsonl", log.LogJsonLinesView.as_view(), name="api-log-jsonl"),
    path("v1/spending", spending.SpendingView.as_view(), name="api-spending"),
    path("v1/queue", runs.QueueView.as_view(), name="api-queue"),
    path("v1/workers", runs.WorkersView.as_view(), name="api-workers"),
    path("v1/findings", findings.FindingsView.as_view(), name="api-findings"),
    path("v1/tracks", reference.TracksView.as_view(), name="api-tracks"),
    path("v1/hardware", reference.HardwareView.as_view(), name="api-hardware"),
    path("v1/recipe-schema", reference.RecipeSchemaView.as_view(), name="api-recipe-schema"),
    path("v1/carbon-intensities", reference.CarbonIntensitiesView.as_view(), name="api-carbon-intensities"),
    path("v1/electricity-prices", reference.ElectricityPricesView.as_view(), name="api-electricity-prices"),
    path("schema/", reference.SchemaView.as_view(), name="api-schema"),
    path("docs/", reference.DocsView.as_view(), name="api-docs"),
    re_path(r"^v1(/[\s\S]*)?\Z", UnknownAddress.as_view(), name="api-unknown"),
]
