# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation rehearse``: start, look at, break and stop a simulated fleet."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import ConfigError
from ..rehearsal.fleet import realm
from ..rehearsal.fleet import state as fleet_state
from ..rehearsal.fleet.control import ask
from ..rehearsal.fleet.inventory import AUTHORITY, INVENTORY
from ..rehearsal.fleet.text import announcement, rules_text, status_document, status_text
from ..rehearsal.wsman.faults import ACTIONS, KINDS, WHEN, FaultRule
from ..rehearsal.wsman.ports import HTTP_PORT, Ports

if TYPE_CHECKING:
    import argparse

    from ..rehearsal.fleet.process import FleetOrder
    from ..rehearsal.fleet.state import FleetState

NOT_RUNNING = 1
_MINUTES = 60
_LARGEST_PORT = 65534


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``rehearse up|down|status|faults``."""
    top = commands.add_parser("rehearse", help="a simulated fleet that real WinRM clients reach")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    _add_up(verbs)
    down = verbs.add_parser("down", help="stop the fleet; nothing to stop is fine, too")
    _add_state(down)
    down.set_defaults(run=_down)
    status = verbs.add_parser("status", help="what each host has served; status 1 if none runs")
    _add_state(status)
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(run=_status)
    _add_faults(verbs)


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="folder of the fleet; default: .rehearsal here, below $XDG_RUNTIME_DIR if this"
        " folder is not writable",
    )


def _add_up(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    up = verbs.add_parser("up", help="start a fleet and say how to use it")
    up.add_argument("--scenario", default=fleet_state.DEFAULT_SCENARIO, metavar="NAME|FILE")
    up.add_argument("--engine", choices=fleet_state.ENGINES, default=fleet_state.ENGINES[0])
    up.add_argument(
        "--port",
        type=int,
        default=HTTP_PORT,
        metavar="N",
        help="HTTP on N, HTTPS on N+1, on every host's address; 0: any two free ports",
    )
    _add_state(up)
    mode = up.add_mutually_exclusive_group()
    mode.add_argument("--foreground", action="store_true", help="serve here until interrupted")
    mode.add_argument("--detach", action="store_true", help="serve in the background (default)")
    up.add_argument(
        "--stop-after",
        type=float,
        default=_MINUTES,
        metavar="MINUTES",
        help="stop without being told; default 60, 0: never",
    )
    up.add_argument(
        "--kerberos",
        action="store_true",
        help="with a Kerberos realm of its own: hosts take tickets, the inventory uses them",
    )
    up.set_defaults(run=_up)


def _add_faults(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    top = verbs.add_parser("faults", help="make things go wrong in the running fleet")
    actions = top.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the rules, and how often each has acted")
    add = actions.add_parser("add", help="add a rule")
    add.add_argument("--kind", required=True, help=f"{', '.join(KINDS)}, httpNNN")
    add.add_argument("--action", choices=ACTIONS, default="*", help="WSMan action")
    add.add_argument("--host", default="*", metavar="PATTERN")
    add.add_argument("--operation", default="*", metavar="PATTERN", help="operation or command line")  # fmt: skip
    add.add_argument("--when", choices=WHEN, default="before", help="before or after the host acts")
    add.add_argument("--skip", type=int, default=0, metavar="N", help="let the first N pass")
    add.add_argument("--times", type=int, default=1, metavar="N", help="act N times; 0: for ever")
    add.add_argument("--code", type=int, default=None, help="WSMan code of kind fault")
    add.add_argument("--seconds", type=float, default=None, help="of kind delay")
    clear = actions.add_parser("clear", help="remove all rules")
    for parser, function in ((listing, _faults_list), (add, _faults_add), (clear, _faults_clear)):
        _add_state(parser)
        parser.set_defaults(run=function)


def _folder(args: argparse.Namespace) -> Path:
    folder: Path = args.state or fleet_state.default_folder()
    return folder.absolute()


def _running(args: argparse.Namespace) -> FleetState:
    folder = _folder(args)
    state = fleet_state.running(folder)
    if state is None:
        raise ConfigError(
            f"no rehearsal runs from {folder}; start one with `exchange-remediation rehearse up`"
            " or name its folder with --state."
        )
    return state


def _order(args: argparse.Namespace) -> FleetOrder:
    # Imported here: NTLM, PSRP, TLS and schemas take longer to load than `status` to answer.
    from ..rehearsal.fleet.process import FleetOrder  # noqa: PLC0415
    from ..rehearsal.fleet.start import load  # noqa: PLC0415

    if not 0 <= args.port <= _LARGEST_PORT:
        raise ConfigError(f"--port {args.port}: give 0 to {_LARGEST_PORT}.")
    if args.stop_after < 0:
        raise ConfigError(f"--stop-after {args.stop_after}: give minutes, 0 for never.")
    return FleetOrder(
        spec=load(args.scenario),
        engine=args.engine,
        ports=Ports(args.port, args.port + 1 if args.port else 0),
        folder=_folder(args),
        stop_after=timedelta(minutes=args.stop_after) if args.stop_after else None,
        kerberos=args.kerberos,
    )


def _up(args: argparse.Namespace) -> int:
    from ..rehearsal.fleet.process import detach, run  # noqa: PLC0415 - as in _order

    order = _order(args)
    fleet_state.prepare(order.folder)
    present = fleet_state.running(order.folder)
    if present is not None:
        return _already(present, order, args.state)
    if args.foreground:
        run(order, lambda state: _announce(state, order.folder, args.state))
        print("Rehearsal stopped.")
    else:
        _announce(detach(order), order.folder, args.state)
    return 0


def _already(present: FleetState, order: FleetOrder, given: Path | None) -> int:
    wanted = (order.spec.name, order.engine, order.ports.http or present.http_port)
    if (present.scenario, present.engine, present.http_port) != wanted:
        raise ConfigError(
            f"a rehearsal of another kind runs from {order.folder}: scenario"
            f" {present.scenario}, engine {present.engine}, port {present.http_port}, process"
            f" {present.pid}; stop it with `exchange-remediation rehearse down`."
        )
    if order.kerberos != (present.principal is not None):
        raise ConfigError(
            f"the rehearsal in {order.folder} runs with{'' if present.principal else 'out'} Kerberos;"
            " stop it with `exchange-remediation rehearse down`."
        )
    if present.digest != order.spec.digest:
        raise ConfigError(
            f"scenario {present.scenario} has changed since its fleet was started from"
            f" {order.folder}; run `exchange-remediation rehearse down`, then `up`."
        )
    print("This rehearsal runs already.")
    _announce(present, order.folder, given)
    return 0


def _announce(state: FleetState, folder: Path, given: Path | None) -> None:
    inventory = folder / INVENTORY
    if inventory.is_relative_to(Path.cwd()):
        inventory = inventory.relative_to(Path.cwd())
    option = f" --state {given}" if given is not None else ""
    print(announcement(state, inventory, option), flush=True)


def _down(args: argparse.Namespace) -> int:
    folder = _folder(args)
    state = fleet_state.running(folder)
    if state is None:
        # One that was killed could not clear up: its password must not lie about.
        fleet_state.remove(folder, INVENTORY, AUTHORITY)
        realm.remove(folder / realm.FOLDER)
        print(f"No rehearsal runs from {folder}.")
        return 0
    if not fleet_state.end(state):
        raise ConfigError(
            f"process {state.pid} has not stopped; look at {folder / 'rehearsal.log'}."
        )
    print(f"Rehearsal {state.scenario!r} (process {state.pid}) stopped.")
    return 0


def _status(args: argparse.Namespace) -> int:
    folder = _folder(args)
    state = fleet_state.running(folder)
    if state is None:
        if args.json:
            print(json.dumps({"running": False, "state": str(folder)}))
        else:
            print(f"No rehearsal runs from {folder}.", file=sys.stderr)
        return NOT_RUNNING
    hosts = ask(state.control, {"do": "status"})
    if args.json:
        print(json.dumps(status_document(state, folder, hosts, datetime.now(UTC)), indent=2))
        return 0
    print(status_text(state, hosts))
    return 0


def _faults_list(args: argparse.Namespace) -> int:
    print(rules_text(ask(_running(args).control, {"do": "faults.list"})))
    return 0


def _faults_add(args: argparse.Namespace) -> int:
    names = ("kind", "action", "host", "operation", "when", "skip", "times", "code", "seconds")
    rule = {name: value for name in names if (value := getattr(args, name)) is not None}
    FaultRule.from_mapping(rule)
    print(rules_text(ask(_running(args).control, {"do": "faults.add", "rule": rule})))
    return 0


def _faults_clear(args: argparse.Namespace) -> int:
    print(f"{ask(_running(args).control, {'do': 'faults.clear'})} rules removed.")
    return 0
