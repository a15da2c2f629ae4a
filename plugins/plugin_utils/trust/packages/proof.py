# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a file states is the update that it is brought as. Pure.

Each of product, KB and cumulative update must be proven; one that is contradicted is a refusal, and
no reason of a person helps against that. A field that is not there proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from ...base.model import Build
from .kinds import shown
from .records import CU, KB, PRODUCT

if TYPE_CHECKING:
    from .binding import Binding
    from .msp import Transform
    from .statements import FileStatement, FileStatements
    from .titles import Claim


@dataclass(frozen=True, slots=True)
class Proof:
    """Which of product, KB and cumulative update the bytes prove, and by which of their fields."""

    proven: frozenset[str]
    evidence: tuple[str, ...]


def prove(binding: Binding, name: str, stated: FileStatements, *, known: bool = False) -> Proof:
    """Return what the statements prove; raises ``RefusedError`` where one says otherwise.

    The shell of a file that is ``known`` by its SHA-256 may be by any maker, of any product.
    """
    proven: set[str] = set()
    evidence: list[str] = []
    unlike: list[str] = []
    for item in stated.items:
        if item.foreign and not known:
            raise another(name, item.foreign, binding, stated)
        own: set[str] = set()
        for confirmed, text in (
            *_by_product(binding, name, stated, item),
            *_by_products(binding, name, stated, item),
            *_by_transforms(binding, name, stated, item),
            *_by_claims(binding, name, stated, item),
            *_by_versions(binding, name, stated, item),
        ):
            own |= confirmed - {CU} if item.part and binding.kind == "CU" else confirmed
            evidence.append(text)
        proven |= own
        if item.unlike and PRODUCT not in own and binding.product_code not in item.products:
            unlike.append(item.unlike)
    if binding.only_build_of_kb and KB in proven:
        proven.add(CU)
    # A program that only unpacks is of no product; the patch in it then says all.
    if unlike and not known and proven < {PRODUCT, KB, CU}:
        raise another(name, unlike[0], binding, stated)
    return Proof(frozenset(proven), tuple(dict.fromkeys(evidence)))


_Found = list[tuple[set[str], str]]


def _by_product(binding: Binding, name: str, stated: FileStatements, item: FileStatement) -> _Found:
    """The package of a product is that of the one that is installed, whose code many versions share."""
    ours, its = binding.product_code, item.product_code
    if its is None or ours is None:
        return []
    if its != ours:
        raise another(name, f"it installs the product {its}, not {ours}", binding, stated)
    return [(set(), f"product {ours}")]


def _by_products(
    binding: Binding, name: str, stated: FileStatements, item: FileStatement
) -> _Found:
    """A patch is for the ProductCodes that it lists; those of two products of Exchange are the same."""
    ours = binding.product_code
    if not item.products or ours is None:
        return []
    if ours not in item.products:
        codes = ", ".join(item.products[:3])
        text = f"{item.where}it is a patch for the products {codes}, not for {ours}"
        raise another(name, text, binding, stated)
    return [(set(), f"{item.where}target product {ours}")]


def _by_transforms(
    binding: Binding, name: str, stated: FileStatements, item: FileStatement
) -> _Found:
    """A transform says the version that the product must have: that of its cumulative update."""
    ours = [t for t in item.transforms if binding.product_code in (None, t.product_code)]
    known = [(t, before) for t in ours if (before := _build(t.before)) is not None]
    if not known:
        return []
    fitting = [t for t, before in known if _is_base(binding, before)]
    if not fitting:
        text = f"{item.where}it changes version {known[0][0].before}"
        raise another(name, text, binding, stated)
    _check_result(binding, name, stated, fitting)
    text = f"{item.where}changes version {shown(fitting[0].before)}"
    return [({PRODUCT, CU}, text)]


def _is_base(binding: Binding, before: Build) -> bool:
    return before.cumulative_update == binding.build.cumulative_update or (
        before in binding.applies_to
    )


def _check_result(
    binding: Binding, name: str, stated: FileStatements, fitting: list[Transform]
) -> None:
    """A known build of another update as the version afterwards is that other update."""
    results = {after for t in fitting if (after := _build(t.after)) in binding.other_updates}
    if results and binding.build not in {_build(t.after) for t in fitting}:
        text = f"it leads to build {min(map(str, results))}"
        raise another(name, text, binding, stated)


def _by_claims(binding: Binding, name: str, stated: FileStatements, item: FileStatement) -> _Found:
    whole = [(place, c) for place, c in item.claims if _agrees(binding, c) and c.kb]
    named = any(claim.cu for _, claim in whole)
    for place, claim in item.claims:
        # Where its own name stands, the mention of another update beside it does no harm; the same
        # update for another cumulative update does, unless its own is named as well.
        harmless = bool(whole) and (named or claim.kb != binding.kb)
        agrees = _agrees(binding, claim)
        if claim.is_other_than(binding.kind) or (not agrees and not harmless):
            raise another(name, f"{place} says {shown(claim.text)!r}", binding, stated)
    good = whole or list(item.claims)
    return [(_proven(binding, c), f"{place}: {shown(c.text)}") for place, c in good]


def _agrees(binding: Binding, claim: Claim) -> bool:
    return (
        claim.product == binding.product
        and claim.kb in (None, binding.kb)
        and claim.cu in (None, binding.short_cu)
    )


def _proven(binding: Binding, claim: Claim) -> set[str]:
    both = [(KB, claim.kb, binding.kb)]
    if binding.kind != "CU" or claim.whole:
        both.append((CU, claim.cu, binding.short_cu))
    return {PRODUCT} | {what for what, said, ours in both if said and said == ours}


def _by_versions(
    binding: Binding, name: str, stated: FileStatements, item: FileStatement
) -> _Found:
    """The version of a program of Exchange; one that is no known build says nothing.

    Every program of a cumulative update has the version of the whole.
    """
    builds = [build for text in item.versions if (build := _build(text)) is not None]
    if binding.build in builds:
        proven = {PRODUCT} if binding.kind == "CU" else {PRODUCT, CU}
        return [(proven, f"version {binding.build}")]
    others = [build for build in builds if build in binding.other_updates]
    if others:
        raise another(name, f"its version is {others[0]}", binding, stated)
    return []


def another(name: str, evidence: str, binding: Binding, stated: FileStatements) -> RefusedError:
    """Return the refusal of bytes that are something else."""
    return RefusedError(
        f"{name}: it is {stated.described}; {evidence}, but {binding.title}; correct --build, or "
        "fetch the right file"
    )


def _build(text: str) -> Build | None:
    try:
        return Build.parse(text)
    except ValueError:
        return None
