"""A verified result of a published model has its place on its board, and gives it back when it goes."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

import catalogue
from leaderboard import queries, services
from leaderboard.models import ApiToken, Board, Entry, Method, Run
from leaderboard.services.published_models import FIELD, differences
from measurement.documents import DocumentError
from measurement.recipe import load_recipe, parse_recipe
from tests.factories import WorkerFactory
from tests.records import make_record
from tests.services.moving import empty, enter, export

pytestmark = pytest.mark.django_db

CATALOGUE = catalogue.load()
RESULTS = catalogue.published_results()
CARD, CPU = "NVIDIA GeForce RTX 3090", "Intel(R) Core(TM) i9-10940X CPU @ 3.30GHz"
A1, DISTILLED, PRETRAINED = (
    "resnet50.a1_in1k",
    "deit_small_distilled_patch16_224.fb_in1k",
    "convnext_tiny.fb_in22k_ft_in1k",
)
SEARCHED, SMALLER = "efficientnet_b0.ra_in1k", "resnet50.tv2_in1k"
NAMES = {A1, "resnet50.tv_in1k", DISTILLED, PRETRAINED, SEARCHED, SMALLER}
CHOSEN = [result for result in RESULTS if result.model in NAMES and result.hardware in (CARD, CPU)]
RECIPES = Path(__file__).parents[2] / "recipes" / "imagenet-1k"


@pytest.fixture
def card(db):
    """The card of the published board, on which this site's workers run too."""
    services.import_published(CHOSEN, CATALOGUE.sources)
    return services.register_hardware(CARD, "cuda")


def draft(of: str = A1, /, **changes):
    """The recipe that "Have this verified" starts with."""
    found = catalogue.recipe_of(CATALOGUE, of, 224)
    assert found is not None
    assert found.document is not None
    return parse_recipe(found.document | changes)


def verify(recipe, hardware, submitter=None, quality: float = 0.801, **figures) -> Run:
    """Its newest run with its result."""
    submission, _ = services.submit(recipe, hardware=hardware, submitter=submitter)
    run = submission.runs.order_by("-pk").first()
    return measured(run, recipe, quality, **figures)


def measured(run: Run, recipe, quality: float = 0.801, **figures) -> Run:
    record = make_record(recipe, hardware=CARD, quality=quality, **figures).model_copy(update={"mode": run.mode})
    assert services.record(services.claim(run.pk, "worker"), record.model_dump_json().encode())
    run.refresh_from_db()
    return run


def published(model: str = A1, hardware: str = CARD, px: int = 224) -> Entry:
    return Entry.objects.get(published__model=model, published__resolution=px, board__hardware__name=hardware)


def on_board(client, board: Board) -> set[int]:
    """The entries that have a line on a board, incomplete ones too."""
    group = f"track={board.track}&hardware={board.hardware.slug}&scenario={board.scenario}&scope={board.scope}"
    rows = client.get(f"/api/v1/leaderboard?{group}&page_size=100").json()["results"]
    board.refresh_from_db()
    assert (board.size, board.verified_size) == (len(rows), sum(row["source"] == "verified" for row in rows))
    return {row["entry"] for row in rows}


def is_replaced(client, model: str = A1) -> bool:
    """Whether a published model lacks its line; then a verified one has the line, and the page remains."""
    entry = published(model)
    lines = on_board(client, entry.board)
    assert (entry.replaced_by_id is None) == (entry.pk in lines)
    assert entry.replaced_by_id is None or entry.replaced_by_id in lines
    assert client.get(entry.get_absolute_url()).status_code == 200
    assert client.get(f"/entries/{entry.pk}/card.png").status_code == 200
    return entry.replaced_by_id is not None


def test_a_verified_result_has_the_published_one_s_place_on_its_board_alone(card, client):
    before = on_board(client, published().board)
    assert not is_replaced(client)
    run = verify(draft(), card)
    assert is_replaced(client)
    after = on_board(client, published().board)
    assert len(after) == len(before)
    verified = published().replaced_by
    assert (verified.run_id, verified.board) == (run.pk, published().board)
    assert published(hardware=CPU).replaced_by is None
    assert Entry.objects.filter(replaced_by__isnull=False).count() == 1
    assert run.entries.count() == 4  # the boards without published results have it as well


