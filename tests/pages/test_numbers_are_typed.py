"""A number is typed as people write it; one that can't be read says why beside it, and the last good answer stays."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest
from django.http import QueryDict

from leaderboard.forms.page_query import read_query
from tests.factories import make_board
from tests.pages.reading import rows, text

pytestmark = pytest.mark.django_db


def control(page, name: str) -> dict[str, str]:
    """The attributes of a field, and what is said beside it."""
    content = page.content.decode().partition('id="controls"')[2].partition("</form>")[0]
    (tag,) = re.findall(rf'<(?:input|select)[^>]*\bname="{name}"[^>]*>', content)
    found = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
    (error,) = re.findall(rf'id="{name}-error"[^>]*>([^<]*)<', content)
    return {key: html.unescape(value) for key, value in {**found, "error": error}.items()}


@pytest.mark.parametrize(
    "typed", ["2,000,000", "2.000.000", "2 000 000", "2 million", "2 Mio.", "2e6", "2M", "2 × 10⁶"]
)
def test_a_usage_intensity_as_people_write_it(client, typed):
    make_board(2)
    page = client.get("/", {"usage_intensity": typed})
    assert "For 2 million images on" in text(page)
    assert "notice-warning" not in page.content.decode()
    assert control(page, "usage_intensity")["value"] == "2000000"
    assert page.context["parameters"] == "usage_intensity=2000000"


@pytest.mark.parametrize(
    ("name", "typed", "why"),
    [
        (
            "usage_intensity",
            "5 zillion",
            "(“zillion” is not a known size): it must be a number above 0, at most 1e15",
        ),
        ("usage_intensity", "2e20", "it must be a number above 0, at most 1e15"),
        ("usage_intensity", "2 000,000", "(its last mark may divide thousands or be decimal)"),
        ("shared_by", "0,5", "it must be a number from 1 to 1e9"),
        ("min_quality", "a lot", "per cent from 0 to 100"),
        ("accuracy_weight", "-1", "it must be a number from 0 to 100"),
        ("pue", "11", "it must be a number from 1 to 10"),
        ("price_per_kwh", "1,500", "it must be a price per kWh from 0 to 1e6"),
    ],
)
def test_the_last_good_answer_stays_and_the_field_says_why(client, name, typed, why):
    make_board(4)
    good = {
        "usage_intensity": "5000",
        "shared_by": "3",
        "min_quality": "0.9",
        "accuracy_weight": "2",
        "pue": "1.5",
        "price_per_kwh": "0.5",
    }
    before = client.get("/", good)
    was = re.search(r'name="was" value="([^"]*)"', before.content.decode())[1]
    page = client.get("/", {**good, name: typed, "was": html.unescape(was)})
    assert rows(page) == rows(before)
    assert page.context["parameters"] == before.context["parameters"]
    field = control(page, name)
    assert (field["value"], field["aria-invalid"]) == (typed, "true")
    assert f"{name}-error" in field["aria-describedby"].split()
    assert field["error"].startswith(f"Can't take “{typed}”")
    assert why in field["error"]
    assert f"“{name}” stays " in text(page)
    for other in set(good) - {name}:
        assert control(page, other)["error"] == "", other


def test_without_a_page_before_the_default_stays(client):
    make_board(2)
    page = client.get("/", {"usage_intensity": "abc", "was": "usage_intensity=nonsense"})
    assert page.context["query"].usage_intensity == 1e6
    assert control(page, "usage_intensity")["value"] == "abc"


def test_a_form_that_can_be_read_leads_to_a_short_address(client):
    make_board(2)
    sent = {
        "usage_intensity": "3 million",
        "min_quality": "",
        "rate": "",
        "per": "second",
        "years": "",
        "was": "pue=1.5",
    }
    answer = client.get("/", sent)
    assert (answer.status_code, answer["Location"]) == (302, "/?usage_intensity=3+million")


def test_a_rate_over_a_lifetime_stays_in_the_address(client):
    make_board(2)
    page = client.get("/", {"rate": "50 k", "per": "day", "years": "2,5"})
    assert page.context["query"].usage_intensity == 50_000 * 365.25 * 2.5
    link = page.context["page_address"]
    assert link == "?usage_intensity=45656250&rate=50000&per=day&years=2.5&"
    again = client.get("/" + link)
    assert [control(again, name)["value"] for name in ("rate", "years")] == ["50000", "2.5"]
    assert '<option value="day" selected>requests per day</option>' in again.content.decode()
    prototype = re.search(r'href="([^"]*)" data-usage="1000"', again.content.decode())[1]
    assert html.unescape(prototype) == "?usage_intensity=1000"


@pytest.mark.parametrize(("per", "images"), [("second", 31_557_600), ("hour", 8766), ("day", 365.25), ("month", 12)])
def test_a_rate_may_be_per(per, images):
    assert read_query(QueryDict(f"rate=1&per={per}&years=1")).query.usage_intensity == images


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("rate=5", "“years” was reset to its default: must be given with a rate"),
        ("years=5", "“rate” was reset to its default: must be given with a lifetime"),
        ("rate=1&years=1&per=fortnight", "“per” was reset to its default: 'fortnight' is not one of second"),
        ("rate=1e12&years=1000", "“rate” was reset to its default: usage_intensity is"),
    ],
)
def test_half_a_rate_is_no_rate(client, given, named):
    make_board(2)
    page = client.get(f"/?{given}")
    assert named in text(page)
    assert page.context["query"].usage_intensity == 1e6


def test_without_scripts_a_new_number_goes_before_the_rate_of_the_page_before():
    rate = {"rate": "20", "per": "day", "years": "2"}
    was = urlencode({"usage_intensity": "14610", **rate})
    changed = read_query(QueryDict(urlencode({"usage_intensity": "7", **rate, "was": was})))
    assert (changed.query.usage_intensity, changed.view.rate) == (7, None)
    same = read_query(QueryDict(urlencode({"usage_intensity": "14610", **rate, "was": was})))
    assert (same.query.usage_intensity, same.view.rate) == (14610, 20)
    other = read_query(QueryDict(urlencode({"usage_intensity": "14610", **rate, "rate": "40", "was": was})))
    assert (other.query.usage_intensity, other.view.rate) == (29220, 40)
