"""A reader's browser, and everything that goes wrong in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Request, Response

from tests.chromium import new_context

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
REPORT_BREACHES = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`content security policy: ${event.violatedDirective} refused ${event.blockedURI}`);
});
"""


class Reader:
    """One browser context with one page. `faults` holds what must not happen, `requests` every address asked for."""

    def __init__(self, browser: Browser, site: str, **options: Any) -> None:
        self.site = site
        self.host = urlsplit(site).netloc
        self.faults: list[str] = []
        self.requests: list[str] = []
        self._expected: set[tuple[str, int]] = set()
        self.context = new_context(browser, base_url=site, **{"viewport": DESK, **options})
        self.context.add_init_script(REPORT_BREACHES)
        self.context.on("request", self._on_request)
        self.context.on("response", self._on_response)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        self.page = self.context.new_page()

    def open(self, path: str, status: int = 200) -> Response:
        """Go to a page of the site, which answers with `status`."""
        self.expect_status(urlsplit(path).path, status)
        response = self.page.goto(path)
        assert response is not None
        assert response.status == status, f"{path}: {response.status}"
        return response

    def expect_status(self, path: str, status: int) -> None:
        """An error that is meant to come from this address."""
        self._expected.add((path, status))

    def sign_in(self, user: Any) -> None:
        """A session of `user`, without the way through the form."""
        client = Client()
        client.force_login(user)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.site}
        self.context.add_cookies([cookie])

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"data", "blob"}:
            return
        if not address.path.endswith("favicon.svg"):
            self.requests.append(request.url)
        if address.netloc != self.host:
            self.faults.append(f"asked another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and (urlsplit(response.url).path, response.status) not in self._expected:
            self.faults.append(f"{response.status} from {response.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # The network's errors are told by _on_response, which knows those that a test asks for.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console: {message.text}")
