"""Which of timm's architectures build, run one inference window on the CPU, and take each method.

Every architecture is tried in a process of its own: some of them crash, some never come back. They come in a random
order that never changes, and what was found is kept in build/architectures.jsonl: so the whole list can be done in
several sittings, and at any time what has been done is a fair sample of it. `--write` makes docs/architectures.md of
it. Without `--all` the first 300 are tried.
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import MISSED
from bench.architectures_page import OK, UNEXPLAINED, UNTRIED, counted, page
from measurement.errors import BadInput
from measurement.recipe import ELASTIC_MOBILE, known_architectures

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "build" / "architectures.jsonl"
PAGE = ROOT / "docs" / "architectures.md"
PROCESSES = multiprocessing.get_context("forkserver")
DRAWN, SEED = 300, 20210813
WINDOW_WITHIN_S, METHOD_WITHIN_S = 120.0, 45.0
MOST_RUN, MOST_TRIED = 2_000_000_000, 60_000_000
"""Parameters of the largest networks that are run here, and that are tried with every method: the memory and the time
of a CPU end there. timm has some of 7 billion."""

RESOLUTIONS = (128, 112)
"""Pixels that are tried before the size that an architecture is made for: patches of 16 and of 14 fit into these."""

BRIEFLY: dict[str, Any] = {"epochs": 1, "batch_size": 2}
TEACHER = {"architecture": "test_resnet", "training": BRIEFLY}
CALIBRATION = {"calibration_batches": 1, "calibration_batch_size": 2}
METHODS: dict[str, dict[str, Any]] = {
    "supervised": {"phase": "finetune"} | BRIEFLY,
    "distillation": {"phase": "finetune", "teacher": TEACHER} | BRIEFLY,
    "early_exit": {"phase": "finetune", "exits": 1} | BRIEFLY,
    "sparsity, unstructured": {"phase": "compress", "ratio": 0.5},
    "sparsity, 2:4": {"phase": "compress", "pattern": "2:4"},
    "low_rank": {"phase": "compress", "rank_share": 0.5},
    "quantization, int8_weight_only": {"phase": "compress", "scheme": "int8_weight_only"},
    "quantization, int8_dynamic": {"phase": "compress", "scheme": "int8_dynamic"},
    "quantization_aware, int8_dynamic": {"phase": "compress", "scheme": "int8_dynamic"} | BRIEFLY,
    "quantization, int8_static": {"phase": "compress", "scheme": "int8_static"} | CALIBRATION,
    "structured_pruning": {"phase": "compress", "ratio": 0.25},
}
"""What a phase of each method says; before the comma its technique. Those that may take minutes come last."""
MULTIPLIERS = ("model.width", "model.depth")
QUESTIONS = (*MULTIPLIERS, *METHODS)
SLOW = ("quantization, int8_static",)
"""Takes as long as all the others: asked of every architecture after these."""
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
    told = in_order(order, found)
    if write:
        PAGE.write_text(page(told, QUESTIONS, len(order), METHOD_WITHIN_S), "utf-8")
    return _rows(told)


def in_order(order: list[str], found: dict[str, Answers]) -> dict[str, Answers]:
    """Of each question the answers before the first architecture that has none: a fair sample, if not all."""
    told: dict[str, Answers] = {}
    for question in ("window", *QUESTIONS):
        for name in order:
            answers = found.get(name, {})
            if _are_open([question], answers):
                break
            told.setdefault(name, {}).update({question: answers[question]} if question in answers else {})
    return told


def _order() -> list[str]:
    names, chance = sorted(known_architectures()), random.Random(SEED)
    drawn = chance.sample(names, DRAWN)
    rest = [name for name in names if name not in set(drawn)]
    chance.shuffle(rest)
    return [name for name in drawn + rest if name != ELASTIC_MOBILE]  # which is ours


def _are_open(questions: Sequence[str], answers: Answers) -> bool:
    """Whether one of them was never put; a network that has no window is asked no more."""
    return answers.get("window", OK) == OK and not answers.keys() >= set(questions)


def _all_of(names: list[str], questions: Sequence[str]) -> Iterator[tuple[str, Answers]]:
    """Each name with its answers, as they come: one at a time a core, each in a process of its own."""
    if names:
        PROCESSES.set_forkserver_preload(["measurement.runner", "measurement.methods.eight_bit.program"])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for asked in as_completed([pool.submit(_try, name, questions) for name in names]):
                yield asked.result()


def _rows(found: dict[str, Answers]) -> list[tuple[str, str, str]]:
    windows = [answers["window"] for answers in found.values()]
    wanted = "each builds and runs a window, or is refused with a reason"
    wanted = MISSED + wanted if any(_is_silent(answer) for answer in windows) else wanted
    untried = sum(answer.startswith(UNTRIED) for answer in windows)
    told = f"{windows.count(OK)} do, {untried} not tried"
    rows = [(f"{len(found)} architectures, a window each", told, wanted)]
    for question in QUESTIONS:
        work, asked = counted(found, question)
        rows.append((f"of those tried, {question}", f"{work} of {asked}", "reported"))
    return rows


def _is_silent(answer: str) -> bool:
    """Whether it is neither a success nor our own refusal, which names the field."""
    return answer.startswith(("died", UNEXPLAINED))


def _read() -> dict[str, Answers]:
    """What earlier sittings found with the same timm and the same questions."""
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
    """What one architecture answers. A process that hangs or dies leaves the rest unanswered."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(target=_answer, args=(name, questions, theirs))
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


