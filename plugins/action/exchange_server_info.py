# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one server what it is and judge it; documented in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase

from ..plugin_utils.ansible_host import HostConnection
from ..plugin_utils.errors import RemediationError
from ..plugin_utils.host_assessment import Request, assess_host, parse_date
from ..plugin_utils.transport.peer import BECOME_REFUSED

ARGUMENTS = {
    "campaign": {"type": "str", "default": "proxylogon"},
    "at": {"type": "str"},
}


class ActionModule(ActionBase):
    """Findings are data; the task fails only if it was used wrongly."""

    _requires_connection = True
    _supports_async = False
    _supports_check_mode = True  # it only reads

    def run(
        self, tmp: Any = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:  # fmt: skip
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
        entry["peer"] = connection.peer()
        entry["timing"]["http"] = connection.traffic()
        result = {"changed": False, "exchange_server": entry}
        censored: dict[str, Any] = remove_values(
            result,
            validation._no_log_values | connection.secrets(),  # noqa: SLF001 - ansible#: no public name
        )
        return censored
