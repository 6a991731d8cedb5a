"""The submit page starts from what its address asks, shows the text as a form, and checks it before it is sent."""

import json

import pytest
import yaml
from django.core.cache import cache
from django.urls import reverse

from leaderboard.forms.throttles import CheckThrottle
from leaderboard.models import Run, Submission
from leaderboard.presentation.draft import example, examples
from leaderboard.presentation.short_form import apply, short_form
from leaderboard.presentation.short_phases import NEW, NEW_NAMES, OF_TECHNIQUE
from measurement.recipe import TECHNIQUES, parse_recipe, read_recipe
from tests.factories import EntryFactory, HardwareFactory, RecipeFactory, WorkerFactory
from tests.pages.reading import text

EXAMPLE = example().text


@pytest.fixture(autouse=True)
def _fresh_throttle():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def machine(db):
    return HardwareFactory()


@pytest.fixture
def by_alice(client, alice):
    client.force_login(alice)
    return client


def shown(answer) -> str:
    return answer.context["form"].shown_document()


# Where it starts


@pytest.mark.django_db
@pytest.mark.parametrize("found", examples(), ids=lambda found: found.name)
def test_every_example_starts_a_valid_recipe_with_ones_own_name(by_alice, found):
    recipe = read_recipe(shown(by_alice.get(reverse("submit"), {"example": found.name})))
    assert recipe.method.authors == ("alice",)
    assert recipe.work_sha256 == read_recipe(found.text()).work_sha256


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["alice", "bob"])
def test_an_entry_and_a_run_start_with_their_recipe(by_alice, alice, bob, by):
    document = read_recipe(EXAMPLE).document()
    reported = {"quality": 0.9, "evidence": "https://arxiv.org/abs/2108.13465"}
    recipe = RecipeFactory(
        document=document | {"reported": reported},
        method__authors=["The", "Authors"],
        method__submitter=alice if by == "alice" else bob,
    )
    entry = EntryFactory(recipe=recipe)
    address = f"https://example.org{entry.get_absolute_url()}?usage_intensity=1"
    for asked in ({"entry": entry.pk}, {"entry": address}, {"run": entry.run.pk}):
        started = read_recipe(shown(by_alice.get(reverse("submit"), asked)))
        assert started.work_sha256 == parse_recipe(document).work_sha256
        assert started.method.title == recipe.method.title
        assert started.method.authors == (("The", "Authors") if by == "alice" else ("alice",))
        assert (started.reported is None) == (by == "bob")


@pytest.mark.django_db
@pytest.mark.parametrize("asked", [{"entry": "99"}, {"run": "x"}, {"example": "no/such"}, {"track": "no"}])
def test_what_is_not_there_is_said(by_alice, asked):
    page = by_alice.get(reverse("submit"), asked)
    [(name, value)] = asked.items()
    assert f"There is no {name} “{value}”. The shortest of the examples is shown instead." in text(page)


# The short form


def test_each_technique_can_be_added_and_shows_its_fields():
    assert {name for name, _ in NEW_NAMES} == set(NEW) == set(OF_TECHNIQUE) == TECHNIQUES
    for technique in TECHNIQUES:
        added = apply(EXAMPLE, {}, f"add:{technique}")
        if technique not in ("distillation", "early_exit"):  # a second `train`, whose error says what to do
            read_recipe(added)
        card = next(card for card in short_form(added).cards[::-1] if card.technique == technique)
        assert [field.name.split(".", 2)[2] for field in card.fields] == ["phase", *OF_TECHNIQUE[technique]]


@pytest.mark.parametrize("found", examples(), ids=lambda found: found.name)
def test_what_a_form_shows_is_what_the_text_says(found):
    """And what it does not show it names; sent back as it is, it changes nothing."""
    form, document = short_form(found.text()), yaml.safe_load(found.text())
    fields = [*form.fields, *(field for card in form.cards for field in card.fields)]
    unchanged = {f"{kind}:{field.name}": field.value for field in fields for kind in ("set", "was")}
    assert apply(found.text(), unchanged) == found.text()
    named = {field.name for field in fields if field.value} | {*form.rest}
    named |= {f"phases.{card.position}.{name}" for card in form.cards for name in card.rest}
    assert _paths(document) - {"schema_version"} == {name for name in named if not name.endswith(".technique")}


def _paths(value, prefix=""):
    if isinstance(value, dict) and value:
        return set().union(
            *(_paths(inner, f"{prefix}{name}.") for name, inner in value.items() if name != "technique")
        )
    if isinstance(value, list) and prefix == "phases.":
        return set().union(*(_paths(inner, f"{prefix}{number}.") for number, inner in enumerate(value)))
    return {prefix.rstrip(".")}


@pytest.mark.django_db
def test_the_form_writes_the_text_without_javascript(by_alice, machine):
    def post(document, **more):
        page = by_alice.post(reverse("submit"), {"document": document, "hardware": machine.pk} | more)
        assert page.status_code == 200
        return shown(page)

    changed = {"set:method.title": "My name for it", "was:method.title": "StarNet-S050"}
    written = post(EXAMPLE.replace("epochs: 2", "epochs: 4"), action="write", **changed)
    assert read_recipe(written).method.title == "My name for it"
    assert "epochs: 4" in written
    more = post(written, action="add", technique="quantization")
    assert [spec.technique for spec in read_recipe(more).phases] == ["supervised", "quantization"]
    turned = post(more, action="up:1")
    assert [card.technique for card in short_form(turned).cards] == ["quantization", "supervised"]
    assert post(turned, action="remove:0").strip() == written.strip()
    assert not Submission.objects.exists()


