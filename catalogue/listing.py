"""What the commands print."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from catalogue.evidence import Spreads, comparisons, power_shares, spreads
from catalogue.publish import results_of
from catalogue.reading import Catalogue
from catalogue.results import PublishedResult
from catalogue.wording import joules


def checked(catalogue: Catalogue) -> str:
    """One line that counts what is there."""
    models = len({row.model for row in catalogue.models})
    counts = (
        (models, "models"),
        (len(catalogue.trainings), "phases"),
        (len(catalogue.throughputs), "throughputs"),
        (len(catalogue.energies), "metered energies"),
        (len(catalogue.sources), "sources"),
    )
    return f"{catalogue.boards.track}: {', '.join(f'{n:,} {what}' for n, what in counts)}; no faults"


def predicted_json(catalogue: Catalogue) -> str:
    """The comparisons, the spreads that follow and the power shares, for programs."""
    compared = [{k: v for k, v in asdict(c).items() if k != "errors"} for c in comparisons(catalogue)]
    shares = [asdict(share) for share in power_shares(catalogue)]
    document = {"comparisons": compared, "spreads": asdict(spreads(catalogue)), "power_shares": shares}
    return json.dumps(document, indent=2)


def predicted(catalogue: Catalogue) -> str:
    """The same in tables for people."""
    head = ("joules metered by others", "runs", "tau", "median", "90 %", "MACs: runs", "tau", "median", "90 %")
    rows = [
        (
            f"{c.metered_on}, {c.framework}, {c.what}",
            f"{c.n}",
            *(f"{value:.2f}" for value in (c.tau, c.median_ratio, c.ratio_90)),
            f"{c.n_macs}",
            *(f"{value:.2f}" for value in (c.tau_macs, c.median_ratio_macs, c.ratio_90_macs)),
        )
        for c in comparisons(catalogue)
    ]
    shares = [
        (s.hardware, s.what, f"{s.n}", *(f"{v:.2f}" for v in (s.percentile_5, s.median, s.percentile_95)))
        for s in power_shares(catalogue)
    ]
    return "\n".join(
        (
            "Joules predicted from published throughput, and from MACs: Kendall's tau, and the ratio error with each",
            "run left out in turn (median, and what 90 % of the runs are within).",
            "",
            *_table(head, rows),
            "",
            *_in_words(spreads(catalogue)),
            "",
            "Mean power of busy hardware as a share of its limit, metered by others:",
            "",
            *_table(("hardware", "what", "runs", "5 %", "median", "95 %"), shares),
        )
    )


def _in_words(found: Spreads) -> list[str]:
    lines = [f"An estimate by {name} carries {value:.0%}." for name, value in found.of_evidence.items()]
    return [
        "Relative standard uncertainties, the part that moves ranks:",
        *lines,
        f"Training is {found.training_slower_by:.2f} times slower than inference ({found.training_ratio_n} networks "
        f"timed in both); if it was not timed, that adds {found.training_ratio:.0%}.",
        *(
            f"What was metered, {what}, carries {value:.1%}: what frameworks differ by on one card "
            f"({found.between_frameworks_n[what]} pairs)."
            for what, value in found.between_frameworks.items()
        ),
        f"Scaling a throughput to another image size by its area adds {found.by_area:.1%} ({found.by_area_n} pairs).",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in (head, *rows)) for i in range(len(head))]
    texts = [not any(row[i].replace(".", "").isdigit() for row in rows) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        aligned = [c.ljust(w) if left else c.rjust(w) for c, w, left in zip(cells, widths, texts, strict=True)]
        return "  ".join(aligned).rstrip()

    return [line(head), "  ".join("-" * width for width in widths), *map(line, rows)]


@dataclass(frozen=True)
class Listing:
    """A text, and whether the model that it is about was found."""

    text: str
    found: bool


def shown(catalogue: Catalogue, model: str) -> Listing:
    """Everything that is published of a model: sizes, boards, phases, how each figure came about, sources."""
    results = [result for result in results_of(catalogue) if result.model == model]
    if not results:
        names = {row.model for row in catalogue.models}
        if model in names:
            return Listing(f"{model}: on no board; add its throughput to throughputs/", found=False)
        close = difflib.get_close_matches(model, list(names), n=3)
        like = f"; did you mean {' or '.join(close)}?" if close else "; see models.csv"
        return Listing(f"{model}: not in this catalogue{like}", found=False)
    lines = [f"{model}, {results[0].family}, {results[0].parameters / 1e6:g} M parameters", ""]
    for result in results:
        lines += _board(result)
    by_phases: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        boards = by_phases.setdefault(tuple(_phases(result)), [])
        if result.hardware not in boards:
            boards.append(result.hardware)
    for phases, boards in by_phases.items():
        lines += ["", f"One-time energy on the boards of {', '.join(boards)}:", *phases]
    cited = dict.fromkeys(source for result in results for source in result.sources)
    lines += ["", "Sources:"]
    for name in cited:
        source = catalogue.sources[name]
        lines.append(f"  {name}: {source.citation} ({source.version}) {source.address}")
    return Listing("\n".join(lines), found=True)


def _board(result: PublishedResult) -> list[str]:
    figure = f"{joules(result.inference_energy_j)} ± {joules(result.inference_u95_j)} an image"
    return [
        f"{result.resolution} px on {result.hardware} ({result.scenario}): {result.quality:.2%} top-1, "
        f"{figure}, {result.inference_provenance}",
        f"  {result.inference_how}",
    ]


def _phases(result: PublishedResult) -> list[str]:
    lines = []
    for phase in result.phases:
        figure = "missing"
        if phase.energy_j is not None and phase.u95_j is not None:
            where = f", {phase.provenance} on {phase.hardware}"
            figure = f"{joules(phase.energy_j)} ± {joules(phase.u95_j)}{where}"
        lines += [f"  {phase.phase}: {figure}", f"    {phase.how}"]
    whole = result.one_time_energy_j
    return [*lines, f"  in all: {'not known' if whole is None else joules(whole)}"]
