# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a run on the controller; documented in plugins/modules."""

from __future__ import annotations

import secrets
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..modules import report
    from ..plugin_utils.base.clock import utc_now
    from ..plugin_utils.base.dates import parse_date
    from ..plugin_utils.base.errors import RemediationError
    from ..plugin_utils.fleet.report import (
        Registered,
        ReportRun,
        entry_of,
        make_report,
        new_run_id,
        report_folder,
    )
    from ..plugin_utils.tasks.options import arguments

ARGUMENTS = arguments(report)


class ActionModule(ActionBase):
    """Reads what the hosts' tasks registered; never speaks to a host."""

    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True  # writes below the case folder of the controller only

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(ARGUMENTS)
        variables = task_vars or {}
        known = variables["hostvars"]

        def registered_by(host: str) -> Registered | None:
            # Raw: what a host said is never handed to the template engine.
            registered = known.raw_get(host).get(options["variable"]) if host in known else None
            return entry_of(host, registered, options["refused"].get(host))

        try:
            written = make_report(
                self._this_run(options, variables), options["hosts"], registered_by
            )
        except RemediationError as error:
            raise AnsibleActionFail(str(error)) from error
        return {"changed": False, **written}

    def _this_run(self, options: dict[str, Any], variables: dict[str, Any]) -> ReportRun:
        now = utc_now()
        name = options["run"] or new_run_id(options["campaign"], now, secrets.token_hex(2))
        return ReportRun(
            id=name,
            campaign=options["campaign"],
            started=parse_date(options["started"]) or now,
            finished=now,
            check_mode=bool(self._task.check_mode),
            folder=report_folder(options["cases"], name),
            formats=tuple(options["formats"]),
            limit=variables.get("ansible_limit"),
            inventory_hosts=len(variables["groups"]["all"]),
        )
