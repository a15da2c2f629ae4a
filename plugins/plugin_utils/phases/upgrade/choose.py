# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact build in, one cumulative update out, or the reason why there is none. Pure: no host, no clock.

Only upwards and only within the product: a cumulative update cannot be taken back, and another
product is a migration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...install.models import Action, UpdateSelection
from ...judge.settled import against_build

if TYPE_CHECKING:
    from datetime import date

    from ...base.model import Assessment, Build
    from ...catalog.catalog import Catalog
    from ...catalog.records.builds import CuInfo
    from ...trust.packages.catalogue import PackageCatalogue
    from ...trust.packages.records import PackageRecord

_ASKED = re.compile(r"(?:(?P<product>Exchange\w+)\s+)?(?P<cu>CU\d{1,2}|RTM|SP\d)\Z", re.IGNORECASE)
# [MEM] the switches of Microsoft's self-extracting package.
_EXTRACT = (
    "A self-extracting package is not run: what it unpacks is not what was verified. Extract it on a "
    "clean machine (/extract:FOLDER), make an .iso of the folder, and bring that with 'package add "
    "--build {build} --sha256 ... --reason ...'."
)


def choose_cu(
    catalog: Catalog,
    build: Build | None,
    at: date,
    store: PackageCatalogue | None = None,
    wanted: str | None = None,
) -> UpdateSelection:
    """Choose the cumulative update for a server of exactly this build.

    ``wanted``: ``CU23`` or ``Exchange2016 CU23``; without it the newest that was supported at the
    date ``at``. ``store``: the operator's signed package catalogue; without it nothing can be
    installed, only planned.
    """
    if build is None:
        return UpdateSelection(Action.STOP, "The build of ExSetup.exe is not known.", None)
    current = catalog.cu_of(build)
    if current is None or catalog.find_build(build) is None:
        reason = f"Unknown build, so nothing is upgraded: {catalog.explain_unknown(build)}."
        return UpdateSelection(Action.STOP, reason, build)
    if catalog.product(current.product).rollups:
        reason = f"{current.product} has service packs and rollups, no cumulative updates."
        return UpdateSelection(
            Action.STOP, reason, build, remedy="Upgrade it by hand, or replace it."
        )
    target = _target(catalog, current, build, at, wanted)
    if isinstance(target, UpdateSelection):
        return target
    return _direction(catalog, current, build, target, at) or _package(target, build, store)


def _target(
    catalog: Catalog, current: CuInfo, build: Build, at: date, wanted: str | None
) -> CuInfo | UpdateSelection:
    known = {cu.cu: cu for cu in catalog.cumulative_updates(current.product)}
    if wanted is not None:
        asked = _ASKED.match(wanted.strip())
        if asked is None:
            reason = f"'{wanted}' names no cumulative update."
            return UpdateSelection(Action.STOP, reason, build, remedy="Name one, such as CU23.")
        product = asked["product"] or current.product
        if product.casefold() != current.product.casefold():
            reason = f"{wanted} is another product than {current.product} ({build})."
            remedy = "Another product is a migration to a new server, not an upgrade of this one."
            return UpdateSelection(Action.STOP, reason, build, remedy=remedy)
        found = known.get(asked["cu"].upper())
        if found is None:
            names = ", ".join(known)
            reason = f"{current.product} {asked['cu'].upper()} is not in the catalogue."
            return UpdateSelection(Action.STOP, reason, build, remedy=f"Known are {names}.")
        return found
    support = catalog.support(current.product, None, at)
    supported = [known[name] for name in support.supported_updates if name in known]
    if not supported or support.status not in ("supported", "extended"):
        reason = f"None can be suggested: {support.note}."
        remedy = "Name one with cumulative_update, if it must be."
        return UpdateSelection(Action.STOP, reason, build, remedy=remedy)
    return max(supported, key=lambda cu: cu.build)


def _direction(
    catalog: Catalog, current: CuInfo, build: Build, target: CuInfo, at: date
) -> UpdateSelection | None:
    """Why it is not an upgrade, if it is none."""
    name = f"{target.product} {target.cu}"
    if target.build.cumulative_update == current.build.cumulative_update and build >= target.build:
        return UpdateSelection(
            Action.NOTHING, f"{build} is {name} already.", build, target.build, name
        )
    if target.build < build:
        reason = f"{name} ({target.build}) is older than {build}: a cumulative update cannot be taken back."
        return UpdateSelection(Action.STOP, reason, build)
    if catalog.released(target.build) > at:
        reason = f"{name} was released on {target.release_date}, after {at}."
        return UpdateSelection(Action.STOP, reason, build)
    return None


def borne_out(chosen: UpdateSelection, judged: Assessment) -> UpdateSelection:
    """Stop where ExSetup.exe is of the cumulative update already, and another witness is not."""
    against = against_build(judged) if chosen.action is Action.NOTHING else None
    if against is None:
        return chosen
    reason = f"{chosen.reason[:-1]} by its version alone, but: {against.reason}"
    words = f"{reason} {against.cure or ''}".rstrip()
    return UpdateSelection(
        Action.STOP, words, chosen.build, chosen.target, chosen.update, remedy=against.cure
    )


def _package(target: CuInfo, build: Build, store: PackageCatalogue | None) -> UpdateSelection:
    name = f"{target.product} {target.cu}"
    packages = store.packages if store else ()
    fitting = [record for record in packages if _fits(record, target, build)]
    image = next((record for record in fitting if record.format == "iso"), None)
    if image is not None and image.refusal:
        remedy = "No server gets it before."
        return UpdateSelection(
            Action.STOP, f"{image.refusal}.", build, target=target.build, remedy=remedy
        )
    if image is not None or store is None:
        reason = f"{name} takes {build} to {target.build}; it cannot be taken back."
        return UpdateSelection(Action.INSTALL, reason, build, target.build, name, package=image)
    if fitting:
        reason = f"{fitting[0].file} is a self-extracting package of {name}."
        remedy = _EXTRACT.format(build=target.build)
    else:
        reason = f"The package catalogue has no image of {name} ({target.build})."
        remedy = (
            f"Fetch the .iso of {name} and run 'exchange-remediation package add FILE --build "
            f"{target.build} --sha256 ... --reason ...'."
        )
    return UpdateSelection(Action.STOP, reason, build, target=target.build, remedy=remedy)


def stored_image(store: PackageCatalogue | None, target: Build) -> PackageRecord | None:
    """The image that leads to a build, whatever the server is now."""
    packages = store.packages if store else ()
    return next((p for p in packages if (p.kind, p.format, p.build) == ("CU", "iso", target)), None)


def _fits(record: PackageRecord, target: CuInfo, build: Build) -> bool:
    right = (record.kind, record.product, record.build) == ("CU", target.product, target.build)
    return right and build in record.applies_to
