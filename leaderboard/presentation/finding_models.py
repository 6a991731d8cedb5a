"""Findings about models: one architecture under its trainings, what each phase adds, who is champion."""

from __future__ import annotations

from leaderboard.domain.findings import TEACHER, overtaking
from leaderboard.domain.firmness import DRAWS
from leaderboard.presentation.finding_parts import (
    Column,
    Section,
    Text,
    complete_entries,
    entry_address,
    listed,
    make_table,
    times,
    view_address,
    view_at,
)
from leaderboard.presentation.format import UNKNOWN, count, images, joules, percent, share
from leaderboard.queries import BoardFindings

PHASE_NAMES = {
    "search": "architecture search",
    "pretrain": "pre-training",
    "train": "training",
    "compress": "compression",
    "finetune": "fine-tuning",
    TEACHER: "a teacher's forward passes",
}


def trainings(found: BoardFindings) -> Section | None:
    """The network whose trainings differ most; None if none has several."""
    widest = found.trainings
    if widest is None:
        return None
    name = widest.network.partition("\n")[0]
    cheapest, dearest = widest.models[0], widest.models[-1]
    size = f"{count(cheapest.parameters)} parameters"
    if cheapest.macs is not None:
        size += f", {count(cheapest.macs)} MACs an image"
    sentences = [
        f"{name} is here with {len(widest.models)} trainings of the same network ({size}).",
        f"The dearest took {times(widest.factor)} the one-time energy of the cheapest: "
        f"{joules(dearest.one_time_j)} against {joules(cheapest.one_time_j)}.",
        f"Its quality is {percent(dearest.quality)} against {percent(cheapest.quality)}.",
    ]
    columns = (
        Column("Training", is_number=False, is_head=True),
        Column("One-time energy"),
        Column("Times the cheapest"),
        Column("Quality"),
        Column("Images until inference overtakes"),
    )
    rows: list[list[Text]] = [
        [
            (found.titles[model.key], entry_address(model)),
            joules(model.one_time_j),
            times(model.one_time_j / cheapest.one_time_j),
            percent(model.quality),
            count(overtaking(model)),
        ]
        for model in widest.models
    ]
    view = (f"{name} on the board", view_address(found.board, search=name))
    return Section(
        "trainings",
        "One architecture under its different trainings",
        sentences,
        view,
        make_table("Trainings, the cheapest first", columns, rows),
        notes=["Of the networks with at least three trainings, the one whose one-time energy differs most."],
    )


def phases(found: BoardFindings) -> Section:
    """What each phase adds to the one-time energy, and where it is missing."""
    sentences = [
        f"{PHASE_NAMES[part.phase].capitalize()} made up {share(part.median)} of the one-time energy, in the median "
        f"of the {complete_entries(part.models)} concerned. These entries took {joules(part.one_time_j)} before "
        "their first use, in the median."
        for part in found.phases
        if part.models and part.phase != "train"
    ]
    incomplete = found.entries - len(found.models)
    missing = [f"{PHASE_NAMES[part.phase]} of {count(part.missing)}" for part in found.phases if part.missing]
    if found.missing_inference:
        missing.append(f"inference of {count(found.missing_inference)}")
    if incomplete:
        sentences.append(
            f"{count(incomplete)} of {count(found.entries)} entries {'is' if incomplete == 1 else 'are'} incomplete, "
            f"for nobody states what a phase took: {listed(missing)}."
        )
    else:
        sentences.append(f"All {count(found.entries)} entries are complete.")
    columns = (
        Column("Phase", is_number=False, is_head=True),
        Column("Complete entries with it"),
        Column("Share of one-time energy, median"),
        Column("Nine in ten"),
        Column("Their one-time energy, median"),
        Column("Entries where it is missing"),
    )
    rows: list[list[Text]] = [
        [
            PHASE_NAMES[part.phase].capitalize(),
            count(part.models),
            share(part.median),
            UNKNOWN if part.low is None else f"{share(part.low)} to {share(part.high)}",
            joules(part.one_time_j),
            UNKNOWN if part.missing is None else count(part.missing),
        ]
        for part in found.phases
    ]
    view = (
        "Entries with a missing phase",
        view_address(found.board, provenance=("missing",), include_incomplete=True),
    )
    return Section(
        "phases",
        "What pre-training, searches and teachers add",
        sentences,
        view,
        make_table("What each phase adds", columns, rows),
        notes=["A teacher's forward passes are part of its student's training or fine-tuning."],
    )


def champions(found: BoardFindings) -> Section | None:
    """Who uses the least energy at each floor and usage, and how firmly; None without a champion."""
    if not found.champions:
        return None
    firmest = max(found.champions, key=lambda champion: champion.share)
    least_firm = min(found.champions, key=lambda champion: champion.share)
    different = len({champion.model.key for champion in found.champions})
    sentences = [
        f"The {len(found.champions)} combinations of quality floor and usage have {different} different "
        f"{'champion' if different == 1 else 'champions'}."
    ]
    for word, champion in (("firmest", firmest), ("least firm", least_firm)):
        sentences.append(
            f"The {word} is {found.titles[champion.model.key]}, from {percent(champion.min_quality)} on at "
            f"{images(champion.usage_intensity)}: it stays champion in {share(champion.share)} of the draws."
        )
    columns = (
        Column("Quality floor"),
        Column("Images", is_number=False),
        Column("Champion", is_number=False, is_head=True),
        Column("Full-cycle energy"),
        Column("Stays champion"),
        Column("Others that win a draw"),
    )
    rows: list[list[Text]] = [
        [
            percent(champion.min_quality),
            (
                count(champion.usage_intensity),
                view_at(found.board, champion.usage_intensity, champion.min_quality),
            ),
            (found.titles[champion.model.key], entry_address(champion.model)),
            joules(champion.model.energy_j(champion.usage_intensity)),
            share(champion.share),
            count(champion.rivals),
        ]
        for champion in found.champions
    ]
    notes = [
        f"Each of {DRAWS} draws gives every entry another one-time energy and another inference energy, independent "
        "of each other, log-normal within their uncertainty. Errors that entries of one card share are not in it: "
        "they move joules, not ranks."
    ]
    if found.exact:
        notes.append(f"{complete_entries(found.exact)} without a known uncertainty count as exact.")
    view = (
        "The board from the highest floor on",
        view_address(found.board, min_quality=found.champions[-1].min_quality),
    )
    return Section(
        "champions",
        "Who is champion, and how firm that is",
        sentences,
        view,
        make_table("Champions by quality floor and usage intensity", columns, rows),
        notes=notes,
    )
