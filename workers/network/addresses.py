"""Which addresses a tenant's endpoint may be at.

A tenant says where an endpoint is, and whoever answers for its name in the DNS says where that is. Neither may lead a
worker to itself, to its neighbours or to its cloud's metadata. So an address is reached if it is public, or if it lies
in a network that the operator named; what is not surely public is not.

The lists are IANA's of special purposes (RFC 6890 and its registries, as of 2026). In IPv6 it is said what is allowed,
for most of that space is nobody's yet.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from shared.errors import HeadgateError

Network = IPv4Network | IPv6Network

#: Of IPv4: what is no host's of the public internet.
NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 is this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's NAT; some clouds keep their metadata there
        "127.0.0.0/8",  # this host
        "168.63.129.16/32",  # Azure's own agent of each machine: public by its number, and reached from inside alone
        "169.254.0.0/16",  # this link, and clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # the IETF's protocols; some clouds keep their metadata there
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays from 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; the last is broadcast
    )
)

#: Of IPv6: what has been given to hosts of the public internet …
GLOBAL_6 = IPv6Network("2000::/3")

#: … but for this.
NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # the IETF's protocols: Teredo (IPv4 wrapped in IPv6), benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: IPv4 wrapped in IPv6
        "3fff::/20",  # documentation
    )
)

#: Where a host without IPv4 finds the IPv4 address in the last 32 bits (RFC 6052): as public as that is.
NAT64 = IPv6Network("64:ff9b::/96")

#: Interface identifiers of ISATAP (RFC 5214), the high half: what follows is an IPv4 address, and a tunnel's end.
ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})


class NotAllowed(HeadgateError):  # noqa: N818 - it names what happened
    """A tenant's endpoint is where none may be, or its answer leads there. Nothing was sent there."""


def may_be_reached(address: str, allowed: Sequence[Network]) -> bool:
    """Whether an endpoint may be at this address, as `socket.getaddrinfo` writes it."""
    if "%" in address:
        return False  # of one link only
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in allowed) or is_public(parsed)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is surely a single host's of the public internet."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in NOT_PUBLIC_4)
    if address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if int(address) >> 32 & 0xFFFF_FFFF in ISATAP:
        return False
    return address in GLOBAL_6 and not any(address in network for network in NOT_PUBLIC_6)
