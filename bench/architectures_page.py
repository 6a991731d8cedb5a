"""Writes docs/architectures.md from the results of bench/architectures.py."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from scipy.stats import binomtest

OK, UNTRIED, UNEXPLAINED = "yes", "not tried", "unexplained"
INTRODUCTION = """# Which architectures work with which method

What this page is for: seeing before you submit whether your architecture can be run, pruned or quantized.

timm has {known:,} architectures. Each is built in its own process on a CPU, with random weights, at 128 or 112
pixels or the size that it is made for. Those of up to 2,000 M parameters were run, those of up to 60 M tried with
every method, as a worker tries it before it meters anything: the phase on a copy of the network, with its training
cut to one step. Larger ones, and those that took over {within:.0f} s for a method, count as not tried. Multipliers
were tried at 0.5. A `supernet` needs `elastic_mobile`; float8 and the sparse kernels of 2:4 need a GPU.
{how}
Written by `python -m bench architectures --write`; with `--all` it continues to every one, which takes hours.
"""
ALL = "All were reviewed."
DRAWN = """They come in a random order. “Reached” is how many were reviewed; if that is not all, the last column
has the range in which the share of the whole list is."""
Found = Mapping[str, Mapping[str, str]]
"""By architecture: by question, `yes` or the reason why not."""


def page(found: Found, questions: Sequence[str], known: int, within_s: float) -> str:
    """How many architectures work with each method, by kind of network, and why the others don't."""
    reached = {question: _reached(found, question) for question in ("window", *questions)}
    shares = [_share(question, *counted(found, question), reached[question], known) for question in reached]
    heads = ["", "work", "of those tried", "share", "reached", "95 % interval, if that is not all"]
    how = ALL if min(reached.values()) == known else DRAWN
    return "\n".join(
        [
            INTRODUCTION.format(known=known, how=how, within=within_s),
            _line(heads),
            "|---" * len(heads) + "|",
            *map(_line, shares),
            "",
            "## By kind of network",
            "",
            "How many of the architectures of each of timm’s modules work: “all”, “–” for none, empty for not tried.",
            "",
            *_by_module(found, ["window", *questions]),
            "",
            "## Why the others don't work",
            "",
            "The most frequent answers to each question.",
            "",
            "| question | answer | architectures | for example |",
            "|---|---|---|---|",
            *(line for question in ("window", *questions) for line in _answers(found, question)),
            "",
        ]
    )


def counted(found: Found, question: str) -> tuple[int, int]:
    """How many work, and how many were tried to the end."""
    asked = [answers[question] for answers in found.values() if question in answers]
    asked = [answer for answer in asked if not answer.startswith(UNTRIED)]
    return asked.count(OK), len(asked)


def _share(question: str, work: int, asked: int, reached: int, known: int) -> list[str]:
    """Cells of a line; of a fair sample, with the range in which the share of all is."""
    what = "builds and runs an inference window" if question == "window" else f"`{question}`"
    if not asked:
        return [what, "–", "–", "–", f"{reached:,}", ""]
    low, high = binomtest(work, asked).proportion_ci(method="wilson")
    interval = f"{low:.0%} to {high:.0%}" if reached < known else ""
    return [what, f"{work:,}", f"{asked:,}", f"{work / asked:.1%}", f"{reached:,}", interval]


def _reached(found: Found, question: str) -> int:
    """Architectures whose answer is known, including those without a window, which get no further questions."""
    return sum(question in answers or answers.get("window", OK) != OK for answers in found.values())


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _by_module(found: Found, questions: Sequence[str]) -> list[str]:
    import timm

    modules: dict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for name, answers in found.items():
        modules[timm.model_entrypoint(name).__module__.rpartition(".")[2]][name] = answers
    heads = [question.replace(", ", " ").removeprefix("model.") for question in questions]
    lines = [f"| module | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for module, members in sorted(modules.items()):
        cells = [_cell(*counted(members, question)) for question in questions]
        lines.append(f"| `{module}` | {' | '.join(cells)} |")
    return lines


def _cell(work: int, asked: int) -> str:
    if work == asked:
        return "all" if asked else ""
    return f"{work} of {asked}" if work else "–"


def _answers(found: Found, question: str) -> list[str]:
    examples: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name, answers in sorted(found.items()):
        answer = answers.get(question, OK)
        if answer != OK and not answer.startswith(UNTRIED):
            kind = _kind(answer, name)
            counts[kind] += 1
            examples.setdefault(kind, name)
    return [f"| `{question}` | {kind} | {count} | `{examples[kind]}` |" for kind, count in counts.most_common(8)]


def _kind(answer: str, name: str) -> str:
    """An answer without its figures and names, so that similar ones are counted together."""
    words = answer.replace(name, "…").replace("|", "/")
    words = "".join("…" if letter.isdigit() else letter for letter in words)
    while "……" in words:
        words = words.replace("……", "…")
    return words[:160]
