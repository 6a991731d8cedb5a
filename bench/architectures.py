"""Which of timm's architectures build, run one inference window on the CPU, and take each method.

Every architecture is tried in a process of its own: some of them crash, some never come back. What was found is kept
in build/architectures.jsonl, so that the whole list can be done in several sittings; `--write` makes the page
docs/architectures.md of it. Without `--all` 300 are drawn at random, by a fixed seed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench import MISSED
from measurement.recipe import known_architectures

ROOT = Path(__file__).parents[1]
FOUND = ROOT / "build" / "architectures.jsonl"
PAGE = ROOT / "docs" / "architectures.md"
DRAWN, SEED = 300, 20210813
WITHIN_S = 240.0
MOST_PARAMETERS = 120_000_000
"""Larger networks are built and counted only: a benchmark on a CPU does not get through them."""

METHODS: dict[str, dict[str, Any]] = {
    "supervised": {"phase": "finetune", "epochs": 1, "batch_size": 2},
    "structured_pruning": {"phase": "compress", "ratio": 0.25},
    "sparsity": {"phase": "compress", "ratio": 0.5},
    "low_rank": {"phase": "compress", "rank_share": 0.5},
    "quantization, int8_dynamic": {"technique": "quantization", "phase": "compress", "scheme": "int8_dynamic"},
    "quantization, int8_static": {
        "technique": "quantization",
        "phase": "compress",
        "scheme": "int8_static",
        "calibration_batches": 1,
        "calibration_batch_size": 2,
    },
    "early_exit": {"phase": "finetune", "epochs": 1, "batch_size": 2, "exits": 1},
}
OK = "yes"


def run(*, every: bool = False, write: bool = False) -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted)."""
    names = sorted(known_architectures())
    drawn = random.Random(SEED).sample(names, DRAWN)
    found = _read()
    order = [*drawn, *(name for name in names if name not in set(drawn))] if every else drawn
    for number, name in enumerate(order, 1):
        if name not in found:
            found[name] = _try(name)
            _keep(name, found[name])
            print(f"  {number} of {len(order)}  {name}: {found[name]['window']}", flush=True)
    if write:
        PAGE.write_text(page(found, len(names)), "utf-8")
    return _rows({name: found[name] for name in drawn})


def _rows(found: dict[str, dict[str, str]]) -> list[tuple[str, str, str]]:
    told = Counter(answers["window"] for answers in found.values())
    silent = [name for name, answers in found.items() if answers["window"].startswith("died")]
    wanted = "each builds and runs a window, or says why not"
    wanted = MISSED + wanted if silent else wanted
    rows = [(f"{len(found)} architectures, a window each", f"{told[OK]} do", wanted)]
    for method in METHODS:
        asked = [answers[method] for answers in found.values() if method in answers]
        rows.append((f"of those, {method}", f"{asked.count(OK)} of {len(asked)}", "reported"))
    return rows


def _read() -> dict[str, dict[str, str]]:
    if not FOUND.exists():
        return {}
    lines = [json.loads(line) for line in FOUND.read_text("utf-8").splitlines()]
    return {line.pop("architecture"): line for line in lines}


def _keep(name: str, answers: dict[str, str]) -> None:
    FOUND.parent.mkdir(exist_ok=True)
    with FOUND.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"architecture": name} | answers) + "\n")


def _try(name: str) -> dict[str, str]:
    """Answers by question: `yes`, or the reason why not. A process that hangs or dies has the rest unanswered."""
    context = multiprocessing.get_context("fork")  # torch is imported once, in this process
    os.environ["MEASUREMENT_LOCK_FOLDER"] = str(FOUND.parent)  # whether a window runs is asked, not what it costs
    _import_all()
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(name, theirs))
    child.start()
    theirs.close()
    answers: dict[str, str] = {}
    until = time.monotonic() + WITHIN_S
    try:
        while ours.poll(max(0.0, until - time.monotonic())):
            question, answer = ours.recv()
            answers[question] = answer
    except EOFError:
        pass
    took_too_long = child.is_alive() and time.monotonic() >= until
    child.kill()
    child.join()
    why = f"took over {WITHIN_S:.0f} s" if took_too_long else f"died ({child.exitcode})"
    expected = ["window"] if answers.get("window", OK) != OK else ["window", *METHODS]
    return {question: answers.get(question, why) for question in expected}


