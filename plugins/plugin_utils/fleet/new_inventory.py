# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an inventory of the Exchange servers that the directory knows. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from .ansible_inventory import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .directory import DirectoryServer

_EDGE = "edge-transport"
_HEAD = """# SPDX-License-Identifier: GPL-3.0-or-later
# Made by 'exchange-remediation inventory import' from {source}.
# Look it over: servers that the directory has forgotten, and machines with management tools only, are not in it.
# How the servers are reached belongs into group_vars/{group}.yml; see inventories/production.example.
---
"""


def inventory_yaml(servers: Iterable[DirectoryServer], source: str) -> str:
    """Return an Ansible inventory in YAML: the group exchange, Edge servers in its child edge.

    :raises ValueError: two servers would be one host of the inventory.
    """
    own: dict[str, Any] = {}
    edge: dict[str, Any] = {}
    for server in servers:
        host = server.shown.casefold()
        if host in own or host in edge:
            raise ValueError(f"{server.where}: {host} would stand in the inventory twice")
        (edge if server.roles == (_EDGE,) else own)[host] = None
    group: dict[str, Any] = {"hosts": own}
    if edge:
        group["children"] = {"edge": {"hosts": edge}}
    body = yaml.safe_dump({GROUP: group}, sort_keys=False, default_flow_style=False)
    return _HEAD.format(
        source=source if source.isprintable() else ascii(source), group=GROUP
    ) + body.replace(": null\n", ":\n")
