# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command set going: tasks, programs, restarts and the time that passed in a task.

Applied when the files of the command are read back, because what programs leave behind must then
go the other way: from the world to the disk.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from ...world import disk_images, effects, machine
from .command_line import ScriptCall, parse

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ...world.world import World

_BY = "powershell"
_NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def apply(world: World, changes: list[dict[str, Any]]) -> None:
    """Apply these of a command's changes, in their order."""
    for change in changes:
        act = KINDS.get(str(change["kind"]))
        if act is not None:
            act(world, change)


def script_of(world: World, name: str) -> ScriptCall | None:
    """Return what a task runs, if that is a PowerShell script."""
    text = str(world.data["scheduled_tasks"][name]["xml"])
    declared = text[text.find("?>") + 2 :] if text.startswith("<?xml") else text
    with contextlib.suppress(defusedxml.ElementTree.ParseError, DefusedXmlException):
        root: Element = defusedxml.ElementTree.fromstring(declared, forbid_dtd=True)
        action = root.find(f"{_NAMESPACE}Actions/{_NAMESPACE}Exec")
        line = f"{_text(action, 'Command')} {_text(action, 'Arguments')}"
        parsed = parse(line, world)
        return parsed if isinstance(parsed, ScriptCall) else None
    return None


def _text(action: Element | None, name: str) -> str:
    found = None if action is None else action.find(_NAMESPACE + name)
    return "" if found is None else str(found.text or "")


def _clock(world: World, change: dict[str, Any]) -> None:
    machine.advance_clock(world, float(change["seconds"]))


def _put_task(world: World, change: dict[str, Any]) -> None:
    machine.put_task(world, change["target"], change["xml"], by=_BY)


def _run_task(world: World, change: dict[str, Any]) -> None:
    machine.change_task(world, change["target"], due=True)


def _remove_task(world: World, change: dict[str, Any]) -> None:
    machine.remove_task(world, change["target"], by=_BY)


def _program(world: World, change: dict[str, Any]) -> None:
    behaviour = effects.launched(world, change["target"], by=_BY)
    runner = {"name": "powershell", "id": change["runner"], "started": change["runner_started"]}
    program = {name: change[name] for name in ("id", "name", "started")}
    machine.put_process(world, runner)
    machine.put_process(world, {**program, "parent": change["runner"], "behaviour": behaviour})


def _program_ended(world: World, change: dict[str, Any]) -> None:
    program = machine.process(world, int(change["target"]))
    if program is not None:
        effects.apply(world, program["behaviour"].get("effects", []), by=_BY)
        machine.end_process(world, program["id"])
        machine.end_process(world, program["parent"])


def _program_reboots(world: World, change: dict[str, Any]) -> None:
    program = machine.process(world, int(change["target"]))
    if program is not None:
        effects.apply(world, program["behaviour"].get("effects", []), by=_BY)
    machine.restart(world)


def _shutdown(world: World, change: dict[str, Any]) -> None:
    machine.plan_restart(world, int(change["seconds"]), by=_BY)


def _cancel_shutdown(world: World, _change: dict[str, Any]) -> None:
    world.data["shutdown"] = None
    world.record("shutdown", world.name, _BY)


def _attach(world: World, change: dict[str, Any]) -> None:
    disk_images.problem(world, change["target"], use=True)
    disk_images.put(world, change["target"], change["letter"], by=_BY)


def _refuse(world: World, change: dict[str, Any]) -> None:
    disk_images.problem(world, change["target"], use=True)


def _detach(world: World, change: dict[str, Any]) -> None:
    disk_images.detach(world, change["target"], by=_BY)


KINDS = {
    "clock": _clock,
    "image.attach": _attach,
    "image.detach": _detach,
    "image.refused": _refuse,
    "program": _program,
    "program.ended": _program_ended,
    "program.reboots": _program_reboots,
    "shutdown": _shutdown,
    "shutdown.cancel": _cancel_shutdown,
    "task.put": _put_task,
    "task.remove": _remove_task,
    "task.run": _run_task,
}