def test_a_sampled_result_has_it_too_until_a_full_one_comes(card, client):
    recipe = draft()
    sampled, _ = services.submit(recipe, hardware=card, submitter=None, mode="sampled")
    first = measured(sampled.runs.get(), recipe, quality=recipe.reported.quality)
    assert is_replaced(client)
    assert published().replaced_by.run_id == first.pk
    full = verify(recipe, card)
    assert published().replaced_by.run_id == full.pk


@pytest.mark.parametrize("how", ["withdraw", "take down", "another quality"])
def test_the_published_one_comes_back(card, client, alice, administrator, how):
    entry = published().pk
    run = verify(draft(), card, alice)
    assert is_replaced(client)
    if how == "withdraw":
        services.withdraw(run.submission, by=alice)
    elif how == "take down":
        services.take_down(Entry.objects.filter(pk=published().replaced_by_id), reason="looks wrong")
    else:
        measured(services.rerun(run, by=administrator), draft(), quality=0.70)
    assert not is_replaced(client)
    assert published().pk == entry
    if how == "take down":
        services.release_hold(Run.objects.get(pk=run.pk))
        assert is_replaced(client)


def test_of_two_verified_results_the_other_takes_over(card, client, alice, bob):
    """Of works that differ in what the catalogue does not state."""
    phases = [phase | {"channels_last": True} for phase in draft().document()["phases"]]
    first, second = verify(draft(), card, alice), verify(draft(phases=phases), card, bob)
    assert published().replaced_by.run_id == second.pk
    services.withdraw(second.submission, by=bob)
    assert published().replaced_by.run_id == first.pk
    services.withdraw(first.submission, by=alice)
    assert not is_replaced(client)


@pytest.mark.parametrize(("quality", "replaces"), [(0.794, True), (0.813, True), (0.793, False), (0.815, False)])
def test_another_quality_is_another_training(card, client, quality, replaces):
    verify(draft(), card, quality=quality)
    assert is_replaced(client) == replaces
    page = client.get(published().get_absolute_url()).content.decode()
    assert ("percentage points" in page) != replaces


def test_a_lower_bound_does_not_take_a_ranked_line(card, client):
    """The pre-training that a recipe can only declare: without its joules the line would be unranked."""
    document = load_recipe(RECIPES / "convnext-tiny-22k.yaml").document()
    verify(parse_recipe(document), card, quality=0.829)
    assert published(PRETRAINED).complete
    assert not is_replaced(client, PRETRAINED)
    assert "a phase of the verified result is missing" in client.get(
        published(PRETRAINED).get_absolute_url()
    ).content.decode().replace("&#x27;", "'")
    assert not published(SEARCHED).complete
    verify(draft(SEARCHED), card, quality=0.777)
    assert is_replaced(client, SEARCHED)


def test_what_the_catalogue_changes_is_compared_again(card, client):
    run = verify(draft(), card)
    others = [result for result in CHOSEN if result.model != A1]
    services.import_published(others, CATALOGUE.sources)
    assert run.entries.count() == 4
    services.import_published(CHOSEN, CATALOGUE.sources)
    assert is_replaced(client)
    at_300 = [
        replace(result, schedule=tuple(replace(part, epochs=300.0) for part in result.schedule))
        if result.model == A1
        else result
        for result in CHOSEN
    ]
    services.import_published(at_300, CATALOGUE.sources)
    assert not is_replaced(client)
    assert "phases.0.epochs is 600" in client.get(published().get_absolute_url()).content.decode()


def test_both_move_to_another_site(card, client, tmp_path):
    verify(draft(), card)
    folder = export(tmp_path / "results")
    replaced = published().pk, published().replaced_by_id
    empty()
    enter(folder)
    assert (published().pk, published().replaced_by_id) == replaced
    assert is_replaced(client)


