# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update package says about itself.

An .msp carries its display name ("Security Update for Exchange Server 2016 Cumulative Update 19
(KB5000871)") in its string pool and summary, a program in its version resource as UTF-16. The text
is looked for in the bytes, so no installer database has to be taken apart.
"""

from __future__ import annotations

import mmap
import re
from typing import TYPE_CHECKING

from .binding import Claim

if TYPE_CHECKING:
    from pathlib import Path

_MOST = 50
_PRODUCTS = {
    "2010": "Exchange2010",
    "2013": "Exchange2013",
    "2016": "Exchange2016",
    "2019": "Exchange2019",
    "SE": "ExchangeSE",
    "Subscription Edition": "ExchangeSE",
}
_ANCHOR = "Exchange Server "
_LONGEST = 90  # characters of a display name from the anchor on
_TITLE = re.compile(
    r"Exchange Server (?P<product>20\d\d|SE|Subscription Edition)"
    r"(?: (?:Cumulative Update (?P<cumulative>\d{1,2})|CU(?P<short>\d{1,2})|(?P<rtm>RTM)"
    r"|Service Pack (?P<pack>\d)|SP(?P<sp>\d)))?[ -]*\((?P<kb>KB\d{6,8})\)"
)


def read_claims(path: Path) -> tuple[Claim, ...]:
    """Return the distinct display names found in a file, in their order."""
    found: dict[str, Claim] = {}
    if path.stat().st_size == 0:
        return ()
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        for encoding, width in (("latin-1", 1), ("utf-16-le", 2)):
            anchor = re.escape(_ANCHOR.encode(encoding))
            for hit in re.finditer(anchor, data):
                text = data[hit.start() : hit.start() + _LONGEST * width].decode(
                    encoding, "replace"
                )
                title = _TITLE.match(text)
                if title and len(found) < _MOST:
                    found.setdefault(title[0], _claim(title))
    return tuple(found.values())


def _claim(title: re.Match[str]) -> Claim:
    number = title["cumulative"] or title["short"]
    pack = title["pack"] or title["sp"]
    cu = f"CU{number}" if number else f"SP{pack}" if pack else "RTM" if title["rtm"] else None
    product = _PRODUCTS.get(title["product"], f"Exchange{title['product']}")
    return Claim(product=product, cu=cu, kb=title["kb"], text=title[0])
