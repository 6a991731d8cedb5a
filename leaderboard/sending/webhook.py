"""A notice to a webhook, by the convention Standard Webhooks: one signed POST of JSON; no redirect is followed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import httpcore2
from django.conf import settings

from leaderboard.models import Delivery, DeliveryState, NoticeKind, Webhook
from leaderboard.presentation.notices import links_of
from leaderboard.sending.connecting import NotPublic, PublicNetwork
from leaderboard.services.outbox import Answer

ANSWERS_WITHIN_S = 10.0
GONE = 410
Headers = Mapping[bytes | str, bytes | str]
OWN_TYPES = {kind: str(kind) for kind in (NoticeKind.WEBHOOK_OFF, NoticeKind.ADMINISTRATION, NoticeKind.TEST)}


def call(delivery: Delivery, webhook: Webhook) -> Answer:
    """Send a notice once."""
    body = body_of(delivery)
    ends_at = time.monotonic() + ANSWERS_WITHIN_S
    try:
        status = _post(webhook.url, headers_of(delivery, webhook, body, time.time()), body, PublicNetwork(ends_at))
    except NotPublic:
        return Answer("Its name leads to an address that is not of the public internet; nothing was sent.")
    except httpcore2.TimeoutException:
        return Answer(f"It did not answer within {ANSWERS_WITHIN_S:.0f} s.", unreachable=True)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, OSError) as error:
        return Answer(f"It could not be reached: {_in_words(error)}.", unreachable=True)
    return _answer(status)


def _answer(status: int) -> Answer:
    if 200 <= status < 300:
        return Answer(f"It answered {status}.", DeliveryState.SENT)
    if 300 <= status < 400:
        return Answer(f"It answered {status}, a redirect, which is not followed; give the address that it leads to.")
    if status == GONE:
        words = "It answered 410, that it wants no more; the webhook was switched off."
        return Answer(words, DeliveryState.FAILED, is_gone=True)
    return Answer(f"It answered {status}, where 200 to 299 says that it was taken.")


def _post(url: str, headers: Headers, body: bytes, network: httpcore2.NetworkBackend) -> int:
    """The status of the answer. The rest of it is not read."""
    limits = dict.fromkeys(("connect", "read", "write", "pool"), ANSWERS_WITHIN_S)
    context = ssl.create_default_context()
    with (
        httpcore2.ConnectionPool(ssl_context=context, network_backend=network, max_connections=1) as pool,
        pool.stream("POST", url, headers=headers, content=body, extensions={"timeout": limits}) as response,
    ):
        return int(response.status)


def _in_words(error: Exception) -> str:
    cause = error.__cause__ or error.__context__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror.lower()
    return str(error).rstrip(".")[:120] or "the connection ended"


def body_of(delivery: Delivery) -> bytes:
    """The same on every try."""
    kind = NoticeKind(delivery.kind)
    data: dict[str, Any] = dict(delivery.data)
    entries = data.get("entries") or []
    if "entries" in data:
        data["entry"] = entries[0] if entries else None
    data["links"] = links_of(data)
    document = {
        "type": OWN_TYPES.get(kind, f"submission.{kind}"),
        "id": message_id(delivery),
        "timestamp": delivery.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": data,
    }
    return json.dumps(document, ensure_ascii=False).encode()


def message_id(delivery: Delivery) -> str:
    """Names a notice: the same on every try, so that a receiver recognizes what it has taken already."""
    return f"msg_{delivery.pk.hex}"


def headers_of(delivery: Delivery, webhook: Webhook, body: bytes, now_s: float) -> Headers:
    """The headers of a try, its signature among them."""
    named, stamp = message_id(delivery), str(int(now_s))
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{named}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "user-agent": f"{settings.SITE_NAME} webhooks".replace(" ", "-"),
        "webhook-id": named,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
