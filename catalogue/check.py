"""What the tables of a catalogue say of each other that can't be: sources, duplicates, names without a row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from catalogue.faults import CatalogueError, Fault, Place
from catalogue.reading import Catalogue, read
from catalogue.rows import Energy, Model, Power, Throughput, Training


class _Placed(Protocol):
    @property
    def place(self) -> Place: ...


class _Cites(_Placed, Protocol):
    @property
    def source(self) -> str: ...


Row = TypeVar("Row", bound=_Placed)


def check(folder: Path | None = None) -> tuple[Catalogue | None, list[Fault]]:
    """The catalogue and every fault in it, in the order of the files and lines."""
    catalogue, faults = read(folder)
    if catalogue is not None:
        faults = faults + contradictions(catalogue)
    return catalogue, sorted(faults, key=lambda fault: (fault.place.file, fault.place.line))


def load(folder: Path | None = None) -> Catalogue:
    """The catalogue in `folder`; raises CatalogueError with every fault that `check` would print."""
    catalogue, faults = check(folder)
    if faults or catalogue is None:
        raise CatalogueError(faults)
    return catalogue


def contradictions(catalogue: Catalogue) -> list[Fault]:
    """What is wrong although every line by itself can be read."""
    return [
        *_unlisted_sources(catalogue),
        *_unused_sources(catalogue),
        *_twice(catalogue),
        *_models_and_trainings(catalogue),
        *(fault for row in catalogue.trainings for fault in _training(row, catalogue)),
        *_energies(catalogue),
        *_power(catalogue),
        *_boards(catalogue),
    ]


def _cited(catalogue: Catalogue) -> Iterator[tuple[Place, str, str]]:
    tables: tuple[Sequence[_Cites], ...] = (
        catalogue.models,
        catalogue.trainings,
        catalogue.throughputs,
        catalogue.energies,
    )
    for row in chain.from_iterable(tables):
        yield row.place, "source", row.source
    for power in catalogue.power.values():
        yield power.place, "limit_source", power.limit_source
        if power.share_source:
            yield power.place, "share_source", power.share_source


def _unlisted_sources(catalogue: Catalogue) -> Iterator[Fault]:
    for place, column, source in _cited(catalogue):
        if source not in catalogue.sources:
            yield Fault(place, column, f"{source!r} is not listed; add it to sources.yaml or name one that is")


def _unused_sources(catalogue: Catalogue) -> Iterator[Fault]:
    cited = {source for _, _, source in _cited(catalogue)}
    for name, place in catalogue.source_places.items():
        if name not in cited:
            yield Fault(place, name, "no figure cites this source; take it out or cite it")


def _twice(catalogue: Catalogue) -> Iterator[Fault]:
    def model(row: Model) -> Hashable:
        return row.model, row.resolution

    def training(row: Training) -> Hashable:
        return row.model, row.phase, row.dataset, row.resolution

    def throughput(row: Throughput) -> Hashable:
        return row.architecture, row.resolution, row.hardware, row.kind

    def energy(row: Energy) -> Hashable:
        named = (row.model, row.architecture, row.resolution, row.hardware, row.what, row.framework, row.batch)
        return named, row.source

    yield from _repeated(catalogue.models, model, "model", "has a line for this size")
    yield from _repeated(catalogue.trainings, training, "phase", "has a line for this phase, data set and size")
    yield from _repeated(catalogue.throughputs, throughput, "architecture", "has a line for this size and hardware")
    yield from _repeated(catalogue.energies, energy, "what", "was metered in another line alike")


def _repeated(rows: Iterable[Row], key: Callable[[Row], Hashable], column: str, what: str) -> Iterator[Fault]:
    first: dict[Hashable, Place] = {}
    for row in rows:
        before = first.setdefault(key(row), row.place)
        if before is not row.place:
            named = getattr(row, "model", None) or getattr(row, "architecture", "")
            where = f"{Path(before.file).name}, line {before.line}"
            yield Fault(row.place, column, f"{named} {what} ({where}); keep one of the two")


def _models_and_trainings(catalogue: Catalogue) -> Iterator[Fault]:
    known = {row.model for row in catalogue.models}
    for model in catalogue.models:
        if model.model.partition(".")[0] != model.architecture:
            yield Fault(
                model.place, "architecture", f"{model.architecture!r} is not the name before the dot; repair one"
            )
        if model.model not in catalogue.trainings_of:
            what = (
                f"{model.model} has no line in trainings.csv; add its phases, with empty epochs if nobody states them"
            )
            yield Fault(model.place, "model", what)
    for row in catalogue.trainings:
        if row.model not in known:
            yield Fault(row.place, "model", f"{row.model} has no line in models.csv; add one or take this line out")


def _training(row: Training, catalogue: Catalogue) -> Iterator[Fault]:
    for low, high, name in (
        (row.epochs, row.epochs_max, "epochs_max"),
        (row.passes, row.passes_max, "passes_max"),
        (row.amount, row.amount_max, "amount_max"),
    ):
        if high is not None and (low is None or high < low):
            yield Fault(row.place, name, f"{high:g} is not above {name.removesuffix('_max')}; give the lesser there")
    if row.phase == "search":
        yield from _search(row, catalogue)
    elif row.amount is not None:
        yield Fault(row.place, "amount", f"{row.amount:g} is of a search; a {row.phase} states epochs and images")
    elif row.epochs is not None and (row.images is None or row.resolution is None):
        column = "images" if row.images is None else "resolution"
        yield Fault(row.place, column, "is empty, but epochs is given; state it, or leave epochs empty: missing")
    if row.teacher and not catalogue.throughputs_of.get(_teacher_key(row, catalogue)):
        what = f"{row.teacher} has no throughput to charge its forward passes with; add one to throughputs/"
        yield Fault(row.place, "teacher", what)


def _teacher_key(row: Training, catalogue: Catalogue) -> tuple[str, str, str]:
    return catalogue.boards.one_time.hardware, "inference", (row.teacher or "").partition(".")[0]


def _search(row: Training, catalogue: Catalogue) -> Iterator[Fault]:
    if row.epochs is not None:
        yield Fault(row.place, "epochs", f"{row.epochs:g} in a search; state its amount, unit and hardware")
    if row.amount is None:
        return
    if row.unit is None:
        yield Fault(row.place, "unit", "is empty, but an amount is given; write device_hours (a day is 24)")
    if row.hardware is None or getattr(catalogue.power.get(row.hardware), "share", None) is None:
        what = f"{row.hardware!r} has no power share; name the hardware that searched and add it to power.csv"
        yield Fault(row.place, "hardware", what)


def _energies(catalogue: Catalogue) -> Iterator[Fault]:
    sizes = {(row.model, row.resolution) for row in catalogue.models}
    for row in catalogue.energies:
        if row.model and (row.model, row.resolution) not in sizes:
            yield Fault(row.place, "model", f"{row.model} at {row.resolution} px has no line in models.csv; add one")
        if row.hardware not in catalogue.power:
            yield Fault(row.place, "hardware", f"{row.hardware!r} has no power limit; add it to power.csv")
        elif row.mean_power_w and row.mean_power_w > 1.1 * catalogue.power[row.hardware].limit_w:
            limit = catalogue.power[row.hardware].limit_w
            yield Fault(
                row.place, "mean_power_w", f"{row.mean_power_w:g} W is far above the limit of {limit:g} W; look again"
            )
    for place, name in _unread_periods(catalogue):
        yield Fault(place, name, "metered joules cite it; state update_period_s, the time between two readings")


def _unread_periods(catalogue: Catalogue) -> Iterator[tuple[Place, str]]:
    for name in sorted({row.source for row in catalogue.energies if row.source in catalogue.sources}):
        if catalogue.sources[name].update_period_s is None:
            yield catalogue.source_places[name], name


def _power(catalogue: Catalogue) -> Iterator[Fault]:
    for row in catalogue.power.values():
        yield from _share(row)


def _share(row: Power) -> Iterator[Fault]:
    given = (row.share, row.share_low, row.share_high, row.share_source)
    if all(value is None for value in given):
        return
    if row.share is None or row.share_low is None or row.share_high is None or row.share_source is None:
        yield Fault(
            row.place,
            "share",
            "has no interval or source; fill share, share_low, share_high, share_source",
        )
    elif not row.share_low <= row.share <= row.share_high:
        yield Fault(
            row.place,
            "share",
            f"{row.share:g} is outside {row.share_low:g} to {row.share_high:g}; repair the interval",
        )


def _boards(catalogue: Catalogue) -> Iterator[Fault]:
    settings, place = catalogue.boards, Place(str(_folder(catalogue) / "boards.yaml"), 1)
    needed = [settings.one_time.hardware, *(b.hardware for b in settings.boards if b.inference == "estimated")]
    for hardware in dict.fromkeys(needed):
        if getattr(catalogue.power.get(hardware), "share", None) is None:
            yield Fault(place, "hardware", f"{hardware!r} has no power share; add it to power.csv")
    wanted = [settings.one_time.inference_evidence, settings.one_time.training_evidence]
    for name in dict.fromkeys([*wanted, *(board.evidence for board in settings.boards)]):
        if name not in settings.evidence:
            yield Fault(place, "evidence", f"{name!r} is not described; add it under evidence:")


def _folder(catalogue: Catalogue) -> Path:
    places = list(catalogue.source_places.values())
    return Path(places[0].file).parent if places else Path()
