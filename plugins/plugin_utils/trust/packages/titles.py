# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of updates as Microsoft writes them: in the fields of a file, and as the name of a file."""

from __future__ import annotations

import re
from dataclasses import dataclass

_YEARS = {
    "2010": "Exchange2010",
    "2013": "Exchange2013",
    "2016": "Exchange2016",
    "2019": "Exchange2019",
    "se": "ExchangeSE",
    "subscriptionedition": "ExchangeSE",
    "subscription edition": "ExchangeSE",
}
_TITLE = re.compile(
    r"Exchange Server (?P<product>20\d\d|SE\b|Subscription Edition)"
    r"(?: (?:Cumulative Update (?P<cumulative>\d{1,2})|CU(?P<short>\d{1,2})|(?P<rtm>RTM)"
    r"|Service Pack (?P<pack>\d)|SP(?P<sp>\d))\b)?"
)
# What a title of the whole cumulative update is, and nothing else: parts of it, its language packs
# and its updates have the same words in theirs.
_BEFORE = re.compile(r"(?:Microsoft(?:®|\(R\))? )?\Z", re.IGNORECASE)
_BEHIND = re.compile(r"(?: \(KB\d{6,8}\))?\s*\Z", re.IGNORECASE)
_ENDING = re.compile(r"(?:\.(?:exe|iso))?\Z", re.IGNORECASE)
_ADDITION = re.compile(r"\bLanguage Pack", re.IGNORECASE)
_UPDATE = re.compile(r"\b(?:Security Update|Hotfix|Rollup)\b", re.IGNORECASE)
_KB = re.compile(r"\bKB(\d{6,8})\b", re.IGNORECASE)
_UPDATE_NAME = re.compile(
    r"Exchange(?P<year>20\d\d|SubscriptionEdition|SE)-(?P<kb>KB\d{6,8})(?:-v\d)?-x64", re.IGNORECASE
)
_IMAGE_NAME = re.compile(
    r"Exchange(?:Server)?(?P<year>20\d\d|SE)-x64(?:-(?P<cu>CU\d+|RTM|SP\d))?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a text says a file is: ``Exchange2016``, ``CU19``, ``KB5000871``; None: not said."""

    product: str
    cu: str | None
    kb: str | None
    text: str
    whole: bool = False  # the text is this name and nothing else

    def is_other_than(self, kind: str) -> bool:
        """Tell whether it names a thing that an update of this kind is not, such as a language pack."""
        wrong = bool(_ADDITION.search(self.text))
        return wrong or (kind == "CU" and bool(_UPDATE.search(self.text)))


def title_claims(text: str) -> tuple[Claim, ...]:
    """Return what a title says, such as "Security Update for Exchange Server 2016 CU19 (KB5000871)"."""
    kbs = {f"KB{number}" for number in _KB.findall(text)}
    kb = kbs.pop() if len(kbs) == 1 else None  # of several it is not known which one it is
    return tuple(_claim(found, kb, text) for found in _TITLE.finditer(text))


def _claim(title: re.Match[str], kb: str | None, text: str) -> Claim:
    number = title["cumulative"] or title["short"]
    pack = title["pack"] or title["sp"]
    cu = f"CU{number}" if number else f"SP{pack}" if pack else "RTM" if title["rtm"] else None
    year = title["product"]
    whole = _BEFORE.match(text, 0, title.start()) and _BEHIND.match(text, title.end())
    return Claim(_YEARS.get(year.lower(), f"Exchange{year}"), cu, kb, text, bool(whole))


def name_claim(name: str) -> Claim | None:
    """Return what a file name of Microsoft's pattern says; ``None``: it is not of that pattern."""
    found = _UPDATE_NAME.match(name) or _IMAGE_NAME.match(name)
    if found is None:
        return None
    parts = found.groupdict()
    year, kb, cu = parts["year"], parts.get("kb"), parts.get("cu")
    product = _YEARS.get(year.lower(), f"Exchange{year}")
    whole = bool(_ENDING.match(name, found.end()))
    return Claim(product, cu and cu.upper(), kb and kb.upper(), name, whole)
