"""The site's terms, a sentence each: the glossary of /methodology/, and the definitions on the submit page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A term and its definition, one sentence. `anchor` is its id on /methodology/."""

    name: str
    definition: str

    @property
    def anchor(self) -> str:
        """The id of the definition: "term-run"."""
        return f"term-{self.name}"


GLOSSARY = (
    Term("recipe", "A document that says how a model is made and used; its SHA-256 identifies it."),
    Term("submission", "A request to verify one recipe on one kind of hardware."),
    Term(
        "verification",
        "Running a recipe on one of this site's own workers, with every phase metered and the quality evaluated.",
    ),
    Term("run", "One verification of one recipe on one kind of hardware; a submission has one or more."),
    Term("attempt", "One try of a worker at a run; a run has several if a worker stops before the end."),
    Term(
        "entry",
        "One line of the leaderboard: the published result of a recipe for one track, hardware, scenario and scope.",
    ),
    Term(
        "phase",
        "A part of a model's life: search, pretrain, train, compress and finetune happen once, inference with every "
        "image; evaluate is metered but not counted.",
    ),
    Term(
        "provenance",
        "The origin of an energy figure, the most trusted first: metered, extrapolated, reported, estimated or "
        "missing.",
    ),
    Term(
        "greenness",
        "Quality to the power τ over full-cycle energy, the metric of the paper behind this site; τ says how much "
        "accuracy counts.",
    ),
    Term(
        "scope",
        "Which devices the energy covers: accelerator is the GPU, or the CPU package if the model runs on a CPU; "
        "system is GPU, CPU package and memory.",
    ),
    Term(
        "scenario",
        "How the model is used while inference is measured: single stream is one image at a time, offline is large "
        "batches.",
    ),
    Term("track", "A data set with a quality metric and an evaluation protocol."),
)
BY_NAME = {term.name: term for term in GLOSSARY}
# In the order in which a submitter needs them.
OF_SUBMITTING = tuple(BY_NAME[name] for name in ("recipe", "submission", "verification", "run"))
