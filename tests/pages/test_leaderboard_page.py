"""The leaderboard page answers without JavaScript, ranks as the domain does, and never refuses a reader."""

import re

import pytest
from django.urls import reverse

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.models import Entry
from tests.factories import EntryFactory, RunFactory, make_board
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("usage_intensity", ["1", "1e3", "1e6", "3.4e9", "1e13"])
def test_rows_are_in_the_order_of_the_domain(client, usage_intensity):
    make_board(9)
    EntryFactory(board=Entry.objects.first().board, complete=False, provenance="missing")

    page = client.get("/", {"usage_intensity": usage_intensity})

    candidates = [queries.candidate(entry) for entry in Entry.objects.all()]
    expected = [place.key for place in ranking.rank(candidates, float(usage_intensity))]
    assert [row["entry"] for row in rows(page)] == expected


def test_order_changes_with_usage_intensity(client):
    make_board(5)
    little, much = (rows(client.get("/", {"usage_intensity": n}))[0]["entry"] for n in ("1", "1e12"))
    assert little != much


def test_filters_leave_out_what_does_not_match(client):
    board = make_board(3)
    wanted = EntryFactory(
        board=board, recipe__method__title="Halfnet", recipe__method__family="quantization", quality=1
    )
    for filters in ({"search": "halfnet"}, {"family": "quantization"}, {"min_quality": "0.999"}):
        assert [row["entry"] for row in rows(client.get("/", filters))] == [wanted.pk], filters


def test_incomplete_entries_are_unranked_lower_bounds_unless_asked_for(client):
    board = make_board(1)
    bound = EntryFactory(board=board, complete=False, provenance="missing", own_energy_j=0.5)

    unranked = rows(client.get("/"))[-1]
    assert unranked["entry"] == bound.pk
    assert unranked["rank"] == "—"
    assert unranked["energy"].startswith("≥")

    ranked = rows(client.get("/", {"include_incomplete": "on"}))[0]
    assert ranked["entry"] == bound.pk
    assert ranked["rank"] == "1"


def test_overlapping_intervals_are_shown_as_ties(client):
    board = make_board(0)
    for own_energy_j in (1000, 1001, 90_000):
        EntryFactory(board=board, own_energy_j=own_energy_j)
    assert [row["rank"] for row in rows(client.get("/"))] == ["1–2", "1–2", "3"]


def test_a_rank_without_uncertainty_has_no_range(client):
    board = make_board(0)
    for own_energy_j in (1000, 1000.0001):
        EntryFactory(board=board, own_energy_j=own_energy_j, own_u95_j=None)
    page = client.get("/")
    assert [(row["rank"], row["u95"]) for row in rows(page)] == [("1", "±\u00a0—"), ("2", "±\u00a0—")]
    assert 'title="rank 2, uncertainty unknown"' in page.content.decode()
    assert "with < 1 % more. No other wins at any usage." in text(page)
    assert "within uncertainty" not in text(page)


def test_unranked_entries_say_why(client):
    board = make_board(0)
    EntryFactory(board=board, quality=0.0)
    asked = {"order_by": "greenness", "min_quality": "0"}
    page = client.get("/", asked)
    assert "no entry is ranked: no entry is accurate enough to rank at this τ." in text(page)
    assert 'title="not ranked: its accuracy is too low to rank at this τ"' in page.content.decode()
    EntryFactory(board=board, complete=False, provenance="missing")
    page = client.get("/", asked)
    assert "every entry has a missing phase or is not accurate enough to rank at this τ." in text(page)
    assert 'title="not ranked: a phase is missing, so the total' in page.content.decode()
    assert rows(client.get("/", {"min_quality": "0"}))[0]["rank"] == "1"


def test_summary_says_the_result_in_words(client):
    board = make_board(0)
    EntryFactory(board=board, recipe__method__title="Cheap to make", own_energy_j=1000, inference_energy_j=0.01)
    EntryFactory(board=board, recipe__method__title="Cheap to run", own_energy_j=100_000, inference_energy_j=0.001)

    page = client.get("/", {"usage_intensity": "1e6", "min_quality": "0.9"})

    assert (
        "For 1 million images on Test Cpu, Cheap to make (95.0 % top-1) uses the least energy of 2 models at ≥ 90 %: "
        "11.0 kJ (3.06 Wh, estimated) over its life, 9 % of it one-time. Next: Cheap to run (95.0 %) with 9.18 times "
        "the energy. From 11 million images on, Cheap to run wins."
    ) in text(page)


