"""What each control and each column means, one sentence each, with the term of the glossary that says more."""

from __future__ import annotations

from dataclasses import dataclass

from leaderboard.domain.constraints import CONSTRAINTS
from leaderboard.forms.table_columns import COLUMNS
from leaderboard.presentation.glossary import BY_NAME


@dataclass(frozen=True, slots=True)
class Help:
    """The help of a control or a column. `key` is the control's name, or `column-` and the column's key."""

    key: str
    label: str
    sentence: str
    term: str

    @property
    def anchor(self) -> str:
        """Where /methodology/ says more."""
        return BY_NAME[self.term].anchor


CONTROLS = (
    Help(
        "usage_intensity",
        "Usage intensity",
        "How many images the model will process over its whole life: 2,000,000, 3 million or 3e6.",
        "usage intensity",
    ),
    Help(
        "rate",
        "Rate over a lifetime",
        "A steady rate over so many years gives the usage intensity; a request is one image.",
        "usage intensity",
    ),
    Help(
        "min_quality",
        "Quality floor",
        "Only models of at least this quality are ranked: 75, 75 % or 0.75; 0 ranks all, empty is the track's own.",
        "quality floor",
    ),
    Help(
        "accuracy_weight",
        "How much accuracy counts",
        "The τ of greenness: at 0 the order is that of energy; the higher it is, the more accuracy counts.",
        "greenness",
    ),
    Help("track", "Track", "The data set and the metric; only models of one track are compared.", "track"),
    Help(
        "hardware", "Hardware", "What the models run on; only figures of the same hardware are compared.", "hardware"
    ),
    Help(
        "scenario",
        "Scenario",
        "How images come: one at a time (single stream), in large batches (offline), or in such batches with their "
        "loading (end to end).",
        "scenario",
    ),
    Help(
        "search", "Search", "Words of a method's name or architecture, or the start of a recipe's SHA-256.", "recipe"
    ),
    Help(
        "order_by",
        "Rank by",
        "By the energy of the whole life, or by greenness, which weighs accuracy against it.",
        "greenness",
    ),
    Help("sort", "Sort by", "The order of the lines; the ranks stay as they are.", "rank"),
    Help(
        "scope",
        "Scope",
        "Which devices the joules cover: the GPU or CPU package alone, or the processor, memory and GPU together.",
        "scope",
    ),
    Help(
        "shared_by",
        "Shared by",
        "How many deployments share the energy of search and pre-training, which is divided by their number.",
        "sharing",
    ),
    Help("region", "Grid", "Whose electricity makes the carbon: its grams of CO₂-equivalent per kWh.", "grid"),
    Help(
        "pue",
        "PUE",
        "How much energy the data centre uses for each joule of its computers, from 1 to 10; it multiplies carbon.",
        "PUE",
    ),
    Help("price_region", "Electricity price", "What a kWh costs; with a price, the table shows the cost.", "cost"),
    Help(
        "bars",
        "Bars",
        "In joules a bar is as long as the entry's energy; as shares each is divided by its own total.",
        "phase",
    ),
    Help("at", "Other usages", "Rank and energy at other usage intensities, a column for each.", "usage intensity"),
    Help("family", "Family", "Only methods of these kinds; none chosen shows all.", "family"),
    Help(
        "provenance",
        "Weakest provenance",
        "Only entries whose least trusted figure comes from one of these; none chosen shows all.",
        "provenance",
    ),
    Help(
        "quality_by",
        "Quality",
        "Only entries whose quality one of these evaluated; none chosen shows all.",
        "quality",
    ),
    Help(
        "precision",
        "Precision",
        "Only networks whose weights and images have this precision; none chosen shows all.",
        "inference energy",
    ),
    Help("runtime", "Run by", "Only networks that this program runs; none chosen shows all.", "inference energy"),
    Help(
        "compiled",
        "Compilation",
        "Only networks that torch’s compiler has compiled, or has not; none chosen shows all.",
        "inference energy",
    ),
    Help(
        "source", "Source", "Only results of this site's workers, or only those published by others.", "verification"
    ),
    Help(
        "include_incomplete",
        "Incomplete",
        "Entries with a missing phase have only a lower bound; they are ranked by it if this is chosen.",
        "phase",
    ),
)
_TERM_OF_FIGURE = {
    "latency_p50_ms": "latency",
    "macs": "MACs",
    "peak_memory_bytes": "memory",
    "batch_size": "scenario",
}
OF_LIMITS = tuple(
    Help(
        limit.parameter,
        limit.noun,
        f"Only entries whose {limit.noun} is known and at {'most' if limit.kind == 'max' else 'least'} this.",
        _TERM_OF_FIGURE.get(limit.figure, "entry"),
    )
    for limit in CONSTRAINTS
)
OF_COLUMNS = tuple(Help(f"column-{column.key}", column.label, column.hint, column.term) for column in COLUMNS)
# On the first visit: what the page says, in three sentences.
HOW_TO_READ = (
    "Each line is a model, ranked by the energy of its whole life: what was spent once to make it, and what it "
    "spends on every image.",
    "Say how many images yours will process, and the order changes: what is dear to make pays off with much use.",
    "A figure that this site's own workers did not meter says so: published, extrapolated, reported or estimated; "
    "what is missing is never counted as zero.",
)
BY_KEY = {help_text.key: help_text for help_text in (*CONTROLS, *OF_LIMITS, *OF_COLUMNS)}