def _answer(name: str, questions: Sequence[str], answers: Connection) -> None:
    import torch

    from measurement.methods import TECHNIQUES
    from measurement.model import build_network

    torch.set_num_threads(1)
    # Whether a window runs is asked, not what it costs: two may run at once.
    os.environ["MEASUREMENT_LOCK_FOLDER"] = tempfile.mkdtemp(prefix="bench-locks-")
    device, track = torch.device("cpu"), _track()

    def answer(question: str, act: Callable[[], None]) -> bool:
        said = OK
        try:
            act()
        except Exception as error:  # whatever a thousand architectures raise is the answer
            said = _reason(error)
        answers.send((question, said))
        return said == OK

    parameters = _parameters(name)
    if parameters > MOST_RUN:
        answers.send(("window", f"{UNTRIED}: over {MOST_RUN // 10**6:,} M parameters"))
        return
    try:
        asked, model = _built(name, track, device)
    except Exception as error:
        answers.send(("window", _reason(error)))
        return
    if "window" in questions and not answer("window", lambda: _run_window(model, track, asked.resolution)):
        return
    if parameters > MOST_TRIED:
        for question in QUESTIONS:
            answers.send((question, f"{UNTRIED}: over {MOST_TRIED // 10**6} M parameters"))
        return
    for question in questions:
        if question in MULTIPLIERS:
            multiplied = asked.model_copy(update={question.partition(".")[2]: 0.5})
            answer(question, partial(build_network, multiplied, track, device))
        elif question in METHODS:
            context = _context(question.partition(",")[0], METHODS[question], copy.deepcopy(model), asked)
            answer(question, partial(TECHNIQUES[context.spec.technique].rehearse, context))


def _parameters(name: str) -> int:
    """Counted on torch's meta device, where a network has no numbers; 0 where it can't be built there."""
    import timm
    import torch

    try:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in timm.create_model(name).parameters())
    except Exception:  # whoever can't be counted is built
        return 0


def _track() -> Any:
    from measurement.tracks import TRACKS

    return TRACKS["imagenet-1k"]


def _built(name: str, track: Any, device: Any) -> tuple[Any, Any]:
    """The question to the builder, and the network, small where it can be. Raises as the builder does."""
    import timm

    from measurement.model import build_network
    from measurement.recipe import Model

    settings = timm.get_pretrained_cfg(name, allow_unregistered=True) or timm.models.get_arch_pretrained_cfgs(name)
    native = min(int(getattr(settings, "input_size", (3, 224, 224))[-1]), 1024)
    smaller = [resolution for resolution in RESOLUTIONS if resolution < native]
    for resolution in smaller:
        with suppress(BadInput):
            asked = Model(architecture=name, resolution=resolution)
            return asked, build_network(asked, track, device)
    asked = Model(architecture=name, resolution=native)
    return asked, build_network(asked, track, device)


def _run_window(model: Any, track: Any, resolution: int) -> None:
    import torch

    from measurement.inference import InferencePlan, Inputs, measure, prepare
    from measurement.meters import EnergyMeter
    from measurement.tracks.synthetic import SyntheticSplit
    from measurement.vocabulary import Scenario

    plan = InferencePlan(0.1, 0.2, 0.02, 0.02, 0.05, max_jitter_s=0.0)
    inputs = Inputs(SyntheticSplit(track, 4, resolution, torch.device("cpu")).first(2)[0])
    nothing = lambda *_: None  # noqa: E731
    scenario = Scenario.SINGLE_STREAM
    prepared = prepare(scenario, model, inputs, plan, max_batch_size=1, synchronize=nothing)
    with EnergyMeter.for_device("cpu") as meter, meter.window("inference") as window:
        figures = measure(
            prepared, model, window, plan, synchronize=nothing, advance=nothing, jitter=random.Random(0)
        )
    if not figures.images:
        raise RuntimeError("no image was run")


def _context(method: str, fields: dict[str, Any], model: Any, asked: Any) -> Any:
    import torch

    from measurement.methods import PhaseContext, no_progress
    from measurement.recipe import parse_recipe
    from measurement.tracks.synthetic import SyntheticSplit

    phases = [{"technique": "supervised", "phase": "train", "epochs": 1}, {"technique": method} | fields]
    recipe = parse_recipe(
        {
            "schema_version": 1,
            "method": {"title": "A trial", "family": "compact"},
            "track": "imagenet-1k",
            "model": asked.model_dump(),
            "phases": phases,
        }
    )
    device = torch.device("cpu")
    return PhaseContext(
        spec=recipe.phases[1],
        position=1,
        recipe=recipe,
        track=_track(),
        model=model,
        train=SyntheticSplit(_track(), 4, asked.resolution, device),
        device=device,
        seed=0,
        advance=no_progress,
    )


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    what = lines[0] if lines else ""
    return (
        f"{error.field}: {what}" if isinstance(error, BadInput) else f"{UNEXPLAINED}, {type(error).__name__}: {what}"
    )
