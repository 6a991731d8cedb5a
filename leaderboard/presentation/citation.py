"""How to cite: BibTeX of this site for a measurement, and of the paper for the method. Others' text is escaped."""

from __future__ import annotations

from leaderboard.models import Entry
from leaderboard.presentation.format import joules, sample

SITE_AUTHOR = "{Full-Cycle Energy Leaderboard}"
# Where the idea is from: the life cycle's energy, at a usage intensity.
PAPER = """@misc{li2021fullcycle,
  title = {{Full-Cycle Energy Consumption Benchmark for Low-Carbon Computer Vision}},
  author = {Li, Bo and Jiang, Xinyang and Bai, Donglin and Zhang, Yuge and Zheng, Ningxin and Dong, Xuanyi and Liu, Lu
            and Yang, Yuqing and Li, Dongsheng},
  year = {2021},
  eprint = {2108.13465},
  archivePrefix = {arXiv},
  url = {https://arxiv.org/abs/2108.13465},
}"""

# TeX's special characters, as TeX writes them.
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    '"': "''",
}


def tex(text: str) -> str:
    """`text` on one line, with TeX's special characters escaped."""
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()))


def bibtex(entry: Entry, address: str) -> str:
    """Two references: this site's measurement of the entry, and the paper whose method of counting it follows.

    address: the entry's page, scheme and host included. The measurement is by this site, so its authors are too; who
    submitted or published the model is in the note.
    """
    method, board = entry.method, entry.board
    at_least = "" if entry.complete else "at least "
    one_time = at_least + joules(entry.shared_energy_j + entry.own_energy_j)
    qualifiers = ", ".join(filter(None, (entry.provenance, sample(entry.mode, entry.data))))
    note = (
        f"{board.track} on {board.hardware.name}, {board.get_scenario_display().lower()}, "
        f"{board.get_scope_display().lower()} scope: {one_time} one-time, "
        f"{joules(entry.inference_energy_j)} per image ({qualifiers}); {_identity(entry)}"
    )
    if method.authors:
        note += f"; model by {', '.join(method.authors)}"
    fields = {
        "title": f"{{{tex(method.title)}}}: full-cycle energy on {{{tex(board.hardware.name)}}}",
        # Braces keep a name as one, commas in it included.
        "author": SITE_AUTHOR,
        "year": f"{entry.published_at:%Y}",
        "month": f"{entry.published_at:%b}".lower(),
        "howpublished": rf"\url{{{address}}}",
        "note": tex(note.replace("\u00a0", " ").replace("µ", "u")),
    }
    lines = []
    for name, value in fields.items():
        if value:
            lines.append(f"  {name} = {value}," if name == "month" else f"  {name} = {{{value}}},")
    return "\n".join([f"@misc{{fullcycleenergy-entry-{entry.pk},", *lines, "}", "", PAPER])


def _identity(entry: Entry) -> str:
    if entry.published is not None:
        sources = ", ".join(source["address"] for source in entry.published.document["sources"])
        return f"published figures of {entry.published.model}, not run by this site, from {sources}"
    return f"recipe {entry.recipe.sha256[:12]}" if entry.recipe else ""


def bibtex_of_site(address: str, year: int) -> str:
    """The leaderboard as a whole."""
    title = "{Full-Cycle Energy Leaderboard}"
    lines = [f"  title = {{{title}}},", f"  year = {{{year}}},", rf"  howpublished = {{\url{{{address}}}}},"]
    return "\n".join(["@misc{fullcycleenergy,", *lines, "}"])
