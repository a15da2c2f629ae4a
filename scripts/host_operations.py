#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the reference in docs/host-operations.md from the scripts; --check says if it is stale."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import (
    contract,
    loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations.head import head

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "host-operations.md"
MARK = (
    "<!-- Below: generated from the scripts' heads by scripts/host_operations.py; edit there. -->"
)


def document(text: str) -> str:
    """Return the document with a fresh reference; what is above the mark stays as it is."""
    written, found, _ = text.partition(MARK)
    if not found:
        raise ValueError(f"{DOCUMENT.name} has no line {MARK}")
    names = sorted(loader.operations(), key=lambda name: (loader.area(name), name))
    lines = [
        MARK,
        "",
        "## Reference",
        "",
        "| operation | area | changes something |",
        "|---|---|---|",
    ]
    lines += [_row(name) for name in names]
    for area, members in groupby(names, key=loader.area):
        lines += ["", f"### Area `{area}`"]
        for name in members:
            lines += ["", *_operation(name)]
    return f"{written}{chr(10).join(lines)}\n"


def _row(name: str) -> str:
    anchor = name.lower()
    changes = {
        loader.OperationEntry.READ: "no",
        loader.OperationEntry.LOCK: "the lock",
        loader.OperationEntry.CHANGE: "yes, keyed, under the lock",
    }[loader.entry(name)]
    return f"| [`{name}`](#{anchor}) | `{loader.area(name)}` | {changes} |"


def _operation(name: str) -> list[str]:
    found = head(name)
    lines = [f"#### {name}", "", _plain(found.synopsis), "", f"Result: {_plain(found.result)}"]
    if found.fails:
        classes = groupby(found.fails, key=lambda row: row[0])
        fails = "; ".join(f"{kind}: {_names(rows)}" for kind, rows in classes)
        lines += ["", f"Fails with {fails}."]
    parameters = contract.parameters(name)
    if parameters:
        lines += ["", "| parameter | type | default | bounds |", "|---|---|---|---|"]
        lines += [_parameter(one) for one in parameters]
    return lines


def _names(rows: Any) -> str:
    return ", ".join(f"`{identity}`" for _, identity in rows)


def _parameter(one: contract.OperationParameter) -> str:
    default = "**required**" if one.mandatory else f"`{_shown(one.default)}`"
    rules = []
    if one.bounds:
        rules.append(f"{one.bounds.measure.value.lower()} {one.bounds.least} to {one.bounds.most}")
    if one.choices:
        rules.append("one of " + ", ".join(f"`{choice}`" for choice in one.choices))
    if one.pattern:
        rules.append(f"`{_cell(one.pattern)}`")
    if one.comment:
        rules.append(_plain(one.comment))
    return f"| `{one.key}` | {one.type.value} | {default} | {_cell('; '.join(rules)) or '-'} |"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Write or check; 1 if the reference is stale."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = document(before)
    if before == after:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"stale: {DOCUMENT.name}")
        return 1
    DOCUMENT.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
