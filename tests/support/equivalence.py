# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether two configurations let the same connections through, as fwshift reads them."""

from __future__ import annotations

import ipaddress
import json
from typing import TYPE_CHECKING

from devices_cisco import Asa, Ios
from devices_firewalls import Fortigate, Nftables, PaloAlto
from fwshift.cli import main as fwshift

if TYPE_CHECKING:
    from pathlib import Path

DEVICES = {
    "cisco-asa": Asa,
    "cisco-ios": Ios,
    "fortigate": Fortigate,
    "nftables": Nftables,
    "palo-alto": PaloAlto,
}
_FORMATS = {  # template -> what fwshift calls it
    "aws-security-group": "aws",
    "cisco-asa": "asa",
    "cisco-ios": "ios",
    "fortigate": "fortios",
    "nftables": "nftables",
    "palo-alto": "panos",
}
# The servers' own network in all cases; everything else is behind the other interface.
_OWN = ("192.0.2.0/24", "2001:db8::/64")


def _elsewhere() -> str:
    own4, own6 = ipaddress.IPv4Network(_OWN[0]), ipaddress.IPv6Network(_OWN[1])
    return ",".join(
        map(
            str,
            (
                *ipaddress.IPv4Network("0.0.0.0/0").address_exclude(own4),
                *ipaddress.IPv6Network("::/0").address_exclude(own6),
            ),
        )
    )


def differences(folder: Path, name: str, config: str, wanted: str) -> list[str]:
    """Return each connection on which a configuration of a template and a reference differ.

    A configuration that fwshift cannot read is a difference too.
    """
    held, reference, answer = folder / "held", folder / "reference", folder / "answer"
    held.write_text(config, encoding="utf-8")
    reference.write_text(wanted, encoding="utf-8")
    arguments = [
        "compare", "--json", "--fail-on", "low", "-o", str(answer),
        "--from", _FORMATS[name], "--from-second", "nftables", str(held), str(reference),
    ]  # fmt: skip
    if name == "cisco-ios":  # its lists stand on an interface: only what can happen is compared
        arguments += [
            "--zone-network", f"GigabitEthernet0/1={','.join(_OWN)}",
            "--zone-network", f"GigabitEthernet0/9={_elsewhere()}",
        ]  # fmt: skip
    status = fwshift(arguments)
    if status not in {0, 3}:
        return [f"not readable (status {status})"]
    found = json.loads(answer.read_text(encoding="utf-8"))["differences"]
    assert bool(found) is (status == 3)
    return [
        f"{row['change']}: {row['first_policy']} / {row['second_policy']}: {row['connections']}"
        for row in found
    ]
