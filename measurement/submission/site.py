"""One site's API over HTTP: tried again where the network or the site fails, and never with the token elsewhere."""

from __future__ import annotations

import http.client
import ipaddress
import json
import random
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from measurement.documents import Fault
from measurement.errors import BadOption
from measurement.submission.errors import Refused, SiteTrouble

TIMEOUT_S = 30.0
LONGEST_PAUSE_S = 30.0
MOST_REDIRECTS = 5
_TRY_AGAIN = frozenset((408, 425, 500, 502, 503, 504))
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOST_BYTES = 16 * 2**20
pause = time.sleep


class _FollowNothing(urllib.request.HTTPRedirectHandler):
    """urllib would send the token after any redirect, to whatever host."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with its JSON, `None` if there is none."""

    status: int
    data: Any
    headers: Message = field(default_factory=Message)

    @property
    def faults(self) -> list[Fault]:
        """What the API says is wrong, as text that is safe to print."""
        errors = self.data.get("errors") if isinstance(self.data, dict) else None
        given = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        return [Fault(shown(error.get("field") or ""), shown(error.get("message") or "")) for error in given]

    @property
    def retry_after_s(self) -> float | None:
        """What the site asks to wait; None if it says nothing, or a date."""
        given = self.headers.get("Retry-After", "")
        return float(given) if given.isascii() and given.isdecimal() else None


@dataclass(slots=True)
class Site:
    """A site by its address. `retry_s`: for how long one request is tried again."""

    address: str
    retry_s: float = 600.0
    sleep: Callable[[float], None] = field(default_factory=lambda: pause)
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)

    def call(
        self,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """GET, or POST with a body. Raises SiteTrouble if nothing but trouble comes within `retry_s`."""
        give_up_at, tries = time.monotonic() + self.retry_s, 0
        while True:
            answer, trouble = self._try(path, body, headers or {}, timeout_s)
            if answer is not None and not trouble:
                return answer
            pause_s = min(LONGEST_PAUSE_S, 2.0**tries) * random.uniform(0.5, 1)  # noqa: S311 - so that many don't meet
            asked_s = answer.retry_after_s if answer is not None else None
            pause_s = max(pause_s, asked_s or 0.0)
            if time.monotonic() + pause_s > give_up_at:
                raise SiteTrouble(f"{self.address}: {trouble}{_later(asked_s)}")
            tries += 1
            self.say(f"{self.address}: {trouble}; trying again in {pause_s:.0f} s")
            self.sleep(pause_s)

    def _try(
        self, path: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[Answer | None, str]:
        """An answer, and what is wrong with it or in its place; empty if it is final."""
        try:
            answer = self._send(self.address + path, body, headers, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise BadOption(f"the certificate is not valid: {reason.verify_message}", field="--site") from None
            return None, f"can't be reached ({shown(str(reason)) or type(reason).__name__})"
        said = "; ".join(map(str, answer.faults)) or f"answered {answer.status}"
        is_at_work = answer.status == 409 and any(fault.field == "Idempotency-Key" for fault in answer.faults)
        if answer.status in _TRY_AGAIN or is_at_work or (answer.status == 429 and answer.retry_after_s is not None):
            return answer, said
        return answer, ""

    def _send(self, url: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float) -> Answer:
        # Through a proxy, https:// is a tunnel; http:// would show it the token.
        proxies = {} if url.startswith("http:") else urllib.request.getproxies()
        opener = urllib.request.build_opener(_FollowNothing, urllib.request.ProxyHandler(proxies))
        for _ in range(MOST_REDIRECTS):
            request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 - http or https, checked at the start
            try:
                with opener.open(request, timeout=timeout_s) as response:
                    return _read(response.status, response)
            except urllib.error.HTTPError as error:
                if error.code not in _REDIRECTS:
                    return _read(error.code, error)
                url = self._redirected(url, error.headers.get("Location") or "")
        raise SiteTrouble(f"{self.address}: redirects without end")

    def _redirected(self, url: str, location: str) -> str:
        """Where the same host redirects to. Raises BadOption for another: a token is for one site."""
        target = urljoin(url, location)
        if _origin(urlsplit(target)) != _origin(urlsplit(url)):
            raise BadOption(
                f"{self.address} redirects to {shown(target)[:200]}, where the token is not sent; "
                "give that address if it is the one you mean",
                field="--site",
            )
        return target


def _read(status: int, response: Any) -> Answer:
    text = response.read(_MOST_BYTES)
    try:
        data = json.loads(text)
    except ValueError:
        if status < 400:
            raise SiteTrouble("the answer is no JSON; is this the address of a leaderboard?") from None
        data = None
    return Answer(status, data, response.headers)


def _later(asked_s: float | None) -> str:
    if not asked_s:
        return "; gave up"
    return f"; try again in {asked_s / 3600:.1f} h" if asked_s > 3600 else f"; try again in {asked_s / 60:.0f} min"


def checked_address(site: str, *, insecure: bool) -> str:
    """The site's address without a slash at its end. Raises BadOption for one that no token should be sent to."""
    try:
        parts = urlsplit(site)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise BadOption(f"is {site!r}, which is no address: {error}", field="--site") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or port == 0:
        raise BadOption(f"is {site!r}; give an address such as https://leaderboard.example.org", field="--site")
    if parts.username is not None:
        raise BadOption("has a user name in it; give the address alone", field="--site")
    if parts.scheme == "http" and not _is_local(parts.hostname) and not insecure:
        raise BadOption(
            f"is {site!r}, where everyone on the way could read the token; use https://, or --insecure if the "
            "network is yours alone",
            field="--site",
        )
    return site.rstrip("/")


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def shown(text: object) -> str:
    """Text of another's without characters that steer a terminal, on one line."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text)).strip()


def refused(answer: Answer) -> Refused | SiteTrouble:
    """The error behind an answer of 4xx."""
    if answer.faults:
        return Refused(answer.faults)
    return SiteTrouble(f"the site answered {answer.status}")
