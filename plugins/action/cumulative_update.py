# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrade one server to another cumulative update; documented in plugins/modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils import host_change, package_source
from ..plugin_utils.errors import RefusedError
from ..plugin_utils.host_action import Call, changing, on_host
from ..plugin_utils.patch.components import Maintenance
from ..plugin_utils.patch.models import PatchState
from ..plugin_utils.patch.options import budget as stop_budget
from ..plugin_utils.patch.options import tools as tools_of
from ..plugin_utils.plan.show import step_diffs
from ..plugin_utils.upgrade import options as settings
from ..plugin_utils.upgrade.kind import upgrade_host
from ..plugin_utils.upgrade.steps import INTENT

ARGUMENTS: dict[str, dict[str, Any]] = {
    **host_change.OPTIONS,
    **package_source.OPTIONS,
    "approvals": {"type": "dict", "default": {}},
    "campaign": {"type": "str", "default": "proxylogon"},
    "confirm": {"type": "bool", "default": False},
    "cumulative_update": {"type": "str"},
    "dag_guard": {"type": "dict"},
    "fail_when_stopped": {"type": "bool", "default": False},
    "lock_takeover": {"type": "str"},
    "maintenance": {
        "type": "str",
        "default": "as-found",
        "choices": [mode.value for mode in Maintenance],
    },
    "owner": {"type": "str"},
    "prepared_by": {"type": "str"},
    "repair": {"type": "bool", "default": False},
    "required_approvals": {"type": "list", "elements": "str", "default": []},
    "restart": {"type": "bool", "default": True},
    "room_gib": {"type": "float", "default": 2.0},
    "run": {"type": "str"},
    "seconds": {"type": "int", "default": 14400},
    "stop_after": {"type": "int", "default": 0},
    "stop_file": {"type": "path"},
    "usable_seconds": {"type": "int", "default": 3600},
    "window_end": {"type": "str"},
}


class ActionModule(ActionBase):
    """Fails for a server that is not upgraded, so that a rollout stops there."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        tools: dict[str, Any] = {"fail": AnsibleActionFail, "censor": remove_values}
        return on_host(self, ARGUMENTS, task_vars, upgrade, key="cumulative_update", **tools)


def upgrade(call: Call) -> dict[str, Any]:
    """Carry out one task."""
    options, host = call.options, call.host
    with changing(call, INTENT, lambda: settings.request(host, options, check=call.check)) as (
        wanted,
        change,
    ):
        # What stops a server counts where it would be upgraded, and where that comes next.
        counts = not wanted.check or (options["fail_when_stopped"] and not call.check)
        budget = stop_budget(options) if counts else None
        if budget and (why := budget.exhausted()) is not None:
            raise RefusedError(why)
        tools = replace(
            tools_of(options), record=change.record, admit=change.admit, notice=call.notice
        )
        which, by = options["cumulative_update"], options["prepared_by"]
        done = upgrade_host(wanted, call.connection.open(), tools, which, by)
    if budget:
        budget.note(host, done.outcome.state)
    entry = settings.to_dict(wanted, done)
    told = {"changed": done.changed, "peer": call.connection.peer()}
    change.end(entry["state"], entry["reason"], reapply=entry["reapply"], **told)
    stale = done.outcome.state is PatchState.STALE_PLAN
    result: dict[str, Any] = {"changed": done.changed, "cumulative_update": entry}
    if wanted.check:
        result["changed"] = call.check and bool(done.plan) and not stale
    if stale or (counts and done.outcome.state not in settings.GOOD):
        result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
    result["warnings"] = _warnings(call, entry, planned=wanted.check and not counts)
    if call.diff:
        result["diff"] = step_diffs(host, done.planned) if done.planned else []
    return result


def _warnings(call: Call, entry: dict[str, Any], *, planned: bool) -> list[str]:
    found = []
    if (planned or call.check) and entry["state"] in ("stopped", "unknown"):
        found.append(f"{call.host}: {entry['state']}: {entry['reason']}")
    if entry["reapply"]:
        names = ", ".join(entry["reapply"])
        found.append(f"{call.host}: run mitigate right after the upgrade, for {names}")
    if planned and entry["plan"] and not call.check:
        found.append(f"{call.host}: nothing was upgraded; set confirm to upgrade")
    return found