UNTRUE = {
    "the network": ({"model": {"architecture": "resnet34", "resolution": 224}}, {"model.architecture"}),
    "its width": ({"model": {"architecture": "resnet50", "resolution": 224, "width": 0.5}}, {"model.width"}),
    "its depth": ({"model": {"architecture": "resnet50", "resolution": 224, "depth": 0.5}}, {"model.depth"}),
    "the image size": ({"model": {"architecture": "resnet50", "resolution": 160}}, {"model.resolution"}),
    "fewer epochs": ({"phases": [{"epochs": 300}]}, {"phases.0.epochs"}),
    "one epoch more": ({"phases": [{"epochs": 601}]}, {"phases.0.epochs"}),
    "smaller images": (
        {"phases": [{"progressive_resizing": [{"resolution": 128, "share": 0.5}]}]},
        {"phases.0.progressive_resizing"},
    ),
    "frozen layers": ({"phases": [{"freeze": {"stages": 1}}]}, {"phases.0.freeze"}),
    "an early end": ({"phases": [{"early_stopping": {"patience": 2}}]}, {"phases.0.early_stopping"}),
    "further phases": ({"phases": [{}, {"phase": "finetune", "epochs": 1}]}, {"phases"}),
    "a search": (
        {
            "method": {"title": "A network", "family": "nas", "published_model": A1},
            "phases": [{"phase": "search", "technique": "declared"}, {}],
        },
        {"phases"},
    ),
    "a better quality": ({"reported": {"quality": 0.99, "evidence": "https://example.org"}}, {"reported.quality"}),
    "several things": (
        {"model": {"architecture": "resnet34", "resolution": 224}, "phases": [{"epochs": 3}]},
        {"model.architecture", "phases.0.epochs"},
    ),
}


def with_phases(changes: dict, whole: dict) -> dict:
    phases = [
        part if part.get("technique") == "declared" else whole | part for part in changes.get("phases", [whole])
    ]
    return changes | {"phases": phases}


@pytest.mark.parametrize(("changes", "fields"), UNTRUE.values(), ids=UNTRUE)
def test_an_untrue_claim_is_refused_by_each_field_and_changes_nothing(card, client, changes, fields):
    whole = {"phase": "train", "technique": "supervised", "epochs": 600}
    with pytest.raises(DocumentError) as refused:
        services.submit(draft(**with_phases(changes, whole)), hardware=card, submitter=None)
    assert {fault.field for fault in refused.value.faults} == fields
    assert all(FIELD in fault.message for fault in refused.value.faults)  # what to do
    assert not Run.objects.exists()
    assert not is_replaced(client)


def test_what_cannot_be_compared_is_refused_with_its_reason(card):
    phases = [{"phase": "train", "technique": "supervised", "epochs": 300}]
    model = {"architecture": DISTILLED.partition(".")[0], "resolution": 224}
    method = {"title": "A network", "family": "compact", "published_model": DISTILLED}
    with pytest.raises(DocumentError, match="the teacher regnety_160"):
        services.submit(
            draft(method=method, model=model, phases=phases, reported=None), hardware=card, submitter=None
        )
    searched = draft(SEARCHED)
    runs_it = searched.phases[1].model_copy(update={"phase": "search"})
    faults = differences(
        searched.model_copy(update={"phases": (runs_it, searched.phases[1])}), published(SEARCHED).published.document
    )
    assert [fault.field for fault in faults] == ["phases.0.technique"]


def test_an_unknown_model_is_refused_with_a_close_one(card):
    method = {"title": "A network", "family": "compact", "published_model": "resnet50.a1_in2k"}
    with pytest.raises(services.Refused, match="did you mean") as refused:
        services.submit(draft(method=method), hardware=card, submitter=None)
    assert refused.value.field == FIELD
    assert A1 in refused.value.message


def test_api_and_form_name_every_field_of_an_untrue_claim(card, client, alice):
    WorkerFactory(hardware=card)
    recipe = draft(model={"architecture": "resnet34", "resolution": 224}, seed=3)
    client.force_login(alice)
    page = client.post("/submit/", {"document": recipe.text(), "hardware": card.pk, "mode": "full"})
    assert page.status_code == 200
    assert "<code>model.architecture</code>" in page.content.decode()
    _, token = ApiToken.objects.create(alice)
    answer = client.post(
        "/api/v1/submissions",
        recipe.text(),
        content_type="application/json",
        query_params={"hardware": card.slug},
        headers={"Authorization": f"Token {token}"},
    )
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["model.architecture"]
    assert not Run.objects.exists()


def test_a_recipe_is_named_later_by_its_submitter_or_an_administrator(card, client, alice, bob, administrator):
    plain = {"title": "Mine", "family": "compact"}
    assert draft(method=plain).sha256 == draft().sha256
    verify(draft(method=plain), card, alice)
    assert not is_replaced(client)
    with pytest.raises(services.Refused, match="by the person who submitted this recipe") as refused:
        services.submit(draft(), hardware=card, submitter=bob)
    assert refused.value.field == FIELD
    assert not is_replaced(client)
    _, is_new = services.submit(draft(), hardware=card, submitter=alice)
    assert not is_new
    assert is_replaced(client)
    assert Method.objects.get(recipes__isnull=False).title == "Mine"

    verify(draft(method=plain, seed=1), card, alice)
    services.submit(draft(seed=1), hardware=card, submitter=administrator)
    assert published().replaced_by.recipe.sha256 == draft(seed=1).sha256


