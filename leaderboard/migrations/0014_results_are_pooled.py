import json
from dataclasses import asdict
from typing import Any

from django.db import migrations, models
from django.utils import timezone

from leaderboard.domain.counting import counted
from leaderboard.services.figures import figures_of_entries
from leaderboard.services.means import pooled
from leaderboard.services.pooling import pools_of
from measurement.documents import DocumentError
from measurement.record import parse_record

FIGURES = (
    "recipe_id", "run_id", "mode", "data", "shared_energy_j", "own_energy_j", "inference_energy_j", "shared_u95_j",
    "own_u95_j", "inference_u95_j", "metered_shared_j", "metered_own_j", "inference_provenance", "provenance",
    "complete", "quality", "quality_metric", "quality_provenance", "submitters_weights", "hidden_quality", "phases",
    "parameters", "macs", "latency_p50_ms", "throughput_images_per_s", "batch_size", "results", "repeats",
)  # fmt: skip
UNCERTAINTIES = ("shared_u95_j", "own_u95_j", "inference_u95_j", "phases")


def count_every_run(apps: Any, schema_editor: Any) -> None:
    """Entries become the mean of all their full results, and know how far these are apart. One without a record that
    can be read stays as it is."""
    Entry, Run = (apps.get_model("leaderboard", name) for name in ("Entry", "Run"))
    verified = Entry.objects.filter(source="verified")
    works = verified.order_by("work", "board__hardware").values_list("work", "board__hardware").distinct()
    changed = set()
    for work, hardware in list(works):
        runs = Run.objects.filter(recipe__work=work, hardware=hardware, state="succeeded")
        results = [
            (run, record)
            for run in counted(runs.select_related("recipe", "submission"))
            if (record := record_of(run)) is not None
        ]
        found = figures_of_entries(results)
        for entry in verified.filter(work=work, board__hardware=hardware).select_related("board"):
            figures = found.get((entry.board.track, entry.board.scenario, entry.board.scope))
            if figures is None:
                continue
            names: tuple[str, ...] = ("repeats",)
            was, now = ((of["run_id"], of["results"], len(of["phases"])) for of in (vars(entry), figures))
            if was != now:
                names = FIGURES
                changed.add(entry.board_id)
            Entry.objects.filter(pk=entry.pk).update(**{name: figures[name] for name in names})
    pool(apps, changed)


def record_of(run: Any) -> Any:
    attempt = run.attempts.filter(number=run.attempt, record__isnull=False).first()
    try:
        return attempt and parse_record(json.dumps(attempt.record))
    except DocumentError:
        return None


def pool(apps: Any, changed: set[int]) -> None:
    """The spread of results is pooled over each board, and the uncertainties follow from it."""
    Board, Entry = (apps.get_model("leaderboard", name) for name in ("Board", "Entry"))
    for board in Board.objects.order_by("pk"):
        of_board = Entry.objects.filter(board=board).exclude(repeats={})
        entries = list(of_board.values("pk", "repeats", *UNCERTAINTIES))
        pools = pools_of(entries)
        for entry in entries:
            now = pooled(entry, pools)
            if any(entry[name] != now[name] for name in UNCERTAINTIES):
                Entry.objects.filter(pk=entry["pk"]).update(**{name: now[name] for name in UNCERTAINTIES})
                changed.add(board.pk)
        Board.objects.filter(pk=board.pk).update(pools={name: asdict(found) for name, found in pools.items()})
    Board.objects.filter(pk__in=changed).update(revision=models.F("revision") + 1, changed_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ("leaderboard", "0013_peak_memory_of_inference"),
    ]

    operations = [
        migrations.AddField(
            model_name='board',
            name='pools',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='entry',
            name='repeats',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(count_every_run, migrations.RunPython.noop),
    ]
