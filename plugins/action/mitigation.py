# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply or take off the mitigations of a campaign on one server; documented in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..doc_fragments import change, package_source
    from ..modules import mitigation
    from ..plugin_utils.base.progress import within
    from ..plugin_utils.catalog.loader import load
    from ..plugin_utils.change.runtime import Runtime
    from ..plugin_utils.phases.mitigate import task
    from ..plugin_utils.phases.mitigate.phase import PHASE
    from ..plugin_utils.phases.mitigate.request import INTENTS, read
    from ..plugin_utils.plan.show import step_diffs
    from ..plugin_utils.tasks.options import arguments
    from ..plugin_utils.tasks.task import Call, changing, on_host

ARGUMENTS = arguments(mitigation, change, package_source)


class ActionModule(ActionBase):
    """Fails for a server on which what was asked for is not so, or not proven."""

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
        return on_host(self, ARGUMENTS, task_vars, mitigate, key=PHASE.result, **tools)


def mitigate(call: Call) -> dict[str, Any]:
    """Carry out one task."""
    options, host = call.options, call.host
    intent = INTENTS[options["state"]]
    with changing(
        call,
        intent,
        lambda: read(host, options, check=call.check),
        lambda wanted: wanted.longest,
    ) as (wanted, change):
        transport = call.connection.open()
        notice = within(call.notice, host, intent)
        runtime = Runtime(
            load(),
            notice=notice,
            record=change.record,
            admit=change.admit,
            life=change.life,
            claim=change.claim,
        )
        if options["tool"]:
            done = task.by_tool(wanted, options, transport, runtime, call.secrets)
        else:
            done = task.native(wanted, options, transport, runtime)
    entry = done.entry
    told = {"changed": done.changed, "code": done.code, "peer": call.connection.peer()}
    change.end(entry["state"], entry["reason"], **told)
    planned = bool(done.plan.steps) and wanted.check
    result: dict[str, Any] = {"changed": done.changed, PHASE.result: entry}
    if wanted.check:
        result["changed"] = call.check and planned
    if not done.ok:
        result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
    warnings = [f"{host}: {line}" for line in done.plan.refused] if wanted.check else []
    # Check mode does not fail for a server; that it could not be planned has to be seen all the same.
    if (
        wanted.check
        and not PHASE.meaning(intent, entry["state"]).good
        and done.ok
        and not done.plan.refused
    ):
        warnings.append(f"{host}: {entry['state']}: {entry['reason']}")
    if planned and not call.check:
        warnings.append(f"{host}: nothing was changed; set confirm to do it")
    result["warnings"] = warnings
    if call.diff:
        result["diff"] = step_diffs(host, done.plan)
    return result
