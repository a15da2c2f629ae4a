# SPDX-License-Identifier: GPL-3.0-or-later
"""Which builds a package is for, and what in the file says so.

Pure: the catalogue and what was read from the file go in, a binding or a refusal comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import RefusedError

if TYPE_CHECKING:
    from ...base.model import Build
    from ...catalog.catalog import Catalog

_YEARS = {
    "2010": "Exchange2010",
    "2013": "Exchange2013",
    "2016": "Exchange2016",
    "2019": "Exchange2019",
    "se": "ExchangeSE",
    "subscriptionedition": "ExchangeSE",
}
_UPDATE_NAME = re.compile(
    r"Exchange(?P<year>20\d\d|SubscriptionEdition|SE)-(?P<kb>KB\d{6,8})-x64", re.IGNORECASE
)
_IMAGE_NAME = re.compile(
    r"Exchange(?:Server)?(?P<year>20\d\d|SE)-x64(?:-(?P<cu>CU\d+|RTM|SP\d))?", re.IGNORECASE
)
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Binding:
    """The one update that a file is said to be."""

    product: str
    cu: str
    kind: str
    kb: str | None
    build: Build
    applies_to: tuple[Build, ...]
    supersedes: tuple[str, ...]
    sha256: str | None  # where the catalogue knows it


@dataclass(frozen=True, slots=True)
class Claim:
    """What the file itself says it is: ``Exchange2016``, ``CU19`` or None, ``KB5000871``."""

    product: str
    cu: str | None
    kb: str
    text: str


def bind(catalog: Catalog, kb: str | None, build: Build | None) -> Binding:
    """Return the update for a KB, a resulting build, or both; refuses what is not exactly one."""
    if build is not None:
        info = catalog.find_build(build)
        if info is None:
            raise RefusedError(
                f"{catalog.explain_unknown(build)}; a package is bound to exact builds only"
            )
        if kb is not None and info.kb != kb:
            raise RefusedError(
                f"build {build} is {info.title} ({info.kb}), not {kb}; correct --kb or --build"
            )
        return _binding(catalog, build)
    found = catalog.packages(kb or "")
    if not found:
        raise RefusedError(
            f"{kb} is no update in the catalogue of {catalog.as_of}; add it to packages/ and "
            "builds/, or correct --kb"
        )
    if len(found) > 1:
        choice = ", ".join(f"{p.build} ({p.product} {p.cu})" for p in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise RefusedError(
            f"{kb} exists once for each cumulative update, as files of the same name; say which "
            f"one this is with --build: {choice}{more}"
        )
    return _binding(catalog, found[0].build)


def _binding(catalog: Catalog, build: Build) -> Binding:
    info = catalog.find_build(build)
    if info is None:
        raise RefusedError(catalog.explain_unknown(build))
    rows = [p for p in catalog.packages() if p.build == build]
    if rows:
        row = rows[0]
        before = [b.build for b in catalog.builds() if row in catalog.packages(b.build)]
        digest = row.sha256 if row.sha256 != "unknown" else None
        return Binding(
            info.product, row.cu, info.kind, row.kb, build, tuple(before), row.supersedes, digest
        )
    if info.kind != "CU":
        raise RefusedError(
            f"build {build} ({info.title}) has no package in the catalogue; add it to packages/"
        )
    # A cumulative update is a whole product: it takes every earlier build of it.
    earlier = [b.build for b in catalog.builds() if b.product == info.product and b.build < build]
    return Binding(info.product, info.cu, "CU", info.kb, build, tuple(earlier), (), None)


def name_evidence(binding: Binding, name: str) -> str | None:
    """Return what the file name confirms, or ``None``; refuses a name of something else."""
    found = _UPDATE_NAME.match(name) or _IMAGE_NAME.match(name)
    if found is None:
        return None
    parts = found.groupdict()
    product = _YEARS.get(parts["year"].lower())
    if product != binding.product:
        raise _another(name, f"the file name says {product or parts['year']}", binding)
    kb, cu = parts.get("kb"), parts.get("cu")
    if kb and binding.kb and kb.upper() != binding.kb:
        raise _another(name, f"the file name says {kb.upper()}", binding)
    if kb and binding.kind == "CU":
        raise _another(name, f"the file name is that of an update ({kb})", binding)
    if cu and cu.upper() != binding.cu:
        raise _another(name, f"the file name says {cu.upper()}", binding)
    confirmed = ", ".join([product, *(p.upper() for p in (kb, cu) if p)])
    return f"file name: {confirmed}"


def content_evidence(binding: Binding, name: str, claims: tuple[Claim, ...]) -> str | None:
    """Return what the file's own text confirms, or ``None``; refuses one that says otherwise."""
    ours = [claim for claim in claims if claim.kb == binding.kb]
    if not ours:
        if claims and binding.kind != "CU":
            raise _another(name, f"in the file stands {claims[0].text!r}", binding)
        return None
    matching = [c for c in ours if c.product == binding.product and c.cu in (None, binding.cu)]
    if not matching:
        raise _another(name, f"in the file stands {ours[0].text!r}", binding)
    best = next((claim for claim in matching if claim.cu), matching[0])
    return f"in the file: {best.text}"


def _another(name: str, evidence: str, binding: Binding) -> RefusedError:
    return RefusedError(
        f"{name}: {evidence}, but {binding.build} is {binding.product} {binding.cu} "
        f"{binding.kb or ''}".rstrip()
        + "; correct --build, or fetch the right file"
    )
