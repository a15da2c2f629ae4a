# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases in tests/contract/<area>/*.yml: a host, and steps that both engines answer alike.

A file is a list of cases::

    - case: a lock is taken and refused to others
      host: small/ex01              # fleet (a scenario, or "contract") and host; this one by default
      steps:
        - later: 5                  # minutes on the host's clock
        - reboot: true
        - world: {processes: [msiexec.exe]}
        - operation: Lock-Host
          parameters: {owner: a, run: r, purpose: p}   # lock_of, ticket, life: see holders.py
          key: 1                    # a number for each keyed change of the case
          expect: {status: ok, result: {state: acquired}}
          keep: first               # the result under a name,
          same: first               # or compare it with a kept one

A world takes ``processes`` (a list), ``files`` (an entry with ``text``, ``size``, ``directory`` ...;
null removes), ``registry`` (by key, then value: ``{type, value}``, null removes; a null key goes
with all below it), ``services`` and ``data`` (members of the document of the host).
``expect`` names the part of the reply that counts: a mapping compares the members that it has,
``errors`` begins with those given, ``{ends: text}`` compares the end of a text. All else in a
reply must be equal on both engines anyway. A case whose steps all only read changes nothing.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.paths import (
    format_time,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )
    from engine_pair import Story

FOLDER = Path(__file__).parents[1] / "contract"
_KNOWN_STEPS = frozenset(
    {"later", "reboot", "world", "operation", "parameters", "key", "expect", "keep", "same"}
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: where it stands, the host that it begins with, and its steps."""

    area: str
    name: str
    fleet: str
    host: str
    steps: tuple[dict[str, Any], ...]

    @property
    def id(self) -> str:
        return f"{self.area}: {self.name}"

    @property
    def operations(self) -> set[str]:
        return {step["operation"] for step in self.steps if "operation" in step}

    def play(self, story: Story) -> None:
        kept: dict[str, Any] = {}
        for number, step in enumerate(self.steps, 1):
            reply = _step(story, step)
            if reply is None:
                continue
            at = f"step {number} ({step['operation']})"
            _compare(reply, step["expect"], at)
            if "same" in step:
                assert reply["result"] == kept[step["same"]], at
            if "keep" in step:
                kept[step["keep"]] = reply["result"]
        if all(loader.reads_only(name) for name in self.operations):
            for world in story.pair.worlds:
                assert {change["by"] for change in world.mutations} <= {"test"}


def load() -> list[Case]:
    """Read all cases, sorted by area and name."""
    found = [
        _case(path.parent.name, document)
        for path in sorted(FOLDER.glob("*/*.yml"))
        for document in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]
    assert len({case.id for case in found}) == len(found), "two cases have one name"
    return found


def _case(area: str, document: dict[str, Any]) -> Case:
    assert document.keys() <= {"case", "host", "steps"}, document
    for step in document["steps"]:
        assert step.keys() <= _KNOWN_STEPS, step
        assert ("operation" in step) is ("expect" in step), step
    fleet, _, host = document.get("host", "small/ex01").partition("/")
    return Case(area, document["case"], fleet, host, tuple(document["steps"]))


def _step(story: Story, step: dict[str, Any]) -> Any:
    if "later" in step:
        story.later(step["later"])
    for world in story.pair.worlds:
        if step.get("reboot"):
            machine.reboot(world, by="test")
        _change(world, copy.deepcopy(step.get("world", {})))
    if "operation" not in step:
        return None
    key = f"{step['key']:064x}" if "key" in step else None
    return story.step(step["operation"], step.get("parameters", {}), key)


def _change(world: World, changes: dict[str, Any]) -> None:
    assert changes.keys() <= {"processes", "files", "registry", "services", "data"}, changes
    if "processes" in changes:
        world.data["processes"] = changes["processes"]
    world.data["services"] = {**world.data["services"], **changes.get("services", {})}
    world.data |= changes.get("data", {})
    for path, entry in changes.get("files", {}).items():
        if entry is None:
            world.delete_file(path, by="test")
        else:
            world.put_file(path, {"mtime": format_time(world.clock()), **entry}, by="test")
    for path, values in changes.get("registry", {}).items():
        if values is None:
            world.delete_key(path, by="test")
        for name, value in (values or {}).items():
            if value is None:
                world.delete_value(path, name, by="test")
            else:
                world.set_value(path, name, value["type"], value["value"], by="test")
    if changes:
        world.record("world", "changed", "test")


def _compare(found: Any, expected: Any, at: str) -> None:
    if isinstance(expected, dict) and expected.keys() == {"ends"}:
        assert str(found).endswith(expected["ends"]), f"{at}: {found!r}"
    elif isinstance(expected, dict):
        assert isinstance(found, dict), f"{at}: {found!r}"
        for name, part in expected.items():
            assert name in found, f"{at}: no {name} in {found!r}"
            _compare(found[name], part, f"{at}.{name}")
    elif isinstance(expected, list) and at.endswith(".errors") and expected:
        assert len(found) >= len(expected), f"{at}: {found!r}"
        for number, part in enumerate(expected):
            _compare(found[number], part, f"{at}[{number}]")
    else:
        assert found == expected, f"{at}: {found!r}, expected {expected!r}"
