# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation assess``: run the playbook over an inventory, print the fleet table."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ..base.clock import utc_now
from ..base.dates import parse_date
from ..base.errors import ConfigError
from ..catalog.loader import load as load_catalogue
from ..fleet.directory import read_directory
from ..fleet.playbook import Playbook, add_arguments, say_log
from ..fleet.report import new_run_id, report_folder
from ..report.document import load as load_report
from ..report.exit_code import exit_code
from .options import add_directory
from .report import print_summary

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

PLAYBOOK = "exchange.remediation.assess"
_LOG = "ansible.log"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``assess``."""
    command = commands.add_parser(
        "assess",
        help="assess the servers of an inventory and report; changes nothing",
        description="Runs the playbook exchange.remediation.assess and prints the fleet table.",
        epilog="everything after -- goes to ansible-playbook, such as -- --ask-pass",
    )
    add_arguments(command)
    add_directory(command)
    command.add_argument("-l", "--limit", help="pattern of hosts or groups to limit the run to")
    command.add_argument("--campaign", default="proxylogon", help="default: %(default)s")
    command.add_argument("--at", help="date (ISO 8601) that the judgement is for; default: now")
    command.add_argument(
        "--check",
        action="store_true",
        help="Ansible's check mode; the same run, as nothing changes",
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Assess; returns 0 nothing found, 1 findings, 3 some host unknown or unreached.

    :raises ConfigError: a wrong option, or Ansible ended without a report.
    """
    load_catalogue().campaign(args.campaign)
    parse_date(args.at)
    if args.directory:
        read_directory(args.directory)  # what is wrong with it is said before anybody is asked
    name = new_run_id(args.campaign, utc_now(), secrets.token_hex(2))
    folder = report_folder(str(args.cases), name)
    log = folder.parent / _LOG
    status = _playbook(args, name).run(log, show=args.show)
    return _finish(folder, log, status)


def _playbook(args: argparse.Namespace, name: str) -> Playbook:
    variables = {
        "assess_campaign": args.campaign,
        "report_run": name,
        "report_cases": str(args.cases.absolute()),
    }
    if args.at:
        variables["assess_at"] = args.at
    if args.directory:
        variables["report_directory"] = str(args.directory.absolute())
    return Playbook(
        PLAYBOOK,
        tuple(args.inventory),
        variables,
        limit=args.limit,
        options=(*(["--check"] if args.check else []), *args.ansible),
    )


def _finish(folder: Path, log: Path, status: int) -> int:
    path = folder / "report.json"
    if not path.exists():
        say_log(log)
        raise ConfigError(
            f"Ansible ended with status {status} and no report, see above and {log}; "
            "is there a group exchange with hosts in the inventory, and does --limit name hosts of it?"
        )
    report = load_report(path)
    print_summary(report)
    code = exit_code(report)
    print(folder / "report.html")
    return code
