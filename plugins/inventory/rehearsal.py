# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the running rehearsal fleet."""

from __future__ import annotations

DOCUMENTATION = """
name: rehearsal
author: exchange.remediation maintainers
short_description: Hosts of the running rehearsal fleet
version_added: 0.1.0
description:
  - Yields the simulated Exchange servers that C(exchange-remediation rehearse up) has started, with address, port and account.
  - Says how to start a fleet if none runs.
options:
  plugin:
    description:
      - Marks the file as a configuration of this plugin.
    required: true
    choices: [exchange.remediation.rehearsal]
  state:
    description:
      - The state folder of the fleet, as given to C(exchange-remediation rehearse up --state). Without it C(.rehearsal) in the
        current folder, or below C(XDG_RUNTIME_DIR) if the current folder is not writable.
    type: path
    env:
      - name: EXCHANGE_REMEDIATION_REHEARSAL
"""

EXAMPLES = """
# inventories/rehearsal/rehearsal.yml
plugin: exchange.remediation.rehearsal
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.plugins.loader import inventory_loader

from ..plugin_utils.base.requirements import required

with required(AnsibleParserError):
    from ..plugin_utils.base.errors import ConfigError
    from ..plugin_utils.rehearsal.fleet import state as fleet_state
    from ..plugin_utils.rehearsal.fleet.inventory import INVENTORY


class InventoryModule(BaseInventoryPlugin):
    """Hands the file that the fleet wrote to Ansible's own reader."""

    NAME = "exchange.remediation.rehearsal"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(
            ("rehearsal.yml", "rehearsal.yaml")
        )

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:  # noqa: FBT001, FBT002 - Ansible's signature
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        named = self.get_option("state")
        folder = Path(named) if named else fleet_state.default_folder()
        try:
            running = fleet_state.running(folder)
        except ConfigError as error:
            raise AnsibleParserError(str(error)) from error
        if running is None:
            raise AnsibleParserError(
                f"No rehearsal fleet runs from {folder}. Start one with: exchange-remediation "
                "rehearse up. Or name its state folder in EXCHANGE_REMEDIATION_REHEARSAL."
            )
        reader = inventory_loader.get("ansible.builtin.yaml")
        reader.parse(inventory, loader, str(folder / INVENTORY), cache)
