"""What the documentation holds, as data: pages, tables, fenced blocks, commands and links."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
CODE = re.compile(r"`+([^`]+)`+")
ASSIGNMENT = re.compile(r"^[A-Z_]+=")


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks in `language`, in order."""
    return [body for found, body in FENCE.findall(text_of(page)) if found == language]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def links(page: Path) -> list[str]:
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get on a code host."""
    found = set()
    for heading in HEADING.findall(prose(page)):
        plain = re.sub(r"[^\w\s-]", "", heading.lower().strip())
        found.add(re.sub(r"\s", "-", plain))
    return found


def sections(page: Path) -> dict[str, str]:
    """Heading -> the text under it, up to the next heading."""
    parts = re.split(r"^#+ +(.+)$", prose(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """Cells of every table's rows, heads and rules left out."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and re.match(r"^\|[-| ]+\|$", lines[number + 1])
        if line.startswith("|") and not is_head and not re.match(r"^\|[-| ]+\|$", line):
            found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def names(cell: str) -> list[str]:
    """What a cell names in code type."""
    return CODE.findall(cell)


def first_names(text: str) -> set[str]:
    """What the first cells of all tables name."""
    return {name for row in rows(text) for name in names(row[0])}


@dataclass(frozen=True)
class Command:
    """One command of a shell block: its page, and its words without assignments before them."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def commands(page: Path) -> list[Command]:
    """Every command of a page's shell blocks; lines that end in a backslash are joined."""
    found = []
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(re.sub(r"^(\w+=)\$\((.*)\)$", r"\2", part.strip()), comments=True)
                while words and ASSIGNMENT.match(words[0]):
                    words = words[1:]
                if words:
                    found.append(Command(page.name, tuple(words)))
    return found


def all_commands() -> list[Command]:
    return [command for page in PAGES for command in commands(page)]


def measurement_commands() -> list[Command]:
    """Those of `python -m measurement`, with the words after it."""
    return [
        Command(command.page, command.words[3:])
        for command in all_commands()
        if command.words[1:3] == ("-m", "measurement")
    ]
