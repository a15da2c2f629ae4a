#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write roles/*/README.md from their argument_specs; with --check only say which is stale."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_MARK = "<!-- Generated from meta/argument_specs.yml by scripts/role_readme.py; edit there. -->"


def roles() -> list[Path]:
    """The roles of the collection."""
    return sorted(path.parent.parent for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def readme(role: Path) -> str:
    """The README of one role."""
    meta = yaml.safe_load((role / "meta" / "main.yml").read_text(encoding="utf-8"))["galaxy_info"]
    main = _main(role)
    lines = [
        _MARK,
        "",
        f"# exchange.remediation.{role.name}",
        "",
        f"{main['short_description']}.",
        "",
    ]
    lines += [f"{_plain(text)}\n" for text in _list(main["description"])]
    lines += ["| variable | type | default | meaning |", "|---|---|---|---|"]
    lines += [
        _row(name, _explained(name, option)) for name, option in sorted(main["options"].items())
    ]
    names = ", ".join(platform["name"] for platform in meta["platforms"])
    lines += [
        "",
        f"Works for: {names}. Needs ansible-core {meta['min_ansible_version']} or newer.",
        "",
    ]
    if (role / "tasks" / "main.yml").exists():
        lines += ["```yaml", "- hosts: exchange", "  gather_facts: false", "  roles:"]
        lines += [f"    - role: exchange.remediation.{role.name}", "```", ""]
    return "\n".join(lines)


def _main(role: Path) -> dict[str, Any]:
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    main: dict[str, Any] = specs["argument_specs"]["main"]
    return main


@cache
def _shared() -> dict[str, dict[str, Any]]:
    """The variables that stand behind those of a phase with the same name after the prefix."""
    options: dict[str, dict[str, Any]] = _main(ROOT / "roles" / "change")["options"]
    return options


def _explained(name: str, option: dict[str, Any]) -> dict[str, Any]:
    """The option with the words and the name of the shared variable that it stands before."""
    behind = f"change_{name.partition('_')[2]}"
    if option["description"] != f"Stands before C({behind}) for this role.":
        return option
    return {**option, "description": _shared()[behind]["description"], "default": behind}


def _row(name: str, option: dict[str, Any]) -> str:
    default = f"`{_plain(_shown(option['default']))}`" if "default" in option else "-"
    if option.get("required"):
        default = "**required**"
    meaning = " ".join(_plain(text) for text in _list(option["description"]))
    if option.get("choices"):
        meaning += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    return f"| `{name}` | {option['type']} | {default} | {meaning} |"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _list(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


def _plain(text: str) -> str:
    """Ansible's markup C(x), M(x), O(x), V(x) as code spans."""
    for mark in "CMOV":
        while f"{mark}(" in text:
            before, _, rest = text.partition(f"{mark}(")
            inner, _, after = rest.partition(")")
            text = f"{before}`{inner}`{after}"
    return text.replace("|", "\\|")


def main() -> int:
    """Write or check; 1 if something is stale."""
    stale = []
    for role in roles():
        path, text = role / "README.md", readme(role)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(role.name)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"roles/{name}/README.md was stale")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