def _import_all() -> None:
    import torch

    import measurement.runner

    torch.set_num_threads(1)
    assert measurement.runner


def _answer(name: str, answers: Connection) -> None:
    import copy

    import torch

    from measurement.methods import TECHNIQUES
    from measurement.model import build_network, count_parameters
    from measurement.recipe import Model

    device, track = torch.device("cpu"), _track()
    try:
        asked = Model(architecture=name, resolution=_resolution(name))
        model = build_network(asked, track, device)
        if count_parameters(model) > MOST_PARAMETERS:
            answers.send(("window", f"builds; over {MOST_PARAMETERS // 10**6} M parameters, so not run here"))
            return
        _run_window(model, track, asked.resolution)
    except Exception as error:  # whatever a thousand architectures raise is the answer
        answers.send(("window", _reason(error)))
        return
    answers.send(("window", OK))
    for method, fields in METHODS.items():
        context = _context(method, fields, copy.deepcopy(model), asked)
        try:
            TECHNIQUES[context.spec.technique].rehearse(context)
        except Exception as error:
            answers.send((method, _reason(error)))
        else:
            answers.send((method, OK))


def _track() -> Any:
    from measurement.tracks import TRACKS

    return TRACKS["imagenet-1k"]


def _resolution(name: str) -> int:
    """128 pixels where the architecture is not made for one size alone."""
    import timm

    settings = timm.get_pretrained_cfg(name, allow_unregistered=True) or timm.models.get_arch_pretrained_cfgs(name)
    native = int(getattr(settings, "input_size", (3, 224, 224))[-1])
    fixed = bool(getattr(settings, "fixed_input_size", False))
    return min(native, 1024) if fixed else min(native, 128)


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
    field = getattr(error, "field", "")
    return f"{field}: {lines[0]}" if field and lines else f"{type(error).__name__}: {lines[0] if lines else ''}"


def page(found: dict[str, dict[str, str]], known: int) -> str:
    """The page for readers: counts by method, and what those that don't work say, most frequent first."""
    runs = sum(answers["window"] == OK for answers in found.values())
    lines = [
        "# Which architectures work with which method",
        "",
        "What this page is for: seeing before you submit whether your architecture can be run, pruned, quantized …",
        "",
        f"timm has {known:,} architectures; {len(found):,} were tried, each in a process of its own on a CPU,",
        "with random weights, at 128 pixels or the size that it is made for. A method was tried as a worker tries it",
        "before it meters anything. Written by `python -m bench architectures --all --write`.",
        "",
        "| | work | of | share |",
        "|---|---|---|---|",
        _share("build and run an inference window", runs, len(found)),
    ]
    for method in METHODS:
        asked = [answers[method] for answers in found.values() if method in answers]
        lines.append(_share(f"`{method}`", asked.count(OK), len(asked)))
    lines += [
        "",
        "## What the others say",
        "",
        "| question | answer | architectures | for example |",
        "|---|---|---|---|",
    ]
    for question in ("window", *METHODS):
        lines += _answers(question, found)
    return "\n".join(lines) + "\n"


def _share(what: str, work: int, asked: int) -> str:
    return f"| {what} | {work:,} | {asked:,} | {work / asked:.0%} |" if asked else f"| {what} | – | – | – |"


def _answers(question: str, found: dict[str, dict[str, str]]) -> list[str]:
    examples: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, answers in sorted(found.items()):
        answer = answers.get(question, OK)
        if answer != OK:
            kind = _kind(answer)
            counts[kind] += 1
            examples.setdefault(kind, name)
    return [f"| `{question}` | {kind} | {count} | `{examples[kind]}` |" for kind, count in counts.most_common(8)]


def _kind(answer: str) -> str:
    """An answer without its figures and names, so that alike ones are counted together."""
    words = "".join("…" if letter.isdigit() else letter for letter in answer.replace("|", "/"))
    while "……" in words:
        words = words.replace("……", "…")
    return words[:110]
