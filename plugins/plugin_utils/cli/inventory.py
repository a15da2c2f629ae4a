# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation inventory``: compare an inventory with the directory, or make one of it.

Contacts nobody. Exit status of ``compare``: 0 every server of the directory is one host of the
inventory, 1 differences, 2 usage. ``import``: 0 written, 2 usage.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..base import disk
from ..base.errors import ConfigError
from ..base.sanitize import clean_text
from ..catalog.directive_text import field
from ..fleet.ansible_inventory import listed_hosts
from ..fleet.coverage import Coverage, compare, coverage_dict
from ..fleet.directory import read_directory
from ..fleet.new_inventory import inventory_yaml
from ..report.document import load as load_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

OK, DIFFERENT = 0, 1
_EXIT = "exit status: 0 the inventory holds the whole directory, or written; 1 differences, 2 usage"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``inventory compare`` and ``inventory import``."""
    top = commands.add_parser(
        "inventory", help="compare an inventory with the directory, or make one of it", epilog=_EXIT
    )
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    text = "say which servers of the directory are in no inventory, and the reverse"
    verb = verbs.add_parser("compare", help=text, description=text, epilog=_EXIT)
    _add_export(verb)
    verb.add_argument("-i", "--inventory", action="append", type=Path, required=True,
                      help="inventory file or folder; may be given several times")  # fmt: skip
    verb.add_argument("--report", type=Path, metavar="REPORT",
                      help="report.json of a run, or its folder: compares versions too")  # fmt: skip
    verb.add_argument("--json", action="store_true", help="print JSON instead of text")
    verb.set_defaults(run=_compare)
    text = "write an inventory of the servers that the directory knows; never over a file"
    verb = verbs.add_parser("import", help=text, description=text, epilog=_EXIT)
    _add_export(verb)
    verb.add_argument("-o", "--out", type=Path, required=True, help="the new file, hosts.yml")
    verb.set_defaults(run=_import)


def _add_export(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "export", type=Path,
        help="CSV or LDIF with the directory's msExchExchangeServer objects, or Get-ExchangeServer's",
    )  # fmt: skip


def _compare(args: argparse.Namespace) -> int:
    servers = read_directory(args.export)
    coverage = compare(servers, listed_hosts(args.inventory), _builds(args.report))
    if args.json:
        print(json.dumps(coverage_dict(coverage), indent=2))
    else:
        print("\n".join(clean_text(line) for line in _lines(coverage, len(servers))))
    return OK if coverage.complete else DIFFERENT


def _builds(path: Path | None) -> dict[str, str | None]:
    """Host -> build of its files, as far as the report knows it."""
    if path is None:
        return {}
    report = load_report(path / "report.json" if path.is_dir() else path)
    return {
        host["host"]: host["assessment"]["identity"]["build"]
        for host in report["hosts"]
        if host["assessment"]
    }


def _lines(coverage: Coverage, servers: int) -> Iterable[str]:
    yield f"{len(coverage.matched)} of {servers} servers of the directory are in the inventory."
    if coverage.missing:
        yield "In the directory, in no inventory:"
        for server in coverage.missing:
            roles = ", ".join(server.roles) or "roles not known"
            yield from field(
                server.shown, f"{server.version or 'no version'}; {roles}; {server.where}"
            )
    if coverage.ambiguous:
        yield "Not told apart:"
        for name, hosts in sorted(coverage.ambiguous.items()):
            yield from field(name, f"may be {' or '.join(hosts)}; list each by its full name, once")
    if coverage.conflicts:
        yield "Of another version than the directory says:"
        for conflict in coverage.conflicts:
            yield from field(conflict.host, conflict.reason.partition(": ")[2])
    if coverage.unlisted:
        yield "In the inventory, not in the directory (management tools, Edge, or removed):"
        for host in coverage.unlisted:
            yield f"  {host}"
    if coverage.unversioned:
        yield f"Version not understood, so not compared: {', '.join(coverage.unversioned)}"


def _import(args: argparse.Namespace) -> int:
    servers = read_directory(args.export)
    if args.out.exists():
        raise ConfigError(f"{args.out}: exists; name a new file, and compare the two")
    try:
        text = inventory_yaml(servers, args.export.name)
    except ValueError as error:
        raise ConfigError(f"{error}; correct the export") from None
    disk.make_folder(args.out.absolute().parent)
    disk.replace(args.out, text.encode())
    print(f"{args.out}: {len(servers)} servers")
    return OK