def test_summary_says_what_wins_at_lower_and_at_higher_usage(client):
    make_board(4)
    said = [
        text(client.get("/", {"usage_intensity": n})).partition("Next: ")[2].partition(" Rank ")[0]
        for n in ("1", "1e4", "1e12")
    ]
    assert "From 955 images on, Method B wins." in said[0]
    assert re.search(r"Below [\d,]+ images, Method [AB] wins; from [\d,]+ on, Method [CD]\.", said[1])
    assert re.search(r"Below [\d,]+ images, Method C wins; at higher usage no other does\.", said[2])


@pytest.mark.parametrize("asked", [{"search": "mine"}, {"family": "pruning"}, {"provenance": "estimated"}])
def test_a_winner_of_a_filtered_view_is_not_said_to_win_the_board(client, asked):
    EntryFactory(recipe__method__title="Mine", recipe__method__family="pruning")
    assert "Mine (95.0 % top-1) uses the least energy of 1 filtered model at" in text(client.get("/", asked))
    assert "Mine (95.0 % top-1) uses the least energy of 1 model at" in text(client.get("/"))


@pytest.mark.parametrize("asked", [{}, {"min_quality": "0.9"}, {"order_by": "greenness"}])
def test_a_winner_whose_quality_is_only_reported_is_not_said_to_have_it(client, asked):
    board = make_board(0)
    EntryFactory(board=board, quality_provenance="reported")
    page = text(client.get("/", asked))
    assert "(95.0 % top-1, reported by the submitter) " in page.partition(" of 1 model")[0]


def test_estimated_is_said_in_words(client):
    board = make_board(1)
    assert "Every total here is estimated" in text(client.get("/"))
    EntryFactory(board=board, provenance="metered")
    assert {row["provenance"] for row in rows(client.get("/"))} == {"estimated", "metered"}


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("usage_intensity", "-1"),
        ("usage_intensity", "1e400"),
        ("usage_intensity", "abc"),
        ("shared_by", "0"),
        ("min_quality", "101"),
        ("track", "cifar-11"),
        ("hardware", "no-such-machine"),
        ("scenario", "server"),
        ("scope", "wall"),
        ("family", "magic"),
        ("order_by", "name"),
        ("colour", "blue"),
        ("columns", "rank,smell"),
        ("sort", "--quality"),
        ("region", "atlantis"),
        ("pue", "0.5"),
        ("rate", "-1"),
        ("years", "nan"),
        ("page", "x"),
        ("page", "99"),
    ],
)
def test_bad_parameter_is_named_and_put_right(client, parameter, value):
    make_board(3)
    page = client.get("/", {parameter: value})
    assert page.status_code == 200
    assert [row["entry"] for row in rows(page)] == [row["entry"] for row in rows(client.get("/"))]
    assert f"“{parameter}”" in text(page)


def test_rate_and_lifetime_whose_product_is_no_usage_intensity_are_named(client):
    make_board(3)
    page = client.get("/", {"rate": "1e12", "years": "1000"})
    assert "“rate” was reset to its default: usage_intensity is" in text(page)
    assert 'name="usage_intensity" value="1000000"' in page.content.decode()


def test_good_parameters_bring_no_notice(client):
    make_board(3)
    good = {"usage_intensity": "1e7", "family": ["pruning", "compact"], "page": "1", "search": "x", "pue": "1.2"}
    good |= {"columns": ["rank", "macs,latency"], "sort": "-method", "region": "norway", "rate": "20", "years": "3"}
    page = client.get("/", good)
    assert "notice-warning" not in page.content.decode()


def test_page_beyond_the_last_shows_the_last(client):
    make_board(120)
    first = rows(client.get("/"))
    last = rows(client.get("/", {"page": "99"}))
    assert (len(first), len(last)) == (50, 20)
    assert not {row["entry"] for row in first} & {row["entry"] for row in last}


