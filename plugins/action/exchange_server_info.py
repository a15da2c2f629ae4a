# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one server what it is and judge it; documented in plugins/modules."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..modules import exchange_server_info
    from ..plugin_utils.base.dates import parse_date
    from ..plugin_utils.base.errors import RemediationError
    from ..plugin_utils.catalog.loader import load
    from ..plugin_utils.phases.assess.run import AssessRequest, assess_host
    from ..plugin_utils.tasks.options import arguments
    from ..plugin_utils.tasks.task import Call, on_host

# Ansible imports this file before it forks its workers. They inherit the catalogue and the parsed
# options of the connection instead of reading both for each host (measured: 0.4 s a host). What
# is broken there is reported by the task, not by the import.
with suppress(RemediationError):
    load()
with suppress(AnsibleError):
    connection_loader.get("exchange.remediation.winrm", class_only=True)

ARGUMENTS = arguments(exchange_server_info)


class ActionModule(ActionBase):
    """Findings are data; the task fails only if it was used wrongly."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True  # it only reads

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        tools: dict[str, Any] = {"fail": AnsibleActionFail, "censor": remove_values}
        return on_host(self, ARGUMENTS, task_vars, ask, key="exchange_server", **tools)


def ask(call: Call) -> dict[str, Any]:
    """Ask and judge."""
    options, connection = call.options, call.connection
    wanted = AssessRequest(
        call.host, connection.address(), options["campaign"], parse_date(options["at"])
    )
    entry = assess_host(wanted, connection.open)
    connection.close()  # so that deleting the shell is counted
    entry["timing"]["http"] = connection.traffic()
    return {"changed": False, "exchange_server": entry}
