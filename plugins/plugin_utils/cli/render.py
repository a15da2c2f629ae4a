# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation render``: device configuration and steps for one server; contacts nobody.

Exit status: 0 rendered (``--check``: nothing would change), 1 ``--check``: files would change, 2 usage.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from ..catalog.directive_text import field
from ..render.files import PlacedFile, folder_of, place
from ..render.render import render
from ..render.template import LEVELS, DeviceTemplate, template, templates
from ..render.yaml_text import read_yaml

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

OK, DIFFERENT = 0, 1
_EXIT = "exit status: 0 rendered or nothing to change, 1 --check and files would change, 2 usage"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``render list``, ``render show`` and ``render make``."""
    top = commands.add_parser(
        "render", help="isolation steps for network, load balancer, hypervisor; contacts nobody",
        epilog=_EXIT,
    )  # fmt: skip
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("list", help="the templates and their levels", epilog=_EXIT)
    _add_own(verb)
    verb.set_defaults(run=_list)
    verb = verbs.add_parser("show", help="what a template needs, does, and does not", epilog=_EXIT)
    verb.add_argument("template")
    _add_own(verb)
    verb.set_defaults(run=_show)
    text = "write apply, verify, undo and the other steps of a template for one server"
    verb = verbs.add_parser("make", help=text, description=text, epilog=_EXIT)
    verb.add_argument("template")
    verb.add_argument("--level", required=True, choices=tuple(LEVELS))
    verb.add_argument("--values", type=Path, required=True, metavar="FILE",
                      help="YAML: value -> what it is; 'render show' lists them")  # fmt: skip
    verb.add_argument("--into", type=Path, required=True, metavar="DIR",
                      help="the files go to DIR/SERVER/TEMPLATE/LEVEL")  # fmt: skip
    verb.add_argument(
        "--basis", default="no plan", help="what it rests on, such as a plan's digest"
    )
    verb.add_argument("--check", action="store_true", help="write nothing, say what would change")
    verb.add_argument("--diff", action="store_true", help="show what changes")
    _add_own(verb)
    verb.set_defaults(run=_make)


def _add_own(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--templates", type=Path, metavar="DIR",
                      help="templates of your own, which win over ours by id")  # fmt: skip
    verb.add_argument("--json", action="store_true", help="print JSON instead of text")


def _list(args: argparse.Namespace) -> int:
    found = templates(args.templates)
    if args.json:
        print(json.dumps({name: _dict(entry) for name, entry in found.items()}, indent=2))
        return OK
    for name, entry in found.items():
        mark = " (your own)" if entry.own else ""
        print(f"{name:<16} {entry.group:<14} {', '.join(entry.levels)}{mark}")
    return OK


def _dict(entry: DeviceTemplate) -> dict[str, Any]:
    return {
        "title": entry.title,
        "group": entry.group,
        "levels": list(entry.levels),
        "parts": list(entry.parts),
        "values": [
            {
                "name": value.name,
                "kind": value.kind,
                "list": value.many,
                "required": value.required,
                "recorded": value.recorded,
                "levels": list(value.levels),
                "choices": list(value.choices),
                "text": value.text,
            }
            for value in entry.values
        ],
        "preconditions": list(entry.preconditions),
        "does_not": list(entry.does_not),
        "timer": entry.timer,
        "sessions": entry.sessions,
        "follows": [dict(row) for row in entry.follows],
        "own": entry.own,
    }


def _show(args: argparse.Namespace) -> int:
    entry = template(args.template, args.templates)
    print(json.dumps(_dict(entry), indent=2) if args.json else "\n".join(_lines(entry)))
    return OK


def _lines(entry: DeviceTemplate) -> Iterable[str]:
    yield entry.title
    for level in entry.levels:
        yield from field(level, LEVELS[level])
    yield "Values"
    for value in entry.values:
        kind = f"list of {value.kind}" if value.many else value.kind
        needed = (
            "recorded before" if value.recorded else "" if value.required else "may be left out"
        )
        levels = f"for {' and '.join(value.levels)}" if value.levels else ""
        marks = "; ".join(filter(None, (kind, needed, levels)))
        yield from field(value.name, f"{value.text} ({marks})")
    for title, texts in (("Before", entry.preconditions), ("It does not", entry.does_not)):
        yield title
        for text in texts:
            yield from field("", text)
    yield from field("way back", entry.timer)
    yield from field("sessions", entry.sessions)
    for row in entry.follows:
        yield from field("syntax", f"{row['document']}, {row['address']}, read {row['read']}")


def _make(args: argparse.Namespace) -> int:
    entry = template(args.template, args.templates)
    values = _values(args.values)
    parts = render(entry, args.level, values, where=str(args.values), basis=args.basis)
    folder = folder_of(args.into, str(values["server_name"]), entry.id, args.level)
    placed = place(folder, parts, check=args.check)
    changed = [file for file in placed if file.changed]
    if args.json:
        print(json.dumps({str(file.path): file.changed for file in placed}, indent=2))
    else:
        for file in placed:
            print(f"{'would change' if args.check else 'written'}: {file.path}" if file.changed
                  else f"unchanged: {file.path}")  # fmt: skip
    if args.diff:
        for file in changed:
            print("".join(_diff(file)), end="")
    return DIFFERENT if args.check and changed else OK


def _diff(file: PlacedFile) -> Iterable[str]:
    return difflib.unified_diff(
        file.before.splitlines(keepends=True),
        file.after.splitlines(keepends=True),
        f"{file.path} (before)",
        f"{file.path} (after)",
    )


def _values(path: Path) -> dict[str, Any]:
    data = read_yaml(path, "give a YAML file of values")
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: no mapping of values; write one value a line, 'name: value'")
    return {str(key): value for key, value in data.items()}