def test_columns_are_chosen(client):
    make_board(3)
    chosen = rows(client.get("/", {"columns": "latency,rank,macs"}))[0]
    under = {"source", "sample", "results", "busy", "run_mark", "claimed", "family"}
    assert set(chosen) == {"entry", "tick", "rank", "method", "macs", "latency"} | under
    assert (chosen["macs"], chosen["latency"]) == ("12.0\u00a0M", "4.20\u00a0ms")


def test_sorted_lines_keep_their_ranks_and_put_the_unknown_last(client):
    board = make_board(4)
    for macs in (None, 5, 5):
        EntryFactory(board=board, macs=macs, own_energy_j=3.0)
    page = rows(client.get("/", {"sort": "macs", "columns": "rank,macs"}))
    assert [row["macs"] for row in page] == ["5.00", "5.00", *["12.0\u00a0M"] * 4, "—"]
    assert page[0]["entry"] < page[1]["entry"]
    descending = rows(client.get("/", {"sort": "-macs", "columns": "rank,macs"}))
    assert [row["entry"] for row in descending[4:]] == [row["entry"] for row in [*page[:2], page[-1]]]
    ranks = {row["entry"]: row["rank"] for row in rows(client.get("/"))}
    assert {row["entry"]: row["rank"] for row in page} == ranks


def test_filters_say_how_many_entries_each_would_leave(client):
    board = make_board(9)
    EntryFactory(board=board, recipe__method__family="pruning", provenance="metered", quality=0.2)
    facets = client.get("/", {"family": "pruning", "min_quality": "0"}).context["facets"]
    assert facets["family"]["pruning"] == 2
    assert facets["family"]["compact"] == 1
    assert facets["provenance"] == {"estimated": 1, "metered": 1}
    assert client.get("/", {"min_quality": "0.5"}).context["facets"]["family"]["pruning"] == 1


def test_carbon_is_that_of_the_grid(client):
    EntryFactory(own_energy_j=3.6e6, inference_energy_j=0.0)
    shown = {
        region: rows(client.get("/", {"region": region, "pue": pue}))[0]["carbon"]
        for region, pue in (("norway", "1"), ("world", "2"))
    }
    assert shown == {"norway": "29.7\u00a0g", "world": "942\u00a0g"}


@pytest.mark.parametrize("entries", [0, 1])
def test_board_of_hardly_any_entries_is_served(client, entries):
    board = make_board(entries)
    if not entries:
        EntryFactory(board__scenario="single_stream", board__hardware=board.hardware)
    page = client.get("/", {"scenario": "offline", "sort": "-quality", "page": "1"})
    assert page.status_code == 200
    assert len(rows(page)) == entries


def test_links_between_pages_keep_the_question(client):
    make_board(120)
    assert 'href="?usage_intensity=5000&amp;page=2"' in client.get("/", {"usage_intensity": "5000"}).content.decode()


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "שלום עולם", "x" * 120]
)
def test_names_neither_break_nor_inject(client, title):
    entry = EntryFactory(recipe__method__title=title)
    for address in ("/", reverse("entry", args=[entry.pk]), f"/compare/?entry={entry.pk}", reverse("queue")):
        html = client.get(address).content.decode()
        assert "<script>alert" not in html, address
        assert "<img src=x" not in html, address
    assert rows(client.get("/"))[0]["method"] == title


def test_constant_number_of_queries(client, django_assert_num_queries):
    make_board(3)
    with django_assert_num_queries(6):
        client.get("/")
    make_board(30, scenario="single_stream")
    RunFactory.create_batch(5)
    with django_assert_num_queries(7):
        client.get("/", {"scenario": "single_stream"})


def test_empty_site_shows_how_far_the_first_runs_are(client):
    RunFactory(
        state="running",
        progress={"phase": "train", "fraction": 0.5},
        submission__recipe__method__title="First of all",
    )
    page = client.get("/")
    assert "No results yet" in text(page)
    assert "First of all" in text(page)


