# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about builds, products and CVEs as such: the part that exposure and support rest on."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from .records.builds import BuildInfo, CuInfo

if TYPE_CHECKING:
    from datetime import date

    from ..base.model import Build
    from .readers.tables import Tables
    from .records.builds import Product, Vulnerability


class BuildTable:
    """The tables of builds, products and CVEs, loaded once; all methods are pure."""

    def __init__(self, tables: Tables) -> None:
        """Take over what the loader read."""
        self._tables = tables
        self._builds = sorted(tables.builds.values(), key=lambda info: info.build)
        self._order = [info.build for info in self._builds]
        self._by_cu: dict[tuple[str, str], list[BuildInfo]] = {}
        self._by_prefix: dict[tuple[int, int, int], list[BuildInfo]] = {}
        for info in self._builds:
            self._by_cu.setdefault((info.product, info.cu), []).append(info)
            self._by_prefix.setdefault(info.build.cumulative_update, []).append(info)
        self._cus = {
            key: CuInfo(*key, infos[0].build, infos[0].release_date, infos[0].source)
            for key, infos in self._by_cu.items()
        }

    @property
    def as_of(self) -> date:
        """The day to which the catalogue is kept."""
        return self._tables.as_of

    # Builds -----------------------------------------------------------------------------

    def builds(self) -> tuple[BuildInfo, ...]:
        """Every known build, in order of the number."""
        return tuple(self._builds)

    def builds_of(self, product: str, cu: str) -> tuple[BuildInfo, ...]:
        """The builds of one cumulative update, the base build first."""
        return tuple(self._by_cu.get((product, cu), ()))

    def find_build(self, build: Build) -> BuildInfo | None:
        """The build, if the table has exactly this one."""
        return self._tables.builds.get(build)

    def cu_of(self, build: Build) -> CuInfo | None:
        """The cumulative update of a build, by its first three parts.

        A preview shares them with its release: then the newest entry that is not
        above ``build`` counts.
        """
        infos = self._by_prefix.get(build.cumulative_update)
        if not infos:
            return None
        at_or_below = [info for info in infos if info.build <= build] or infos[:1]
        info = at_or_below[-1]
        return self._cus[info.product, info.cu]

    def cumulative_updates(self, product: str) -> tuple[CuInfo, ...]:
        """The cumulative updates of a product, oldest first."""
        return tuple(cu for key, cu in self._cus.items() if key[0] == product)

    def neighbours(self, build: Build) -> tuple[BuildInfo | None, BuildInfo | None]:
        """The nearest known builds below and above."""
        place = bisect_left(self._order, build)
        above = place + 1 if self.find_build(build) else place
        return (
            self._builds[place - 1] if place else None,
            self._builds[above] if above < len(self._builds) else None,
        )

    def explain_unknown(self, build: Build) -> str:
        """Say that a build is unknown, what lies around it, and what to do."""
        near = [
            f"{info.build} ({info.title}) {side}"
            for side, info in zip(("below", "above"), self.neighbours(build), strict=True)
            if info
        ]
        return (
            f"build {build} belongs to no cumulative update in the catalogue; nearest: "
            f"{', '.join(near)}; if it is genuine, add it to builds/"
        )

    def released(self, build: Build) -> date:
        """The release day of a known build; raises ``KeyError``."""
        return self._tables.builds[build].released

    # Products ---------------------------------------------------------------------------

    def product(self, product: str) -> Product:
        """A product line; raises ``KeyError``."""
        return self._tables.products[product]

    def products(self) -> tuple[Product, ...]:
        """Every product line, oldest first."""
        return tuple(self._tables.products.values())

    # Vulnerabilities --------------------------------------------------------------------

    def vulnerability(self, cve: str) -> Vulnerability | None:
        """A CVE with its fixed builds."""
        return self._tables.vulnerabilities.get(cve)
