# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation works with beyond what every change does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError
from ..catalog.loader import load
from ..change.runtime import Runtime
from ..change.source import PackageSource
from .budget import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.transfer.order import Delivered, Delivery
    from ..trust.packages.catalogue import PackageCatalogue


def _no_delivery(_delivery: Delivery) -> Delivered:
    raise ConfigError("store: no package store is given, so nothing can be delivered")


@dataclass(slots=True, kw_only=True)
class InstallRuntime(Runtime):
    """``store``: the operator's packages, verified; ``delivery``: the operation that brings one."""

    store: PackageCatalogue | None = None
    deliver: Callable[[Delivery], Delivered] = _no_delivery
    delivery: str = "Add-PackageChunk"


def open_runtime(options: dict[str, Any]) -> InstallRuntime:
    """Open the operator's store, verified; without one an update can be planned, not installed."""
    source = PackageSource.of(options)
    return InstallRuntime(
        load(), store=source.catalogue, deliver=source.deliver, delivery=source.operation
    )


def budget(options: dict[str, Any]) -> Budget | None:
    """Return the stop budget, if one is asked for."""
    if not options.get("stop_file"):
        return None
    return Budget(Path(options["stop_file"]), options["stop_after"])
