"""A recipe that the site has taken is small enough for the worker's measurement, in whatever script it is written."""

import json
import sys

import pytest

from leaderboard import services, tasks
from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError
from measurement.recipe import read_recipe
from tests.records import make_recipe

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "\U0001f600"


def written(authors: int, **method) -> str:
    """A recipe with so many authors, as somebody would send it: of each 400 bytes, and escaped three times that."""
    named = {"title": "A network", "family": "compact", "authors": [WORDS * 100] * authors} | method
    return json.dumps(make_recipe().document() | {"method": named}, ensure_ascii=False)


def test_the_measurement_reads_what_was_sent_in_letters_of_four_bytes(hardware, settings, tmp_path, monkeypatch):
    settings.DATA_ROOT = tmp_path
    text = written(50, summary=WORDS * 1000)
    assert len(text.encode()) < MAX_DOCUMENT_BYTES / 2 < MAX_DOCUMENT_BYTES < len(json.dumps(json.loads(text)))
    submission, _ = services.submit(read_recipe(text), hardware=hardware, submitter=None)

    def validate(out, *_):
        return [sys.executable, "-m", "measurement", "validate", str(out / "recipe.json")]

    monkeypatch.setattr("leaderboard.worker.child._measurement_command", validate)
    tasks.verify(submission.runs.get().pk)
    assert submission.runs.get().reason == "The measurement ended without writing a record."


def test_what_grows_too_large_by_its_defaults_is_refused_before_it_is_taken():
    sizes = list(range(50, 150))
    search = {
        "technique": "architecture_search",
        "phase": "search",
        "strategy": "random",
        "candidates": 1,
        "space": {"architectures": ["resnet18"], "resolutions": sizes, "widths": [size / 100 for size in sizes]},
        "training": {"epochs": 1},
    }
    train = {"technique": "supervised", "phase": "train", "epochs": 1}
    document = make_recipe().document() | {"phases": [*[search] * 19, train]}
    sent = json.dumps({**document, "method": {"title": "A network", "family": "nas"}}, separators=(",", ":"))
    assert len(sent) < MAX_DOCUMENT_BYTES
    with pytest.raises(DocumentError, match="bytes with every default written out as JSON; a recipe may have at"):
        read_recipe(sent)
