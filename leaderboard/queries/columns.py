"""A board's entries in memory, column by column (Arrow): ranking 100,000 of them takes milliseconds, not seconds."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, islice
from operator import neg
from string import hexdigits
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import Model, OuterRef, Subquery, TextField
from django.db.models.base import ModelState
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.constraints import Constraint
from leaderboard.domain.quality import quality_by
from leaderboard.domain.running import RUN_AS
from leaderboard.models import Board, Claim, Entry, Method, PublishedResult, Recipe
from leaderboard.queries.at_hand import EntriesAtHand
from measurement.recipe.inference import Inference, inference_mark

ROWS_AT_ONCE = 5_000

ENERGIES = ("shared_energy_j", "own_energy_j", "inference_energy_j")
UNCERTAINTIES = ("shared_u95_j", "own_u95_j", "inference_u95_j")

# Column -> (where it is stored, its type). The names of an entry's own columns are the model's.
STORED: dict[str, tuple[str, pa.DataType]] = {
    "id": ("pk", pa.int64()),
    "work_id": ("work_id", pa.int64()),
    "results": ("results", pa.int64()),
    "recipe_id": ("recipe_id", pa.int64()),
    "run_id": ("run_id", pa.int64()),
    "source": ("source", pa.string()),
    "published_id": ("published_id", pa.int64()),
    "mode": ("mode", pa.string()),
    "data": ("data", pa.string()),
    **{name: (name, pa.float64()) for name in (*ENERGIES, *UNCERTAINTIES, "metered_shared_j", "metered_own_j")},
    "inference_provenance": ("inference_provenance", pa.string()),
    "provenance": ("provenance", pa.string()),
    "complete": ("complete", pa.bool_()),
    "device": ("device", pa.string()),
    "gain_u95": ("gain_u95", pa.float64()),
    "quality": ("quality", pa.float64()),
    "quality_metric": ("quality_metric", pa.string()),
    "quality_provenance": ("quality_provenance", pa.string()),
    "submitters_weights": ("submitters_weights", pa.bool_()),
    "busy_machine": ("busy_machine", pa.bool_()),
    "hidden_quality": ("hidden_quality", pa.float64()),
    "phases": ("phases_json", pa.string()),
    "parameters": ("parameters", pa.int64()),
    "macs": ("macs", pa.int64()),
    "latency_p50_ms": ("latency_p50_ms", pa.float64()),
    "throughput_images_per_s": ("throughput_images_per_s", pa.float64()),
    "batch_size": ("batch_size", pa.int64()),
    "peak_memory_bytes": ("peak_memory_bytes", pa.int64()),
    "published_at": ("published_at", pa.timestamp("us", tz="UTC")),
    "sha256": ("recipe__sha256", pa.string()),
    "architecture": ("architecture", pa.string()),
    "method_id": ("method_id", pa.int64()),
    "title": ("title", pa.string()),
    "family": ("family", pa.string()),
    "also_claimed_as": ("also_claimed_as", pa.string()),
    "inference": ("inference_json", pa.string()),
}
_OF_METHOD = {"method_id": "_id", "title": "__title", "family": "__family"}
_OPEN_CLAIMS = Claim.objects.filter(work=OuterRef("work"), state="open").order_by("pk").values("method__title")[:1]
_SCHEMA = pa.schema([(name, kind) for name, (_, kind) in STORED.items()])
_MADE = (*RUN_AS, "run_mark", "quality_by", "searched")
SCHEMA = pa.schema(
    [*(field for field in _SCHEMA if field.name != "inference"), *((name, pa.string()) for name in _MADE)]
)
_OF_LINES = [name for name in SCHEMA.names if name not in ("quality_by", "searched")]
_NOT_KEPT = ("repeats", "power_limits_w")
_ENTRY_FIELDS = [field.attname for field in Entry._meta.concrete_fields if field.name not in _NOT_KEPT]

_numbers = count()
_at_hand = EntriesAtHand()


@dataclass(frozen=True, eq=False)
class Columns:
    """All entries of `board` as it was at its revision, in the order of ties: quality descending, then entry.

    `arrays` holds those of `SCHEMA`: the columns of `STORED`, in place of `inference` what it says (`precision`,
    `runtime`, `compiled`, `run_mark`); `quality_by`, who evaluated the quality; `searched`, the text that words are
    searched in, in lower case as in the browser's copy. Never changed once read, so that threads share it; nor are
    the files that they may lie in.
    """

    board: Board
    arrays: dict[str, pa.Array]
    _number: int = field(default_factory=_numbers.__next__, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.arrays["id"])

    @cached_property
    def nbytes(self) -> int:
        """Bytes that the columns hold."""
        return sum(array.nbytes for array in self.arrays.values())

    def at_or_above(self, min_quality: float | None) -> int:
        """How many leading entries have at least this quality."""
        if min_quality is None:
            return len(self)
        return bisect_right(values(self.arrays["quality"]), -min_quality, key=neg)

    def matching(self, query: LeaderboardQuery) -> pa.Array:
        """Booleans, one an entry: whether it passes the filters of `query`, quality floor apart."""
        found = pa.repeat(pa.scalar(value=True), len(self))
        chosen = {"family": query.families, "provenance": query.provenance, "quality_by": query.quality_by}
        chosen |= {name: getattr(query, name) for name in RUN_AS}
        for name, wanted in chosen.items():
            if wanted:
                found = pc.and_(found, pc.is_in(self.arrays[name], pa.array(wanted, pa.string())))
        if query.source:
            found = pc.and_(found, pc.equal(self.arrays["source"], query.source))
        for word in dict.fromkeys(query.search.lower().split()):
            named = pc.match_substring(self.arrays["searched"], word)
            if not word.strip(hexdigits):
                is_recipe = pc.fill_null(pc.starts_with(self.arrays["sha256"], word), fill_value=False)
                named = pc.or_(named, is_recipe)
            found = pc.and_(found, named)
        for constraint, limit in query.limits:
            found = pc.and_(found, self.keeping(constraint, limit))
        return found

    def keeping(self, constraint: Constraint, limit: float) -> pa.Array:
        """Booleans, one an entry: whether it keeps a limit. Without the figure it does not."""
        compare = pc.less_equal if constraint.kind == "max" else pc.greater_equal
        figures = self.arrays[constraint.figure].cast(pa.float64(), safe=False)
        return pc.fill_null(compare(figures, limit), fill_value=False)

    def position(self, entry: int) -> int | None:
        """The position of the entry of this number, None if it isn't on the board."""
        found = pc.index(self.arrays["id"], entry).as_py()
        return found if found >= 0 else None

    def candidate(self, position: int) -> ranking.Candidate:
        """What ranking needs of an entry."""
        names = (*ENERGIES, *UNCERTAINTIES, "quality", "complete")
        figures = {name: self.arrays[name][position].as_py() for name in names}
        return ranking.Candidate(key=self.arrays["id"][position].as_py(), **figures)

    def entries_at_hand(self, positions: pa.Array) -> list[Entry]:
        """As `entries`, each made once for all readers: for who changes none, and asks for nothing but `STORED`."""
        wanted = [(self._number, position) for position in positions.to_pylist()]
        known = _at_hand.find(wanted)
        missing = [key for key in wanted if key not in known]
        if missing:
            of_missing = pa.array([position for _, position in missing], positions.type)
            made = dict(zip(missing, self.entries(of_missing), strict=True))
            _at_hand.keep(made)
            known |= made
        return [known[key] for key in wanted]

    def entries(self, positions: pa.Array) -> Iterator[Entry]:
        """The entries at `positions`, made without the database; what isn't in `STORED` is fetched when asked for."""
        database = self.board._state.db
        columns = {name: self.arrays[name].take(positions) for name in _OF_LINES}
        for row in pa.RecordBatch.from_pydict(columns).to_pylist():
            row |= {"board_id": self.board.pk, "phases": json.loads(row["phases"])}
            row |= {"replaced_by_id": None, "superseded_by_id": None}
            entry = _made(Entry, database, {name: row[name] for name in _ENTRY_FIELDS})
            names = {"id": row["method_id"], "title": row["title"], "family": row["family"]}
            method = _made(Method, database, names)
            if row["published_id"] is None:
                names = {"id": row["recipe_id"], "sha256": row["sha256"], "track": self.board.track}
                entry.recipe = _made(Recipe, database, names | {"method_id": row["method_id"]})
                entry.recipe.method = method
            else:
                names = {"id": row["published_id"], "model": row["architecture"], "board_id": self.board.pk}
                entry.published = _made(PublishedResult, database, names | {"method_id": row["method_id"]})
                entry.published.method = method
            entry.board = self.board
            for name in (*RUN_AS, "run_mark"):
                setattr(entry, name, row[name])
            entry.also_claimed_as = row["also_claimed_as"]
            yield entry


