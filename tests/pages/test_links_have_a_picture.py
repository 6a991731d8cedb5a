"""A link comes with a picture of exactly its view: who uses the least energy, drawn whatever it is called."""

import io
import re
from html import unescape
from threading import BoundedSemaphore

import pytest
from django.core.cache import cache
from django.urls import reverse
from PIL import Image

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Entry
from leaderboard.presentation import link_card
from leaderboard.presentation.format import percent
from leaderboard.views import cards
from leaderboard.views.cards import NO_WINNER, card_of
from tests.factories import EntryFactory, make_board

pytestmark = pytest.mark.django_db
META = re.compile(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">')
HARD_NAMES = [
    "<script>alert(1)</script>",
    "שלום עולם, רשת קטנה",
    "شبكة صغيرة ٤٢",
    "🌱👩‍🔬🇳🇴",
    "小さなネットワーク",
    "x" * 300,
    "\u202egnitset\u202c \x07 \ud800",
    " ".join(["Antidisestablishmentarianism"] * 10),
    "",
]


@pytest.fixture(autouse=True)
def _nothing_kept():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def drawn(monkeypatch):
    """The cards that were drawn, in order."""
    seen = []

    def draw(card):
        seen.append(card)
        return link_card.draw_card(card)

    monkeypatch.setattr("leaderboard.views.cards.draw_card", draw)
    return seen


def social(answer):
    return {name: unescape(content) for name, content in META.findall(answer.content.decode())}


def picture(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert image.size == (1200, 630)
    return answer


def test_every_view_has_its_own_picture(client, drawn):
    board = make_board(4)
    first, last = board.entries.first(), board.entries.last()
    pages = {
        "/?usage_intensity=10": (first, "10 images"),
        "/?usage_intensity=1e12": (last, "1 trillion images"),
        f"{last.get_absolute_url()}?usage_intensity=3e6": (last, "3 million images"),
        f"/compare/?entry={first.pk}&entry={last.pk}&usage_intensity=1": (first, "1 image"),
    }
    for address, (entry, usage) in pages.items():
        meta = social(client.get(address))
        assert meta["og:image"].startswith("http://testserver/")
        assert meta["twitter:card"] == "summary_large_image"
        picture(client, meta["og:image"])
        card = drawn[-1]
        assert card.title == entry.recipe.method.title, address
        assert usage in card.kicker.replace("\u00a0", " "), address
        assert f"for {usage}, " in card.detail.replace("\u00a0", " "), address
        assert card.quality.replace("\u00a0", " ") == percent(entry.quality).replace("\u00a0", " "), address
        assert card.provenance == "estimated"
        assert f"{entry.published_at:%Y-%m-%d}" in card.foot


def test_the_picture_of_a_view_says_what_its_winner_is_the_first_in(client, drawn):
    EntryFactory(recipe__method__title="Mine")
    claims = {
        "": "Least energy at ≥ 95 % for",
        "search=mine": "Least energy of the filtered entries at ≥ 95 % for",
        "min_quality=0.5": "Least energy at ≥ 50 % for",
        "min_quality=0": "Least energy, without a quality floor, for",
        "order_by=greenness&accuracy_weight=2.5": "Greenest, τ = 2.5, at ≥ 95 % for",
        "order_by=energy_per_correct&search=mine": "Greenest, τ = 1, of the filtered entries at ≥ 95 % for",
    }
    for asked, claim in claims.items():
        picture(client, f"/card.png?{asked}")
        assert drawn[-1].kicker.replace("\u00a0", " ").startswith(claim)


@pytest.mark.parametrize("address", ["/about/", "/methodology/", "/queue/", "/compare/", "/"])
def test_pages_without_a_winner_have_the_sites_picture(client, drawn, address):
    meta = social(client.get(address))
    picture(client, meta["og:image"])
    assert drawn == [NO_WINNER]


def test_nobody_wins_where_nobody_can(client, drawn):
    bound = EntryFactory(complete=False, provenance="missing")
    other = EntryFactory(board=make_board(0, scope="system"))
    for address in (
        "/card.png",
        "/card.png?min_quality=1",
        f"/compare/card.png?entry={bound.pk}&entry={other.pk}",
        "/compare/card.png?entry=x&colour=blue",
    ):
        picture(client, address)
    assert drawn == [NO_WINNER], "drawn once, then kept"
    picture(client, reverse("entry-card", args=[bound.pk]))
    assert drawn[-1].figure.startswith("≥")
    assert client.get(reverse("entry-card", args=[10**9])).status_code == 404


def test_a_known_picture_costs_a_304(client):
    make_board(2)
    answer = picture(client, "/card.png")
    assert "public" in answer["Cache-Control"]
    assert client.get("/card.png", headers={"If-None-Match": answer["ETag"]}).status_code == 304
    other = client.get("/card.png?usage_intensity=10", headers={"If-None-Match": answer["ETag"]})
    assert other.status_code == 200


def test_drawing_is_limited_and_what_was_drawn_is_not(client, drawn, monkeypatch):
    monkeypatch.setattr("leaderboard.forms.throttles.CardThrottle.rate", "5/minute", raising=False)
    make_board(2)
    for number in range(5):
        picture(client, f"/card.png?usage_intensity={10**number}")
    for address in ("/card.png?usage_intensity=7", "/compare/card.png"):
        refused = client.get(address, headers={"x-forwarded-for": "10.1.2.3"})
        assert refused.status_code == 429
        assert int(refused["Retry-After"]) > 0
    for number in range(5):
        picture(client, f"/card.png?usage_intensity={10**number}")
    assert len(drawn) == 5
    assert client.get("/card.png?usage_intensity=7", REMOTE_ADDR="10.0.0.9").status_code == 200


def test_threads_that_draw_leave_others_free(client, drawn, monkeypatch):
    monkeypatch.setattr(cards, "_drawing", BoundedSemaphore(1))
    with cards._drawing:
        busy = client.get("/card.png")
    assert (busy.status_code, busy["Retry-After"]) == (503, "1")
    picture(client, "/card.png")


@pytest.mark.parametrize("name", HARD_NAMES, ids=range(len(HARD_NAMES)))
def test_any_name_is_drawn_within_the_picture(name):
    face = link_card.font(60, bold=True)
    shown = link_card.drawable(name, face) or "Entry 1"
    lines = link_card.two_lines(shown, face, 1072)
    assert 1 <= len(lines) <= 2
    assert all(face.getlength(line) <= 1072 for line in lines)
    assert not set("".join(lines)) & set("\u202e\u202c\x07\u200d")
    words = {"kicker": name, "title": name, "figure": "1.00 MJ", "detail": name, "foot": name, "fallback": "Entry 1"}
    card = link_card.Card(**words, bar=(("train", 1.0, name),), provenance="metered")
    assert link_card.draw_card(card).startswith(b"\x89PNG")


def test_a_short_name_is_drawn_as_it_is():
    face = link_card.font(60, bold=True)
    assert link_card.drawable("  ResNet-18 (½ res.)\n", face) == "ResNet-18 (½ res.)"
    assert link_card.two_lines("ResNet-18", face, 1072) == ["ResNet-18"]


def test_a_system_without_fonts_still_marks_a_lower_bound(monkeypatch):
    monkeypatch.setattr(link_card, "FONTS", {False: "no such.ttf", True: "no such.ttf"})
    link_card.font.cache_clear()
    try:
        face = link_card.font(52)
        assert link_card.drawable("≥\u00a03.00 µJ — André", face) == "at least 3.00 uJ - Andre"
        assert link_card.draw_card(NO_WINNER).startswith(b"\x89PNG")
    finally:
        link_card.font.cache_clear()


def test_colours_are_the_style_sheets():
    style_sheet = link_card.STYLE_SHEET.read_text("utf-8")
    for phase in ("search", "pretrain", "train", "compress", "finetune", "inference"):
        assert re.search(rf"--{phase}:\s*([^;]+);", style_sheet)[1] == link_card.palette()[phase]
    assert {"paper", "sunken", "ink", "ink-soft", "accent", "good", "warn"} <= set(link_card.palette())


def test_a_phase_has_its_share_of_the_bar(client, drawn):
    phases = [{"phase": "train", "energy_j": 3000.0, "u95_j": None, "provenance": "estimated"}]
    EntryFactory(own_energy_j=3000.0, inference_energy_j=0.001, phases=phases)
    answer = picture(client, "/card.png")
    assert [(phase, share) for phase, share, _ in drawn[0].bar] == [("train", 0.75), ("inference", 0.25)]
    image = Image.open(io.BytesIO(answer.content)).convert("RGB")
    colours = [image.getpixel((x, 470)) for x in (70, 860, 875, 1130)]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert "#{:02x}{:02x}{:02x}".format(*colours[0]) == link_card.palette()["train"]


def test_a_card_says_which_quality_is_only_reported(db):
    for provenance in ("reported", "evaluated"):
        entry = EntryFactory(quality_provenance=provenance)
        (place,) = ranking.rank([queries.candidate(entry)], 1e6)
        card = card_of(Entry.objects.get(pk=entry.pk), place, LeaderboardQuery(), "Least energy")
        assert card.quality_detail.endswith("top-1, reported" if provenance == "reported" else "top-1")


def test_a_card_never_shows_an_estimate_as_metered(db):
    for provenance, words in (("metered", "metered,"), ("estimated", "estimated,"), ("reported", "partly reported")):
        entry = EntryFactory(provenance=provenance)
        (place,) = ranking.rank([queries.candidate(entry)], 1e6)
        card = card_of(Entry.objects.get(pk=entry.pk), place, LeaderboardQuery(), "Least energy")
        assert card.foot.startswith(words)
        assert ("metered" in card.foot) == (provenance == "metered")
