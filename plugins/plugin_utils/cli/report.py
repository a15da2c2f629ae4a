# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation report``: show, convert and gate on a saved report."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from ..report.document import load
from ..report.exit_code import exit_code, meaning
from ..report.formats.runbook import runbook_html, runbook_md
from ..report.formats.terminal import terminal_table
from ..report.write import FORMATS, write

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``report show|render|check``."""
    top = commands.add_parser("report", help="show, convert and gate on a saved report.json")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)

    show = verbs.add_parser("show", help="print the fleet table; exit status as for the run")
    show.add_argument("report", type=Path, help="report.json of a run, or the folder that holds it")
    show.add_argument("--no-colour", action="store_true", help="plain text even on a terminal")
    show.set_defaults(run=_show)

    render = verbs.add_parser("render", help="write other formats from a saved report")
    render.add_argument(
        "report", type=Path, help="report.json of a run, or the folder that holds it"
    )
    render.add_argument("--format", action="append", choices=sorted(FORMATS), dest="formats",
                        help="may be given several times; default: all")  # fmt: skip
    render.add_argument("--into", type=Path, help="folder to write to; default: beside the report")
    render.set_defaults(run=_render)

    runbook = verbs.add_parser(
        "runbook", help="what the directive wants, as a runbook for people to carry out and sign"
    )
    runbook.add_argument(
        "report", type=Path, help="report.json of a run, or the folder that holds it"
    )
    runbook.add_argument("--host", action="append", default=[], dest="hosts",
                         help="for this host only; may be given several times")  # fmt: skip
    runbook.add_argument("--html", action="store_true", help="a page instead of Markdown")
    runbook.set_defaults(run=_runbook)

    check = verbs.add_parser("check", help="validate a report; print what its exit status means")
    check.add_argument(
        "report", type=Path, help="report.json of a run, or the folder that holds it"
    )
    check.set_defaults(run=_check)


def _path(args: argparse.Namespace) -> Path:
    path: Path = args.report
    return path / "report.json" if path.is_dir() else path


def print_summary(report: dict[str, Any], *, plain: bool = False) -> None:
    """Print the fleet table, in colour on a terminal unless NO_COLOR is set."""
    colour = sys.stdout.isatty() and not plain and not os.environ.get("NO_COLOR")
    columns = shutil.get_terminal_size((120, 40)).columns
    print(terminal_table(report, columns=columns, colour=colour), end="")


def _show(args: argparse.Namespace) -> int:
    report = load(_path(args))
    print_summary(report, plain=args.no_colour)
    return exit_code(report)


def _render(args: argparse.Namespace) -> int:
    path = _path(args)
    written = write(load(path), args.into or path.parent, args.formats or sorted(FORMATS))
    for file in written.values():
        print(file)
    return 0


def _runbook(args: argparse.Namespace) -> int:
    report = load(_path(args))
    known = {host["host"] for host in report["hosts"]}
    for name in args.hosts:
        if name not in known:
            raise ConfigError(f"--host {name}: is not in {_path(args)}; it has {', '.join(known)}")
    for part in (runbook_html if args.html else runbook_md)(report, args.hosts):
        print(part, end="")
    return 0


def _check(args: argparse.Namespace) -> int:
    report = load(_path(args))
    code = exit_code(report)
    print(f"{_path(args)}: valid; {report['totals']['inventory']} hosts; {meaning(code)}")
    return code
