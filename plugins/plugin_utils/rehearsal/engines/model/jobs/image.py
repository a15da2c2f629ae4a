# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk image of a job in the model: attached before setup.exe starts, taken off when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....world import disk_images
from ..core.state import BY
from ..errors import OperationError

if TYPE_CHECKING:
    from ....world.world import World

_TRIES = 3
_LETTER_SECONDS = 15  # how long one attempt waits for a drive letter
_WORKERS = ("exsetup", "exsetupui")
_NO_WMI = (
    "The service cannot be started, either because it is disabled or because it has no enabled "
    "devices associated with it. "
)
_CORRUPT = "The file or directory is corrupted and unreadable. "


def is_image(path: str) -> bool:
    """Tell whether what is launched lies on a disk image."""
    return path.lower().endswith(".iso")


def at_work(world: World) -> bool:
    """Tell whether setup goes on in a process of another name."""
    listed = world.data["processes"]
    return any(str(p["name"] if isinstance(p, dict) else p).lower() in _WORKERS for p in listed)


def assert_support(world: World) -> None:
    """Raise RequestInvalid on a Windows that cannot attach images."""
    if not disk_images.offered(world):
        message = (
            "this Windows cannot attach disk images, Server 2012 and later can; run setup.exe of "
            "this cumulative update by hand"
        )
        raise OperationError("RequestInvalid", message, identity="ImageUnsupported")


def mount(world: World, path: str, state: dict[str, Any]) -> tuple[bool, float]:
    """Attach the image; whether that worked (else the reason is in the state), and the seconds."""
    waited = 0.0
    for _ in range(_TRIES):
        state["message"] = _dismount(world, path)
        if state["message"] is None:
            trouble = disk_images.problem(world, path, use=True)
            if trouble == "corrupt":
                state["message"] = _CORRUPT
                continue
            letter = disk_images.attach(world, path, trouble, by=BY)
            if letter and world.file(f"{letter}:\\{disk_images.SETUP}") is not None:
                state["image"] = f"{letter}:"
                return True, waited
            if letter:
                state["message"] = "there is no setup.exe at the root of the image"
                break
            waited += _LETTER_SECONDS
            state["message"] = "Windows gave the image no drive letter"
    clear(world, path, state)
    state["reason"] = "image"
    return False, waited


def clear(world: World, path: str, state: dict[str, Any]) -> None:
    """Take the image off; it stays while WMI is gone or somebody holds it."""
    if is_image(path) and _dismount(world, path) is None:
        state["image"] = None


def _dismount(world: World, path: str) -> str | None:
    if disk_images.wmi_is_gone(world):
        return _NO_WMI
    if disk_images.letter_of(world, path) is None:
        return None
    if disk_images.problem(world, path, use=False) == "stays":
        return "the image is attached already and does not go"
    disk_images.detach(world, path, by=BY)
    return None
