"""A file goes up in parts, goes on after a part is lost, and is listed with its SHA-256; a bad one is told why."""

from __future__ import annotations

from playwright.sync_api import Route, expect

from tests.artifacts.making import sha256, weights

CONTENT = weights(*range(1_200_000))  # more than one part


def test_parts_that_are_lost_are_sent_again(open_reader, alice):
    reader = open_reader()
    reader.sign_in(alice)
    page, lost = reader.page, []

    def lose_one(route: Route) -> None:
        if route.request.headers.get("upload-offset", "0") != "0" and not lost:
            lost.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/artifacts/*", lose_one)
    reader.open("/artifacts/")
    page.get_by_label("File").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no weights"},
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("must end in")

    page.get_by_label("File").set_input_files(
        {"name": "best.safetensors", "mimeType": "application/octet-stream", "buffer": CONTENT}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text(sha256(CONTENT))).to_be_visible()
    assert len(lost) == 1
    row = page.get_by_role("row", name="best.safetensors")
    expect(row).to_contain_text("1 tensor")
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("You have no files here.")).to_be_visible()
