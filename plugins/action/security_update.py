# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the security update for one server's exact build; documented in plugins/modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils import host_change
from ..plugin_utils.errors import RefusedError
from ..plugin_utils.host_action import Call, changing, on_host
from ..plugin_utils.patch import options as settings
from ..plugin_utils.patch.components import Maintenance
from ..plugin_utils.patch.models import PatchState
from ..plugin_utils.patch.run import patch_host
from ..plugin_utils.patch.steps import INTENT
from ..plugin_utils.plan.show import step_diffs

ARGUMENTS: dict[str, dict[str, Any]] = {
    **host_change.OPTIONS,
    "approvals": {"type": "dict", "default": {}},
    "campaign": {"type": "str", "default": "proxylogon"},
    "confirm": {"type": "bool", "default": False},
    "dag_guard": {"type": "dict"},
    "fail_when_stopped": {"type": "bool", "default": False},
    "kb": {"type": "str"},
    "keys": {"type": "path", "no_log": False},
    "lock_takeover": {"type": "str"},
    "maintenance": {
        "type": "str",
        "default": "as-found",
        "choices": [mode.value for mode in Maintenance],
    },
    "owner": {"type": "str"},
    "repair": {"type": "bool", "default": False},
    "required_approvals": {"type": "list", "elements": "str", "default": []},
    "restart": {"type": "bool", "default": True},
    "room_gib": {"type": "float", "default": 2.0},
    "run": {"type": "str"},
    "seconds": {"type": "int", "default": 7200},
    "seen": {"type": "path"},
    "source": {"type": "str"},
    "stop_after": {"type": "int", "default": 0},
    "stop_file": {"type": "path"},
    "store": {"type": "path"},
    "threshold": {"type": "int", "default": 1},
    "usable_seconds": {"type": "int", "default": 1800},
    "window_end": {"type": "str"},
}


class ActionModule(ActionBase):
    """Fails for a server that is not patched, so that a rollout stops there."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        tools: dict[str, Any] = {"fail": AnsibleActionFail, "censor": remove_values}
        return on_host(self, ARGUMENTS, task_vars, patch, key="security_update", **tools)


def patch(call: Call) -> dict[str, Any]:
    """Carry out one task."""
    options, host = call.options, call.host
    with changing(call, INTENT, lambda: settings.request(host, options, check=call.check)) as (
        wanted,
        change,
    ):
        # What stops a server counts where it would be installed, and where that comes next.
        counts = not wanted.check or (options["fail_when_stopped"] and not call.check)
        budget = settings.budget(options) if counts else None
        if budget and (why := budget.exhausted()) is not None:
            raise RefusedError(why)
        tools = replace(
            settings.tools(options), record=change.record, admit=change.admit, notice=call.notice
        )
        done = patch_host(wanted, call.connection.open(), tools)
    if budget:
        budget.note(host, done.outcome.state)
    entry = settings.to_dict(wanted, done)
    told = {"changed": done.changed, "peer": call.connection.peer()}
    change.end(entry["state"], entry["reason"], **told)
    stale = done.outcome.state is PatchState.STALE_PLAN
    result: dict[str, Any] = {"changed": done.changed, "security_update": entry}
    if wanted.check:
        result["changed"] = call.check and bool(done.plan) and not stale
    if stale or (counts and done.outcome.state not in settings.GOOD):
        result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
    warnings = []
    if wanted.check and done.outcome.state in (PatchState.STOPPED, PatchState.UNKNOWN):
        warnings.append(f"{host}: {entry['state']}: {entry['reason']}")
    if wanted.check and not counts and not call.check and done.plan:
        warnings.append(f"{host}: nothing was installed; set confirm to install")
    result["warnings"] = warnings
    if call.diff:
        result["diff"] = step_diffs(host, done.planned) if done.planned else []
    return result
