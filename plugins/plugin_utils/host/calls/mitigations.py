# SPDX-License-Identifier: GPL-3.0-or-later
"""Set and undo mitigations; each leaves a record on the host that says how it is undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .asking import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .asking import Asks, Changes


@dataclass(frozen=True, slots=True)
class Change:
    """What a change did; ``shown`` are before, after, undo and kept, as the host says them."""

    changed: bool
    shown: dict[str, Any]


def set_url_rewrite(host: Changes, parameters: Mapping[str, Any], step: str) -> Change:
    """Write rules of URL Rewrite into the configuration of a site."""
    return _changed(host.change("Set-UrlRewriteMitigation", dict(parameters), step))


def set_services(host: Changes, parameters: Mapping[str, Any], step: str) -> Change:
    """Stop services and keep them from starting."""
    return _changed(host.change("Set-ServiceMitigation", dict(parameters), step))


def set_app_pools(host: Changes, parameters: Mapping[str, Any], step: str) -> Change:
    """Stop application pools and keep them from starting."""
    return _changed(host.change("Set-AppPoolMitigation", dict(parameters), step))


def undo(host: Changes, parameters: Mapping[str, Any], step: str) -> Change:
    """Put back what a mitigation of ours had changed."""
    return _changed(host.change("Undo-Mitigation", dict(parameters), step))


_BY_OPERATION = {
    "Set-UrlRewriteMitigation": set_url_rewrite,
    "Set-ServiceMitigation": set_services,
    "Set-AppPoolMitigation": set_app_pools,
    "Undo-Mitigation": undo,
}


def apply(host: Changes, operation: str, parameters: Mapping[str, Any], step: str) -> Change:
    """Carry out a step of a plan, which names its operation as data."""
    return _BY_OPERATION[operation](host, parameters, step)


def preview(host: Asks, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step of a plan would do (before, after, undo ...); nothing is changed."""
    return mapping(host.ask(operation, {**parameters, "check": True}).result)


def is_ours(host: Asks, mitigation: str) -> bool:
    """Whether the host has a record by which a mitigation could be undone; changes nothing."""
    return preview(host, "Undo-Mitigation", {"mitigation": mitigation}).get("undo") is not None


def _changed(answer: dict[str, Any]) -> Change:
    shown = {name: answer.get(name) for name in ("before", "after", "undo", "kept")}
    return Change(answer.get("changed") is True, shown)
