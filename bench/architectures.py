"""Which of timm's architectures build, run one inference window on the CPU, and take each method.

Every architecture is tried in its own process: some of them crash, some never return. They come in a random order
that never changes, and results are kept in build/architectures.jsonl: so the list can be completed in several
sessions, and at any time the results are a fair sample of it. `--write` makes docs/architectures.md from them.
Without `--all` the first 300 are tried.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

from bench import MISSED
from bench.architectures_child import QUESTIONS, answer_all
from bench.architectures_page import OK, UNEXPLAINED, UNTRIED, counted, page
from measurement.recipe import DETECTORS, ELASTIC_MOBILE, known_architectures

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "build" / "architectures.jsonl"
PAGE = ROOT / "docs" / "architectures.md"
PROCESSES = multiprocessing.get_context("forkserver")
DRAWN, SEED = 300, 20210813
WINDOW_WITHIN_S, METHOD_WITHIN_S = 120.0, 45.0
SLOW = ("quantization, int8_static",)
"""Takes as long as all the others together, so it comes after them for every architecture."""
QUICK = ("window", *(question for question in QUESTIONS if question not in SLOW))

Answers = dict[str, str]
"""By question: `yes`, or the reason why not."""


def run(*, every: bool = False, write: bool = False) -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted)."""
    order = _order()
    asked = order if every else order[:DRAWN]
    found = _read()
    for questions in (QUICK, SLOW):
        untried = [name for name in asked if _are_open(questions, found.get(name, {}))]
        for number, (name, answers) in enumerate(_all_of(untried, questions), 1):
            found.setdefault(name, {}).update(answers)
            _keep(name, answers)
            print(f"  {number} of {len(untried)}  {name}: {answers[questions[0]]}", flush=True)
    sample = in_order(order, found)
    if write:
        PAGE.write_text(page(sample, QUESTIONS, len(order), METHOD_WITHIN_S), "utf-8")
    return _rows(sample)


def in_order(order: list[str], found: dict[str, Answers]) -> dict[str, Answers]:
    """For each question, the answers before the first architecture without one: a fair sample, if not all."""
    sample: dict[str, Answers] = {}
    for question in ("window", *QUESTIONS):
        for name in order:
            answers = found.get(name, {})
            if _are_open([question], answers):
                break
            sample.setdefault(name, {}).update({question: answers[question]} if question in answers else {})
    return sample


def _order() -> list[str]:
    names, chance = sorted(known_architectures() - set(DETECTORS)), random.Random(SEED)
    drawn = chance.sample(names, DRAWN)
    rest = [name for name in names if name not in set(drawn)]
    chance.shuffle(rest)
    return [name for name in drawn + rest if name != ELASTIC_MOBILE]  # this package's own


def _are_open(questions: Sequence[str], answers: Answers) -> bool:
    """Whether one of them has no answer; a network without a window gets no further questions."""
    return answers.get("window", OK) == OK and not answers.keys() >= set(questions)


def _all_of(names: list[str], questions: Sequence[str]) -> Iterator[tuple[str, Answers]]:
    """Each name with its answers, in order of completion: one at a time per core, each in its own process."""
    if names:
        PROCESSES.set_forkserver_preload(["measurement.run.runner", "measurement.methods.eight_bit.program"])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for asked in as_completed([pool.submit(_try, name, questions) for name in names]):
                yield asked.result()


def _rows(found: dict[str, Answers]) -> list[tuple[str, str, str]]:
    windows = [answers["window"] for answers in found.values()]
    wanted = "each builds and runs a window, or is refused with a reason"
    wanted = MISSED + wanted if any(_is_silent(answer) for answer in windows) else wanted
    untried = sum(answer.startswith(UNTRIED) for answer in windows)
    measured = f"{windows.count(OK)} do, {untried} not tried"
    rows = [(f"{len(found)} architectures, a window each", measured, wanted)]
    for question in QUESTIONS:
        work, asked = counted(found, question)
        rows.append((f"of those tried, {question}", f"{work} of {asked}", "reported"))
    return rows


def _is_silent(answer: str) -> bool:
    """Whether it is neither a success nor our own refusal, which names the field."""
    return answer.startswith(("died", UNEXPLAINED))


def _read() -> dict[str, Answers]:
    """Results of earlier sessions with the same timm and the same questions."""
    found: dict[str, Answers] = {}
    lines = FOUND.read_text("utf-8").splitlines() if FOUND.exists() else []
    for line in map(json.loads, lines):
        if line["asked"] == _asked():
            found.setdefault(line["architecture"], {}).update(line["answers"])
    return found


def _asked() -> str:
    return f"timm {version('timm')}: {', '.join(QUESTIONS)}"


def _keep(name: str, answers: Answers) -> None:
    FOUND.parent.mkdir(exist_ok=True)
    with FOUND.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"asked": _asked(), "architecture": name, "answers": answers}) + "\n")


def _try(name: str, questions: Sequence[str]) -> tuple[str, Answers]:
    """The answers of one architecture. A process that hangs or dies leaves the rest unanswered."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=answer_all, args=(name, questions, theirs))
    child.start()
    theirs.close()
    answers: Answers = {}
    until = time.monotonic() + WINDOW_WITHIN_S
    try:
        while ours.poll(max(0.0, until - time.monotonic())):
            question, answer = ours.recv()
            answers[question] = answer
            until = time.monotonic() + METHOD_WITHIN_S
    except EOFError:
        pass
    took_too_long = child.is_alive() and time.monotonic() >= until
    child.kill()
    child.join()
    why = f"{UNTRIED} to the end, which takes too long" if took_too_long else f"died ({child.exitcode})"
    expected = ["window"] if answers.get("window", OK) != OK else questions
    return name, {question: answers.get(question, why) for question in expected} | answers
