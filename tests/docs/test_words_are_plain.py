"""Pages, messages, docstrings and documentation use the field's standard terms, and none of the phrases below."""

import re
from pathlib import Path

import pytest

from tests.docs.reading import ROOT

# What must not come back -> what to say instead.
PHRASES = {
    # Names
    r"\bbells?\b|\brung_at\b|\b(ring|rung|rings) for\b": "notify, dispatch",
    r"\b_insist\b": "_retry_until_stored",
    # Conditions
    r"\b(raises?|None|True|False|null|ValueError|\w+Error) where\b": "if",
    # Private vocabulary
    r"\banew\b": "again",
    r"\bin vain\b": "without a result",
    r"\blooked at\b": "reviewed, read",
    r"(?<!can )\b(tells?|told)\b": "shows, reported",
    r"\bstands?\b(?! (for|out)\b)": "is",
    r"\bbeside\b": "with, next to",
    r"\bwhat is needed\b": "required",
    r"\bresults? (that )?(is|are|was|were) held back\b": "held for review",
    r"\bin words for people\b": "in plain words",
    # Pages
    r"\bheard of\b": "seen",
    r"\bended last\b": "recently finished",
    r"\bwhat waits will wait\b": "queued runs",
    r"\bto put right\b": "errors to fix",
    r"\bcalled so\b": "several match",
    r"\bhold it against\b": "compare with",
    r"\bdoubts about\b": "quality flags",
    r"\bthere is no such entry\b": "not found",
    r"\bis reached at\b|\byour patience\b": "say it plainly",
    r"\basked to stop\b": "stopping; this takes a few seconds",
    r"\bnobody knows\b": "unknown, excluding missing phases",
    r"\buncertainty is not known\b": "leave it out",
    r"\bof it before the first use\b": "one-time",
    # Messages
    r"\bnamed in a recipe, not contained\b": "a recipe names weights and data; it cannot include them",
    r"\bstays off the board\b": "is not published",
    r"\bplace a sample never takes\b": "a sampled run cannot replace a full result",
    r"\bthis machine lacks\b(?! an energy counter)": "not found on this machine",
    r"\band this is none\b": "this network has no …",
    r"\bcan't part\b": "can't split",
    r"\bneeds at least two\b": "at least two … are required",
    r"\bbell not rung\b|\bcrashed the task\b": "dispatch failed, task crashed",
}
PLACES = {
    "templates": ("templates/**/*.html",),
    "static": ("static/leaderboard/**/*.js",),
    "leaderboard": ("leaderboard/**/*.py",),
    "measurement": ("measurement/**/*.py",),
    "catalogue": ("catalogue/*.py",),
    "docs": ("docs/*.md", "docs/*.yaml", "README.md", "CONTRIBUTING.md"),
}
# A migration that has been released keeps its name and its help texts.
RELEASED = ROOT / "leaderboard" / "migrations"


def files(place: str) -> list[Path]:
    found = sorted(path for pattern in PLACES[place] for path in ROOT.glob(pattern))
    return [path for path in found if RELEASED not in path.parents]


@pytest.mark.parametrize("place", PLACES)
def test_no_phrase_of_the_list_is_left(place):
    patterns = {re.compile(phrase, re.IGNORECASE): better for phrase, better in PHRASES.items()}
    paths = files(place)
    assert paths
    left = [
        f"{path.relative_to(ROOT)}:{number}: “{match[0]}”; say: {better}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for pattern, better in patterns.items()
        if (match := pattern.search(line))
    ]
    assert not left, "\n".join(left)


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_is_a_pattern_that_can_be_found(phrase):
    assert re.compile(phrase)
    assert not re.search(phrase, "A worker is notified of a queued run; None if there is none.", re.IGNORECASE)