def _made(model: type[Model], database: str | None, fields: dict[str, Any]) -> Any:
    """What `model.from_db` makes, in a tenth of its time: a page makes 150 objects. No signal is sent."""
    made = model.__new__(model)
    made._state = ModelState()
    made._state.db, made._state.adding = database, False
    made.__dict__.update(fields)
    return made


def values(array: pa.Array) -> memoryview[float]:
    """The doubles of an array without nulls, without a copy: indexed far faster than the array."""
    buffer = array.buffers()[1]
    doubles = memoryview(buffer).cast("d") if buffer is not None else memoryview(b"").cast("d")
    return doubles[array.offset : array.offset + len(array)]


def read_columns(board: Board) -> Columns:
    """Read all entries of a board. One query."""
    stored = (
        Entry.objects.filter(Entry.ON_BOARD, board=board)
        .order_by()
        .annotate(
            phases_json=Cast("phases", TextField()),
            architecture=Coalesce(
                Cast(KeyTextTransform("architecture", "recipe__document__model"), TextField()),
                "published__model",
                output_field=TextField(),
            ),
            also_claimed_as=Subquery(_OPEN_CLAIMS),
            inference_json=Cast(KeyTextTransform("inference", "recipe__document"), TextField()),
            **{name: _either(f"method{path}") for name, path in _OF_METHOD.items()},
        )
        .values_list(*(source for source, _ in STORED.values()))
        .iterator(chunk_size=ROWS_AT_ONCE)
    )
    table = pa.Table.from_batches(_batches(stored), _SCHEMA)
    table = table.sort_by([("quality", "descending"), ("id", "ascending")])
    arrays = {name: table[name].combine_chunks() for name in STORED}
    arrays |= _run_as(arrays) | {"quality_by": _quality_by(arrays), "searched": _searched(arrays)}
    columns = Columns(board, {name: arrays[name] for name in SCHEMA.names})
    # Reading takes three times what is kept; the allocator would hold it for the next time.
    del table
    pa.default_memory_pool().release_unused()
    return columns


