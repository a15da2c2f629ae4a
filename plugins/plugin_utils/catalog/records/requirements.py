# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cumulative update needs besides its package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DotnetRange:
    """The versions of .NET Framework, e.g. "4.7.2" to "4.8", on which a cumulative update runs."""

    product: str
    first: int  # the number of the first cumulative update that this is for
    least: str
    most: str


@dataclass(frozen=True, slots=True)
class LicenceSwitch:
    """The switch of setup.exe that accepts the licence."""

    product: str
    first: int  # the number of the first cumulative update that this is for
    switch: str


Row = TypeVar("Row", DotnetRange, LicenceSwitch)


@dataclass(frozen=True, slots=True)
class Requirements:
    """The tables; in each the rows of a product stand with the newest first."""

    releases: Mapping[str, int]  # version of .NET Framework -> its number in the registry, rising
    dotnet: tuple[DotnetRange, ...]
    licence: tuple[LicenceSwitch, ...]

    def dotnet_for(self, product: str, number: int) -> DotnetRange | None:
        """The range for a cumulative update by its number; ``None`` = the table has none."""
        return _first(self.dotnet, product, number)

    def licence_for(self, product: str, number: int) -> LicenceSwitch | None:
        """The switch for a cumulative update by its number; ``None`` = the table has none."""
        return _first(self.licence, product, number)


def _first(rows: tuple[Row, ...], product: str, number: int) -> Row | None:
    return next((row for row in rows if row.product == product and row.first <= number), None)
