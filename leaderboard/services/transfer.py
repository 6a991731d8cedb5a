"""Another site's results, entered as they were exported: what is there already stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from leaderboard.models import Action, Board, Entry, Hardware, Method, PublishedResult, Recipe, Run, Submission, Work
from leaderboard.services.arrivals import (
    Arrived,
    Lookup,
    TraceFiles,
    attempts_arrive,
    check_same,
    published_there,
    reset_sequences,
    store,
    user_ids,
)
from leaderboard.services.log import write_log
from leaderboard.services.means import UNCERTAINTIES
from leaderboard.services.publication import lock, raise_revisions
from leaderboard.services.spent import count_spent
from leaderboard.services.workers import register_hardware
from leaderboard.transfer.folder import BadFolder, Checked
from leaderboard.transfer.lines import FIELDS, KINDS, LATER, NAMES, Line, from_line
from measurement.tracks import private_to

LINES_AT_ONCE = 500
# Of an entry, which two sites may have published at different times, next to other works: these pool their spread, so
# that the uncertainties differ. `repeats`, from which they follow, doesn't. Earlier formats lack some of the rest.
_APART = ("published_at", "phases", *UNCERTAINTIES.values(), *LATER["entries"])
FIGURES = tuple(name for name in FIELDS[Entry] if name not in _APART)
RESULTS = (Method, Recipe, Submission, Run, Board, PublishedResult, Entry)


def _no_progress(kind: str, lines: int) -> None:
    """Shows nothing."""


def import_results(folder: Checked, progress: Callable[[str, int], None] = _no_progress) -> Arrived:
    """Store the results in `folder` and put their entries on the boards, all of them or none.

    Importing the same again changes nothing. An empty site keeps the numbers of entries and runs; another gives its
    own. If both sites have results of a work, the entry stays with this site's, unless that is sampled and the
    other full. Raises BadFolder for a line that can't be read, and Refused, naming it, for a result that is there
    with other figures. progress: called with the kind and the number of lines read.
    """
    with TraceFiles(folder) as traces, transaction.atomic():
        arrived = _Import(folder, traces, progress).all()
        if arrived.added["attempts"]:
            count_spent()
        write_log(Action.IMPORT, "results", by=None, added={kind: arrived.added[kind] for kind in KINDS})
        return arrived


class _Import:
    """One import. `numbers` leads from the exporting site's ids to ours."""

    def __init__(self, folder: Checked, traces: TraceFiles, progress: Callable[[str, int], None]) -> None:
        self.folder, self.traces, self.progress = folder, traces, progress
        self.keeps_numbers = not any(model._default_manager.exists() for model in RESULTS)
        self.numbers = {kind: Lookup(kind) for kind in ("hardware", "methods", "runs", "boards", "published_results")}
        self.arrived = Arrived()
        self.touched: set[int] = set()

    def all(self) -> Arrived:
        """Import every kind. Boards come early, because what is published is found by its board."""
        self._each("hardware", self._hardware)
        self._each("boards", self._boards)
        lock(self.numbers["boards"].values())
        self._methods(self._methods_needed())
        for kind, take in (
            ("recipes", self._recipes),
            ("submissions", self._submissions),
            ("runs", self._runs),
            ("attempts", self._attempts),
            ("published_results", self._published_results),
            ("entries", self._entries),
        ):
            self._each(kind, take)
        if self.keeps_numbers:
            reset_sequences(RESULTS)
        if self.touched:
            raise_revisions(self.touched)
        return self.arrived

    def _batches(self, kind: str) -> Iterator[list[Line]]:
        names = frozenset(NAMES[kind]) | frozenset(FIELDS[KINDS[kind]])
        lines = self.folder.lines(kind, names, LATER.get(kind, {}))
        while batch := list(islice(lines, LINES_AT_ONCE)):
            yield batch

    def _each(self, kind: str, take: Callable[[list[Line]], None]) -> None:
        for batch in self._batches(kind):
            if any(private_to(line.get("track") or "") is not None for line in batch):
                file = self.folder.path / f"{kind}.jsonl"
                raise BadFolder(f"{file}: has private results, which stay on the site that they were made for")
            try:
                take(batch)
            except (KeyError, TypeError, ValueError, ValidationError) as error:
                file = self.folder.path / f"{kind}.jsonl"
                raise BadFolder(f"{file}: can't be read ({error!r}); export it again") from error
            self.progress(kind, len(batch))

    def _add(self, kind: str, rows: list[tuple[Line, Any]]) -> None:
        """Store new rows, under their own numbers if the site was empty."""
        for line, row in rows:
            if self.keeps_numbers and "id" in line:
                row.pk = line["id"] if kind != "submissions" else row.pk
        store([row for _, row in rows])
        self.arrived.added[kind] += len(rows)
        if kind in self.numbers:
            self.numbers[kind].update({line["id"]: row.pk for line, row in rows})

    def _there(self, kind: str, line: Line, row: models.Model) -> None:
        self.arrived.there[kind] += 1
        if kind in self.numbers:
            self.numbers[kind][line.get("id", line.get("name"))] = row.pk

    def _hardware(self, lines: list[Line]) -> None:
        for line in lines:
            values = from_line(Hardware, line)
            found = Hardware.objects.filter(name=values["name"]).first()
            if found is not None:
                check_same(f"the hardware {found.name}", found, values, ("kind",))
                self._there("hardware", line, found)
                continue
            if Hardware.objects.filter(slug=values["slug"]).exists():  # of other hardware
                made = register_hardware(values["name"], values["kind"])
            else:
                made = Hardware(**values)
                store([made])
            self.arrived.added["hardware"] += 1
            self.numbers["hardware"][line["name"]] = made.pk

    def _boards(self, lines: list[Line]) -> None:
        new = []
        for line in lines:
            values = from_line(Board, line)
            revision, _ = values.pop("revision"), values.pop("pools")  # they are found again
            values["hardware_id"] = self.numbers["hardware"][line["hardware"]]
            found = Board.objects.filter(**values).first()
            if found is not None:
                self._there("boards", line, found)
            else:  # its revision is raised once more, at the end
                new.append((line, Board(**values, revision=max(0, revision - 1))))
        self._add("boards", new)
        self.touched.update(board.pk for _, board in new)

    def _methods_needed(self) -> tuple[set[int], set[int]]:
        """The methods of recipes, and those of published results, that are not on this site."""
        of_recipes, of_published = set(), set()
        for batch in self._batches("recipes"):
            there, named = self._recipe_ids(batch, "sha256"), self._named_works(batch)
            new = [line for line in batch if line["sha256"] not in there]
            of_recipes |= {line["method"] for line in new if line["work"] not in named}
        for batch in self._batches("published_results"):
            found = published_there(batch, self.numbers["boards"])
            of_published |= {line["method"] for line, row in zip(batch, found, strict=True) if row is None}
        return of_recipes, of_published

    def _methods(self, needed: tuple[set[int], set[int]]) -> None:
        of_recipes, of_published = needed
        for batch in self._batches("methods"):
            users = user_ids(batch, "submitter")
            titles = [line["title"] for line in batch if line["id"] in of_published]
            standing = Method.objects.filter(title__in=titles, published_results__isnull=False)
            by_title = {method.title: method for method in standing.distinct()}
            new = []
            for line in batch:
                if line["id"] in of_published and line["title"] in by_title:
                    self._there("methods", line, by_title[line["title"]])
                elif line["id"] in of_recipes | of_published:
                    values = from_line(Method, line)
                    new.append((line, Method(**values, submitter_id=users.get(line["submitter"]))))
            self._add("methods", new)
            self.progress("methods", len(batch))

    def _recipe_ids(self, lines: list[Line], name: str = "recipe") -> Lookup:
        wanted = {line[name] for line in lines}
        found = Recipe.objects.filter(sha256__in=wanted).values_list("sha256", "pk")
        return Lookup("recipes", dict(found))

    def _named_works(self, lines: list[Line]) -> dict[str, int]:
        """The method of each work that has recipes here: all recipes of a work have its names."""
        here = Recipe.objects.filter(work__sha256__in={line["work"] for line in lines})
        return dict(here.values_list("work__sha256", "method_id"))

    def _recipes(self, lines: list[Line]) -> None:
        same = Recipe.objects.filter(sha256__in=[line["sha256"] for line in lines])
        there = {recipe.sha256: recipe for recipe in same}
        named, new = self._named_works(lines), []
        for line in lines:
            values, found = from_line(Recipe, line), there.get(line["sha256"])
            if found is not None:
                # Documents of one SHA-256 say the same; they may differ in names, and in defaults written out.
                check_same(f"recipe {found.sha256[:12]}", found, values, ("track",))
                self._there("recipes", line, found)
            else:
                work, _ = Work.objects.get_or_create(sha256=line["work"])
                method_id = named.get(line["work"]) or self.numbers["methods"][line["method"]]
                new.append((line, Recipe(**values, work=work, method_id=method_id)))
        self._add("recipes", new)

    def _submissions(self, lines: list[Line]) -> None:
        there = {str(pk): found for pk, found in Submission.objects.in_bulk([line["id"] for line in lines]).items()}
        recipes, users, new = self._recipe_ids(lines), user_ids(lines, "submitter"), []
        administrators = user_ids(lines, "withdrawn_by")
        firsts = self._first_versions(lines)
        for line in lines:
            values = from_line(Submission, line) | {
                "recipe_id": recipes[line["recipe"]],
                "hardware_id": self.numbers["hardware"][line["hardware"]],
            }
            found = there.get(line["id"])
            if found is not None:
                check_same(f"submission {found.pk}", found, values, tuple(values))
                self._there("submissions", line, found)
            else:
                # An earlier version that has not ended did not travel.
                before = line["version_of"] if line["version_of"] in firsts else None
                firsts[line["id"]] = firsts.get(before) or before
                names = {
                    "submitter_id": users.get(line["submitter"]),
                    "withdrawn_by_id": administrators.get(line["withdrawn_by"]),
                    "version_of_id": before,
                    "first_version_id": firsts[line["id"]],
                }
                new.append((line, Submission(id=line["id"], **names, **values)))
        self._add("submissions", new)

    def _first_versions(self, lines: list[Line]) -> dict[str | None, str | None]:
        """Of the submissions here that the lines name: where their chains of versions begin, None for the first."""
        named = {line["version_of"] for line in lines} - {None}
        here = Submission.objects.filter(pk__in=named).values_list("pk", "first_version")
        return {str(pk): str(first) if first else None for pk, first in here}

    def _runs(self, lines: list[Line]) -> None:
        recipes, users, new = self._recipe_ids(lines), user_ids(lines, "requested_by"), []
        same = Run.objects.filter(recipe__in=recipes.values(), queued_at__in=[line["queued_at"] for line in lines])
        there = {(run.submission_id, run.recipe_id, run.hardware_id, run.queued_at): run for run in same}
        for line in lines:
            values = from_line(Run, line) | {
                "recipe_id": recipes[line["recipe"]],
                "hardware_id": self.numbers["hardware"][line["hardware"]],
                "submission_id": Submission._meta.pk.to_python(line["submission"]),
            }
            key = (values["submission_id"], values["recipe_id"], values["hardware_id"], values["queued_at"])
            found = there.get(key)
            if found is not None:
                fields = ("mode", "state", "attempt", "started_at", "finished_at", "reason", "held_for")
                check_same(f"run {line['id']} of the folder (here run {found.pk})", found, values, fields)
                self._there("runs", line, found)
            else:
                new.append((line, Run(**values, requested_by_id=users.get(line["requested_by"]))))
        self._add("runs", new)

    def _attempts(self, lines: list[Line]) -> None:
        attempts_arrive(lines, self.numbers["runs"], self.traces, self.arrived)

    def _published_results(self, lines: list[Line]) -> None:
        new = []
        for line, found in zip(lines, published_there(lines, self.numbers["boards"]), strict=True):
            if found is not None:
                self._there("published_results", line, found)
                continue
            names = {
                "method_id": self.numbers["methods"][line["method"]],
                "board_id": self.numbers["boards"][line["board"]],
            }
            new.append((line, PublishedResult(**from_line(PublishedResult, line), **names)))
        self._add("published_results", new)

    def _entries(self, lines: list[Line]) -> None:
        recipes = self._recipe_ids([line for line in lines if line["recipe"]])
        works = dict(Recipe.objects.filter(pk__in=recipes.values()).values_list("pk", "work_id"))
        published = self.numbers["published_results"]
        values = [
            from_line(Entry, line)
            | {
                "board_id": self.numbers["boards"][line["board"]],
                "recipe_id": recipes[line["recipe"]] if line["recipe"] else None,
                "run_id": self.numbers["runs"][line["run"]] if line["run"] is not None else None,
                "published_id": published[line["published"]] if line["published"] is not None else None,
            }
            for line in lines
        ]
        for figures in values:
            figures["work_id"] = works[figures["recipe_id"]] if figures["recipe_id"] else None
            if figures["repeats"]:
                runs = [self.numbers["runs"][number] for number in figures["repeats"]["runs"]]
                figures["repeats"] |= {"runs": runs}
        there = self._entries_there(values)
        new = []
        for line, figures in zip(lines, values, strict=True):
            found = there.get((figures["board_id"], figures["work_id"], figures["published_id"]))
            if found is None:
                new.append((line, Entry(**figures)))
                self.touched.add(figures["board_id"])
            elif (found.run_id, found.results) == (figures["run_id"], figures["results"]):
                check_same(f"entry {line['id']} of the folder (here entry {found.pk})", found, figures, FIGURES)
                self._there("entries", line, found)
            elif (found.mode, figures["mode"]) == ("sampled", "full"):
                Entry.objects.filter(pk=found.pk).update(**figures)
                self.touched.add(found.board_id)
                self.arrived.replaced += 1
            else:
                self.arrived.stayed += 1
        self._add("entries", new)

    def _entries_there(self, values: list[Line]) -> dict[tuple[Any, ...], Entry]:
        found: dict[tuple[Any, ...], Entry] = {}
        for name in ("work_id", "published_id"):
            wanted = {line[name] for line in values} - {None}
            boards = {line["board_id"] for line in values}
            for entry in Entry.objects.filter(board__in=boards, **{f"{name}__in": wanted}):
                found[entry.board_id, entry.work_id, entry.published_id] = entry
        return found
