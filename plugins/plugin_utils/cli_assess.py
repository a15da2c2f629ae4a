# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation assess``: run the playbook over an inventory, print the fleet table."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .catalog.loader import load as load_catalogue
from .cli_report import print_summary
from .errors import ConfigError
from .fleet_report import new_run_id, report_folder
from .host_assessment import parse_date, utc_now
from .report.exit_code import exit_code
from .report.model import load as load_report
from .transport.sanitize import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAYBOOK = "exchange.remediation.assess"
_LOG = "ansible.log"
_LINES = 15
# What the project's ansible.cfg says, for a run from anywhere. Set in the environment, an
# operator's own value wins where he has one, except for those that keep the controller safe and
# the report whole: a file of the inventory that cannot be read, or a name in --limit that no host
# has, is but a warning to Ansible, and the hosts behind it would be missing without a word (I3).
_DEFAULTS = {"ANSIBLE_FORKS": "50", "ANSIBLE_TASK_TIMEOUT": "900", "ANSIBLE_NOCOLOR": "1"}
_FIXED = {
    "ANSIBLE_INJECT_FACT_VARS": "False",
    "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "error",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``assess``."""
    command = commands.add_parser(
        "assess",
        help="assess the servers of an inventory and report; changes nothing",
        description="Runs the playbook exchange.remediation.assess and prints the fleet table.",
        epilog="everything after -- goes to ansible-playbook, such as -- --ask-pass",
    )
    command.add_argument(
        "-i", "--inventory", action="append", type=Path, required=True,
        help="inventory file or folder; may be given several times",
    )  # fmt: skip
    command.add_argument("-l", "--limit", help="pattern of hosts or groups to limit the run to")
    command.add_argument("--campaign", default="proxylogon", help="default: %(default)s")
    command.add_argument("--at", help="date (ISO 8601) that the judgement is for; default: now")
    command.add_argument(
        "--cases", type=Path, default=Path("cases"),
        help="folder of case folders; the report goes to CASES/RUN/report (default: %(default)s)",
    )  # fmt: skip
    command.add_argument(
        "--check",
        action="store_true",
        help="Ansible's check mode; the same run, as nothing changes",
    )
    command.add_argument("--show", action="store_true", help="show what Ansible prints, on stderr")
    command.add_argument("ansible", nargs="*", metavar="-- OPTION", help=argparse.SUPPRESS)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Assess; returns 0 nothing found, 1 findings, 3 some host unknown or unreached.

    :raises ConfigError: a wrong option, or Ansible ended without a report.
    """
    load_catalogue().campaign(args.campaign)
    parse_date(args.at)
    for inventory in args.inventory:
        if not inventory.exists():
            raise ConfigError(f"--inventory {inventory}: no such file or folder")
    name = new_run_id(args.campaign, utc_now(), secrets.token_hex(2))
    folder = report_folder(str(args.cases), name)
    log = folder.parent / _LOG
    status = _playbook(_command(args, name), log, show=args.show)
    return _finish(folder, log, status)


def _command(args: argparse.Namespace, name: str) -> list[str]:
    variables = {
        "assess_campaign": args.campaign,
        "report_run": name,
        "report_cases": str(args.cases.absolute()),
    }
    if args.at:
        variables["assess_at"] = args.at
    command = [sys.executable, "-m", "ansible", "playbook", PLAYBOOK]
    command += ["--extra-vars", json.dumps(variables)]
    for inventory in args.inventory:
        command += ["--inventory", str(inventory)]
    command += ["--limit", args.limit] if args.limit else []
    command += ["--check"] if args.check else []
    return command + list(args.ansible)


def environment(known: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for Ansible: this copy of the collection first, safe settings."""
    # Not resolved: in a checkout the way here leads through .dev.
    home = str(Path(__file__).absolute().parents[5])
    paths = [home, *filter(None, [known.get("ANSIBLE_COLLECTIONS_PATH")])]
    return {**_DEFAULTS, **known, **_FIXED, "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(paths)}


def _playbook(command: Sequence[str], log: Path, *, show: bool) -> int:
    """Run Ansible with its output in ``log`` (0600) or on stderr; returns its exit status."""
    try:
        log.parent.mkdir(parents=True, mode=0o700)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"--cases: {log.parent} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as output:
        target = sys.stderr if show else output
        done = subprocess.run(  # noqa: S603 - our own interpreter, arguments as a list
            command,
            stdout=target,
            stderr=subprocess.STDOUT,
            env=environment(os.environ),
            check=False,
        )
    return done.returncode


def _telling(lines: list[str]) -> list[str]:
    """The lines of a failed run that say why: what stands before the first play, else the end."""
    said = [line for line in lines if line.strip()]
    before = list(itertools.takewhile(lambda line: not line.startswith("PLAY "), said))
    return before[:_LINES] or said[-_LINES:]


def _finish(folder: Path, log: Path, status: int) -> int:
    path = folder / "report.json"
    if not path.exists():
        for line in _telling(log.read_text(encoding="utf-8", errors="replace").splitlines()):
            print(clean_text(line), file=sys.stderr)
        raise ConfigError(
            f"Ansible ended with status {status} and no report, see above and {log}; "
            "is there a group exchange with hosts in the inventory, and does --limit name hosts of it?"
        )
    report = load_report(path)
    print_summary(report)
    code = exit_code(report)
    print(folder / "report.html")
    return code
