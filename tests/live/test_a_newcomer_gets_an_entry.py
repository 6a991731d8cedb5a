"""Somebody who reads no documentation gets a verified entry, with a mistake on the way, by what the pages say."""

import pytest
from playwright.sync_api import expect

from tests.chromium import new_context


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_from_the_front_page_to_an_entry(site, chromium):
    context = new_context(chromium)
    page = context.new_page()
    page.goto(site.address)
    page.get_by_role("link", name="Submit", exact=True).click()
    page.get_by_role("link", name="sign up").click()
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Email").fill("newcomer@example.org")
    page.get_by_label("Password:").fill("a-long-passphrase")
    page.get_by_label("Password (again):").fill("a-long-passphrase")
    page.get_by_role("button", name="Sign Up").click()

    # A recipe is there; its example's author is not. The mistake: a name that timm does not have.
    page.get_by_role("link", name="Submit", exact=True).click()
    expect(page.get_by_label("Title")).to_have_value("StarNet-S050")
    expect(page.locator(".recipe-ace .ace_content")).to_contain_text("authors: [newcomer]")
    page.get_by_label("Title").fill("My first network")
    page.get_by_label("Architecture").fill("test_byobnett")
    page.get_by_label("Resolution").fill("16")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Not yet: 1 error to fix")).to_be_visible()
    advice = page.locator(".recipe-ace").get_by_text("did you mean test_byobnet")
    expect(advice).to_be_visible()

    # What is said next to the line is done.
    page.get_by_label("Architecture").fill("test_byobnet")
    page.get_by_label("Architecture").press("Tab")
    expect(advice).to_have_count(0)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("The recipe is valid. What to expect on")).to_be_visible()
    page.get_by_role("button", name="Submit for verification").click()

    expect(page.get_by_role("heading", name="My first network")).to_be_visible()
    expect(page.locator(".status-line")).to_contain_text("Succeeded")
    page.get_by_role("link", name="Single stream, Accelerator").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("My first network")
    expect(page.locator("main")).to_contain_text("newcomer")
    context.close()
