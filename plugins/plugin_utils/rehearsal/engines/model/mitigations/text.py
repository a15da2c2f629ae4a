# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files as text that is changed in place: everything else stays byte for byte.

Texts here are Latin-1, one character a byte, as in the script: whatever the encoding, bytes
that are not touched come back. Taking a block out is the exact reverse of putting it in.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ....world.paths import format_time
from ..configuration import parse_bytes
from ..errors import OperationError, PartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from xml.etree.ElementTree import Element

    from ....world.world import World

_TOKEN = re.compile(
    r"<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[[\s\S]*?\]\]>|"
    r"<(?P<close>/?)(?P<name>[^ \t\r\n/>\"'=<!?]+)(?:[^\"'>]|\"[^\"]*\"|'[^']*')*?(?P<empty>/?)>"
)
_BLANKS = " \t\r\n"
_BARE_TAG = re.compile(r"<[^ \t\r\n/>]+[ \t\r\n]*/?>\Z")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_LIMIT = 4_194_304


@dataclass(slots=True)
class Tag:
    """An element in the text: where its tags start and end, and what is in it."""

    name: str
    start: int
    open_end: int
    close_start: int
    end: int
    empty: bool
    index: int
    children: list[Tag] = field(default_factory=list)

    @property
    def local(self) -> str:
        return self.name.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class EditedConfiguration:
    """A text with its parsed root; the n-th tag is the n-th node."""

    text: str
    path: str
    root: Element
    nodes: list[Element]
    tags: list[Tag]


def unreadable(path: str, why: str) -> OperationError:
    return OperationError("RequestInvalid", f"{path}: {why}", identity="ConfigurationUnreadable")


def read(world: World, path: str) -> str | None:
    """Return a file of the host; ``None`` where it does not exist."""
    if world.file(path) is None:
        return None
    entry = world.file(path) or {}
    if "data" in entry:
        text = base64.b64decode(entry["data"]).decode("latin-1")
    else:
        found = str(entry.get("text", "\0" * int(entry.get("size") or 0)))
        text = found.encode("utf-8", "surrogatepass").decode("latin-1")
    if len(text) > _LIMIT:
        raise unreadable(path, f"larger than {_LIMIT} bytes")
    return text


def write(world: World, path: str, text: str | None, by: str) -> None:
    """Write a file; ``None`` deletes it."""
    if text is None:
        world.delete_file(path, by=by)
        return
    body = text.encode("latin-1")
    try:
        world.write_text(path, body.decode("utf-8"), by=by)
    except UnicodeDecodeError:
        entry = {"size": len(body), "data": base64.b64encode(body).decode("ascii")}
        world.put_file(path, {**entry, "mtime": format_time(world.clock())}, by=by)


def sha256(text: str | None) -> str | None:
    """Return the hash of the bytes; ``None`` for a file that does not exist."""
    return None if text is None else hashlib.sha256(text.encode("latin-1")).hexdigest()


def scan(text: str) -> list[Tag]:
    """List the elements in document order."""
    tags: list[Tag] = []
    opened: list[Tag] = []
    for token in _TOKEN.finditer(text):
        if token["name"] is None:
            continue
        if token["close"]:
            if opened:
                tag = opened.pop()
                tag.close_start, tag.end = token.span()
            continue
        end = token.end()
        tag = Tag(token["name"], token.start(), end, end, end, bool(token["empty"]), len(tags))
        if opened:
            opened[-1].children.append(tag)
        tags.append(tag)
        if not tag.empty:
            opened.append(tag)
    return tags


def document(text: str, path: str) -> EditedConfiguration:
    """Parse a text; raises RequestInvalid when it is no configuration that can be edited."""
    try:
        root = parse_bytes(text.encode("latin-1"))
    except PartError as error:
        raise unreadable(path, str(error)) from error
    nodes, tags = list(root.iter()), scan(text)
    if [node.tag for node in nodes] != [tag.local for tag in tags]:
        raise unreadable(path, "its encoding cannot be edited in place; save it as UTF-8")
    return EditedConfiguration(text, path, root, nodes, tags)


