# SPDX-License-Identifier: GPL-3.0-or-later
"""What verified bytes state about themselves, from the fields that are meant for it.

Text elsewhere in a file counts for nothing: a list of updates in another program of Microsoft names
them as well, and what lies in the table of certificates is not signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .kinds import FileKind, shown
from .msi import read_msi
from .msp import read_msp
from .program import patches_inside
from .titles import name_claim, title_claims

if TYPE_CHECKING:
    from pathlib import Path

    from .kinds import Recognised
    from .msi import MsiFacts
    from .msp import MspFacts, Transform
    from .program import ProgramFacts
    from .titles import Claim

_MICROSOFT = "Microsoft Corporation"
_MAKERS = (_MICROSOFT, "Microsoft")
_TITLES = ("FileDescription", "ProductName", "Comments")
_NAMES = ("OriginalFilename", "InternalName")
# The first that is there says of what product a program is.
_PRODUCT = ("ProductName", "FileDescription", *_NAMES)


@dataclass(frozen=True, slots=True)
class FileStatement:
    """What one file, or one patch inside it, says it is."""

    where: str  # "" for the file itself
    claims: tuple[tuple[str, Claim], ...] = ()  # with the field in which each stands
    products: tuple[str, ...] = ()  # ProductCodes that a patch is for
    transforms: tuple[Transform, ...] = ()
    versions: tuple[str, ...] = ()  # of a program or product of Exchange
    product_code: str | None = None  # of the product that it installs
    part: bool = False  # a patch or a product's package: never a whole cumulative update
    foreign: str = ""  # why it is nothing of Microsoft's Exchange, whatever else it says
    unlike: str = ""  # that its names are not Exchange's; what it holds may still be


@dataclass(frozen=True, slots=True)
class FileStatements:
    """All that a file states, and the words for people."""

    described: str
    items: tuple[FileStatement, ...] = ()


def read_statements(path: Path, name: str, found: Recognised) -> FileStatements:
    """Read what a file of a known kind states; raises ``RefusedError`` for a damaged one."""
    if found.kind is FileKind.PATCH:
        with path.open("rb") as stream:
            patch = read_msp(stream, name)
        return FileStatements(_titled(found.described, patch.texts), (_of_patch(patch, ""),))
    if found.kind is FileKind.PRODUCT:
        product = read_msi(path, shown=name)
        text = f"{product.product_name} {product.product_version}"
        described = f"{found.described}, '{shown(text)}' by {shown(product.manufacturer)}"
        return FileStatements(described, (_of_product(product),))
    if found.program is None:
        # A label knows no hyphen where it keeps to ISO 9660.
        label = name_claim(found.label.replace("_", "-"))
        claims = (("the label", label),) if label else ()
        return FileStatements(found.described, (FileStatement("", claims),))
    inside = [
        (read_msp(stream, f"{name}: the patch inside it"), f"patch {number} inside it, ")
        for number, stream in enumerate(patches_inside(path, found.program.signed_bytes), 1)
    ]
    patches = tuple(_of_patch(patch, where) for patch, where in inside)
    return FileStatements(found.described, (_of_program(found.program), *patches))


def _titled(described: str, texts: tuple[tuple[str, str], ...]) -> str:
    return f"{described}, '{shown(texts[0][1])}'" if texts else described


def _of_patch(patch: MspFacts, where: str) -> FileStatement:
    claims = tuple(
        (f"{where}{place}", claim) for place, text in patch.texts for claim in title_claims(text)
    )
    texts = [text for _, text in patch.texts]
    return FileStatement(
        where,
        claims,
        patch.products,
        patch.transforms,
        part=True,
        foreign=_maker(patch.manufacturer, f"{where}the patch") if patch.manufacturer else "",
        unlike=""
        if not texts or any(map(_is_exchange, texts))
        else f"{where}the patch names '{shown(texts[0])}', not Exchange",
    )


def _of_product(product: MsiFacts) -> FileStatement:
    """An .msi always names maker and product; ``read_msi`` refuses one that does not."""
    wrong = _maker(product.manufacturer, "the .msi")
    if not wrong and not _is_exchange(product.product_name):
        wrong = f"it installs '{shown(product.product_name)}', not Exchange"
    return FileStatement(
        "",
        tuple(("ProductName", claim) for claim in title_claims(product.product_name)),
        versions=(product.product_version,),
        product_code=product.product_code,
        part=True,
        foreign=wrong,
    )


def _of_program(program: ProgramFacts) -> FileStatement:
    """A version resource names Microsoft and Exchange, or speaks against the file; none says nothing."""
    said = program.strings
    if not said:
        return FileStatement("")
    wrong = _maker(said.get("CompanyName", ""), "its version resource")
    if wrong:
        return FileStatement("", foreign=wrong)
    product = next((said[key] for key in _PRODUCT if key in said), "")
    if not _is_exchange(product):
        named = f"the product '{shown(product)}'" if product else "no product"
        return FileStatement("", unlike=f"its version resource names {named}, not Exchange")
    claims = [(key, claim) for key in _TITLES for claim in title_claims(said.get(key, ""))]
    named_claims = [(key, name_claim(said.get(key, ""))) for key in _NAMES]
    claims += [(key, claim) for key, claim in named_claims if claim]
    return FileStatement("", tuple(claims), versions=program.versions)


def _maker(text: str, what: str) -> str:
    """Return what is wrong with a maker; ``""`` for Microsoft."""
    if text in _MAKERS:
        return ""
    named = f"the maker '{shown(text)}'" if text else "no maker"
    return f"{what} names {named}, not {_MICROSOFT}"


def _is_exchange(text: str) -> bool:
    return "exchange" in text.casefold()
