"""How to cite an entry: BibTeX, with the submitter's text escaped for LaTeX."""

from __future__ import annotations

from leaderboard.models import Entry
from leaderboard.presentation.format import joules, sample

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
    """The entry as a `@misc` of this site. address: the entry's page, scheme and host included."""
    method, board = entry.method, entry.board
    at_least = "" if entry.complete else "at least "
    one_time = at_least + joules(entry.shared_energy_j + entry.own_energy_j)
    qualifiers = ", ".join(filter(None, (entry.provenance, sample(entry.mode, entry.data))))
    note = (
        f"{board.track} on {board.hardware.name}, {board.get_scenario_display().lower()}, "
        f"{board.get_scope_display().lower()} scope: {one_time} one-time, "
        f"{joules(entry.inference_energy_j)} per image ({qualifiers}); {_identity(entry)}"
    )
    fields = {
        "title": f"{{{tex(method.title)}}} on the Full-Cycle Energy Leaderboard",
        # Braces keep a name as one, commas in it included.
        "author": " and ".join(f"{{{tex(author)}}}" for author in method.authors),
        "year": f"{entry.published_at:%Y}",
        "month": f"{entry.published_at:%b}".lower(),
        "howpublished": rf"\url{{{address}}}",
        "note": tex(note.replace("\u00a0", " ").replace("µ", "u")),
    }
    lines = []
    for name, value in fields.items():
        if value:
            lines.append(f"  {name} = {value}," if name == "month" else f"  {name} = {{{value}}},")
    return "\n".join([f"@misc{{fullcycleenergy-entry-{entry.pk},", *lines, "}"])


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
