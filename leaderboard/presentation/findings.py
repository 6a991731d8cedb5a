"""A board's findings in words: sentences, tables and charts, each number computed from the board's entries."""

from __future__ import annotations

from leaderboard.domain.findings import FEWEST_ENTRIES
from leaderboard.presentation.finding_models import champions, phases, trainings
from leaderboard.presentation.finding_parts import (
    Column,
    Section,
    Text,
    complete_entries,
    entry_address,
    make_table,
    reach,
    tau,
    three_digits,
    times,
    view_address,
    view_at,
)
from leaderboard.presentation.format import count, floor_percent, images, percent, share
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


def sections(found: Findings) -> list[Section]:
    """Every finding, in the page's order; none for a board with too few complete entries."""
    of_board = found.of_board
    if not of_board.enough:
        return []
    made = [
        _orders(of_board),
        _wrong_choices(found),
        _overtaking(of_board),
        trainings(of_board),
        phases(of_board),
        champions(of_board),
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
