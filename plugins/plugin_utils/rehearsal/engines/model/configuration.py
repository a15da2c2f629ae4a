# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS configuration files: applicationHost.config and web.config, parsed without entities."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from .context import expand
from .errors import PartError, thrown
from .iis_document import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from .context import Context

_FOLDER = "C:\\Windows\\System32\\inetsrv\\config"
_INETSTP = "HKLM\\SOFTWARE\\Microsoft\\InetStp"
_LIMIT = 4_194_304
_UINT32 = 1 << 32
_KNOWN = 32  # texts whose trees are kept: a host is asked about the same few at every command


def parse(context: Context, path: str) -> Element | None:
    """Parse a configuration file; ``None`` when there is none; PartError when it is broken."""
    text = context.world.text(path)
    if text is None or not context.has_drive(path):
        return None
    if len(text) > _LIMIT:
        raise thrown(f"larger than {_LIMIT} bytes")
    # A leading byte order mark means nothing in a str.
    return parse_bytes(text.lstrip("\ufeff").encode("utf-8", "surrogatepass"))


@lru_cache(_KNOWN)
def parse_bytes(body: bytes) -> Element:
    """Parse configuration; raises PartError when it is broken or has a DTD.

    The same text gives the same tree, which must not be changed.
    """
    try:
        root: Element = defusedxml.ElementTree.fromstring(body, forbid_dtd=True)
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, UnicodeError) as error:
        raise PartError("System.Xml.XmlException", "XmlException", "not well-formed") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]  # sections are found by local name
    return root


def configuration(context: Context) -> Configuration | None:
    """Return the server's configuration, read once; ``None`` where IIS is not installed."""
    if not context.configuration_read:
        context.configuration_read = True
        try:
            context.configuration = _read(context)
        except PartError as error:
            context.configuration_error = error
    if context.configuration_error is not None:
        raise context.configuration_error
    return context.configuration


def application_host_path(context: Context) -> str:
    """Return where the server's configuration stands; redirection.config names another folder."""
    folder = _FOLDER
    redirection = parse(context, f"{folder}\\redirection.config")
    if redirection is not None:
        found = list(children(redirection, "configurationRedirection"))
        if found and flag(found[-1], "enabled", default=False):
            folder = expand(found[-1].get("path", "")).rstrip("\\")
    return f"{folder}\\applicationHost.config"


def _read(context: Context) -> Configuration | None:
    context.require_native()
    file = application_host_path(context)
    root = parse(context, file)
    if root is None:
        if context.has_key(_INETSTP):
            raise thrown(f"IIS is installed, but {file} does not exist")
        return None
    return Configuration(file, root)


def children(element: Element | None, path: str) -> Iterator[Element]:
    """Yield the elements at ``a/b/c``; every step may stand more than once."""
    found = [] if element is None else [element]
    for step in path.split("/"):
        found = [child for item in found for child in item if child.tag == step]
    yield from found


def last(element: Element | None, name: str) -> Element | None:
    """Return the last child of a name: later sections override earlier ones."""
    found = list(children(element, name))
    return found[-1] if found else None


def text(element: Element | None, name: str, default: str) -> str:
    """Return an attribute or its default; a missing element has none."""
    return default if element is None else element.get(name, default)


def flag(element: Element | None, name: str, *, default: bool) -> bool:
    """Return a boolean attribute in any case; anything else is an error."""
    found = None if element is None else element.get(name)
    if found is None:
        return default
    if found.lower() not in ("true", "false"):
        raise thrown(f"{name} is '{found}', neither true nor false")
    return found.lower() == "true"


def choice(element: Element | None, name: str, names: tuple[str, ...]) -> str:
    """Return one of the schema's names in its own spelling; the first is the default."""
    found = text(element, name, names[0])
    for known in names:
        if known.lower() == found.lower():
            return known
    raise thrown(f"{name} is '{found}', none of {', '.join(names)}")


def number(element: Element | None, name: str) -> int | None:
    """Return an unsigned number attribute."""
    found = None if element is None else element.get(name)
    if found is None:
        return None
    stripped = found.strip()
    if not stripped.isascii() or not stripped.lstrip("+").isdigit():
        message = f"The input string '{found}' was not in a correct format."
        raise PartError("System.FormatException", "FormatException", message)
    value = int(stripped)
    if value >= _UINT32:
        message = "Value was either too large or too small for a UInt32."
        raise PartError("System.OverflowException", "OverflowException", message)
    return value
