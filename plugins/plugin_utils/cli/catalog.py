# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation catalog``: ask the catalogue, without a host.

Exit status: 0 answered (``validate``: valid); 1 ``validate``: not valid, ``show``: the build
is in no table, ``campaigns``/``packages``: nothing of that name; 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import CatalogError
from ..base.model import Build
from ..catalog.describe import describe_build, describe_campaign, plain
from ..catalog.directive_text import clause_lines, directive_lines
from ..catalog.loader import load
from ..catalog.text import campaign_lines, show_lines
from ..catalog.tool_text import tool_lines

if TYPE_CHECKING:
    from ..catalog.catalog import Catalog

OK, NOT_FOUND = 0, 1
_EXIT = (
    "exit status: 0 answered or valid, 1 not valid, unknown build, or nothing of that name, 2 usage"
)


def add_parser(subparsers: Any) -> None:
    """Add ``catalog`` and its sub-commands."""
    top = subparsers.add_parser(
        "catalog", help="ask the catalogue of builds, CVEs, updates and campaigns", epilog=_EXIT
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON instead of text")
    common.add_argument(
        "--catalog", type=Path, metavar="DIR", help="another catalogue than the collection's own"
    )

    def add(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(
            name,
            help=text,
            description=text[:1].upper() + text[1:] + ".",
            epilog=_EXIT,
            parents=[common],
        )
        parser.set_defaults(run=run)
        return parser

    add("validate", _validate, "read every file of the catalogue and report the first mistake")
    show = add("show", _show, "what a build is, which CVEs are open on it, what closes them")
    show.add_argument("build", type=_build, help="four numbers, such as 15.1.2176.9")
    show.add_argument(
        "--at", type=_day, metavar="DATE", help="judge support on this day, not today"
    )
    campaigns = add("campaigns", _campaigns, "list the campaigns, or show one in full")
    campaigns.add_argument("campaign", nargs="?", help="the id of a campaign, such as proxylogon")
    directive = add(
        "directive", _directive, "list the directives, or show one, or one clause of it"
    )
    directive.add_argument("directive", nargs="?", help="the id of a directive, such as ed-21-02")
    directive.add_argument("--clause", metavar="X", help="one clause, such as 'action 1 collect'")
    tools = add("tools", _tools, "list the detection tools of Microsoft, or show one in full")
    tools.add_argument("tool", nargs="?", metavar="ID", help="such as test-proxylogon or msert")
    packages = add("packages", _packages, "list the update packages, or those of a KB or build")
    packages.add_argument("wanted", nargs="?", metavar="KB|BUILD", help="KB5000871, 15.1.2176.2")


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-command."""
    return int(args.run(args))


def _build(text: str) -> Build:
    try:
        return Build.parse(text.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a day such as 2021-03-02: {text!r}") from error


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _validate(args: argparse.Namespace) -> int:
    started = time.perf_counter()
    try:
        catalog = load(args.catalog)
    except CatalogError as error:
        if args.json:
            _print_json({"valid": False, "error": str(error)})
        else:
            print(f"not valid: {error}", file=sys.stderr)
        return NOT_FOUND
    counts = _figures(catalog)
    if args.json:
        _print_json({"valid": True, "as_of": catalog.as_of.isoformat(), "counts": counts})
        return OK
    took = time.perf_counter() - started
    print(f"valid, as of {catalog.as_of}, read in {took:.2f} s")
    for name, count in counts.items():
        print(f"  {count:>5}  {name}")
    return OK


def _figures(catalog: Catalog) -> dict[str, int]:
    records = [catalog.vulnerability(cve) for cve in catalog.cves()]
    return {
        "products": len(catalog.products()),
        "builds": len(catalog.builds()),
        "vulnerabilities": len(records),
        "fixed builds": sum(len(record.fixes) for record in records if record),
        "packages": len(catalog.packages()),
        "requirements of cumulative updates": len(catalog.requirements().dotnet)
        + len(catalog.requirements().licence),
        "exit codes": len(catalog.exit_codes()),
        "named failures": len(catalog.failures()),
        "mitigations": len(catalog.mitigations()),
        "scripts of Microsoft": len(catalog.scripts()),
        "detection tools": len(catalog.detection_tools()),
        "indicators": sum(len(entry.indicators) for entry in catalog.indicator_sets()),
        "directives": len(catalog.directives()),
        "campaigns": len(catalog.campaigns()),
    }


def _show(args: argparse.Namespace) -> int:
    catalog = load(args.catalog)
    today = datetime.now(UTC).date()
    answer = describe_build(catalog, args.build, args.at or today, "asked" if args.at else "today")
    if args.json:
        _print_json(answer)
    else:
        print("\n".join(show_lines(answer)))
    return OK if answer["known"] else NOT_FOUND


def _campaigns(args: argparse.Namespace) -> int:
    catalog = load(args.catalog)
    if args.campaign is None:
        if args.json:
            _print_json([describe_campaign(catalog, entry) for entry in catalog.campaigns()])
        else:
            for entry in catalog.campaigns():
                required = ", ".join(cve.cve for cve in entry.required)
                print(f"{entry.id:<18} {entry.published}  {entry.title}")
                print(f"{'':<18} {required}")
        return OK
    try:
        campaign = catalog.campaign(args.campaign)
    except CatalogError as error:
        print(error, file=sys.stderr)
        return NOT_FOUND
    answer = describe_campaign(catalog, campaign)
    if args.json:
        _print_json(answer)
    else:
        print("\n".join(campaign_lines(answer)))
    return OK


def _directive(args: argparse.Namespace) -> int:
    catalog = load(args.catalog)
    if args.directive is None:
        if args.clause:
            print("--clause needs the id of a directive before it", file=sys.stderr)
            return 2
        if args.json:
            _print_json([plain(entry) for entry in catalog.directives()])
        else:
            for entry in catalog.directives():
                state = f"closed {entry.closed}" if entry.closed else entry.status
                print(f"{entry.id:<10} {entry.issued}  {state:<17} {entry.title}")
        return OK
    try:
        directive = catalog.need_directive(args.directive)
    except CatalogError as error:
        print(error, file=sys.stderr)
        return NOT_FOUND
    if args.clause is None:
        answer: Any = directive
        lines = directive_lines(directive)
    else:
        clause = directive.clause(args.clause)
        if clause is None:
            names = ", ".join(entry.id for entry in directive.clauses)
            print(
                f"{directive.short} has no clause {args.clause!r}; known are {names}",
                file=sys.stderr,
            )
            return NOT_FOUND
        answer, lines = clause, clause_lines(directive, clause)
    if args.json:
        _print_json(plain(answer))
    else:
        print("\n".join(lines))
    return OK


def _tools(args: argparse.Namespace) -> int:
    known = load(args.catalog).detection_tools()
    if args.tool is None:
        if args.json:
            _print_json([plain(tool) for tool in known.values()])
        else:
            for tool in known.values():
                print(f"{tool.id:<17} {tool.support:<4} {tool.file:<27} {tool.title}")
        return OK
    found = known.get(args.tool)
    if found is None:
        text = f"there is no detection tool {args.tool!r}; known are {', '.join(sorted(known))}"
        print(text, file=sys.stderr)
        return NOT_FOUND
    if args.json:
        _print_json(plain(found))
    else:
        print("\n".join(tool_lines(found)))
    return OK


def _packages(args: argparse.Namespace) -> int:
    catalog = load(args.catalog)
    wanted: Build | str | None = args.wanted
    if args.wanted and not args.wanted.upper().startswith("KB"):
        try:
            wanted = Build.parse(args.wanted)
        except ValueError:
            print(f"neither a KB nor a build: {args.wanted!r}", file=sys.stderr)
            return 2
    found = catalog.packages(wanted)
    if args.json:
        _print_json([plain(package) for package in found])
    else:
        for package in found:
            mark = "" if package.file_confidence.value == "read" else " (file name not confirmed)"
            print(
                f"{package.kb:<10} {package.product:<13} {package.cu:<5} -> {package.build!s:<14} "
                f"{package.file}{mark}  sha256 {package.sha256}"
            )
            if (gone := package.withdrawn) is not None:
                print(f"           withdrawn on {gone.date}: {gone.reason} ({gone.source})")
    if not found:
        print(f"no package for {args.wanted}", file=sys.stderr)
    return OK if found else NOT_FOUND
