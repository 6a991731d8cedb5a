"""What a copy holds: every public address of `urls.py`, of each thing that it can be of, and the file of its answer.

An address is in EXPORTED or in LEFT_OUT; a test compares both with all that the site answers to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import F
from django.urls import reverse

from leaderboard import queries
from leaderboard.models import Board
from leaderboard.presentation import documentation
from leaderboard.presentation.docs_page import METHODOLOGY
from leaderboard.staticcopy.boards import Boards, as_name, group_of

INDEX = "index.html"
OF_A_TRACK = ("track", "scenario", "scope")
"""Parameters that choose results across hardware."""
OF_BOARDS: dict[str, tuple[str, str]] = {
    "leaderboard": ("boards", INDEX),
    "card": ("boards", "card.png"),
    "api-leaderboard-snapshot": ("boards", "snapshot.json"),
    "api-leaderboard-csv": ("boards", "leaderboard.csv"),
    "api-leaderboard-json": ("boards", "leaderboard.json"),
    "api-leaderboard-parquet": ("boards", "leaderboard.parquet"),
    "findings": ("findings", INDEX),
}
"""What there is once of each board: the folder that has the boards' folders, and the file's name there."""


@dataclass(frozen=True, slots=True)
class Page:
    """A question to the site, and the file that holds the answer. `name`: the address's in `urls.py`."""

    name: str
    path: str
    file: str
    parameters: tuple[tuple[str, str], ...] = ()
    may_lack: bool = False
    """Whether the site may have none: a file that was lost, an entry that was taken down and is private."""

    @property
    def address(self) -> str:
        """With its parameters."""
        return f"{self.path}?{urlencode(self.parameters)}" if self.parameters else self.path


@dataclass(frozen=True, slots=True)
class Content:
    """What the database has for readers without an account."""

    boards: Boards
    entries: list[dict[str, Any]]
    """Of each: `pk`, `run` and `recipe`, which are None of a published result, and whether its run has a `trace`."""
    gone: list[int]
    """Numbers that entries had which were joined, withdrawn or taken down; the site may answer nothing to some."""


def read_content() -> Content:
    """Read what readers without an account see: outside of a reading, queries have no other."""
    found = queries.entries().order_by("pk").values("pk", "run_id", "recipe_id", trace=F("run__attempts__trace"))
    entries: dict[int, dict[str, Any]] = {}
    for line in found:
        known = entries.setdefault(line["pk"], {"pk": line["pk"], "run": line["run_id"], "recipe": line["recipe_id"]})
        known["trace"] = known.get("trace") or line["trace"]
    return Content(
        Boards(), list(entries.values()), [number for number in queries.numbers_gone() if number not in entries]
    )


def pages(content: Content) -> list[Page]:
    """Every page of the copy, in the order of EXPORTED."""
    return [page for name, listed in EXPORTED.items() for page in listed(name, content)]


Listing = Callable[[str, Content], Iterable[Page]]


def _one(file: str) -> Listing:
    """An address without parts."""
    return lambda name, content: [Page(name, reverse(name), file)]


def _of_boards(name: str, content: Content) -> Iterable[Page]:
    """The answer about each board; pages and pictures also where an address names none."""
    path, (root, file) = reverse(name), OF_BOARDS[name]
    if name == "findings":
        yield Page(name, path, f"{root}/{file}")
    elif not name.startswith("api-"):
        yield Page(name, path, file)
    for board in content.boards.every:
        yield Page(name, path, file_of(name, board, content.boards), tuple(group_of(board).items()))


def file_of(name: str, board: Board, boards: Boards) -> str:
    """The file of an address that there is once of each board."""
    root, file = OF_BOARDS[name]
    return f"{root}/{boards.folders[board.pk]}/{file}"


def _across(name: str, content: Content) -> Iterable[Page]:
    """A track on all hardware."""
    yield Page(name, reverse(name), f"hardware/{INDEX}")
    groups = (group_of(board) for board in content.boards.every)
    for parameters in dict.fromkeys(tuple((key, group[key]) for key in OF_A_TRACK) for group in groups):
        folder = "/".join(as_name(value) for _, value in parameters)
        yield Page(name, reverse(name), f"hardware/{folder}/{INDEX}", parameters)


def _models(name: str, content: Content) -> Iterable[Page]:
    """A model on all hardware, by its entries."""
    yield Page(name, reverse(name), f"models/{INDEX}")
    for entry in content.entries:
        yield Page(name, reverse(name), f"models/{entry['pk']}/{INDEX}", (("entry", str(entry["pk"])),))


