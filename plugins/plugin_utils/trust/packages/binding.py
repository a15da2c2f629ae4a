# SPDX-License-Identifier: GPL-3.0-or-later
"""Which update a package is said to be, and for which builds.

Pure: the catalogue and the words of the operator go in, a binding or a refusal comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from .records import FORMS, wrong_form
from .titles import name_claim

if TYPE_CHECKING:
    from datetime import date

    from ...base.model import Build
    from ...catalog.catalog import Catalog

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
    sha256: str | None  # where the catalogue knows it ...
    sha256_ending: str | None  # ... of the file with this ending: an update exists as .msp and .exe
    released: date
    release_known_to_the_day: bool
    product_code: str | None  # of the product that is installed, in capitals and braces
    other_updates: frozenset[Build]  # known builds that this one neither is nor starts from
    only_build_of_kb: bool  # then the KB says for which cumulative update it is

    @property
    def short_cu(self) -> str:
        """``SP3`` where the catalogue says ``SP3 UR32``."""
        return self.cu.split()[0]

    def pinned(self, ending: str) -> str | None:
        """Return the SHA-256 that the catalogue knows for a file of this ending."""
        return self.sha256 if ending == self.sha256_ending else None

    @property
    def title(self) -> str:
        """``15.1.2176.9 is Exchange2016 CU19 KB5000871``."""
        return f"{self.build} is {self.product} {self.cu} {self.kb or ''}".rstrip()


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
    cu, kb, digest, ending = info.cu, info.kb, None, None
    supersedes: tuple[str, ...] = ()
    if not rows and info.kind != "CU":
        raise RefusedError(
            f"build {build} ({info.title}) has no package in the catalogue; add it to packages/"
        )
    if rows:
        row = rows[0]
        cu, kb, supersedes = row.cu, row.kb, row.supersedes
        digest = row.sha256 if row.sha256 != "unknown" else None
        ending = row.file.rpartition(".")[2].lower() if digest else None
        before = [b.build for b in catalog.builds() if row in catalog.packages(b.build)]
    else:
        # A cumulative update is a whole product: it takes every earlier build of it.
        product = [b.build for b in catalog.builds() if b.product == info.product]
        before = [b for b in product if b < build]
    mine = set(before) if rows else set()
    others = {b.build for b in catalog.builds()} - mine - {build}
    return Binding(
        product=info.product,
        cu=cu,
        kind=info.kind,
        kb=kb,
        build=build,
        applies_to=tuple(before),
        supersedes=supersedes,
        sha256=digest,
        sha256_ending=ending,
        released=info.released,
        release_known_to_the_day=info.release_date == info.released.isoformat(),
        product_code=catalog.product(info.product).product_code,
        other_updates=frozenset(others),
        only_build_of_kb=kb is not None and len(catalog.packages(kb)) == 1,
    )


def check_form(binding: Binding, name: str, ending: str) -> None:
    """Refuse a kind of file in which no update of this kind comes; no reason helps."""
    if ending not in FORMS[binding.kind]:
        raise RefusedError(
            f"{name}: {binding.title}, and {wrong_form(binding.kind, ending)}; correct --build, or "
            "fetch the right file"
        )


def check_name(binding: Binding, name: str) -> None:
    """Refuse the file name of something else; one that fits proves nothing."""
    said = name_claim(name)
    if said is None:
        return
    wrong = None
    if said.product != binding.product:
        wrong = f"says {said.product}"
    elif said.kb and binding.kind == "CU":
        wrong = f"is that of an update ({said.kb})"
    elif said.kb and said.kb != binding.kb:
        wrong = f"says {said.kb}"
    elif said.cu and said.cu != binding.short_cu:
        wrong = f"says {said.cu}"
    if wrong:
        raise RefusedError(
            f"{name}: the file name {wrong}, but {binding.title}; correct --build, or fetch the "
            "right file"
        )
