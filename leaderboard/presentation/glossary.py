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
        """The id of the definition: "term-run", "term-quality-floor"."""
        return f"term-{self.name.replace(' ', '-')}"


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
        "batches, end to end is such batches with the reading and decoding of their images.",
    ),
    Term("track", "A data set with a quality metric and an evaluation protocol."),
    Term(
        "hardware",
        "The accelerator or CPU that a run used; figures of different hardware are not compared.",
    ),
    Term(
        "usage intensity",
        "How many images a model processes over its whole life, written N; the more there are, the more the energy "
        "of each image counts.",
    ),
    Term("full-cycle energy", "The energy of a model's whole life: all one-time phases and N times an image."),
    Term(
        "one-time energy",
        "The energy of all phases before the first use; that of search and pre-training is divided by the "
        "deployments that share them.",
    ),
    Term("inference energy", "The energy of one image, in joules, in the chosen scenario."),
    Term(
        "sharing",
        "How many deployments use the same search and pre-training, whose energy is divided by their number.",
    ),
    Term("quality", "How well a model does on the track's test set, by the track's metric, in per cent."),
    Term(
        "quality floor",
        "The least quality at which a model does its track's job; what is below it is ranked only on request.",
    ),
    Term(
        "rank",
        "An entry's place in its group by energy, or by greenness; 2–4 means that it may have any of these places "
        "within the uncertainty.",
    ),
    Term(
        "family",
        "What kind of method made the model: a compact architecture, search, pruning, quantization and others.",
    ),
    Term(
        "carbon",
        "The CO₂-equivalent of the full-cycle energy: energy times PUE times the carbon intensity of a grid.",
    ),
    Term("cost", "What the full-cycle energy costs: energy times PUE times a price per kWh."),
    Term(
        "grid", "Where the electricity is made: its lifecycle grams of CO₂-equivalent per kWh, with year and source."
    ),
    Term(
        "PUE",
        "Power usage effectiveness: a data centre's energy over that of its computers; 1 is the computers alone.",
    ),
    Term("MACs", "Multiply-accumulate operations of the final model for one image."),
    Term("memory", "The most memory that inference held at once, for one batch."),
    Term("latency", "The median time that the model needs for one batch, in the chosen scenario."),
)
BY_NAME = {term.name: term for term in GLOSSARY}
# In the order in which a submitter needs them.
OF_SUBMITTING = tuple(BY_NAME[name] for name in ("recipe", "submission", "verification", "run"))
