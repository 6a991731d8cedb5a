"""The About page says where the idea is from, how to cite, and how to reach who runs the site, if they said so."""

import pytest
from django.urls import reverse

from tests.pages.reading import text


@pytest.fixture
def about(client, db):
    return lambda: client.get(reverse("about"))


def test_idea_source_and_citation(about):
    page = text(about())
    assert "Full-Cycle Energy Consumption Benchmark for Low-Carbon Computer Vision, arXiv 2108.13465" in page
    assert r"howpublished = {\url{http://testserver}}," in page
    assert "Lend a machine" in page


@pytest.mark.parametrize(
    ("contact", "link"),
    [
        ("people@example.org", 'href="mailto:people@example.org"'),
        ("https://example.org/contact/", 'href="https://example.org/contact/"'),
        ("javascript:alert(1)", None),
        ("", None),
    ],
)
def test_contact_is_what_the_setting_says(about, settings, contact, link):
    settings.CONTACT = contact
    html = about().content.decode()
    assert "javascript:" not in html
    assert (link in html) if link else ("have not published a contact address" in html)


@pytest.mark.parametrize("address", ["/", "/methodology/", "/queue/"])
def test_every_page_leads_to_it(client, db, address):
    html = client.get(address).content.decode()
    assert html.count(f'href="{reverse("about")}"') == 2
