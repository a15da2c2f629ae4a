# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply or take off the mitigations of a campaign on one server; documented in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..doc_fragments import change, package_source
from ..modules import mitigation
from ..plugin_utils.base.progress import within
from ..plugin_utils.phases.mitigate import options as settings
from ..plugin_utils.phases.mitigate import task
from ..plugin_utils.plan.show import step_diffs
from ..plugin_utils.tasks.options import arguments
from ..plugin_utils.tasks.task import Call, changing, on_host

ARGUMENTS = arguments(mitigation, change, package_source)
# Check mode does not fail for a server; that it could not be planned has to be seen all the same.
SAID = ("stopped", "unknown", "refused")


class ActionModule(ActionBase):
    """Fails for a server on which what was asked for is not so, or not proven."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        tools: dict[str, Any] = {"fail": AnsibleActionFail, "censor": remove_values}
        return on_host(self, ARGUMENTS, task_vars, mitigate, key="mitigation", **tools)


def mitigate(call: Call) -> dict[str, Any]:
    """Carry out one task."""
    options, host = call.options, call.host
    intent = settings.INTENTS[options["state"]]
    with changing(call, intent, lambda: settings.request(host, options, check=call.check)) as (
        wanted,
        change,
    ):
        transport = call.connection.open()
        notice = within(call.notice, host, intent)
        around = task.TaskRuntime(change.record, change.admit, notice, frozenset(call.secrets))
        carry_out = task.by_tool if options["tool"] else task.native
        done = carry_out(wanted, options, transport, around)
    entry = done.entry
    told = {"changed": done.changed, "code": done.code, "peer": call.connection.peer()}
    change.end(entry["state"], entry["reason"], **told)
    planned = bool(done.plan.steps) and wanted.check
    result: dict[str, Any] = {"changed": done.changed, "mitigation": entry}
    if wanted.check:
        result["changed"] = call.check and planned
    if not done.ok:
        result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
    warnings = [f"{host}: {line}" for line in done.plan.refused] if wanted.check else []
    if wanted.check and entry["state"] in SAID and not done.plan.refused:
        warnings.append(f"{host}: {entry['state']}: {entry['reason']}")
    if planned and not call.check:
        warnings.append(f"{host}: nothing was changed; set confirm to do it")
    result["warnings"] = warnings
    if call.diff:
        result["diff"] = step_diffs(host, done.plan)
    return result
