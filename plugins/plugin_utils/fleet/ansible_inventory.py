# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask Ansible which hosts an inventory has and where it reaches them; contacts none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from .playbook import environment, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ADDRESSES = ("ansible_winrm_host", "ansible_psrp_host", "ansible_host")
GROUP = "exchange"
_ONE_LINE = re.compile(r"^(\S+) \| SUCCESS => (\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ListedHosts:
    """The hosts of a group. ``addresses``: host -> where it is reached, None for its name."""

    addresses: Mapping[str, str | None]
    variables: Mapping[str, Mapping[str, Any]]  # as the inventory writes them, templates and all


def listed_hosts(
    inventories: Sequence[Path], options: Sequence[str] = (), group: str = GROUP
) -> dict[str, str | None]:
    """Return the hosts of a group -> the address that they are reached at, None for their name.

    :raises ConfigError: an inventory that is not there or cannot be read, or has no such group.
    """
    return dict(listed(inventories, options, group).addresses)


def listed(
    inventories: Sequence[Path],
    options: Sequence[str] = (),
    group: str = GROUP,
    *,
    needed: bool = True,
) -> ListedHosts:
    """Return the hosts of a group with their variables; ``needed``: there has to be one.

    :raises ConfigError: as :func:`listed_hosts`.
    """
    text = _ask(["inventory", "--list"], inventories, options)
    try:
        data: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"Ansible printed no inventory ({error})") from None
    names = sorted(_members(data, group, set()))
    if not names and needed:
        raise ConfigError(
            f"no host in the group {group} of this inventory; put the Exchange servers there"
        )
    variables = data.get("_meta", {}).get("hostvars", {})
    rows = {name: variables.get(name, {}) for name in names}
    return ListedHosts({name: _address(row) for name, row in rows.items()}, rows)


def value_of(
    variable: str, inventories: Sequence[Path], options: Sequence[str] = (), group: str = GROUP
) -> dict[str, Any]:
    """Return host -> what a variable comes to, where the inventory writes a template.

    :raises ConfigError: it cannot be worked out.
    """
    message = f"msg={{{{ {variable} | default('') }}}}"
    command = ["adhoc", group, "--one-line", "--module-name", "ansible.builtin.debug", "--args"]
    text = _ask([*command, message], inventories, options)
    found = {host: json.loads(body)["msg"] for host, body in _ONE_LINE.findall(text)}
    if not found:
        raise ConfigError(f"{variable} cannot be worked out; write it without a template")
    return found


def _ask(command: Sequence[str], inventories: Sequence[Path], options: Sequence[str]) -> str:
    asked = [sys.executable, "-m", "ansible", *command]
    for inventory in inventories:
        if not inventory.exists():
            raise ConfigError(f"--inventory {inventory}: no such file or folder")
        asked += ["--inventory", str(inventory)]
    done = subprocess.run(  # noqa: S603 - our own interpreter, arguments as a list
        [*asked, *options],
        capture_output=True,
        env=environment(os.environ) | {"ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"},
        check=False,
    )
    if done.returncode:
        said = done.stderr or done.stdout
        say(said.decode("utf-8", "replace").splitlines())
        raise ConfigError(
            f"Ansible cannot read the inventory (status {done.returncode}), see above"
        )
    return done.stdout.decode("utf-8", "replace")


def _members(data: dict[str, Any], group: str, seen: set[str]) -> set[str]:
    if group in seen or group not in data:
        return set()
    seen.add(group)
    found = set(data[group].get("hosts", ()))
    for child in data[group].get("children", ()):
        found |= _members(data, child, seen)
    return found


def _address(variables: Mapping[str, Any]) -> str | None:
    found = (variables.get(key) for key in ADDRESSES)
    return next((value for value in found if isinstance(value, str) and value), None)
