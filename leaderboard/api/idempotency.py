"""`Idempotency-Key`: a POST that is sent again is answered again and done once.

Follows draft-ietf-httpapi-idempotency-key-header: 400 for what is no key, 409 while the first request is at work, 422
for a key with another request. Only an answer of success is kept: what was refused has done nothing.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import services
from leaderboard.api.errors import Faults
from leaderboard.api.renderers import FiniteJSONRenderer

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY_PATTERN = r'^("[ !#-\[\]-~]{1,255}"|[A-Za-z0-9_.:/+=~-]{1,255})$'
"""A string of structured fields, which has quotes; or without them what most clients send, such as a UUID."""
_KEPT_HEADERS = ("Location",)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that its client may send again."""

    user: User
    key: str
    fingerprint: str

    @classmethod
    def of(cls, request: Request) -> Repeatable | None:
        """None without the header. Raises Faults for what is no key. Reads the body, whose length is checked."""
        given = request.headers.get(HEADER)
        if given is None or request.method != "POST" or not isinstance(request.user, User):
            return None
        if not re.match(KEY_PATTERN, given):
            raise Faults([(HEADER, "must be 1 to 255 printable characters in quotes, such as a UUID")])
        parts = (request.get_full_path(), request.content_type or "", request._request.body)
        digest = hashlib.sha256()
        for part in parts:
            encoded = part.encode() if isinstance(part, str) else part
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return cls(request.user, given.strip('"'), digest.hexdigest())

    def answer(self) -> services.Answer | None:
        """The first answer, if there is one."""
        return services.answer_of(self.user, self.key, self.fingerprint)

    def once(self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any) -> Any:
        """What `handler` answers, of which a success is stored with what it did; or the first answer again."""
        claim = services.begin_request(self.user, self.key, self.fingerprint)
        if not isinstance(claim, uuid.UUID):
            return _again(claim)
        try:
            with transaction.atomic():
                response = handler(request, *args, **kwargs)
                services.store_answer(self.user, self.key, claim, _kept(response))
        except BaseException:
            with suppress(DatabaseError):  # away: then the claim is void after a while
                services.forget_request(self.user, self.key, claim)
            raise
        return response


def _kept(response: Response) -> services.Answer:
    body = FiniteJSONRenderer().render(response.data).decode()
    headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    return services.Answer(response.status_code, body, headers)


def _again(answer: services.Answer) -> HttpResponse:
    headers = answer.headers | {REPLAYED: "true"}
    return HttpResponse(answer.body, status=answer.status, headers=headers, content_type="application/json")
