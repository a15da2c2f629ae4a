# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the catalogue's files once.

A catalogue is a folder::

    products.yml      product lines, support life
    builds/           one file a product
    vulnerabilities/  one file a year: first fixed build per cumulative update
    packages/         one file a product
    iis_modules/      one file a module of IIS that mitigations need
    requirements.yml  what a cumulative update needs besides its package
    exit_codes.yml    what the exit code of an installer means
    failures/         failed changes that have a name, with the repair
    indicators/       one file a set
    mitigations/      one file a mitigation
    scripts/          one file a script of Microsoft
    directives/       one file a directive
    detection_tools/  one file a detection tool of Microsoft
    campaigns/        one file an emergency

Files are read in this order, each may name only what stands in those before it. A YAML file
anywhere else in the folder is a mistake: nobody would read it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.errors import CatalogError
from .catalog import Catalog
from .documents import Document, read
from .readers.detection_tools import read_detection_tool
from .readers.directives import read_directive
from .readers.emergencies import Emergencies, read_campaign, read_mitigation
from .readers.failures import read_exit_codes, read_failures
from .readers.iis_modules import read_module
from .readers.packages import read_indicators, read_packages
from .readers.requirements import read_requirements
from .readers.scripts import read_script
from .readers.sources import check_reading
from .readers.tables import Tables, read_builds, read_products
from .readers.vulnerabilities import read_vulnerabilities

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent / "data"
_SINGLE = ("products.yml", "requirements.yml", "exit_codes.yml")  # a catalogue has each of them


def load(root: Path | None = None) -> Catalog:
    """Load a catalogue folder; without one the collection's own, which is kept in memory.

    Raises :class:`CatalogError` with file, line, what is wrong, and its cure.
    """
    return _packaged() if root is None else _load(root.resolve())


@cache
def _packaged() -> Catalog:
    return _load(ROOT)


def _load(root: Path) -> Catalog:
    for name in _SINGLE:
        if not (root / name).is_file():
            raise CatalogError(f"{root} is not a catalogue: it has no {name}; check the folder")
    first = read(root, root / "products.yml", "products")
    tables = read_products(first)
    check_reading(first, tables.as_of)
    found = Emergencies()
    steps: tuple[tuple[str, str, Callable[[Document], None]], ...] = (
        ("builds", "builds", lambda d: read_builds(d, tables)),
        ("vulnerabilities", "vulnerabilities", lambda d: read_vulnerabilities(d, tables)),
        ("packages", "packages", lambda d: read_packages(d, tables)),
        ("iis_modules", "module", lambda d: read_module(d, tables)),
        ("requirements.yml", "requirements", lambda d: read_requirements(d, tables)),
        ("exit_codes.yml", "exit-codes", lambda d: read_exit_codes(d, tables)),
        ("failures", "failures", lambda d: read_failures(d, tables)),
        ("indicators", "indicators", lambda d: read_indicators(d, tables)),
        ("mitigations", "mitigation", lambda d: read_mitigation(d, tables, found)),
        ("scripts", "script", lambda d: read_script(d, tables, found)),
        ("directives", "directive", lambda d: read_directive(d, found)),
        ("detection_tools", "detection-tool", lambda d: read_detection_tool(d, tables, found)),
        ("campaigns", "campaign", lambda d: read_campaign(d, tables, found)),
    )
    _check_places(root, {place for place, _schema, _take in steps})
    for place, schema, take in steps:
        single = root / place
        for path in [single] if place in _SINGLE else sorted(single.glob("*.y*ml")):
            document = read(root, path, schema)
            check_reading(document, tables.as_of)
            take(document)
    _check(root, tables)
    return Catalog(tables, found)


def _check_places(root: Path, places: set[str]) -> None:
    """A file that no step reads would count as checked without being read."""
    for path in sorted(root.rglob("*.y*ml")):
        folder, name = path.parent.relative_to(root).as_posix(), path.name
        if folder in places or (folder == "." and name in _SINGLE):
            continue
        folders = ", ".join(sorted(f"{place}/" for place in places - set(_SINGLE)))
        raise CatalogError(
            f"{path.relative_to(root.parent).as_posix()}:1: nobody reads a file here; "
            f"move it to one of {folders}"
        )


def _check(root: Path, tables: Tables) -> None:
    for product in tables.products:
        if not any(info.product == product for info in tables.builds.values()):
            raise CatalogError(
                f"{root.name}/products.yml:1: {product} has no builds; add a file to builds/"
            )
    for info in tables.builds.values():
        strange = [cve for cve in info.only_fixes if cve not in tables.vulnerabilities]
        if strange:
            raise CatalogError(
                f"{root.name}/builds:1: only_fixes of {info.build} names {strange[0]}, which is not "
                "in the catalogue; add it to vulnerabilities/, or correct the number"
            )