@pytest.mark.django_db
def test_changes_of_the_form_are_submitted_too(by_alice, machine):
    by_alice.post(
        reverse("submit"),
        {"document": EXAMPLE, "hardware": machine.pk, "set:phases.0.epochs": "7", "was:phases.0.epochs": "2"},
    )
    assert Run.objects.get().recipe.document["phases"][0]["epochs"] == 7


@pytest.mark.django_db
def test_a_form_of_what_cannot_be_read_says_so_and_loses_nothing(by_alice, machine):
    broken = EXAMPLE + "inference: [\n"
    given = {"document": broken, "hardware": machine.pk, "action": "add", "technique": "sparsity"}
    page = by_alice.post(reverse("submit"), given)
    assert "The form can’t show the recipe" in text(page)
    assert shown(page) == broken


# Errors and checks


@pytest.mark.django_db
def test_the_page_is_answered_as_one_writes(by_alice, machine):
    typed = EXAMPLE.replace("starnet_s050", "starnet_s05")
    given = {"document": typed.replace("\n", "\r\n"), "hardware": machine.pk, "set:method.title": "Mine"}
    answer = by_alice.post(reverse("submit-draft"), given | {"was:method.title": "StarNet-S050"}).json()
    [fault] = answer["faults"]
    line = typed.splitlines().index("  architecture: starnet_s05   # any name of timm.list_models()") + 1
    assert fault["line"] == line
    assert "did you mean starnet_s050" in fault["message"]
    assert "title: Mine" in answer["document"]
    assert 'value="Mine"' in answer["form"]
    assert f">Line {line}<" in answer["errors"]
    right = by_alice.post(reverse("submit-draft"), {"document": EXAMPLE, "hardware": machine.pk}).json()
    assert (right["faults"], right["errors"].strip()) == ([], "")
    assert "no worker for this hardware is live" in right["wait"]


@pytest.mark.django_db
def test_too_many_questions_are_told_when_to_come_back(by_alice, monkeypatch):
    monkeypatch.setattr(CheckThrottle, "THROTTLE_RATES", {"checks": "1/minute"})
    assert by_alice.post(reverse("submit-draft"), {"document": EXAMPLE}).status_code == 200
    again = by_alice.post(reverse("submit-draft"), {"document": EXAMPLE})
    assert again.status_code == 429
    assert 0 < json.loads(again.content)["wait_s"] <= 60


@pytest.mark.django_db
def test_a_check_is_shown_on_the_page_and_by_itself(by_alice, machine):
    WorkerFactory(hardware=machine, name="desk-1")
    given = {"document": EXAMPLE, "hardware": machine.pk, "action": "check"}
    for address in ("submit", "submit-check"):
        page = " ".join(text(by_alice.post(reverse(address), given)).split())
        assert "The recipe is valid. What to expect on Test Cpu" in page
        assert "Begins at once 0 queued runs first" in page
        assert "Takes not known No run like it" in page
        assert "desk-1: can do it" in page
    wrong = text(by_alice.post(reverse("submit-check"), given | {"document": "track: digitz"}))
    assert "Not yet: " in wrong
    assert not Submission.objects.exists()


@pytest.mark.django_db
def test_a_hopeless_wait_is_said_before_and_after(by_alice, machine):
    other = HardwareFactory(slug="other")
    WorkerFactory(hardware=other)
    words = "no worker for this hardware is live"
    page = text(by_alice.get(reverse("submit"), {"hardware": machine.slug}))
    assert f"On Test Cpu it would wait: {words}. It could run now on Other." in " ".join(page.split())
    given = {"document": EXAMPLE, "hardware": machine.pk}
    assert words in text(by_alice.post(reverse("submit-check"), given))
    submitted = by_alice.post(reverse("submit"), given, follow=True)
    assert f"It is queued and can't begin yet: {words}." in text(submitted)
    waits = " ".join(text(by_alice.get(Submission.objects.get().get_absolute_url())).split())
    assert f"{words}; the run stays queued It could run now on Other. Submit it there" in waits


def test_a_recipe_of_a_file_from_outside_has_a_form_too():
    recipe = yaml.safe_dump(
        {
            "schema_version": 1,
            "method": {"title": "From outside", "family": "compact"},
            "track": "digits",
            "model": {"format": "onnx", "sha256": "a" * 64, "resolution": 8},
            "phases": [{"phase": "train", "technique": "declared"}],
            "inference": {"runtime": "onnxruntime"},
        }
    )
    form = short_form(recipe)
    assert {field.name: field.value for field in form.fields}["model.resolution"] == "8"
    assert [card.technique for card in form.cards] == ["declared"]
    changed = apply(recipe, {"set:model.resolution": "16", "was:model.resolution": "8"})
    assert read_recipe(changed).model.resolution == 16
