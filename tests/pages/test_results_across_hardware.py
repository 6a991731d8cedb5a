"""A model on all hardware and a track across hardware: each line says where it runs, and none is ranked."""

import pytest
from django.urls import reverse

from leaderboard.models import Hardware
from tests.factories import EntryFactory, HardwareFactory, RecipeFactory, make_board
from tests.pages.reading import text

pytestmark = pytest.mark.django_db


def on(hardware: str, **board):
    return make_board(0, hardware=HardwareFactory(slug=hardware, name=hardware.upper()), **board)


@pytest.fixture
def work(db):
    """One work on three machines, and another on the first."""
    recipe = RecipeFactory(method__title="Small net")
    for position, slug in enumerate(("cpu-a", "gpu-b", "gpu-c")):
        EntryFactory(board=on(slug), recipe=recipe, own_energy_j=100.0 * (3 - position), inference_energy_j=0.0)
    EntryFactory(board=on("cpu-a"), recipe__method__title="Other net")
    EntryFactory(board=on("gpu-b", scenario="single_stream"), recipe=recipe)
    return recipe


def lines(page):
    return [(line["method"], line["hardware"], line["energy"]) for line in page.context["lines"]]


def test_one_model_on_each_hardware_from_an_entry_and_by_name(client, work):
    entry = work.entries.first()
    expected = [
        ("Small net", "GPU-C", "100\u00a0J"),
        ("Small net", "GPU-B", "200\u00a0J"),
        ("Small net", "CPU-A", "300\u00a0J"),
    ]
    for asked in ({"entry": entry.pk}, {"name": "small NET"}):
        page = client.get(reverse("models"), asked)
        assert lines(page) == expected, asked
        said = text(page)
        assert "not one comparability group" in said
        assert "3 results, offline, accelerator scope" in said
        assert not {"champion", "wins", "rank 1"} & set(said.lower().split())
    html = page.content.decode()
    assert f'href="{entry.get_absolute_url()}"' in html
    assert 'href="/?track=digits&amp;hardware=gpu-c&amp;scenario=offline&amp;scope=accelerator"' in html
    single = client.get(reverse("models"), {"entry": entry.pk, "scenario": "single_stream"})
    assert [hardware for _, hardware, _ in lines(single)] == ["GPU-B"]


def test_the_readers_question_is_kept(client, work):
    entry = work.entries.first()
    asked = {
        "entry": entry.pk,
        "usage_intensity": "1e9",
        "shared_by": "3",
        "region": "norway",
        "price_per_kwh": "0.2",
    }
    html = client.get(reverse("models"), asked).content.decode()
    carried = "usage_intensity=1000000000&amp;shared_by=3&amp;region=norway&amp;price_per_kwh=0.2"
    assert f'href="{entry.get_absolute_url()}?{carried}"' in html
    assert "Energy for 1\u00a0billion images" in html
    assert '<th scope="col" class="number">Cost</th>' in html
    assert "/models/?entry=" in client.get(entry.get_absolute_url()).content.decode()
    unused = text(client.get(reverse("models"), asked | {"order_by": "greenness"}))
    assert "“order_by” has no effect on this page" in unused


def test_a_name_that_none_has_offers_those_that_contain_it(client, work):
    page = client.get(reverse("models"), {"name": "net"})
    assert page.status_code == 404
    assert page.context["titles"] == ["Other net", "Small net"]
    assert "No entry is of a model named “net”" in text(page)
    assert client.get(reverse("models"), {"entry": "x"}).status_code == 404
    assert client.get(reverse("models"), {"entry": "999"}).status_code == 404
    assert client.get(reverse("models")).status_code == 200
    hostile = client.get(reverse("models"), {"name": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in hostile


def test_an_architecture_is_a_name_too(client, work):
    page = client.get(reverse("models"), {"name": "mobilenetv3_small_050"})
    assert len(page.context["lines"]) == 4


def test_a_track_across_hardware_is_no_ranking(client, work):
    page = client.get(reverse("across"))
    assert [hardware for _, hardware, _ in lines(page)] == ["GPU-C", "GPU-B", "CPU-A", "CPU-A"]
    said = text(page)
    assert "This is not one comparability group" in said
    assert "Runs on" in said
    assert [column for column in ("Rank ", "wins", "champion") if column in said.partition("Assumptions")[2]] == []
    only = client.get(reverse("across"), {"hardware": "cpu-a", "search": "other"})
    assert [line[:2] for line in lines(only)] == [("Other net", "CPU-A")]
    assert (
        'href="/hardware/?track=digits&amp;scenario=offline&amp;scope=accelerator' in client.get("/").content.decode()
    )


def test_floor_and_missing_phases_hold_across_hardware(client, work):
    EntryFactory(board=on("gpu-b"), recipe__method__title="Junk", quality=0.1)
    EntryFactory(
        board=on("gpu-b"), recipe__method__title="Bound", complete=False, provenance="missing", own_energy_j=0.0
    )
    names = lambda **asked: {name for name, _, _ in lines(client.get(reverse("across"), asked))}  # noqa: E731
    assert names() == {"Small net", "Other net"}
    assert names(min_quality="0") == {"Small net", "Other net", "Junk"}
    name, _, energy = lines(client.get(reverse("across"), {"include_incomplete": "on"}))[-1]
    assert (name, energy[0]) == ("Bound", "≥")


@pytest.mark.parametrize("address", ["/hardware/", "/models/?name=Small+net"])
def test_constant_number_of_queries(client, work, django_assert_max_num_queries, address):
    with django_assert_max_num_queries(5) as few:
        client.get(address)
    for number in range(12):
        EntryFactory(board=on(f"gpu-{number}"), recipe__method__title="Small net")
    with django_assert_max_num_queries(len(few)):
        assert len(client.get(address).context["lines"]) > 12


def test_nothing_yet(client, db):
    assert Hardware.objects.count() == 0
    assert "has results yet" in text(client.get(reverse("across")))
    assert client.get(reverse("across"), {"track": "nonsense", "page": "x"}).status_code == 200
