# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation apply``: carry out a signed plan, on exactly the hosts that it has steps for.

Each host plans again from fresh facts, and is left alone unless that is what was signed. Without
``--confirm`` only that is done. The same command again goes on with what was begun.

Exit status: 0 all of it is done; 1 a host is not as wanted, or changes are still planned; 2 usage
or refused; 3 some host was not reached, not begun or is not known.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.clock import utc_now
from ..case.journal import NAME as JOURNAL
from ..fleet.collect import ends, require_same_inventory, size_of
from ..fleet.playbook import Playbook, add_arguments, say_log
from ..fleet.report import report_folder
from ..fleet.standing import fleet_status
from ..fleet.table import missing_lines, outcome_table
from ..phases.registry import INTENTS, phase_of
from ..plan.fleet import HostEntry, check_usable, read
from ..trust.signing import keys
from .options import add_extra_vars, add_keys, terminal

if TYPE_CHECKING:
    import argparse

    from ..plan.fleet import FleetPlan

_NOT_BEGUN = "not begun: the rollout ended before it, see {log}"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``apply``."""
    command = commands.add_parser(
        "apply",
        help="carry out a signed plan",
        description="Verifies a plan and runs its playbook for the hosts with steps.",
        epilog="exit status: 0 done, 1 a host is not as wanted or changes are still planned, "
        "2 refused or usage, 3 some host not reached, not begun or not known. "
        "Everything after -- goes to ansible-playbook",
    )
    command.add_argument("plan", type=Path, help="the file that 'plan' wrote")
    add_arguments(command)
    command.add_argument("--confirm", action="store_true", help="make the changes; without it nothing is changed")  # fmt: skip
    add_extra_vars(command)
    add_keys(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Apply; raises ``RefusedError`` for a plan that must not be carried out."""
    folder = (args.keys or keys.default_folder()).absolute()
    plan = read(args.plan, keys.trusted(folder))
    check_usable(plan, utc_now(), where=str(args.plan))
    case = report_folder(str(args.cases), plan.run).parent
    lines = size_of(case / JOURNAL)
    book = _playbook(args, plan, case, folder)
    require_same_inventory(plan.inventory, book.hosts(), str(args.plan))
    wanted = sorted(name for name, entry in plan.hosts.items() if entry.has_steps)
    log = case / f"apply-{utc_now():%Y%m%dT%H%M%S.%f}.log"
    if wanted:
        hosts = case / "apply.hosts"
        disk.make_folder(case)
        disk.replace(hosts, "".join(f"{name}\n" for name in wanted).encode())
        book.limited(f"@{hosts}").run(log, show=args.show)
    return _finish(plan, wanted, case, lines, log)


def _playbook(args: argparse.Namespace, plan: FleetPlan, case: Path, folder: Path) -> Playbook:
    intent = INTENTS[plan.intent]
    variables: dict[str, Any] = {
        "campaign": plan.campaign,
        "run": plan.run,
        "case": str(case),
        "plan": str(args.plan.absolute()),
        "plan_keys": str(folder),
        "confirm": args.confirm,
    }
    prefix = phase_of(intent.name).name
    return Playbook(
        intent.playbook,
        tuple(args.inventory),
        {f"{prefix}_{name}": value for name, value in variables.items()},
        tuple(args.extra_vars),
        options=(*([] if args.confirm else ["--check"]), "--diff", *args.ansible),
    )


def _finish(plan: FleetPlan, wanted: list[str], case: Path, lines: int, log: Path) -> int:
    """Print what became of every host of the plan: done now, or why not (I3)."""
    found = ends(case / JOURNAL, plan.run, after=lines)
    if wanted and not found:
        say_log(log)
    hosts = dict(plan.hosts)
    for name in wanted:
        end = found.get(name)
        reason = _NOT_BEGUN.format(log=log)
        hosts[name] = (
            HostEntry(end.state, end.reason, code=end.code) if end else HostEntry("unknown", reason)
        )
    print(outcome_table(plan.intent, hosts, **terminal()), end="")
    print("\n".join(missing_lines(plan.missing)), end="\n" if plan.missing else "")
    print(case / JOURNAL)
    return fleet_status(plan.intent, hosts, plan.missing)
