# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a template on the controller; documented in plugins/modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..modules import render as documentation
    from ..plugin_utils.base.errors import RemediationError
    from ..plugin_utils.render.task import RenderRequest, render_task
    from ..plugin_utils.tasks.options import arguments

ARGUMENTS = arguments(documentation)


class ActionModule(ActionBase):
    """Writes below a folder of the controller; never speaks to a host."""

    _requires_connection = False
    _supports_async = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(ARGUMENTS)
        own = options["own_templates"]
        request = RenderRequest(
            server=(task_vars or {})["inventory_hostname"],
            template=options["template"],
            level=options["level"],
            values=options["values"],
            shared=options["shared_values"],
            dest=Path(options["dest"]),
            own=Path(own) if own else None,
            basis=options["basis"],
            check=bool(self._task.check_mode),
            diff=bool(self._task.diff),
        )
        try:
            return render_task(request)
        except RemediationError as error:
            raise AnsibleActionFail(str(error)) from error
