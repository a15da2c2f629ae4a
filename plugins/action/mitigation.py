# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply or take off the mitigations of a campaign on one server; documented in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils import host_change, package_source
from ..plugin_utils.ansible_host import HostConnection, contains_any
from ..plugin_utils.errors import RemediationError
from ..plugin_utils.host_change import HostChange, approved
from ..plugin_utils.mitigate import options as settings
from ..plugin_utils.mitigate import task
from ..plugin_utils.plan.show import step_diffs
from ..plugin_utils.transport.peer import BECOME_REFUSED

ARGUMENTS: dict[str, dict[str, Any]] = {
    **host_change.OPTIONS,
    **package_source.OPTIONS,
    "although_open": {"type": "str"},
    "approvals": {"type": "dict", "default": {}},
    "campaign": {"type": "str", "default": "proxylogon"},
    "confirm": {"type": "bool", "default": False},
    "lock_takeover": {"type": "str"},
    "mitigations": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "str"},
    "required_approvals": {"type": "list", "elements": "str", "default": []},
    "run": {"type": "str"},
    "seconds": {"type": "int", "default": 900},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "tool": {"type": "str", "choices": ["eomt", "exchange_mitigations"]},
    "tool_accept_rollback_defaults": {"type": "bool", "default": False},
    "tool_file": {"type": "path"},
    "tool_sha256": {"type": "str"},
    "tool_timeout": {"type": "int"},
    "tool_version": {"type": "str"},
    "window_end": {"type": "str"},
}


class ActionModule(ActionBase):
    """Fails for a server on which what was asked for is not so, or not proven."""

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
            result = self._mitigate(connection, host, options, secrets)
        except RemediationError as error:
            raise AnsibleActionFail(f"{host}: {error}") from error
        connection.close()
        result["mitigation"]["peer"] = connection.peer()
        return remove_values(result, secrets) if contains_any(result, secrets) else result

    def _mitigate(
        self, connection: HostConnection, host: str, options: dict[str, Any], secrets: set[str]
    ) -> dict[str, Any]:
        check = bool(self._task.check_mode)
        intent = settings.INTENTS[options["state"]]
        plan = approved(options, intent, options["campaign"])
        options["run"] = plan.run if plan else options["run"]
        wanted = settings.request(host, options, check=check)
        change = HostChange.of(host, wanted.run, options, plan, secrets, check=wanted.check)
        change.begin(intent, wanted.campaign, dict(wanted.given))
        try:
            transport = connection.open()
            if options["tool"]:
                done = task.by_tool(wanted, options, transport, change.record, secrets)
            else:
                done = task.native(wanted, options, transport, change.record, change.admit)
        except RemediationError as error:
            change.end("failed", f"{error.code}: {error}")
            raise
        entry = done.entry
        told = {"changed": done.changed, "peer": connection.peer()}
        change.end(entry["state"], entry["reason"], **told)
        planned = bool(done.plan.steps) and wanted.check
        result: dict[str, Any] = {"changed": done.changed, "mitigation": entry}
        if wanted.check:
            result["changed"] = check and planned
        if not done.ok:
            result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
        warnings = [f"{host}: {line}" for line in done.plan.refused] if wanted.check else []
        if planned and not check:
            warnings.append(f"{host}: nothing was changed; set confirm to do it")
        result["warnings"] = warnings
        if self._task.diff:
            result["diff"] = step_diffs(host, done.plan)
        return result