def test_one_recipe_repeats_one_published_model(card, client):
    """Two models whose schedules are alike, as far as the catalogue states them."""
    twin = [
        replace(result, model="resnet50.twin_in1k", title=f"twin of {result.title}")
        for result in CHOSEN
        if result.model == A1
    ]
    services.import_published([*CHOSEN, *twin], CATALOGUE.sources)
    verify(draft(), card)
    method = draft().method.model_copy(update={"published_model": "resnet50.twin_in1k"})
    with pytest.raises(services.Refused, match=f"as the training of {A1}"):
        services.submit(draft().model_copy(update={"method": method}), hardware=card, submitter=None)
    assert is_replaced(client)
    assert not is_replaced(client, "resnet50.twin_in1k")


def test_every_draft_and_every_example_repeats_what_it_names():
    documents = {(result.model, result.resolution): asdict(result) for result in RESULTS}
    named = 0
    for row in CATALOGUE.models:
        found = catalogue.recipe_of(CATALOGUE, row.model, row.resolution)
        key = (row.model, row.resolution)
        if found is None or found.document is None or key not in documents:
            continue
        recipe = parse_recipe(found.document)
        faults = list(differences(recipe, documents[key]))
        assert (faults == []) == (recipe.method.published_model is not None), (key, faults)
        named += recipe.method.published_model is not None
    assert named > 400
    examples = [recipe for recipe in map(load_recipe, RECIPES.glob("*.yaml")) if recipe.method.published_model]
    assert len(examples) == 5
    for recipe in examples:
        assert list(differences(recipe, documents[recipe.method.published_model, recipe.model.resolution])) == []


def test_entry_page_and_api_show_both_phase_by_phase(card, client):
    verify(draft(), card, one_time_j=2e8, per_image_j=0.1)
    there, here = published(), published().replaced_by
    result = next(
        result for result in CHOSEN if (result.model, result.hardware) == (A1, CARD) and result.resolution == 224
    )
    for entry in (there, here):
        detail = client.get(f"/api/v1/entries/{entry.pk}?usage_intensity=2e6").json()
        both = detail["comparison"]
        assert detail["replaced_by"] == (here.pk if entry == there else None)
        assert (both["published_entry"], both["verified_entry"], both["in_its_place"]) == (there.pk, here.pk, True)
        train, inference = both["phases"]
        assert (train["phase"], inference["phase"]) == ("train", "inference")
        assert train["published"]["energy_j"] == result.phases[0].energy_j
        assert (train["published"]["provenance"], train["verified"]["provenance"]) == ("estimated", "estimated")
        assert train["ratio"] == 2e8 / result.phases[0].energy_j
        assert inference["ratio"] == 0.1 / result.inference_energy_j
        whole = (2e8 + 2e6 * 0.1) / (result.phases[0].energy_j + 2e6 * result.inference_energy_j)
        assert both["full_cycle"]["ratio"] == pytest.approx(whole, rel=1e-12)
        assert [source["id"] for source in both["sources"]] == list(result.sources)
        page = client.get(f"{entry.get_absolute_url()}?usage_intensity=2e6").content.decode()
        assert "Published and verified, side by side" in page
        for source in result.sources:
            assert f'href="{CATALOGUE.sources[source].address}"' in page
        assert f'href="/api/v1/runs/{here.run_id}/record"' in page
    assert f'href="{here.get_absolute_url()}"' in client.get(there.get_absolute_url()).content.decode()
    assert f'href="{there.get_absolute_url()}"' in client.get(here.get_absolute_url()).content.decode()


def test_an_entry_without_a_counterpart_has_none(card, client):
    plain = verify(draft(method={"title": "Mine", "family": "compact"}), card).entries.first()
    for entry in (published(), plain):
        assert client.get(f"/api/v1/entries/{entry.pk}").json()["comparison"] is None
        assert "side by side" not in client.get(entry.get_absolute_url()).content.decode()


def test_a_published_line_that_was_taken_down_does_not_come_back(card, client, alice):
    run = verify(draft(), card, alice)
    entry = published()
    services.take_down(Entry.objects.filter(pk=entry.pk), reason="looks wrong")
    services.withdraw(run.submission, by=alice)
    assert not Entry.objects.filter(published=entry.published_id).exists()
    assert queries.counterpart(published(hardware=CPU)) is None
