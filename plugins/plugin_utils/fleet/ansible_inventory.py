# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Ansible which hosts an inventory has and where it reaches them; contacts none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from .playbook import environment, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ADDRESSES = ("ansible_winrm_host", "ansible_psrp_host", "ansible_host")
GROUP = "exchange"


def listed_hosts(
    inventories: Sequence[Path], options: Sequence[str] = (), group: str = GROUP
) -> dict[str, str | None]:
    """Return the hosts of a group -> the address that they are reached at, None for their name.

    :raises ConfigError: an inventory that is not there or cannot be read, or has no such group.
    """
    command = [sys.executable, "-m", "ansible", "inventory", "--list"]
    for inventory in inventories:
        if not inventory.exists():
            raise ConfigError(f"--inventory {inventory}: no such file or folder")
        command += ["--inventory", str(inventory)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, arguments as a list
        [*command, *options],
        capture_output=True,
        env=environment(os.environ) | {"ANSIBLE_FORCE_COLOR": "0"},
        check=False,
    )
    if done.returncode:
        say(done.stderr.decode("utf-8", "replace").splitlines())
        raise ConfigError(
            f"Ansible cannot read the inventory (status {done.returncode}), see above"
        )
    try:
        data: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise ConfigError(f"Ansible printed no inventory ({error})") from None
    names = sorted(_members(data, group, set()))
    if not names:
        raise ConfigError(
            f"no host in the group {group} of this inventory; put the Exchange servers there"
        )
    variables = data.get("_meta", {}).get("hostvars", {})
    return {name: _address(variables.get(name, {})) for name in names}


def _members(data: dict[str, Any], group: str, seen: set[str]) -> set[str]:
    if group in seen or group not in data:
        return set()
    seen.add(group)
    found = set(data[group].get("hosts", ()))
    for child in data[group].get("children", ()):
        found |= _members(data, child, seen)
    return found


def _address(variables: dict[str, Any]) -> str | None:
    found = (variables.get(key) for key in ADDRESSES)
    return next((value for value in found if isinstance(value, str) and value), None)
