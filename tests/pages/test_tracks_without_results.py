"""Every track can be seen; one without results, or a group without them, says so and offers what there is."""

from __future__ import annotations

import pytest

from leaderboard.presentation.draft import of_track
from measurement.recipe import read_recipe
from measurement.tracks import TRACKS, Track
from tests.factories import make_board
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db


def test_every_track_is_on_the_board(client):
    make_board(2)
    page = client.get("/")
    said = text(page)
    for track in TRACKS.values():
        assert track.title in said, track.slug
    assert (
        "No results yet: CIFAR-10, CIFAR-100, ImageNet-1k, Image folder, Segmentation, Detection: be the first."
        in said
    )
    assert '<option value="cifar10">CIFAR-10 (no results yet)</option>' in page.content.decode()
    assert "Handwritten digits (no results yet)" not in said


def test_a_track_without_results_says_so_and_leads_to_what_there_is(client):
    make_board(3)
    page = client.get("/", {"track": "cifar10"})
    assert page.status_code == 200
    said, content = text(page), page.content.decode()
    assert "This group has no results yet There are none for CIFAR-10." in said
    assert "digits on Test Cpu, offline, accelerator (3)" in said
    assert 'href="/submit/?track=cifar10"' in content
    assert 'href="/submit/?track=imagenet-1k"' in content
    assert '<option value="cifar10" selected>' in content
    assert '<option value="test-cpu"' in content  # not an empty menu
    assert '<button type="submit">Rank</button>' in content


def test_a_group_without_results_offers_the_nearest_first(client):
    make_board(1, hardware__slug="other-gpu")
    make_board(3, track="cifar10", hardware__slug="test-cpu")
    said = text(client.get("/", {"track": "digits", "hardware": "test-cpu", "scope": "system"}))
    assert "There are none for Handwritten digits, Test Cpu, scope system." in said
    assert said.index("digits on Other Gpu") < said.index("cifar10 on Test Cpu")


def test_hardware_without_results_says_where_there_are_some(client):
    make_board(2)
    page = client.get("/", {"hardware": "h100"})
    assert "there are no results for h100 yet, but for Test Cpu." in text(page)
    assert len(rows(page)) == 2


def test_being_the_first_begins_with_a_recipe_for_the_track(client, alice):
    client.force_login(alice)
    for track in TRACKS.values():
        if not isinstance(track, Track):
            assert of_track(track.slug) is None
            continue
        page = client.get("/submit/", {"track": track.slug})
        document = page.context["form"].shown_document() or page.context["form"].initial["document"]
        assert read_recipe(document).track == track.slug
    assert of_track("nonsense") is None
