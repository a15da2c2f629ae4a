# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Microsoft's detection tools on one server and read them; documented in plugins/modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..doc_fragments import change, package_source
    from ..modules import detection
    from ..plugin_utils.base.progress import within
    from ..plugin_utils.catalog.loader import load
    from ..plugin_utils.change.source import PackageSource
    from ..plugin_utils.phases.detect.phase import DETECT, PHASE
    from ..plugin_utils.phases.detect.request import read
    from ..plugin_utils.phases.detect.runtime import DetectRuntime
    from ..plugin_utils.phases.detect.task import detect
    from ..plugin_utils.plan.show import step_diffs
    from ..plugin_utils.tasks.options import arguments
    from ..plugin_utils.tasks.task import Call, changing, on_host

ARGUMENTS = arguments(detection, change, package_source)


class ActionModule(ActionBase):
    """A server with findings does not fail the task; one that was not examined does."""

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
        return on_host(self, ARGUMENTS, task_vars, examine, key=PHASE.result, **tools)


def examine(call: Call) -> dict[str, Any]:
    """Carry out one task."""
    options, host = call.options, call.host
    with changing(
        call,
        DETECT,
        lambda: read(host, options, check=call.check),
        lambda wanted: wanted.longest,
    ) as (wanted, change):
        source = PackageSource.of(options)
        runtime = DetectRuntime(
            load(),
            notice=within(call.notice, host, DETECT),
            record=change.record,
            admit=change.admit,
            life=change.life,
            claim=change.claim,
            store=source.catalogue,
            deliver=source.deliver,
            local=source.local,
        )
        address = wanted.address or call.connection.address()
        asked = replace(wanted, secrets=tuple(call.secrets), address=address)
        done = detect(asked, call.connection.open(), runtime)
    entry = done.entry
    told = {"changed": done.changed, "code": done.code, "peer": call.connection.peer()}
    change.end(entry["state"], entry["reason"], **told)
    planned = bool(done.plan.steps) and asked.check
    result: dict[str, Any] = {"changed": done.changed, PHASE.result: entry}
    if asked.check:
        result["changed"] = call.check and planned
    if done.failed:
        result |= {"failed": True, "msg": f"{host}: {entry['state']}: {entry['reason']}"}
    warnings = [f"{host}: {line}" for line in done.plan.refused] if asked.check else []
    if planned and not call.check:
        warnings.append(f"{host}: nothing was started; set confirm to do it")
    result["warnings"] = warnings
    if call.diff:
        result["diff"] = step_diffs(host, done.plan)
    return result
