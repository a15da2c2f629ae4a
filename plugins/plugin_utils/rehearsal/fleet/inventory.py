# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory that reaches a fleet, for ansible-playbook and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from ..wsman.ports import Ports
    from .start import Fleet

INVENTORY = "inventory.yml"
AUTHORITY = "ca.pem"


def inventory_text(fleet: Fleet, ports: Ports, folder: Path) -> str:
    """Return the inventory: every host in ``exchange``, reached over HTTPS with NTLM.

    The variables of Ansible's psrp connection are there as well, so that
    ``-e ansible_connection=ansible.builtin.psrp`` is all it takes to use that one.
    """
    authority = str((folder / AUTHORITY).resolve())
    exchange: dict[str, Any] = {
        "hosts": {host.name: {"ansible_host": host.address} for host in fleet.spec.hosts},
        "vars": {
            "ansible_connection": "exchange.remediation.winrm",
            "ansible_port": ports.https,
            "ansible_user": fleet.spec.credentials.username,
            "ansible_password": fleet.spec.credentials.password,
            "ansible_winrm_scheme": "https",
            "ansible_winrm_transport": "ntlm",
            "ansible_winrm_ca_trust_path": authority,
            "ansible_psrp_protocol": "https",
            "ansible_psrp_auth": "ntlm",
            "ansible_psrp_ca_cert": authority,
        },
    }
    if fleet.spec.assess_at:
        exchange["vars"]["assess_at"] = fleet.spec.assess_at
    groups: dict[str, dict[str, Any]] = {}
    for host in fleet.spec.hosts:
        for group in host.groups:
            if group == "exchange":
                continue
            groups.setdefault(group, {"hosts": {}})["hosts"][host.name] = {}
    if groups:
        exchange["children"] = groups
    return "---\n# Of a running rehearsal; it ends with it.\n" + yaml.safe_dump(
        {"exchange": exchange}, sort_keys=False, explicit_start=False
    )
