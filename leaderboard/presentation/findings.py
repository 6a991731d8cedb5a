"""A board's findings in words: sentences, tables and charts, each number computed from the board's entries."""

from __future__ import annotations

from leaderboard.domain.findings import FEWEST_ENTRIES, TEACHER, overtaking
from leaderboard.domain.firmness import DRAWS
from leaderboard.presentation.finding_parts import (
    Column,
    Section,
    Text,
    complete_entries,
    entry_address,
    listed,
    make_table,
    reach,
    tau,
    three_digits,
    times,
    view_address,
    view_at,
)
from leaderboard.presentation.format import UNKNOWN, count, floor_percent, images, joules, percent, share
from leaderboard.presentation.line_plot import Series, plot, powers_of_ten
from leaderboard.presentation.rows import quality_label
from leaderboard.queries import BoardFindings, Findings

# Of each figure that others rank or choose by: its name, and how a choice by it is called.
FIGURE_NAMES = {"macs": "MACs", "parameters": "parameters", "inference_j": "inference energy"}
RULE_NAMES = {
    "macs": "fewest MACs",
    "parameters": "fewest parameters",
    "inference_j": "least inference energy",
    "quality": "best quality",
}
PHASE_NAMES = {
    "search": "architecture search",
    "pretrain": "pre-training",
    "train": "training",
    "compress": "compression",
    "finetune": "fine-tuning",
    TEACHER: "a teacher's forward passes",
}


def sections(found: Findings) -> list[Section]:
    """Every finding, in the page's order; none for a board with too few complete entries."""
    of_board = found.of_board
    if not of_board.enough:
        return []
    made = [
        _orders(of_board),
        _wrong_choices(found),
        _overtaking(of_board),
        _trainings(of_board),
        _phases(of_board),
        _champions(of_board),
    ]
    return [section for section in made if section is not None]


def too_few(found: BoardFindings) -> str:
    """Why a board has no findings."""
    complete = len(found.models)
    are = "entry is complete" if complete == 1 else "entries are complete"
    return (
        f"{complete or 'No'} {are} on this board, of {count(found.entries)} at or above the quality floor of "
        f"{floor_percent(found.track_floor)}. Findings need at least {FEWEST_ENTRIES}: an entry with a missing phase "
        "has only a lower bound."
    )


def _orders(found: BoardFindings) -> Section:
    agreements = found.agreements
    first, last = agreements[0], agreements[-1]
    sentences = [
        f"For {images(first.usage_intensity)}, the order by MACs has a τ of {tau(first.macs)} with the order by "
        f"full-cycle energy, the order by parameters {tau(first.parameters)}, and the order by inference energy "
        f"{tau(first.inference_j)}.",
        f"For {images(last.usage_intensity)} these are {tau(last.macs)}, {tau(last.parameters)} and "
        f"{tau(last.inference_j)}.",
    ]
    notes = [
        "τ is Kendall's τ-b: 1 for the same order, 0 for nothing in common, −1 for the reverse. "
        f"It compares {complete_entries(found.compared)}"
        + (
            f", evenly spaced by quality, of {count(len(found.models))}."
            if found.compared < len(found.models)
            else "."
        )
    ]
    columns = (
        Column("Images", is_number=False, is_head=True),
        *(Column(name[0].upper() + name[1:]) for name in FIGURE_NAMES.values()),
    )
    rows: list[list[Text]] = [
        [count(one.usage_intensity), tau(one.macs), tau(one.parameters), tau(one.inference_j)] for one in agreements
    ]
    values = [
        value for one in agreements for value in (one.macs, one.parameters, one.inference_j) if value is not None
    ]
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0) if min(values, default=0.0) >= 0 else (-1.0, -0.5, 0.0, 0.5, 1.0)
    drawn = plot(
        [
            Series(key, name, tuple((one.usage_intensity, getattr(one, key)) for one in agreements))
            for key, name in FIGURE_NAMES.items()
        ],
        [(tick, tau(tick)) for tick in ticks],
        anchor="orders-plot",
        title="Kendall's τ with the full-cycle order against usage intensity",
        description="A line each for MACs, parameters and inference energy. The table has the figures.",
        y_name="Kendall's τ",
    )
    display = {"columns": "quality,energy,one_time,per_image,parameters,macs", "sort": "macs"}
    view = ("The board in the order of MACs", view_address(found.board, display=display))
    return Section(
        "orders",
        "How far other rankings are from the full-cycle order",
        sentences,
        view,
        make_table("Kendall's τ with the full-cycle order", columns, rows),
        drawn,
        notes,
    )


