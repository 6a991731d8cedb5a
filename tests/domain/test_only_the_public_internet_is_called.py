"""Which addresses are of the public internet, in every way in which IPv6 can carry an IPv4 address."""

import pytest

from leaderboard.domain.addresses import is_link_local, is_public


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public(address):
    assert is_public(address)


INTERNAL = [
    *("127.0.0.1", "127.8.9.10", "0.1.2.3", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.192"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ),
    *("64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    *("", "localhost", "example.org", "2130706433", "0x7f000001", "127.1"),
]


@pytest.mark.parametrize("address", INTERNAL)
def test_internal(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "64:ff9b::a9fe:a9fe"])
def test_metadata_of_a_cloud_is_link_local(address):
    assert is_link_local(address)
    assert not is_link_local("10.0.0.1")
