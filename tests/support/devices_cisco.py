# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IOS router and an ASA hold after commands, as configurations that fwshift reads.

Before, each lets everything through; what differs afterwards is what the commands did. What the
device would refuse (a number that is taken, an object that is still used) fails here too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SEQUENCE = re.compile(r"(?:(\d+) )?(.*?)(?: sequence (\d+))?")
_BINDINGS = {
    "ip access-group": "ip access-list extended",
    "ipv6 traffic-filter": "ipv6 access-list",
}


def commands(text: str, comment: str) -> list[str]:
    """The lines of a text that a device acts on."""
    return [r for r in text.splitlines() if r.strip() and not r.startswith(comment)]


class Ios:
    """Lists by number, groups, and what is bound to the interface towards the servers."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.interface = f"interface {values['interface']}"
        self.lists: dict[str, dict[int, str]] = {}
        self.groups: dict[str, list[str]] = {}
        self.bound: dict[tuple[str, str], str] = {}  # (command, way) -> name
        for command, suffix in (("ip access-group", ""), ("ipv6 traffic-filter", "6")):
            for way in ("out", "in"):
                name = values.get(f"list_{way}{suffix}", "none")
                if name != "none":
                    self.bound[command, way] = name
                    any_protocol = command.split(maxsplit=1)[0]
                    self.lists[f"{_BINDINGS[command]} {name}"] = {
                        10: f"permit {any_protocol} any any"
                    }

    def enter(self, text: str) -> Ios:
        mode = ""
        for line in commands(text, "!"):
            if line.startswith("configure terminal") or line == "end":
                continue
            if line.startswith(" "):
                self._inside(mode, line.strip())
            elif line.startswith("no "):
                self._remove(line.removeprefix("no "))
            else:
                mode = line
                if "access-list" in line:
                    self.lists.setdefault(line, {})
                elif line.startswith("object-group"):
                    self.groups.setdefault(line, [])
                else:
                    assert line == self.interface, line
        return self

    def _inside(self, mode: str, line: str) -> None:
        undone = line.startswith("no ")
        line = line.removeprefix("no ")
        if mode in self.groups:
            self.groups[mode].append(line)
        elif mode in self.lists:
            self._entry(self.lists[mode], line, undone=undone)
        else:
            command, name, way = line.rsplit(maxsplit=2)
            if undone:
                assert self.bound.pop((command, way)) == name
            else:
                assert (command, way) not in self.bound, "another list is replaced"
                assert f"{_BINDINGS[command]} {name}" in self.lists, (
                    "a list that is not there lets all through"
                )
                self.bound[command, way] = name

    def _entry(self, entries: dict[int, str], line: str, *, undone: bool) -> None:
        match = _SEQUENCE.fullmatch(line)
        assert match is not None
        given, text = match[1] or match[3], match[2]
        if undone:
            assert given is None, "numbers change with a restart"
            del entries[next(number for number, entry in entries.items() if entry == text)]
            return
        number = int(given) if given else max(entries, default=0) + 10
        assert number not in entries, "Duplicate sequence number"
        assert text not in entries.values(), "IOS changes nothing"
        entries[number] = text

    def _remove(self, what: str) -> None:
        if what in self.lists:
            names = [f"{_BINDINGS[command]} {name}" for (command, _), name in self.bound.items()]
            assert what not in names, "a list that is bound is removed"
            del self.lists[what]
            return
        name = what.rsplit(maxsplit=1)[-1]
        for entries in self.lists.values():
            assert not any(name in entry.split() for entry in entries.values()), "it is still used"
        del self.groups[what]

    @property
    def config(self) -> str:
        blocks: dict[str, Iterable[str]] = {
            **self.groups,
            **{header: [rows[n] for n in sorted(rows)] for header, rows in self.lists.items()},
            "interface GigabitEthernet0/9": ["ip address 203.0.113.1 255.255.255.0"],
            self.interface: [
                "ip address 192.0.2.1 255.255.255.0",
                *(f"{command} {name} {way}" for (command, way), name in self.bound.items()),
            ],
        }
        return "".join("\n ".join([header, *rows]) + "\n" for header, rows in blocks.items())


class Asa:
    """Lists by name, groups, and which list judges which direction."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.interface = values["interface"]
        self.lists: dict[str, list[str]] = {}
        self.groups: dict[str, list[str]] = {}
        self.out, self.into = values.get("list_out", "none"), values.get("list_in", "none")
        for name in (self.out, self.into):
            if name != "none":
                self.lists[name] = ["permit ip any any"]

    def enter(self, text: str) -> Asa:
        mode = ""
        for line in commands(text, "!"):
            undone = line.startswith("no ")
            rest = line.removeprefix("no ")
            match = re.fullmatch(r"access-list (\S+)(?: line (\d+))? extended (.*)", rest)
            if match:
                self._entry(match[1], match[2], match[3], undone=undone)
            elif rest.startswith("access-group "):
                self._bind(rest.split(), undone=undone)
            elif rest.startswith("object-group network "):
                mode = rest
                self._group(rest, undone=undone)
            elif line.startswith(" network-object "):
                self.groups[mode].append(line.strip())
            else:
                assert line in {"configure terminal", "end"}, line
        return self

    def _entry(self, name: str, at: str | None, entry: str, *, undone: bool) -> None:
        entries = self.lists.setdefault(name, [])
        if undone:
            entries.remove(entry)
            if not entries:
                del self.lists[name]
            return
        for word in re.findall(r"object-group (\S+)", entry):
            assert f"object-group network {word}" in self.groups, word
        entries.insert(int(at) - 1 if at else len(entries), entry)

    def _bind(self, words: list[str], *, undone: bool) -> None:
        assert words[2:] == ["out", "interface", self.interface]
        if undone:
            assert self.out == words[1]
            self.out = "none"
        else:
            assert self.out == "none", "another list is replaced"
            assert words[1] in self.lists, "a list that is empty cannot be bound"
            self.out = words[1]

    def _group(self, header: str, *, undone: bool) -> None:
        if not undone:
            self.groups.setdefault(header, [])
            return
        name = header.rsplit(maxsplit=1)[-1]
        assert not any(name in e.split() for rows in self.lists.values() for e in rows), (
            "still used"
        )
        del self.groups[header]

    @property
    def config(self) -> str:
        """Both lists as one that is bound globally: fwshift does not read outbound ones.

        A packet has to pass both. Each ends by letting through, and what one lets through by name the
        other does not name (kept networks never hold a server), so one list says the same.
        """
        entries = []
        for name in self.lists:
            assert name in {self.out, self.into}, f"{name} is bound nowhere"
            assert self.lists[name][-1] == "permit ip any any"
            entries += self.lists[name][:-1]
        groups = [
            line
            for header, rows in self.groups.items()
            for line in (header, *(f" {r}" for r in rows))
        ]
        lists = [f"access-list ALL extended {entry}" for entry in (*entries, "permit ip any any")]
        return "\n".join(["ASA Version 9.16(4)", *groups, *lists, "access-group ALL global", ""])
