# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk images of a simulated host: attached ones, their drives, and what is wrong with them.

An image holds ``setup.exe`` and nothing else; how that behaves is said by ``programs`` (`effects`).
Rules stand in the world's ``images``::

    {"match": "Exchange2016",   # in the path, case ignored
     "times": 1,                # for its first attachments only; none: for all
     "problem": "corrupt"}      # cannot be attached; no-letter, no-setup; stays: cannot be detached
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .paths import file_path

if TYPE_CHECKING:
    from .world import World

SETUP = "setup.exe"
_LETTERS = "DEFGHIJKLMNOPQRSTUVWXYZ"
_WINMGMT = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinMgmt"
_DISABLED = 4
_VERSION = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_SERVER_2012 = 9200


def offered(world: World) -> bool:
    """Tell whether this Windows has the Storage module: Server 2012 and later."""
    build = str(world.value(_VERSION, "CurrentBuildNumber") or "")
    return not build.isdecimal() or int(build) >= _SERVER_2012


def wmi_is_gone(world: World) -> bool:
    """Tell whether the module cannot answer: WMI is stopped and nothing may start it."""
    service = world.service("WinMgmt")
    stopped = service is not None and service["status"] == "Stopped"
    return stopped and world.value(_WINMGMT, "Start") == _DISABLED


def letter_of(world: World, path: str) -> str | None:
    """Return the letter of an attached image, "" without one; ``None``: not attached."""
    wanted = file_path(path).lower()
    found = world.data["attached_images"].items()
    return next((str(letter) for known, letter in found if known.lower() == wanted), None)


def problem(world: World, path: str, *, use: bool) -> str | None:
    """Return what is wrong with an image; ``use`` counts this attempt."""
    for position, rule in enumerate(world.data["images"]):
        if rule.get("times") is not None and rule.get("used", 0) >= rule["times"]:
            continue
        if str(rule["match"]).lower() in path.lower():
            if use:
                rules = list(world.data["images"])
                rules[position] = {**rule, "used": rule.get("used", 0) + 1}
                world.data["images"] = rules
            return str(rule["problem"])
    return None


def next_letter(world: World) -> str:
    """Return the letter that Windows would give."""
    taken = {*world.data["attached_images"].values(), *(d.upper() for d in world.data["drives"])}
    return next(letter for letter in _LETTERS if letter not in taken)


def attach(world: World, path: str, trouble: str | None, *, by: str) -> str:
    """Attach an image and return its letter, "" where Windows gives none."""
    letter = "" if trouble == "no-letter" else next_letter(world)
    put(world, path, letter, by=by)
    if letter and trouble != "no-setup":
        world.write_text(f"{letter}:\\{SETUP}", "setup", by=by)
    return letter


def put(world: World, path: str, letter: str, *, by: str) -> None:
    """Note that an image is attached."""
    world.data["attached_images"] = {**world.data["attached_images"], path: letter}
    world.record("image", path, by)


def detach(world: World, path: str, *, by: str) -> None:
    """Take an image off, with its drive."""
    letter = letter_of(world, path)
    if letter is None:
        return
    table: dict[str, Any] = world.data["attached_images"]
    wanted = file_path(path).lower()
    world.data["attached_images"] = {k: v for k, v in table.items() if k.lower() != wanted}
    if letter:
        world.delete_file(f"{letter}:\\{SETUP}", by=by)
    world.record("image", path, by)


def forget(world: World, *, by: str) -> None:
    """Windows starts: no image is attached any more."""
    for path in list(world.data["attached_images"]):
        detach(world, path, by=by)
