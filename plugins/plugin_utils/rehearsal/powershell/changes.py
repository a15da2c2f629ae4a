# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that a command made to the simulated host, carried from the worker into its world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..world import registry_path

if TYPE_CHECKING:
    from ..world import World


def apply(world: World, changes: list[dict[str, Any]], *, by: str) -> None:
    """Apply the worker's changes in order; each leaves its line in the mutation log."""
    for change in changes:
        _apply(world, change, by)


def _apply(world: World, change: dict[str, Any], by: str) -> None:
    kind, target = str(change["kind"]), str(change["target"])
    if kind == "registry.set":
        world.set_value(target, change["name"], change["type"], change["value"], by=by)
    elif kind == "registry.create-key":
        _create_key(world, target, by)
    elif kind == "registry.remove-key":
        world.delete_key(target, by=by)
    elif kind == "registry.remove-value":
        world.delete_value(target, change["name"], by=by)
    elif kind == "service.status":
        world.set_service_status(target, change["value"], by=by)
    elif kind.startswith("iis."):
        world.set_iis_state(kind.removeprefix("iis."), target, change["value"], by=by)
    elif kind.startswith("file."):
        entry = world.file(target) or {"directory": True}
        world.put_file(target, {**entry, kind.removeprefix("file."): change["value"]}, by=by)
    else:
        world.record(kind, target, by)


def _create_key(world: World, path: str, by: str) -> None:
    if world.key(path) is None:
        wanted = registry_path(path)
        world.replace({**world.data, "registry": {**world.data["registry"], wanted: {}}})
        world.record("registry-key", wanted, by)
