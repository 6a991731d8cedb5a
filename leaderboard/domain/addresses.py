"""Which addresses of the internet a site may call for somebody, and which are of its own network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_NAT64 = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = IPv6Network("::/96")
# What older versions of Python take for global: addresses of protocols (metadata of a cloud among them), translation
# within a network, and what site-local once was.
_NOT_PUBLIC = [
    ip_network(network) for network in ("192.0.0.0/24", "64:ff9b:1::/48", "fec0::/10", "2001::/23", "2001:db8::/32")
]


def is_public(address: str) -> bool:
    """Whether an IP address is of the public internet, and so is each IPv4 address that it carries.

    False for loopback, private networks, link-local (a cloud's metadata among them), shared addresses of providers
    (100.64.0.0/10), multicast, reserved and unspecified ones, and for what is no IP address.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(one) for one in (found, *_carried(found)))


def is_link_local(address: str) -> bool:
    """Whether an IP address, or an IPv4 address that it carries, is link-local: that of a cloud's metadata is."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(one.is_link_local for one in (found, *_carried(found)))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _NOT_PUBLIC)


def _carried(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to: mapped, compatible, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return []
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    carried += [last] if address in _NAT64 or address in _IPV4_COMPATIBLE else []
    return [one for one in carried if one is not None]
