# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the report of a run on the controller; documented in plugins/modules."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..plugin_utils.base.requirements import required

with required(AnsibleActionFail):
    from ..modules import report
    from ..plugin_utils.base.clock import utc_now
    from ..plugin_utils.base.dates import parse_date
    from ..plugin_utils.base.errors import RemediationError
    from ..plugin_utils.fleet.ansible_inventory import ADDRESSES, GROUP
    from ..plugin_utils.fleet.compromise import DetectionInputs
    from ..plugin_utils.fleet.detections import DetectionStore, read_detections
    from ..plugin_utils.fleet.directive import DirectiveInputs
    from ..plugin_utils.fleet.directory import read_directory
    from ..plugin_utils.fleet.missing import EXPORT, named_export
    from ..plugin_utils.fleet.report import (
        Registered,
        ReportRun,
        entry_of,
        make_report,
        new_run_id,
        report_folder,
    )
    from ..plugin_utils.fleet.versions import KnownServers
    from ..plugin_utils.judge.directive.sources import VARIABLE
    from ..plugin_utils.tasks.options import arguments
    from ..plugin_utils.trust.attestations import read_all
    from ..plugin_utils.trust.signing.keys import default_folder, trusted

if TYPE_CHECKING:
    from ..plugin_utils.trust.attestations import Attestation

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
                self._this_run(options, variables),
                options["hosts"],
                registered_by,
                self._directive_inputs(options, known),
                self._known_servers(options, variables),
                self._detections(options),
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

    def _directive_inputs(self, options: dict[str, Any], known: Any) -> DirectiveInputs:
        """What inventory and persons say of the servers, for the campaign's directive."""
        folder = Path(options["attestations"])
        statements: tuple[Attestation, ...] = ()
        if folder.exists():
            keys = trusted(Path(options["keys"]) if options["keys"] else default_folder())
            statements = read_all(folder, keys)
        return DirectiveInputs(
            {host: known[host].get(VARIABLE) for host in options["hosts"] if host in known},
            statements,
            frozenset({*known, *options["hosts"]}),
        )

    def _detections(self, options: dict[str, Any]) -> DetectionInputs:
        """What the detection tools have found so far, as the cases have it."""
        cases = Path(options["cases"]).expanduser()
        return DetectionInputs(
            read_detections(cases) if cases.is_dir() else DetectionStore(),
            parse_date(options["scan_start"], "scan_start"),
            parse_date(options["scan_first_due"], "scan_first_due"),
        )

    def _known_servers(
        self, options: dict[str, Any], variables: dict[str, Any]
    ) -> KnownServers | None:
        """The directory, and the servers of the whole inventory, whatever --limit says."""
        known = variables["hostvars"]
        # What is outside of the group is in no run, so being named there is not being listed.
        names = {*variables["groups"].get(GROUP, ()), *options["hosts"]}
        named = options["directory"] or named_export(
            {host: known[host].get(EXPORT) for host in names if host in known}
        )
        if not named:
            return None
        addresses = {
            host: next((a for key in ADDRESSES if (a := known[host].get(key))), None)
            for host in sorted(names)
            if host in known
        }
        return KnownServers(read_directory(Path(named)), addresses)
