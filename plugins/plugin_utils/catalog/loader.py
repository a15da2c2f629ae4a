# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the catalogue's files once.

A catalogue is a folder::

    products.yml      product lines, support life
    builds/           one file a product
    vulnerabilities/  one file a year: first fixed build per cumulative update
    packages/         one file a product
    iis_modules/      one file a module of IIS that mitigations need
    indicators/       one file a set
    mitigations/      one file a mitigation
    directives/       one file a directive
    campaigns/        one file an emergency

Files are read in this order, each may name only what stands in those before it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import CatalogError
from .catalog import Catalog
from .documents import Document, read
from .readers.emergencies import Emergencies, read_campaign, read_directive, read_mitigation
from .readers.iis_modules import read_module
from .readers.packages import read_indicators, read_packages
from .readers.tables import Tables, read_builds, read_products, read_vulnerabilities

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent / "data"


def load(root: Path | None = None) -> Catalog:
    """Load a catalogue folder; without one the collection's own, which is kept in memory.

    Raises :class:`CatalogError` with file, line, what is wrong, and its cure.
    """
    return _packaged() if root is None else _load(root.resolve())


@cache
def _packaged() -> Catalog:
    return _load(ROOT)


def _load(root: Path) -> Catalog:
    products = root / "products.yml"
    if not products.is_file():
        raise CatalogError(f"{root} is not a catalogue: it has no products.yml; check the folder")
    tables = read_products(read(root, products, "products"))
    found = Emergencies()
    steps: tuple[tuple[str, str, Callable[[Document], None]], ...] = (
        ("builds", "builds", lambda d: read_builds(d, tables)),
        ("vulnerabilities", "vulnerabilities", lambda d: read_vulnerabilities(d, tables)),
        ("packages", "packages", lambda d: read_packages(d, tables)),
        ("iis_modules", "module", lambda d: read_module(d, tables)),
        ("indicators", "indicators", lambda d: read_indicators(d, tables)),
        ("mitigations", "mitigation", lambda d: read_mitigation(d, tables, found)),
        ("directives", "directive", lambda d: read_directive(d, found)),
        ("campaigns", "campaign", lambda d: read_campaign(d, tables, found)),
    )
    for folder, schema, take in steps:
        for path in sorted((root / folder).glob("*.y*ml")):
            take(read(root, path, schema))
    _check(root, tables)
    return Catalog(tables, found)


def _check(root: Path, tables: Tables) -> None:
    for product in tables.products:
        if not any(info.product == product for info in tables.builds.values()):
            raise CatalogError(
                f"{root.name}/products.yml:1: {product} has no builds; add a file to builds/"
            )
