"""An audit that disagrees with what its entry shows holds the entry, until an administrator has decided."""

from __future__ import annotations

from django.db.models import F

from leaderboard.domain.counting import is_limited
from leaderboard.domain.drift import HONEST, Difference, difference, drifted
from leaderboard.domain.repeats import NO_POOL, Pool, Repeats
from leaderboard.domain.students_t import quantile
from leaderboard.models import Attempt, Entry, NoticeKind, Run
from leaderboard.services.figures import figures_of_entries
from leaderboard.services.means import UNCERTAINTIES, Figures
from leaderboard.services.notices import tell_administrators, tell_of_run
from leaderboard.services.publication import counted_results, mark_held, refresh_entries, tell_taken_down
from measurement.record import Record

AUDIT_DRIFTED = "audit_drifted"
_OF = {
    "shared": "energy of search and pre-training",
    "own": "energy of the other one-time phases",
    "inference": "energy per image",
}


def hold_if_drifted(run: Run, record: Record) -> bool:
    """Hold an audit and all results of its entries if they disagree; the entries leave their boards.

    In the transaction that stores the audit's result, before that is published. False if they agree, if there
    is nothing to compare with, or if how far such runs are apart is not known.
    """
    if not run.is_audit or run.held_for:
        return False
    entries = list(
        Entry.objects.filter(work=run.recipe.work_id, board__hardware=run.hardware, mode=run.mode).select_related(
            "board__hardware", "recipe__method"
        )
    )
    compared = _compared(run, record, entries)
    worst = drifted([found for found, _ in compared])
    if worst is None:
        return False
    figure = next(words for found, words in compared if found is worst)
    reason = _reason(run, worst, figure, len(compared))
    standing = {result.pk for result in counted_results(run.recipe.work_id, run.hardware_id)} - {run.pk}
    for result in Run.objects.select_for_update(no_key=True).filter(pk__in=standing).order_by("pk"):
        line = mark_held(result, by=None, reason=reason, flag=AUDIT_DRIFTED)
        tell_of_run(NoticeKind.HELD, result, event=line, reason=reason)
    subject = f"an audit of {run.recipe.method.title} has drifted"
    tell_administrators(subject, _for_administrators(run, reason), event=f"audit-{run.pk}")
    mark_held(run, by=None, reason=reason, flag=AUDIT_DRIFTED)
    tell_taken_down(entries, by=None, reason=reason)
    refresh_entries(run.recipe.work_id, run.hardware)
    return True


def _compared(run: Run, record: Record, entries: list[Entry]) -> list[tuple[Difference, str]]:
    """Each figure of the audit against that of its entry, once: one-time energy is the same in all scenarios."""
    new = figures_of_entries([(run, record)])
    if record.track_protocol_version != _protocol_of(entries):
        return []  # a newer protocol's results take the place of the older ones
    found: dict[tuple[str, ...], tuple[Difference, str]] = {}
    for entry in sorted(entries, key=lambda entry: entry.pk):
        board = entry.board
        figures = new.get((board.track, board.scenario, board.scope))
        if figures is None or is_limited(run.recipe.document, entry.batch_size):
            continue
        for name in UNCERTAINTIES:
            key = (name, board.scope, board.scenario if name == "inference" else "")
            apart = _difference(entry, figures, name)
            if apart is not None and key not in found:
                where = f"{board.get_scenario_display().lower()}, " if name == "inference" else ""
                found[key] = (apart, f"{_OF[name]} ({where}{board.scope})")
    return list(found.values())


def _difference(entry: Entry, figures: Figures, name: str) -> Difference | None:
    known, measured = entry.repeats.get(name), figures["repeats"][name]
    if known is None or measured is None:
        return None
    pool = entry.board.pools.get(name)
    gains = () if entry.device == figures["device"] else (entry.gain_u95, figures["gain_u95"])
    return difference(
        Repeats.read(known),
        Pool(**pool) if pool else NO_POOL,
        measured["mean_j"],
        new_within_u95_j=measured["within_u95_j"],
        gains_u95=gains,
    )


def _protocol_of(entries: list[Entry]) -> int | None:
    """The version of the track's protocol that entries of one work were measured by."""
    newest = Attempt.objects.filter(run__in=[entry.run_id for entry in entries], number=F("run__attempt"))
    found = newest.values_list("record__track_protocol_version", flat=True).first()
    return None if found is None else int(found)


def _reason(run: Run, worst: Difference, figure: str, figures: int) -> str:
    side = "more" if worst.relative > 0 else "less"
    limit = worst.u * quantile((1 - HONEST) / figures, worst.degrees_of_freedom)
    return (
        f"The audit (run {run.pk}) measured {_per_cent(abs(worst.relative))} {side} {figure} than the entry's mean. "
        f"By how far such runs are apart, {_per_cent(HONEST)} of audits agree within ± {_per_cent(limit)}. "
        "An administrator decides which results count."
    )


def _for_administrators(run: Run, reason: str) -> str:
    return (
        f"{reason}\n\nThe entry of {run.recipe.method.title} on {run.hardware} has left its boards, and its results "
        "are held. Under /admin/, Runs, filtered by “held for: audit drifted”, compare them, and release those that "
        "count."
    )


def _per_cent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
