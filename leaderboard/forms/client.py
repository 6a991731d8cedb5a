"""Who a request is from, as far as limits can know."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle

NETWORK_BITS = 64
"""Of an IPv6 address: whoever has one has all of its network."""


def client_of(request: HttpRequest) -> str:
    """The client's address, or its network for IPv6.

    With the setting HTTPS it is what the proxy added last to X-Forwarded-For; without, nobody's header is read.
    """
    given = str(BaseThrottle().get_ident(request) or "")  # type: ignore[arg-type]  # reads the headers alone
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return given[:100]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, NETWORK_BITS), strict=False))
    return str(address)
