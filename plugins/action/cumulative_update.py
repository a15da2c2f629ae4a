# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrade one server to another cumulative update; documented in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..doc_fragments import change, install, package_source
    from ..modules import cumulative_update
    from ..plugin_utils.phases.upgrade.installation import upgrade_host
    from ..plugin_utils.phases.upgrade.phase import INTENT
    from ..plugin_utils.phases.upgrade.request import read
    from ..plugin_utils.phases.upgrade.result import to_dict
    from ..plugin_utils.tasks.options import arguments
    from ..plugin_utils.tasks.rollout import Rollout, roll_out
    from ..plugin_utils.tasks.task import Call, on_host

ARGUMENTS = arguments(cumulative_update, change, install, package_source)
ROLLOUT = Rollout(
    intent=INTENT,
    undone="nothing was upgraded; set confirm to upgrade",
    request=read,
    install=lambda wanted, transport, tools, options: upgrade_host(
        wanted, transport, tools, options["cumulative_update"], options["prepared_by"]
    ),
    to_dict=to_dict,
)


class ActionModule(ActionBase):
    """Fails for a server that is not upgraded, so that a rollout stops there."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        tools: dict[str, Any] = {
            "fail": AnsibleActionFail,
            "censor": remove_values,
            "general_timeout": constants.config.get_config_value("TASK_TIMEOUT"),
        }
        return on_host(self, ARGUMENTS, task_vars, upgrade, key=ROLLOUT.key, **tools)


def upgrade(call: Call) -> dict[str, Any]:
    """Carry out one task."""
    return roll_out(call, ROLLOUT)