def test_empty_site_reloads_itself_once_a_board_has_entries(client):
    asked = {"revision": "empty"}
    assert "HX-Refresh" not in client.get(reverse("leaderboard-activity"), asked)
    make_board(1)
    assert client.get(reverse("leaderboard-activity"), asked)["HX-Refresh"] == "true"


@pytest.mark.parametrize("group", [{"scenario": "single_stream"}, {"scope": "system"}])
def test_a_group_that_is_all_there_is_is_shown_to_who_names_none(client, group):
    make_board(2, **group)
    assert client.get(reverse("leaderboard-activity"), {"revision": "empty"})["HX-Refresh"] == "true"
    page = client.get("/")
    assert len(rows(page)) == 2
    for name, value in group.items():
        assert page.context["ranked"].board.__dict__[name] == value
        assert f'<option value="{value}" selected>' in page.content.decode()
        assert f'name="{name}" data-board data-default=""' in page.content.decode()
    assert client.get("/api/v1/leaderboard").json()["count"] == 2


def test_who_names_a_group_gets_no_other_and_offline_goes_before_a_fuller_one(client):
    make_board(3, scenario="single_stream")
    assert "This group has no results yet" in text(client.get("/", {"scenario": "offline"}))
    make_board(1)
    page = client.get("/")
    assert page.context["ranked"].board.scenario == "offline"
    assert 'name="scenario" data-board data-default="offline"' in page.content.decode()


TITLES = re.compile(r'<title>(.*?)</title>|<meta property="og:title" content="(.*?)">')
SITE = "Full-Cycle Energy Leaderboard"


def titles(client, address):
    """The page's title, and the one that links to it show."""
    (own, _), (_, shared) = TITLES.findall(client.get(address).content.decode())
    return own, shared


def test_every_page_names_itself_and_the_site_once(client):
    assert titles(client, "/") == (SITE, SITE)
    entry = make_board(2).entries.first()
    title = entry.recipe.method.title
    assert titles(client, "/") == (f"Handwritten digits on Test Cpu · {SITE}", "Handwritten digits on Test Cpu")
    assert titles(client, "/?scope=system") == (SITE, SITE)
    assert titles(client, entry.get_absolute_url()) == (f"{title} · {SITE}", title)
    others = ["about", "methodology", "queue", "compare"]
    for address in [*map(reverse, others), RunFactory().submission.get_absolute_url()]:
        own, shared = titles(client, address)
        assert own.count(SITE) == 1, address
        assert own.endswith(f" · {SITE}"), address
        assert shared.count(SITE) <= 1, address


def test_activity_has_the_revision_and_ends_with_the_last_run(client):
    make_board(2, revision=7)
    run = RunFactory()
    busy = client.get(reverse("leaderboard-activity"))
    assert "1 active run" in text(busy)
    assert '"revision": 7' in busy["HX-Trigger"]
    run.state = "succeeded"
    run.save()
    assert client.get(reverse("leaderboard-activity")).status_code == 286


def test_a_long_queue_is_counted_and_not_loaded(client, django_assert_num_queries):
    make_board(1)
    RunFactory.create_batch(30)
    RunFactory(state="running", progress={"phase": "train"}, submission__recipe__method__title="At work")
    with django_assert_num_queries(4) as queries:
        page = client.get(reverse("leaderboard-activity"))
    assert "31 active runs: At work (train)" in text(page)
    (listed,) = [query["sql"] for query in queries if '"leaderboard_method"' in query["sql"]]
    assert any("LIMIT 12" in query["sql"] for query in queries)
    assert '"leaderboard_recipe"."document"' not in listed


def test_unmatched_group_names_those_that_have_results(client):
    make_board(2)
    page = client.get("/", {"scope": "system"})
    assert page.status_code == 200
    assert "This group has no results yet" in text(page)
    assert "scope=accelerator" in page.content.decode()


def test_winners_table_matches_the_champions(client):
    board = make_board(5)
    page = text(client.get("/"))
    for champion in queries.ranked_board(LeaderboardQuery()).champions:
        assert (
            board.entries.get(pk=champion.key).recipe.method.title
            in page.partition("Which entry uses the least energy")[2]
        )
