# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that a command made to the simulated host, carried from the worker into its world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...world.world import registry_path
from . import aftermath

if TYPE_CHECKING:
    from ...world.world import World

_BY = "powershell"  # the mutation log's word for what a real script did

_DEFAULT = "(default)"  # the world's name of a key's unnamed value


def apply(world: World, changes: list[dict[str, Any]]) -> None:
    """Apply the worker's changes in order; each leaves its line in the mutation log."""
    for change in changes:
        _apply(world, change)


def describe_files(world: World, changes: list[dict[str, Any]]) -> None:
    """Add what the disk does not hold (owner, access list) to files that a command made."""
    for change in changes:
        kind, _, fact = str(change["kind"]).partition(".")
        entry = world.file(change["target"]) if kind == "file" else None
        if entry is not None and entry.get(fact) != change["value"]:
            world.put_file(change["target"], {**entry, fact: change["value"]}, by=_BY)


def _apply(world: World, change: dict[str, Any]) -> None:
    kind, target = str(change["kind"]), str(change["target"])
    if kind == "registry.set":
        world.set_value(target, change["name"] or _DEFAULT, change["type"], change["value"], by=_BY)
    elif kind == "registry.create-key":
        _create_key(world, target)
    elif kind == "registry.remove-key":
        world.delete_key(target, by=_BY)
    elif kind == "registry.remove-value":
        world.delete_value(target, change["name"] or _DEFAULT, by=_BY)
    elif kind == "service.status":
        world.set_service_status(target, change["value"], by=_BY)
    elif kind.startswith("iis."):
        world.set_iis_state(kind.removeprefix("iis."), target, change["value"], by=_BY)
    elif not kind.startswith("file.") and kind not in aftermath.KINDS:
        world.record(kind, target, _BY)


def _create_key(world: World, path: str) -> None:
    if world.key(path) is None:
        wanted = registry_path(path)
        world.replace({**world.data, "registry": {**world.data["registry"], wanted: {}}})
        world.record("registry-key", wanted, _BY)
