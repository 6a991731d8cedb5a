"""Every relative link of README.md, CONTRIBUTING.md and docs/ leads to a file, and to its heading."""

import pytest

from tests.docs.reading import PAGES, ROOT, anchors, links

LINKS = [
    (page, link)
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]
    for link in links(page)
    if not link.startswith(("http://", "https://", "mailto:"))
]


@pytest.mark.parametrize(("where", "link"), LINKS, ids=lambda value: getattr(value, "name", value))
def test_relative_link_leads_somewhere(where, link):
    path, _, anchor = link.partition("#")
    target = (where.parent / path).resolve() if path else where
    assert target.exists(), f"{where.name}: {link}"
    assert target.is_relative_to(ROOT)
    if anchor:
        assert anchor in anchors(target), f"{target.name} has no heading #{anchor}: {sorted(anchors(target))}"
