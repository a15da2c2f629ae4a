# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS configuration files: applicationHost.config and web.config, parsed without entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from .errors import PartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from .context import Context

APPLICATION_HOST = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"


def parse(context: Context, path: str) -> Element | None:
    """Parse a configuration file; ``None`` when there is none; PartError when it is broken."""
    text = context.world.text(path)
    if text is None:
        return None
    try:
        # A leading byte order mark and the encoding declaration mean nothing in a str.
        body = text.lstrip("\ufeff")
        root: Element = defusedxml.ElementTree.fromstring(body.encode("utf-8"), forbid_dtd=True)
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, UnicodeError) as error:
        raise PartError("System.Xml.XmlException", f"{path}: not readable as XML") from error
    return root


def attribute(element: Element, name: str, default: str = "") -> str:
    """Return an attribute or its default."""
    return element.get(name, default)


def boolean(element: Element, name: str, *, default: bool) -> bool:
    """Return a boolean attribute; IIS accepts true/false in any case."""
    found = element.get(name)
    return default if found is None else found.strip().lower() == "true"


def children(element: Element | None, *path: str) -> Iterator[Element]:
    """Yield the elements at ``path``; nothing when a step is missing."""
    if element is None:
        return
    *parents, last = path
    for step in parents:
        found = element.find(step)
        if found is None:
            return
        element = found
    yield from element.findall(last)
