"""Which addresses may be reached: public ones, and the networks that the operator allowed.

The address that will be dialled is checked, never the text of a URL: `getaddrinfo` reads
`2130706433`, `0x7f.1` and `0177.0.0.1` as 127.0.0.1, and a name can resolve to anything.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from monitor.errors import RefusedAddress

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Not reachable on the public internet, whatever this Python's `is_global` says (the table behind
# it changed in 3.11.9, 3.12.4 and 3.13).  Source: the IANA special-purpose address registries.
_REFUSED_V4 = tuple(
    (ip_network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved or broadcast"),
    )
)
_REFUSED_V6 = tuple(
    (ip_network(network), name)
    for network, name in (
        ("2001::/23", "protocol assignments, Teredo"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
        ("::1/128", "loopback"),
        ("::/128", "unspecified"),
        ("64:ff9b:1::/48", "local-use NAT64"),
    )
)
_UNICAST_V6 = ip_network("2000::/3")  # the only block from which public addresses are given
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: a public IPv4 address in the last 32 bits
_COMPATIBLE = ip_network("::/96")  # RFC 4291 2.5.5.1, deprecated
_TRANSLATED = ip_network("::ffff:0:0:0/96")  # RFC 2765
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214: bits 32 to 63 before the IPv4 address


def parse_networks(networks: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks written as CIDR or single addresses; ValueError names a wrong one."""
    return tuple(ip_network(network, strict=False) for network in networks)


def check_addresses(host: str, addresses: Sequence[str], allowed: Sequence[Network]) -> None:
    """Raise RefusedAddress unless every one of `addresses` is public or allowed.

    One bad answer among good ones refuses them all: who mixes them is trying something.
    """
    for text in addresses:
        reason = refusal(text, allowed)
        if reason:
            raise RefusedAddress(f"{host} resolves to {text}, which is not public ({reason})")


def refusal(text: str, allowed: Sequence[Network] = ()) -> str:
    """Return why an address may not be dialled, or the empty string when it may."""
    try:
        address = ip_address(text.partition("%")[0])  # the zone of a link-local address
    except ValueError:
        return "not an address"
    if _is_in(address, allowed):
        return ""
    return _reason_v4(address) if isinstance(address, IPv4Address) else _reason_v6(address, allowed)


def _reason_v4(address: IPv4Address) -> str:
    for network, name in _REFUSED_V4:
        if address in network:
            return name
    return "" if address.is_global else "reserved"


def _reason_v6(address: IPv6Address, allowed: Sequence[Network]) -> str:
    for network, name in _REFUSED_V6:
        if address in network:
            return name
    for carried in _embedded(address):
        reason = "" if _is_in(carried, allowed) else _reason_v4(carried)
        if reason:
            return f"carries {carried}: {reason}"
    if address.ipv4_mapped or address in _NAT64:
        return ""  # what they carry was judged: it is what will be reached
    return "" if address in _UNICAST_V6 and address.is_global else "outside public unicast"


def _embedded(address: IPv6Address) -> Iterator[IPv4Address]:
    """Yield every IPv4 address that a gateway could unpack from an IPv6 address."""
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped or any(address in n for n in (_NAT64, _COMPATIBLE, _TRANSLATED)):
        yield low
    if int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        yield low
    if address.sixtofour:
        yield address.sixtofour


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == n.version and address in n for n in networks)
