"""Which addresses are refused, by themselves and among others."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import RefusedAddress
from monitor.fetch.addresses import check_addresses, parse_networks, refusal

PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.0.1",
    "223.255.255.254",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
REFUSED = {
    "0.0.0.0": "this network",
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.127.255.255": "carrier-grade NAT",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.169.254": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "protocol",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "198.51.100.7": "documentation",
    "203.0.113.7": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "127.0.0.1",
    "::8.8.8.8": "outside",
    "::ffff:127.0.0.1": "127.0.0.1",
    "::ffff:10.0.0.1": "10.0.0.1",
    "::ffff:169.254.169.254": "169.254.169.254",
    "::ffff:0:127.0.0.1": "127.0.0.1",
    "64:ff9b::7f00:1": "127.0.0.1",
    "64:ff9b::a9fe:a9fe": "169.254.169.254",
    "64:ff9b:1::808:808": "local-use NAT64",
    "100::1": "outside",
    "2001::1": "protocol",
    "2001:0:7f00:1::1": "Teredo",
    "2001:db8::1": "documentation",
    "2002:7f00:1::1": "127.0.0.1",
    "2002:a00:1::": "10.0.0.1",
    "2606:4700::5efe:10.0.0.1": "10.0.0.1",
    "2606:4700::200:5efe:192.168.0.1": "192.168.0.1",
    "3fff::1": "documentation",
    "5f00::1": "outside",
    "fc00::1": "unique local",
    "fd00:ec2::254": "unique local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "example.org": "not an address",
    "": "not an address",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_dialled(address: str) -> None:
    """What is routed on the internet is not refused, whatever form it is written in."""
    assert refusal(address) == ""


@pytest.mark.parametrize(("address", "reason"), REFUSED.items(), ids=REFUSED)
def test_everything_else_is_refused_with_its_reason(address: str, reason: str) -> None:
    """The reason names what the operator has to know: the kind, or the address inside."""
    assert reason in refusal(address)


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_an_allowed_network_counts_in_every_form(address: str) -> None:
    """10.0.0.0/8 allowed is allowed mapped and translated too."""
    assert refusal(address, parse_networks(["10.0.0.0/8"])) == ""


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "192.168.0.1", "fd00::1"])
def test_allowing_one_network_allows_no_other(address: str) -> None:
    """What the operator did not name stays refused."""
    assert refusal(address, parse_networks(["10.0.0.0/8", "fd12::/16"]))


def test_one_private_answer_among_public_ones_refuses_the_host() -> None:
    """A mixed answer is an attack or a fault: nothing of it is dialled."""
    with pytest.raises(
        RefusedAddress, match=r"feed\.test resolves to 10\.0\.0\.1.*private"
    ) as info:
        check_addresses("feed.test", ["93.184.216.34", "10.0.0.1"], ())

    assert info.value.kind == "refused-address"


def test_public_answers_pass() -> None:
    """Several public addresses are fine."""
    check_addresses("feed.test", ["93.184.216.34", "2606:4700::1111"], ())


def test_a_wrong_network_is_named() -> None:
    """The setting is checked when it is read."""
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/99"):
        parse_networks(["10.0.0.0/99"])


def test_a_host_address_stands_for_its_network() -> None:
    """`127.0.0.1/8` is taken as the network that it is in."""
    assert refusal("127.9.9.9", parse_networks(["127.0.0.1/8"])) == ""


@given(number=st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_never_more_generous_than_the_standard_library(number: int) -> None:
    """No IPv4 address passes that `ipaddress` knows as not global, mapped or not."""
    address = IPv4Address(number)
    mapped = IPv6Address(f"::ffff:{address}")

    assert bool(refusal(str(address))) == bool(refusal(str(mapped)))
    assert refusal(str(address)) or (address.is_global and not address.is_multicast)


@given(number=st.integers(0, 2**128 - 1))
@settings(max_examples=200)
def test_every_ipv6_address_gets_an_answer(number: int) -> None:
    """No address makes the check fail, and none outside public unicast passes."""
    address = ip_address(number.to_bytes(16, "big"))

    assert refusal(str(address)) or address.is_global
