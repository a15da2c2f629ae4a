# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation plan``: what would be done to a fleet, as a signed file.

Exit status: 0 nothing to do on any host; 1 changes are planned, or a host is wrong; 2 usage or
refused; 3 some host was not reached or is not known.
"""

from __future__ import annotations

import argparse
import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.clock import utc_now
from ..base.errors import ConfigError
from ..case.journal import NAME as JOURNAL
from ..catalog.loader import load as load_catalogue
from ..fleet.collect import ends, entries
from ..fleet.missing import missing_servers
from ..fleet.playbook import Playbook, add_arguments, say_log
from ..fleet.report import new_run_id
from ..fleet.standing import fleet_status
from ..fleet.table import plan_table
from ..phases.registry import INTENTS, phase_of
from ..plan.fleet import FleetPlan, check_usable, knowledge, read, write
from ..trust.signing import keys
from .options import add_directory, add_extra_vars, add_keys, terminal

if TYPE_CHECKING:
    from ..change.states import Intent

_HOURS, _LONGEST = 24, 24 * 30
_EXIT = (
    "exit status: 0 nothing to do, 1 changes planned or a host is wrong, 2 refused or usage, "
    "3 some host not reached or not known. Everything after -- goes to ansible-playbook"
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``plan INTENT`` and ``plan show``."""
    top = commands.add_parser(
        "plan", help="write what would be done to a fleet as a signed file", epilog=_EXIT
    )
    verbs = top.add_subparsers(title="intents", metavar="INTENT", required=True)
    for intent in INTENTS.values():
        text = f"plan: {intent.text}; changes nothing"
        verb = verbs.add_parser(intent.name, help=text, description=text, epilog=_EXIT)
        verb.set_defaults(run=_plan, intent=intent)
        add_arguments(verb)
        add_directory(verb)
        verb.add_argument("-l", "--limit", help="pattern of hosts or groups to limit the run to")
        verb.add_argument("--campaign", default="proxylogon", help="default: %(default)s")
        verb.add_argument("-o", "--out", type=Path, help="default: CASES/RUN/plan.json")
        verb.add_argument("--key", metavar="NAME", help="the key that signs, if there are several")
        verb.add_argument(
            "--passphrase-file", type=Path, metavar="FILE",
            help=f"its passphrase (or in {keys.PASSPHRASE_VARIABLE})",
        )  # fmt: skip
        verb.add_argument(
            "--hours", type=_hours, default=_HOURS, help="until it expires (default: %(default)s)"
        )
        add_extra_vars(verb)
        add_keys(verb)
    show = verbs.add_parser("show", help="verify a plan and print it", epilog=_EXIT)
    show.add_argument("file", type=Path, help="plan.json")
    show.set_defaults(run=_show)
    add_keys(show)


def _hours(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"not a number of hours from 1 to {_LONGEST}: {text!r}")
    return int(text)


def _plan(args: argparse.Namespace) -> int:
    """Run the playbook in check mode, and sign what its hosts answered."""
    intent: Intent = args.intent
    load_catalogue().campaign(args.campaign)
    folder = args.keys or keys.default_folder()
    signer = keys.signer(folder, args.key, keys.passphrase(args.passphrase_file))
    now = utc_now().replace(microsecond=0)
    run = new_run_id(f"{intent.name}-{args.campaign}", now, secrets.token_hex(2))
    case = args.cases.absolute() / run
    book = _playbook(args, intent, run, case)
    inventory = book.hosts()
    selected = book.limited(args.limit).hosts() if args.limit else inventory
    missing = missing_servers(args.directory, args.inventory, args.extra_vars, args.ansible)
    log = case / "plan.log"
    status = book.limited(args.limit).run(log, show=args.show)
    found = ends(case / JOURNAL, run)
    if not found:
        say_log(log)
        raise ConfigError(f"Ansible ended with status {status} and no plan, see above and {log}")
    plan = FleetPlan(
        intent=intent.name,
        campaign=args.campaign,
        run=run,
        created=now,
        expires=now + timedelta(hours=args.hours),
        catalogue=knowledge(),
        inventory=inventory,
        hosts=entries(found, inventory, selected, log),
        missing=missing,
    )
    path = args.out or case / "plan.json"
    write(path, plan, signer)
    return _print(path, read(path, keys.trusted(folder)))


def _playbook(args: argparse.Namespace, intent: Intent, run: str, case: Path) -> Playbook:
    variables = {"campaign": args.campaign, "run": run, "case": str(case), "serial": "100%"}
    prefix = phase_of(intent.name).name
    return Playbook(
        intent.playbook,
        tuple(args.inventory),
        {f"{prefix}_{name}": value for name, value in variables.items()},
        tuple(args.extra_vars),
        options=("--check", "--diff", *args.ansible),
    )


def _show(args: argparse.Namespace) -> int:
    plan = read(args.file, keys.trusted(args.keys or keys.default_folder()))
    code = _print(args.file, plan)
    check_usable(plan, utc_now(), where=str(args.file))
    return code


def _print(path: Path, plan: FleetPlan) -> int:
    print(plan_table(plan, **terminal()), end="")
    print(path)
    return fleet_status(plan.intent, plan.hosts, plan.missing)
