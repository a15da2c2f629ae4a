# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory that reaches a fleet, for ansible-playbook and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from .realm import principal_of, service_host

if TYPE_CHECKING:
    from pathlib import Path

    from ..engine import SimulatedHost
    from ..wsman.ports import Ports
    from .start import Fleet

INVENTORY = "inventory.yml"
AUTHORITY = "ca.pem"


def inventory_text(fleet: Fleet, ports: Ports, folder: Path, *, kerberos: bool = False) -> str:
    """Return the inventory: every host in ``exchange``, reached over HTTPS.

    With Kerberos where the fleet has a realm and the host is in its domain, else with NTLM.

    The variables of Ansible's psrp connection are there as well, so that
    ``-e ansible_connection=ansible.builtin.psrp`` is all it takes to use that one; our actions
    want ``exchange_allow_insecure: [stock_connection]`` besides.
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
    if kerberos:
        exchange["vars"] |= {
            "ansible_user": principal_of(fleet.spec.credentials),
            "ansible_winrm_transport": "kerberos",
            "ansible_winrm_kinit_mode": "manual",  # the ticket of kinit, as on a real fleet
            "ansible_winrm_kinit_env_vars": ["KRB5_CONFIG"],  # for kinit_mode managed
            "ansible_psrp_auth": "kerberos",
        }
        for host in fleet.spec.hosts:
            exchange["hosts"][host.name] |= _kerberos_variables(fleet, host)
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


def _kerberos_variables(fleet: Fleet, host: SimulatedHost) -> dict[str, str]:
    """The host's name in the domain; one without goes on with NTLM."""
    name = service_host(host)
    if name is None:
        return {
            "ansible_user": fleet.spec.credentials.username,
            "ansible_winrm_transport": "ntlm",
            "ansible_psrp_auth": "ntlm",
        }
    return {
        "ansible_winrm_kerberos_hostname_override": name,
        "ansible_psrp_negotiate_hostname_override": name,
    }
