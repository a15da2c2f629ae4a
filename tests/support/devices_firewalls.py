# SPDX-License-Identifier: GPL-3.0-or-later
"""What a FortiGate, a PAN-OS firewall and a Linux router hold after commands, as fwshift reads it.

Before, each lets everything through; what differs afterwards is what the commands did.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from devices_cisco import commands

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALL = [
    'set srcintf "any"', 'set dstintf "any"', 'set srcaddr "all"', 'set dstaddr "all"',
    'set srcaddr6 "all"', 'set dstaddr6 "all"', "set action accept", 'set schedule "always"',
    'set service "ALL"',
]  # fmt: skip


class Nftables:
    """The table; its first two statements only make room for it."""

    def __init__(self, _: Mapping[str, Any]) -> None:
        self.lines: list[str] = []

    def enter(self, text: str) -> Nftables:
        lines = text.splitlines()
        start = next((i for i, line in enumerate(lines) if line.endswith(" {")), None)
        if start is None:
            assert lines[-1].startswith("delete table ")
            self.lines = []
        else:
            assert lines[start - 1].startswith("delete table ")
            self.lines = lines[start:]
        return self

    @property
    def config(self) -> str:
        return "\n".join([*self.lines, ""])


class Fortigate:
    """The tables of the configuration, each with its entries in their order."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.tables: dict[str, dict[str, list[str]]] = {
            "firewall policy": {str(values["first_policy"]): list(_ALL)}
        }
        for vip in values.get("vips") or ():
            self.tables.setdefault("firewall vip", {})[f'"{vip}"'] = []

    def enter(self, text: str) -> Fortigate:
        table: dict[str, list[str]] = {}
        entry: list[str] = []
        for line in map(str.strip, commands(text, "#")):
            word, _, rest = line.partition(" ")
            if word == "config":
                table = self.tables.setdefault(rest, {})
            elif word == "edit":
                assert rest not in table, "what is there already is changed"
                entry = table[rest] = []
            elif word == "set":
                entry.append(line)
            elif word == "delete":
                del table[rest]
                assert not any(
                    rest in row for t in self.tables.values() for e in t.values() for row in e
                )
            elif word == "move":
                self._move(table, *rest.split(" before "))
            else:
                assert line in {"next", "end"}, line
        self.tables = {name: rows for name, rows in self.tables.items() if rows}
        return self

    def _move(self, table: dict[str, list[str]], what: str, anchor: str) -> None:
        order = [name for name in table if name != what]
        order.insert(order.index(anchor), what)
        rows = dict(table)
        table.clear()
        table.update((name, rows[name]) for name in order)

    @property
    def config(self) -> str:
        order = sorted(self.tables, key=lambda name: name == "firewall policy")
        return "".join(
            f"config {name}\n{self._rows(self.tables[name])}end\n"
            for name in order
            if name != "firewall vip"
        )

    def _rows(self, rows: dict[str, list[str]]) -> str:
        return "".join(
            "".join(
                f"{line}\n"
                for line in (f"    edit {name}", *(f"        {r}" for r in body), "    next")
            )
            for name, body in rows.items()
        )


class PaloAlto:
    """Objects and rules in their order; nothing counts before the commit."""

    def __init__(self, _: Mapping[str, Any]) -> None:
        self.objects: dict[str, str] = {}
        self.rules: dict[str, list[str]] = {
            "base": [
                "from any to any source any destination any application any service any action allow"
            ]
        }
        self.committed = True

    def enter(self, text: str) -> PaloAlto:
        lines = commands(text, "#")
        assert lines[0] == "configure"
        assert lines[-3:] == ["validate full", "commit", "exit"]
        for line in lines[1:-3]:
            verb, rest = line.split(maxsplit=1)
            match = re.fullmatch(r"rulebase security rules (\S+) ?(.*)", rest)
            if match:
                self._rule(verb, match[1], match[2])
            elif verb == "set":
                kind, name, value = rest.split(maxsplit=2)
                assert f"{kind} {name}" not in self.objects
                self.objects[f"{kind} {name}"] = value
            else:
                assert verb == "delete"
                name = rest.split()[-1]
                assert not any(name in row.split() for rows in self.rules.values() for row in rows)
                del self.objects[rest]
        return self

    def _rule(self, verb: str, name: str, rest: str) -> None:
        if verb == "set":
            self.rules.setdefault(name, []).append(rest)
        elif verb == "delete":
            del self.rules[name]
        else:
            assert (verb, rest) == ("move", "top")
            self.rules = {name: self.rules[name], **self.rules}

    @property
    def config(self) -> str:
        rules = [
            f"set rulebase security rules {n} {row}"
            for n, rows in self.rules.items()
            for row in rows
        ]
        return "\n".join([*(f"set {k} {v}" for k, v in self.objects.items()), *rules, ""])