def _entries(file: str, having: str = "pk", by: str = "pk", *, may_lack: bool = False) -> Listing:
    """Something of each entry that has `having`; `by`: what its address names, which several entries may share."""

    def listed(name: str, content: Content) -> Iterable[Page]:
        keys = dict.fromkeys(entry[by] for entry in content.entries if entry[having])
        return [Page(name, reverse(name, args=[key]), file.format(key), may_lack=may_lack) for key in keys]

    return listed


def _entry_pages(name: str, content: Content) -> Iterable[Page]:
    """Entries, and what the site says where there was one."""
    for number, is_gone in [
        *((entry["pk"], False) for entry in content.entries),
        *((one, True) for one in content.gone),
    ]:
        yield Page(name, reverse(name, args=[number]), f"entries/{number}/{INDEX}", may_lack=is_gone)


def _documentation(name: str, content: Content) -> Iterable[Page]:
    for listed in documentation.pages().values():
        if listed.path != METHODOLOGY:
            yield Page(name, reverse(name, args=[listed.name]), f"docs/{listed.name}/{INDEX}")


def _notebooks(name: str, content: Content) -> Iterable[Page]:
    for listed in documentation.pages().values():
        if listed.path.suffix == ".ipynb":
            yield Page(name, reverse(name, args=[listed.name]), f"docs/{listed.name}.ipynb")


EXPORTED: dict[str, Listing] = {
    **dict.fromkeys(OF_BOARDS, _of_boards),
    "across": _across,
    "models": _models,
    "entry": _entry_pages,
    "entry-card": _entries("entries/{}/card.png"),
    "entry-recipe": _entries("entries/{}/recipe.yaml", "recipe"),
    "entry-power": _entries("entries/{}/power.json", "trace", may_lack=True),
    "api-entry": _entries("api/v1/entries/{}.json"),
    "api-entry-badge": _entries("api/v1/entries/{}/badge.svg"),
    "api-entry-trace": _entries("api/v1/entries/{}/trace.parquet", "trace", may_lack=True),
    "api-run": _entries("api/v1/runs/{}.json", "run", "run"),
    "api-run-record": _entries("api/v1/runs/{}/record.json", "run", "run", may_lack=True),
    "methodology": _one(f"methodology/{INDEX}"),
    "documentation": _one(f"docs/{INDEX}"),
    "documentation-page": _documentation,
    "documentation-notebook": _notebooks,
    "about": _one(f"about/{INDEX}"),
    "favicon": _one("favicon.ico"),
    "robots": _one("robots.txt"),
    "api-schema": _one("api/schema.yaml"),
    "api-findings": _one("api/v1/findings.json"),
    "api-tracks": _one("api/v1/tracks.json"),
    "api-hardware": _one("api/v1/hardware.json"),
    "api-recipe-schema": _one("api/v1/recipe-schema.json"),
    "api-carbon-intensities": _one("api/v1/carbon-intensities.json"),
    "api-electricity-prices": _one("api/v1/electricity-prices.json"),
}
"""By the name of a public address: what lists its pages."""

_QUESTION = (
    "answers a reader's own question, which a file can't; what it is computed from is in the boards' snapshots"
)
_CHOSEN = "compares what a reader has chosen"
_NOW = "says what goes on at this moment"
_PROCESS = "is about the web process"
_ACCOUNT = "is a form of somebody's account"
LEFT_OUT: dict[str, str] = {
    "api-leaderboard": _QUESTION,
    "api-leaderboard-champions": _QUESTION,
    "api-leaderboard-range": _QUESTION,
    "compare": _CHOSEN,
    "compare-card": _CHOSEN,
    "runs-compare": _CHOSEN,
    "run-power": "is drawn by comparisons of runs; the trace of an entry's run is with the entry",
    "leaderboard-activity": _NOW,
    "queue": _NOW,
    "api-queue": _NOW,
    "api-workers": _NOW,
    "submission": "follows the runs of one submission, held and failed ones too; its results are its entries' pages",
    "api-submission": "is a submission as the API has it",
    "submission-status": "is a part of a submission's page",
    "api-measurement": "is somebody's own, for who knows its SHA-256; what a result takes of it is in its recipe",
    "api-measurement-trace": "is of somebody's own measurement",
    "api-docs": "sends queries to the API; the document that it shows is api/schema.yaml",
    "healthz": _PROCESS,
    "readyz": _PROCESS,
    "metrics": _PROCESS,
    "unsubscribe": _ACCOUNT,
    "account_login": _ACCOUNT,
    "account_signup": _ACCOUNT,
    "account_inactive": _ACCOUNT,
    "account_reset_password": _ACCOUNT,
    "account_reset_password_done": _ACCOUNT,
    "account_reset_password_from_key": _ACCOUNT,
    "account_reset_password_from_key_done": _ACCOUNT,
    "account_confirm_email": _ACCOUNT,
    "account_email_verification_sent": _ACCOUNT,
}
"""By the name of a public address: why no copy has it. Links to it lead to the living site."""
