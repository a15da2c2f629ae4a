# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values that may enter a device's language: everything else is refused at the edge.

Nothing is quoted and hoped for. A value is an address, a number, or text of an alphabet in which no
device, shell or PowerShell has a special character (typographic quotes end a string in PowerShell,
``;`` and line ends part commands nearly everywhere, ``!`` and ``#`` begin comments).
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What never stands in a packet: a rule for it would cut nothing. Of IPv6 only the global, the unique local and a link's
# own addresses are anybody's. A link's own and loopback pass no device: they may stay, but are no server's to cut.
_NO_MACHINES4 = tuple(map(ipaddress.IPv4Network, ("0.0.0.0/8", "224.0.0.0/3")))
_MACHINES6 = tuple(map(ipaddress.IPv6Network, ("2000::/3", "fc00::/7", "fe80::/10", "::1")))
_EMBEDDING6 = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/32")))
_LARGEST_PORT = 65535
_LONGEST_WAIT = 120  # "configure terminal revert timer" of IOS takes 1 to 120
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"  # of a name in DNS
_TEXTS = {
    # kind: (pattern, what it is in words, example)
    "name": (r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "1 to 63 letters, digits and . _ -", "EXCH-CUT"),
    "prefix": (
        # What the templates append stays below the shortest limit there is: 35 (a policy of FortiOS).
        r"[A-Za-z][A-Za-z0-9_-]{0,17}",
        "a letter, then up to 17 letters, digits and _ -",
        "ER-EX01",
    ),
    "label": (
        r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,61}[A-Za-z0-9._-])?",
        "1 to 63 letters, digits, blanks and . _ -",
        "External Switch",
    ),
    "nft_table": (
        # The steps delete the table: with this beginning it is no keyword and nobody's "filter".
        r"er_[A-Za-z0-9_]{1,60}",
        "er_ and then 1 to 60 letters, digits and _",
        "er_cut_ex01",
    ),
    "interface": (
        r"[A-Za-z][A-Za-z0-9/._:-]{0,62}",
        "a letter, then letters, digits and / . _ : -",
        "GigabitEthernet0/1",
    ),
    "path": (
        r"(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,62}){1,4}",
        "up to four names, each behind a /",
        "/Common/ex01",
    ),
    "host": (
        rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*",
        "the name of a host",
        "ex01.corp.example",
    ),
    "aws_id": (r"(?:eni|sg|vpc|subnet|i)-[0-9a-f]{8,17}", "an identifier of AWS", "eni-0123456789abcdef0"),
    "aws_interface": (
        # As verify of the template prints it; there is no interface without a group.
        r"eni-[0-9a-f]{8,17}(?:/sg-[0-9a-f]{8,17}){1,16}",
        "a network interface and its security groups, each behind a /",
        "eni-0123456789abcdef0/sg-0123456789abcdef0",
    ),
    "aws_region": (r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]", "a region of AWS", "us-gov-west-1"),
    "vmware_id": (r"[A-Za-z]{2,32}-[A-Za-z0-9-]{1,40}", "an Id of PowerCLI", "VirtualMachine-vm-1024"),
    "mac": (
        r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|[0-9A-Fa-f]{12}",  # Hyper-V shows it without marks
        "a MAC address",
        "00:50:56:01:02:03",
    ),
    "guid": (
        r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        "a GUID",
        "6d3e2f0a-41b7-4f6e-9c1d-0a5b7e8c9d10",
    ),
    "socket": (r"(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,62}){1,8}", "the path of a socket", "/run/haproxy/admin.sock"),
}  # fmt: skip
_PATTERNS = {kind: re.compile(rf"(?:{entry[0]})\Z", re.ASCII) for kind, entry in _TEXTS.items()}


def address(value: Any, where: str) -> Address:
    """One address of either version, as text; nothing that a resolver would have to answer."""
    text = _text(value, where, "an address such as 192.0.2.10 or 2001:db8::10")
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise _wrong(where, value, "an address such as 192.0.2.10 or 2001:db8::10") from None
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id:
        raise _wrong(where, value, "an address without a zone behind %")
    if not _of_machines(ipaddress.ip_network(found)) or found.is_link_local or found.is_loopback:
        raise _wrong(where, value, f"the address of one machine on a network{_hint(found)}")
    return found


def network(value: Any, where: str) -> Network:
    """A network in prefix form, or one address as a network of its own."""
    wanted = "a network such as 10.0.0.0/8 or 2001:db8::/32"
    text = _text(value, where, wanted)
    if "%" in text:
        raise _wrong(where, value, wanted)
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise _wrong(where, value, wanted) from None
    if str(found.network_address) != str(ipaddress.ip_address(text.partition("/")[0])):
        raise _wrong(
            where, value, f"a network: an address inside it stands before the /, not {found}"
        )
    if found.prefixlen == 0:
        raise _wrong(where, value, "a network that is smaller than everything")
    if not _of_machines(found):
        raise _wrong(where, value, f"a network of machines{_hint(found.network_address)}")
    return found


def _of_machines(found: Network) -> bool:
    """Whether any machine can have an address of it."""
    if isinstance(found, ipaddress.IPv4Network):
        return not any(found.subnet_of(block) for block in _NO_MACHINES4)
    return any(found.overlaps(block) for block in _MACHINES6)


def _hint(found: Address) -> str:
    """IPv4 in the clothes of IPv6 is on no wire."""
    if isinstance(found, ipaddress.IPv6Address) and any(found in block for block in _EMBEDDING6):
        return "; write the IPv4 address that is in it, such as 192.0.2.10"
    return ""


def port(value: Any, where: str) -> int:
    """A port as a number."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LARGEST_PORT:
        raise _wrong(where, value, f"a port from 1 to {_LARGEST_PORT}")
    return value


def number(value: Any, where: str) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 2**31 - 1:
        raise _wrong(where, value, "a whole number from 0")
    return value


def minutes(value: Any, where: str) -> int:
    """How long a device waits before it goes back by itself."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LONGEST_WAIT:
        raise _wrong(where, value, f"a number of minutes from 1 to {_LONGEST_WAIT}")
    return value


def flag(value: Any, where: str) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false")
    return value


def _text_kind(kind: str) -> Callable[[Any, str], str]:
    pattern, (_source, wanted, example) = _PATTERNS[kind], _TEXTS[kind]

    def read(value: Any, where: str) -> str:
        text = _text(value, where, f"{wanted}, such as {example}")
        if not pattern.match(text):
            raise _wrong(where, value, f"{wanted}, such as {example}")
        return text

    return read


KINDS: dict[str, Callable[[Any, str], Any]] = {
    "address": address,
    "network": network,
    "port": port,
    "number": number,
    "minutes": minutes,
    "flag": flag,
    **{kind: _text_kind(kind) for kind in _TEXTS},
}


def _text(value: Any, where: str, wanted: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, value, wanted)
    # Ansible marks where text came from with a subclass; templates get plain text.
    return str(value)


def _wrong(where: str, value: Any, wanted: str) -> ConfigError:
    return ConfigError(f"{where}: {value!a:.120} is not {wanted}")