def _wrong_choices(found: Findings) -> Section:
    of_board, floor = found.of_board, found.min_quality
    quality = f"{percent(floor)} {quality_label(of_board.metric)}"
    view = (
        f"The board from {quality} on",
        view_address(of_board.board, min_quality=floor),
    )
    title = "What choosing by another figure costs"
    if not found.eligible:
        nobody = f"No complete entry reaches {quality}: choose a lower floor."
        return Section("choices", title, [nobody], view, asks_floor=True)
    sentences = [f"{complete_entries(found.eligible)} {reach(found.eligible)} {quality}."]
    for rule, model in found.choices.items():
        worst = max(found.costs, key=lambda cost: cost.factors[rule] or 0.0)
        sentences.append(
            f"By {RULE_NAMES[rule]} one chooses {of_board.titles[model.key]}. It uses up to "
            f"{times(worst.factors[rule])} the least energy, at {images(worst.usage_intensity)}."
        )
    columns = (
        Column("Images", is_number=False, is_head=True),
        Column("Least energy", is_number=False),
        *(Column(f"By {RULE_NAMES[rule]}") for rule in found.choices),
    )
    rows: list[list[Text]] = [
        [
            (count(cost.usage_intensity), view_at(of_board.board, cost.usage_intensity, floor)),
            (of_board.titles[cost.best.key], entry_address(cost.best)),
            *(times(cost.factors[rule]) for rule in found.choices),
        ]
        for cost in found.costs
    ]
    most = max((factor for cost in found.costs for factor in cost.factors.values() if factor), default=1.0)
    drawn = plot(
        [
            Series(rule, RULE_NAMES[rule], tuple((cost.usage_intensity, cost.factors[rule]) for cost in found.costs))
            for rule in found.choices
        ],
        [(tick, count(tick)) for tick in powers_of_ten(most)],
        anchor="choices-plot",
        title="Energy of the choice over the least energy against usage intensity",
        description="A line for each way to choose, on a logarithmic scale. The table has the figures.",
        y_name="Times the least energy",
        log_y=True,
    )
    note = "Of entries with equal figures the one of higher quality is chosen."
    return Section(
        "choices",
        title,
        sentences,
        view,
        make_table("Energy of the choice over the least energy", columns, rows),
        drawn,
        [note],
        asks_floor=True,
    )


def _overtaking(found: BoardFindings) -> Section | None:
    where = found.overtaking
    if where is None:
        return None
    sentences = [
        f"For the median of {complete_entries(where.models)}, inference has used more than everything before it from "
        f"{images(where.median)} on.",
        f"For nine in ten of them that point lies between {images(where.low)} and {images(where.high)}.",
    ]
    columns = (Column("Images", is_number=False, is_head=True), Column("Entries whose inference used more"))
    rows: list[list[Text]] = [[count(n), share(part)] for n, part in where.shares]
    drawn = plot(
        [Series("share", "entries whose inference used more", where.shares)],
        [(tick, share(tick)) for tick in (0.0, 0.25, 0.5, 0.75, 1.0)],
        anchor="overtaking-plot",
        title="Entries whose inference has used more than their one-time energy, against usage intensity",
        description="One line that rises. The table has the figures.",
        y_name="Entries",
    )
    view = (
        f"The board at {images(where.median)}",
        view_address(found.board, usage_intensity=three_digits(where.median)),
    )
    return Section(
        "overtaking",
        "Where inference overtakes the one-time energy",
        sentences,
        view,
        make_table("Entries whose inference used more than their one-time energy", columns, rows),
        drawn,
    )


def _trainings(found: BoardFindings) -> Section | None:
    trainings = found.trainings
    if trainings is None:
        return None
    name = trainings.network.partition("\n")[0]
    cheapest, dearest = trainings.models[0], trainings.models[-1]
    size = f"{count(cheapest.parameters)} parameters"
    if cheapest.macs is not None:
        size += f", {count(cheapest.macs)} MACs an image"
    sentences = [
        f"{name} is here with {len(trainings.models)} trainings of the same network ({size}).",
        f"The dearest took {times(trainings.factor)} the one-time energy of the cheapest: "
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
        for model in trainings.models
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


def _phases(found: BoardFindings) -> Section:
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


def _champions(found: BoardFindings) -> Section | None:
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