def find(tags: Sequence[Tag], path: str) -> Iterator[Tag]:
    """Yield all elements at ``a/b/c`` below the root."""
    found = [tags[0]]
    for name in path.split("/"):
        found = [child for tag in found for child in tag.children if child.local == name]
    yield from found


def line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text or "\n" not in text else "\n"


def _line_start(text: str, at: int) -> int:
    """Return where the blanks before ``at`` begin in a line of their own, else -1."""
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return at if at == 0 or text[at - 1] == "\n" else -1


def indent(text: str, at: int) -> str:
    start = _line_start(text, at)
    return "" if start < 0 else text[start:at]


def indent_unit(text: str, root: Tag) -> str:
    """Return how far the file indents the children of its root."""
    return (indent(text, root.children[0].start) if root.children else "") or "    "


def remove(text: str, tag: Tag) -> str:
    """Take an element out, with its line where it has one of its own."""
    start = _line_start(text, tag.start)
    if start <= 0:
        start = tag.start
    else:
        start -= 1
        if start > 0 and text[start - 1] == "\r":
            start -= 1
    return text[:start] + text[tag.end :]


def replace(text: str, tag: Tag, lines: Sequence[str]) -> str:
    """Put another text in the place of an element."""
    joint = line_break(text) + indent(text, tag.start)
    return text[: tag.start] + joint.join(lines) + text[tag.end :]


def _position(text: str, parent: Tag, *, last: bool) -> int:
    if last:
        at = parent.close_start
        while at > parent.open_end and text[at - 1] in _BLANKS:
            at -= 1
        return at
    at = parent.open_end
    for child in parent.children:
        if child.local in ("clear", "remove"):
            at = child.end
    return at


def add_lines(text: str, parent: Tag, unit: str, lines: Sequence[str], *, last: bool) -> str:
    """Put lines into a parent, one step further in than it is."""
    outer = line_break(text) + indent(text, parent.start)
    content = "".join(outer + unit + line for line in lines)
    if parent.empty:
        tag = text[parent.start : parent.end - 2].rstrip(_BLANKS)
        whole = f"{tag}>{content}{outer}</{parent.name}>"
        return text[: parent.start] + whole + text[parent.end :]
    at = _position(text, parent, last=last)
    if not _LINE_END.match(text, at):
        content += outer
        if text[at : parent.close_start].strip(" \t"):
            content += unit
    return text[:at] + content + text[at:]


def add_block(text: str, path: str, lines: Sequence[str]) -> tuple[str, list[str]]:
    """Put lines into the element at ``a/b/c``; returns the text and what had to be made."""
    parent = scan(text)[0]
    unit = indent_unit(text, parent)
    made: list[str] = []
    names = path.split("/")
    for depth, name in enumerate(names, start=1):
        below = None
        if not made:
            below = next((child for child in parent.children if child.local == name), None)
        if below is None:
            made.append("/".join(names[:depth]))
        else:
            parent = below
    for step in reversed(made):
        name = step.rpartition("/")[2]
        lines = [f"<{name}>", *(unit + line for line in lines), f"</{name}>"]
    return add_lines(text, parent, unit, lines, last=bool(made)), made


def remove_empty(text: str, paths: Sequence[str]) -> str:
    """Take away elements that hold nothing, the innermost first."""
    for path in sorted(paths, key=lambda p: -p.count("/")):
        for tag in find(scan(text), path):
            inner = text[tag.open_end : tag.close_start].strip(_BLANKS)
            if not inner and _BARE_TAG.match(text[tag.start : tag.open_end]):
                text = remove(text, tag)
                break
    return text


def skeleton(text: str) -> str:
    """Return a file without what means nothing: blanks, and how an empty element is written."""
    parts: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        parts.append(text[at : token.start()].strip(_BLANKS))
        at = token.end()
        whole = token[0]
        if token["empty"]:
            whole = f"{whole[:-2].rstrip(_BLANKS)}></{token['name']}>"
        parts.append(whole)
    return "".join(parts) + text[at:].strip(_BLANKS)
