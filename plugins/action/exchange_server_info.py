# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one server what it is and judge it; documented in plugins/modules."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader

from ..plugin_utils.ansible_host import HostConnection, contains_any
from ..plugin_utils.catalog.loader import load
from ..plugin_utils.errors import RemediationError
from ..plugin_utils.host_assessment import Request, assess_host, parse_date
from ..plugin_utils.transport.peer import BECOME_REFUSED

# Ansible imports this file before it forks its workers. They inherit the catalogue and the parsed
# options of the connection instead of reading both for each host (measured: 0.4 s a host). What
# is broken there is reported by the task, not by the import.
with suppress(RemediationError):
    load()
with suppress(AnsibleError):
    connection_loader.get("exchange.remediation.winrm", class_only=True)

ARGUMENTS = {
    "campaign": {"type": "str", "default": "proxylogon"},
    "at": {"type": "str"},
}


class ActionModule(ActionBase):
    """Findings are data; the task fails only if it was used wrongly."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True  # it only reads

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        validation, options = self.validate_argument_spec(ARGUMENTS)
        if self._connection.become is not None or self._task.become:
            raise AnsibleActionFail(BECOME_REFUSED)
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        allowed = self._templar.template(variables.get("exchange_allow_insecure"))
        connection = HostConnection(host, self._connection, allowed)
        try:
            request = Request(
                host, connection.address(), options["campaign"], parse_date(options["at"])
            )
            entry = assess_host(request, connection.open)
        except RemediationError as error:
            raise AnsibleActionFail(f"{host}: {error}") from error
        connection.close()
        entry["peer"] = connection.peer()
        entry["timing"]["http"] = connection.traffic()
        secrets = validation._no_log_values | connection.secrets()  # noqa: SLF001 - has no other name
        if contains_any(entry, secrets):
            entry = remove_values(entry, secrets)
        return {"changed": False, "exchange_server": entry}
