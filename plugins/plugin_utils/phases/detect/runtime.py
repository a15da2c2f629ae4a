# SPDX-License-Identifier: GPL-3.0-or-later
"""What detecting works with beyond what every change does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import ConfigError
from ...change.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...host.transfer.order import Delivered, Delivery
    from ...trust.packages.catalogue import PackageCatalogue
    from ...trust.packages.tool_records import ToolRecord


def _no_file(_record: ToolRecord) -> Path:
    raise ConfigError("store: no package store is given, so nothing can be run from it")


def _no_delivery(_delivery: Delivery) -> Delivered:
    raise ConfigError("store: no package store is given, so nothing can be delivered")


@dataclass(slots=True, kw_only=True)
class DetectRuntime(Runtime):
    """``store``: the operator's packages, verified; ``deliver`` brings one of them to a host.

    ``local`` returns where the verified bytes of one lie on the controller.
    """

    store: PackageCatalogue | None = None
    deliver: Callable[[Delivery], Delivered] = _no_delivery
    local: Callable[[ToolRecord], Path] = _no_file
