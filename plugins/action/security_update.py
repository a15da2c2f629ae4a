# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the security update for one server's exact build; documented in plugins/modules."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils import host_change
from ..plugin_utils.ansible_host import HostConnection, contains_any
from ..plugin_utils.errors import RemediationError
from ..plugin_utils.host_change import HostChange, approved
from ..plugin_utils.patch import options as settings
from ..plugin_utils.patch.components import Maintenance
from ..plugin_utils.patch.exclusive import alone
from ..plugin_utils.patch.models import PatchState
from ..plugin_utils.patch.run import patch_host
from ..plugin_utils.patch.steps import INTENT
from ..plugin_utils.plan.show import step_diffs
from ..plugin_utils.transport.peer import BECOME_REFUSED

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
        validation, options = self.validate_argument_spec(ARGUMENTS)
        if self._connection.become is not None or self._task.become:
            raise AnsibleActionFail(BECOME_REFUSED)
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        allowed = self._templar.template(variables.get("exchange_allow_insecure"))
        connection = HostConnection(host, self._connection, allowed)
        secrets = validation._no_log_values | connection.secrets()  # noqa: SLF001 - has no other name
        try:
            result = self._patch(connection, host, options, secrets)
        except RemediationError as error:
            raise AnsibleActionFail(f"{host}: {error}") from error
        connection.close()
        result["security_update"]["peer"] = connection.peer()
        return remove_values(result, secrets) if contains_any(result, secrets) else result

    def _patch(
        self, connection: HostConnection, host: str, options: dict[str, Any], secrets: set[str]
    ) -> dict[str, Any]:
        check = bool(self._task.check_mode)
        plan = approved(options, INTENT, options["campaign"])
        options["run"] = plan.run if plan else options["run"]
        wanted = settings.request(host, options, check=check)
        # What stops a server counts where it would be installed, and where that comes next.
        counts = not wanted.check or (options["fail_when_stopped"] and not check)
        budget = settings.budget(options) if counts else None
        why = budget.exhausted() if budget else None
        if why is not None:
            raise AnsibleActionFail(f"{host}: {why}")
        change = HostChange.of(host, wanted.run, options, plan, secrets, check=wanted.check)
        change.begin(INTENT, wanted.campaign, dict(wanted.policy.given))
        try:
            tools = replace(settings.tools(options), record=change.record, admit=change.admit)
            with nullcontext() if wanted.check else alone(host):
                done = patch_host(wanted, connection.open(), tools)
        except RemediationError as error:
            change.end("failed", f"{error.code}: {error}")
            raise
        if budget:
            budget.note(host, done.outcome.state)
        outcome = done.outcome
        change.end(
            outcome.state.value, outcome.reason, changed=done.changed, peer=connection.peer()
        )
        entry = settings.to_dict(wanted, done)
        stale = outcome.state is PatchState.STALE_PLAN
        failed = stale or (counts and outcome.state not in settings.GOOD)
        result: dict[str, Any] = {"changed": done.changed, "security_update": entry}
        if wanted.check:
            result["changed"] = check and bool(done.plan) and not stale
        if failed:
            result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
        if wanted.check and not counts and not check and done.plan:
            result["warnings"] = [f"{host}: nothing was installed; set confirm to install"]
        if self._task.diff:
            result["diff"] = step_diffs(host, done.planned) if done.planned else []
        return result
