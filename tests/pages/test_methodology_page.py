"""/methodology/ is docs/methodology.md, rendered, and the glossary that pages link to."""

import re
from html.parser import HTMLParser

import pytest

from leaderboard.models import Provenance
from leaderboard.presentation.docs_page import METHODOLOGY, read_page
from leaderboard.presentation.glossary import GLOSSARY
from measurement.tracks import TRACKS
from tests.docs.reading import ROOT, anchors, prose, text_of
from tests.factories import EntryFactory, RunFactory, make_board
from tests.pages.reading import text

HEADING = re.compile(r"^(#+) +(.+)$", re.MULTILINE)


class Elements(HTMLParser):
    """Every element's tag and attributes, and the text of headings."""

    def __init__(self, html):
        super().__init__()
        self.found, self.headings, self._heading = [], [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if re.fullmatch(r"h\d", tag):
            self._heading = [int(tag[1]), ""]

    def handle_data(self, data):
        if self._heading:
            self._heading[1] += data

    def handle_endtag(self, tag):
        if self._heading and re.fullmatch(r"h\d", tag):
            self.headings.append(tuple(self._heading))
            self._heading = None

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def shown(client):
    answer = client.get("/methodology/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def article(shown):
    return Elements(shown.partition("<article")[2].partition("</article>")[0])


def test_the_page_has_the_headings_of_the_file_and_then_the_tracks(article):
    wanted = [(len(marks), title.replace("`", "")) for marks, title in HEADING.findall(prose(METHODOLOGY))]
    assert article.headings[: len(wanted)] == wanted
    assert [title.partition(" ")[0] for _, title in article.headings[len(wanted) :]] == [
        track.title.partition(" ")[0] for track in TRACKS.values()
    ]
    assert wanted[-1] == (2, "Tracks")


def test_every_heading_has_the_anchor_that_links_in_the_docs_use(article):
    given = [attributes["id"] for tag, attributes in article.found if tag in ("h1", "h2") or "id" in attributes]
    assert set(given) == anchors(METHODOLOGY)
    assert len(given) == len(set(given))


def test_every_link_of_the_page_leads_somewhere(article, shown):
    ids = {attributes["id"] for _, attributes in Elements(shown).found if "id" in attributes}
    for attributes in article.of("a"):
        href = attributes["href"]
        # Those into other pages are tested in test_documentation_is_served.py.
        assert href.startswith(("https://", "/docs/")) or href.removeprefix("#") in ids, href


TERMS = [
    "submission",
    "run",
    "attempt",
    "recipe",
    "entry",
    "phase",
    "provenance",
    "scope",
    "scenario",
    "track",
    "greenness",
]


def test_the_glossary_defines_every_term_in_a_sentence(shown):
    section = shown.partition('<section class="prose" id="glossary"')[2].partition("</section>")[0]
    assert {f"term-{name}" for name in TERMS} <= {attributes.get("id") for _, attributes in Elements(section).found}
    for name in TERMS:
        definition = re.search(rf'id="term-{name}"><dt>{name.capitalize()}</dt><dd>([^<]+)</dd>', section)[1]
        assert re.fullmatch(r"[^.]+\.", definition), definition


@pytest.mark.django_db
def test_pages_link_to_definitions_that_exist(client, administrator):
    client.force_login(administrator)
    entry = EntryFactory(board=make_board(0))
    submission = RunFactory().submission
    anchors_there = set(re.findall(r' id="([\w-]+)"', client.get("/methodology/").content.decode()))
    assert {term.anchor for term in GLOSSARY} <= anchors_there
    wanted = {
        "/": {"track", "scenario", "scope", "phase", "provenance", "greenness"},
        "/submit/": {"recipe", "submission", "run"},
        "/queue/": {"run", "recipe", "attempt"},
        entry.get_absolute_url(): {"entry", "phase", "provenance", "scope", "scenario"},
        submission.get_absolute_url(): {"submission"},
    }
    for address, names in wanted.items():
        linked = set(re.findall(r'href="/methodology/#([\w-]+)"', client.get(address).content.decode()))
        assert {f"term-{name}" for name in names} <= linked <= anchors_there | {"glossary"}, address


def test_the_words_of_the_file_are_on_the_page(client):
    shown = text(client.get("/methodology/"))
    for block in re.findall(r"^```\w*\n(.*?)^```$", text_of(METHODOLOGY), re.MULTILINE | re.DOTALL):
        assert " ".join(block.split()) in shown


def test_tables_and_formulas_can_be_read_by_everyone(article):
    assert article.of("table")
    assert all(attributes == {"class": "cards"} for attributes in article.of("table"))
    assert {attributes["scope"] for attributes in article.of("th")} == {"row", "col"}
    assert all(attributes.get("tabindex") == "0" for attributes in article.of("pre"))
    badges = [attributes["class"] for attributes in article.of("code") if "class" in attributes]
    assert {f"provenance provenance-{value}" for value in Provenance.values} <= set(badges)
    assert len([attributes for attributes in article.of("i") if "swatch" in attributes["class"]]) == 7


def test_html_in_a_page_is_shown_and_not_run(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(
        "# <script>alert(1)</script>\n\n<b onclick='x'>bold</b>\n\n[x](javascript:alert(1)) [y](other.md) "
        "[z](data:text/html,x)\n\n```\n<u>\n```\n\n| <i>a</i> | b |\n|---|---|\n| `metered` "
        "| ![p](https://example.org/p.png) |\n"
    )
    html = read_page(path).opening
    tags = {tag for tag, _ in Elements(html).found}
    assert tags == {"h1", "p", "div", "table", "thead", "tbody", "tr", "th", "td", "code", "pre"}
    assert "&lt;script&gt;" in html


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# One\n")
    assert "One" in read_page(path).opening
    assert read_page(path) is read_page(path)
    path.write_text("# Two\n\n## Part\n")
    assert "Two" in read_page(path).opening
    assert [section.anchor for section in read_page(path).sections] == ["part"]


def test_the_image_of_the_web_has_the_files():
    web = re.search(r"^FROM base AS web\n(.*?)^FROM", text_of(ROOT / "Dockerfile"), re.MULTILINE | re.DOTALL)[1]
    assert "COPY . ." in web
    ignored = text_of(ROOT / ".dockerignore").splitlines()
    assert ignored.index("*") < min(ignored.index("!docs/*.md"), ignored.index("!docs/*.ipynb"))
