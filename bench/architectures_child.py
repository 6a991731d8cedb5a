"""The answers of one of timm's architectures to bench/architectures.py, in its own process."""

from __future__ import annotations

import copy
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from bench.architectures_page import OK, UNEXPLAINED, UNTRIED
from measurement.errors import BadInput

MOST_RUN, MOST_TRIED = 2_000_000_000, 60_000_000
"""Parameters of the largest networks that are run here, and that are tried with every method: more would exceed the
memory and the time of a CPU. timm has some of 7 billion."""

RESOLUTIONS = (128, 112)
"""Pixels that are tried before an architecture's own size: patches of 16 and of 14 fit into these."""

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
"""The phase of each method; before the comma, its technique. Those that may take minutes come last."""
MULTIPLIERS = ("model.width", "model.depth")
QUESTIONS = (*MULTIPLIERS, *METHODS)


def answer_all(name: str, questions: Sequence[str], answers: Connection) -> None:
    """Send (question, `yes` or the reason why not) for each of `questions`; nothing more if there is no window."""
    import torch

    from measurement.methods import TECHNIQUES
    from measurement.networks.build import build_network

    torch.set_num_threads(1)
    # The question is whether a window runs, not what it costs: two may run at once.
    os.environ["MEASUREMENT_LOCK_FOLDER"] = tempfile.mkdtemp(prefix="bench-locks-")
    device, track = torch.device("cpu"), _track()

    def put(question: str, act: Callable[[], None]) -> bool:
        said = OK
        try:
            act()
        except Exception as error:  # any exception of an architecture is the answer
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
    if "window" in questions and not put("window", lambda: _run_window(model, track, asked.resolution)):
        return
    if parameters > MOST_TRIED:
        for question in QUESTIONS:
            answers.send((question, f"{UNTRIED}: over {MOST_TRIED // 10**6} M parameters"))
        return
    for question in questions:
        if question in MULTIPLIERS:
            multiplied = asked.model_copy(update={question.partition(".")[2]: 0.5})
            put(question, partial(build_network, multiplied, track, device))
        elif question in METHODS:
            context = _context(question.partition(",")[0], METHODS[question], copy.deepcopy(model), asked)
            put(question, partial(TECHNIQUES[context.spec.technique].rehearse, context))


def _parameters(name: str) -> int:
    """Counted on torch's meta device, where a network has no numbers; 0 if it can't be built there."""
    import timm
    import torch

    try:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in timm.create_model(name).parameters())
    except Exception:  # one that can't be counted is built
        return 0


def _track() -> Any:
    from measurement.tracks import TRACKS

    return TRACKS["imagenet-1k"]


def _built(name: str, track: Any, device: Any) -> tuple[Any, Any]:
    """The specification for the builder, and the network, small if possible. Raises as the builder does."""
    import timm

    from measurement.networks.build import build_network
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

    from measurement.meters import EnergyMeter
    from measurement.run.inference import InferencePlan, Inputs, measure, prepare
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
