# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse hosts whose settings are wrong; documented in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..modules import inventory_check
    from ..plugin_utils.fleet.inventory import check_inventory
    from ..plugin_utils.tasks.options import arguments

ARGUMENTS = arguments(inventory_check)


class ActionModule(ActionBase):
    """Looks at variables only, on the controller."""

    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True  # it only reads

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(ARGUMENTS)
        known = (task_vars or {})["hostvars"]
        refused = check_inventory(options["hosts"], known.__getitem__)
        if refused:
            result["warnings"] = [f"not contacted: {reason}" for reason in refused.values()]
        return {**result, "changed": False, "refused": refused}
