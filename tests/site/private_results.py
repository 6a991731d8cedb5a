"""A private result with a word in it that nobody else may see anywhere, beside a public one on the same files."""

from __future__ import annotations

import io
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.management.color import no_style
from django.db import connection, transaction
from django.test import Client
from pyarrow import parquet

from leaderboard import services
from leaderboard.models import Entry, Hardware, Run
from measurement.recipe import Recipe, parse_recipe
from tests.artifacts.archives import SMALL, zipped
from tests.artifacts.making import sha256, upload
from tests.measurement.tiny import TRAIN, tiny_document
from tests.power_traces import trace
from tests.services.verifying import verify
from tests.site.public_answers import OF_NOW, OF_THE_PROCESS
from tests.site.walking import Address, every_address

Answer = tuple[int, dict[str, str], bytes]
ADDRESSES = [address for address in every_address() if not address.route.startswith("/admin/")]
OF_THINGS = [
    address
    for address in ADDRESSES
    if "pk" in address.route and any(kind in address.name for kind in ("entry", "run", "submission"))
]
LISTS = [address for address in ADDRESSES if "<" not in address.route and "(" not in address.route]
FIRST_NUMBER = 7_000_000
WORD = "Xylograph"
SECRET = {"title": f"{WORD} of my birds", "family": "compact", "summary": f"{WORD} twice", "authors": [f"A. {WORD}"]}


def recipe(found: dict[str, Any], content: bytes, *, title: str = WORD, epochs: int = 1, **dataset: Any) -> Recipe:
    """A recipe on an uploaded data set; private if `dataset` says so."""
    named = {"name": "mine", "manifest_sha256": found["manifest_sha256"], "archive_sha256": sha256(content)} | dataset
    method = SECRET if title == WORD else {"title": title, "family": "compact"}
    model = {"architecture": "test_resnet", "resolution": 32}
    return parse_recipe(
        tiny_document(TRAIN | {"epochs": epochs}, track="imagefolder", dataset=named, model=model, method=method)
    )


def uploaded(user: Any, content: bytes = b"") -> tuple[dict[str, Any], bytes]:
    """What the site found in the archive that `user` has sent, and the archive."""
    content = content or zipped(SMALL)
    client = Client()
    client.force_login(user)
    found: dict[str, Any] = upload(client, content, kind="dataset", name="birds.zip").json()["found"]
    return found, content


def published(wanted: Recipe, hardware: Hardware, submitter: Any, **figures: Any) -> tuple[Run, Entry]:
    """The run, with a trace, and the entry that a board opens with."""
    run, _ = verify(services.of_submitter(wanted, submitter), hardware, submitter=submitter, **figures)
    if run.held_for:
        services.release_hold(run)
    run.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0], [5.0, 6.0]).read()))
    return run, Entry.objects.get(run=run, board__scope="accelerator", board__scenario="offline")


class Site:
    """A public and a private result on the same files; `there` and `nowhere` fill in addresses."""

    def __init__(self, hardware: Any, alice: Any, bob: Any) -> None:
        self.found, self.content = uploaded(alice)
        uploaded(bob, self.content)
        run, entry = published(recipe(self.found, self.content, title="Everybody's birds"), hardware, bob)
        self.public, self.hardware, self.alice = {"run": run.pk, "entry": entry.pk}, hardware, alice
        self.count_from_a_number_that_stands_out(run)

    def add_the_private_one(self, bob: Any) -> None:
        """Which has no fewer digits in its track than another's would have."""
        hardware, alice = self.hardware, self.alice
        self.private = recipe(self.found, self.content, visibility="private")
        self.run, self.entry = published(self.private, hardware, alice, per_image_j=5.0)
        self.there = self._names(self.run.pk, self.entry.pk, self.run.submission_id, self.entry.board.track)
        track = self.entry.board.track.replace(f"-{alice.pk}", f"-{bob.pk}")
        self.nowhere = self._names(self.run.pk + 1000, self.entry.pk + 1000, uuid.UUID(int=7), track)

    def count_from_a_number_that_stands_out(self, run: Run) -> None:
        """So that it can be told from other digits of an answer."""
        Run.objects.create(pk=FIRST_NUMBER, recipe=run.recipe, hardware=run.hardware, queued_at=run.queued_at)
        Entry.objects.filter(pk=self.public["entry"]).update(id=FIRST_NUMBER)
        self.public["entry"] = FIRST_NUMBER
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), [Run, Entry]):
                cursor.execute(statement)
        Run.objects.filter(pk=FIRST_NUMBER).delete()

    def _names(self, run: int, entry: int, submission: Any, track: str) -> dict[str, Any]:
        of_public = {"public": self.public["entry"], "public_run": self.public["run"]}
        return {"run": run, "entry": entry, "submission": submission, "track": track} | of_public

    def public_answers(self) -> dict[str, Answer]:
        """What everybody gets of the lists and of what is public."""
        of_public = {"pk": self.public["entry"]}
        entry = [address.path(of_public) for address in OF_THINGS if "entry" in address.name]
        lists = [address.route for address in LISTS if address.name not in OF_THE_PROCESS]
        return {path: ask(Client(), path) for path in [*lists, *entry, f"/api/v1/runs/{self.public['run']}"]}


def signed_in(user: Any) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def ask(client: Client, path: str, method: str = "get", names: dict[str, Any] | None = None) -> Answer:
    """Status, headers and body; the names that were asked for are left out of both."""
    kind = {"content_type": "application/json"} if path.startswith("/api/") and method != "get" else {}
    with transaction.atomic():
        answer: Any = getattr(client, method)(path, {"reason": "because"} if method != "get" else None, **kind)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    if ".parquet" in path and answer.status_code == 200:  # its file says the address in code
        body = repr(parquet.read_table(io.BytesIO(body)).to_pylist()).encode()
    said = OF_NOW.sub("***", body.decode("latin-1"))
    headers = {name.lower(): value for name, value in answer.items() if name.lower() != "x-request-id"}
    for name in ("track", "submission", "entry", "run") if names else ():
        of = str((names or {})[name])
        said = said.replace(of, "***")
        headers = {key: value.replace(of, "***") for key, value in headers.items()}
    of_now = {
        "expires",
        "date",
        "set-cookie",
        *(["etag"] if names and path.startswith("/?") else []),
    }  # of its address
    headers = {key: value for key, value in headers.items() if key not in of_now}
    return answer.status_code, headers, said.encode("latin-1")


def path_of(address: Address, names: dict[str, Any]) -> str:
    kind = next(kind for kind in ("entry", "run", "submission") if kind in address.name)
    return address.path({"pk": names[kind]})