def _quality_by(arrays: dict[str, pa.Array]) -> pa.Array:
    """`domain.quality.quality_by` of each entry."""
    given = (arrays[name].to_pylist() for name in ("source", "quality_provenance", "submitters_weights"))
    return pa.array(map(quality_by, *given), pa.string())


def _searched(arrays: dict[str, pa.Array]) -> pa.Array:
    names = zip(arrays["title"].to_pylist(), arrays["architecture"].to_pylist(), strict=True)
    return pa.array([f"{title}\n{architecture or ''}".lower() for title, architecture in names], pa.string())


def _run_as(arrays: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """How each entry's network is run, from what its recipe says; null if published."""
    said = pc.fill_null(arrays["inference"], "{}")
    coded = pc.if_else(
        pc.is_valid(arrays["recipe_id"]), said, None
    ).dictionary_encode()  # few different ones, whatever the number of entries
    default = {name: Inference.model_fields[name].default for name in ("precision", "runtime", "compile")}
    documents = [default | json.loads(text) for text in coded.dictionary.to_pylist()]
    found = {
        "precision": [document["precision"] for document in documents],
        "runtime": [document["runtime"] for document in documents],
        "compiled": ["yes" if document["compile"] else "no" for document in documents],
        "run_mark": [inference_mark(document) for document in documents],
    }
    return {name: pa.array(said, pa.string()).take(coded.indices) for name, said in found.items()}


def _either(of_method: str) -> Coalesce:
    """What the recipe's method has, or the published result's."""
    return Coalesce(f"recipe__{of_method}", f"published__{of_method}")


def _batches(stored: Iterator[tuple[Any, ...]]) -> Iterator[pa.RecordBatch]:
    while rows := list(islice(stored, ROWS_AT_ONCE)):
        columns = zip(zip(*rows, strict=True), _SCHEMA.types, strict=True)
        yield pa.record_batch([pa.array(column, kind) for column, kind in columns], schema=_SCHEMA)
