# SPDX-License-Identifier: GPL-3.0-or-later
"""The host scripts as they travel: one operation and the functions it needs, minified and packed.

An operation is one file ``Verb-Noun.ps1`` in the folder of its area; functions that several may
call stand in the lower-case files of any area, under names that are unique. What is sent is::

    param ($Request)
    <the functions that the operation names, directly or through others>
    function Invoke-OperationScript {
    <the file>
    }
    ConvertTo-SafeJson (Invoke-Operation $Request)     # or another entry, see `OperationEntry`
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from ...base.errors import ConfigError

_FOLDER = Path(__file__).parent
_READING_VERBS = frozenset({"Find", "Get", "Test"})
_OF_THE_LOCK = frozenset({"Lock-Host", "Unlock-Host", "Update-HostLock"})
_OPERATION_NAME = re.compile(r"[A-Z][A-Za-z]+-[A-Z][A-Za-z0-9]+")
_FUNCTION = re.compile(
    r"^function ([A-Z][A-Za-z]+-[A-Za-z]+) \{\n.*?^\}\n", re.MULTILINE | re.DOTALL
)
_COMMAND_WORD = re.compile(r"[A-Z][A-Za-z]+-[A-Za-z]+")
# In a function: the names of that function and of all that it needs, for a script that is written
# to the host and has to carry them itself.
_FUNCTIONS_OF = re.compile(r"<functions of ([A-Z][A-Za-z]+-[A-Za-z]+)>")
_HERE_STRING_START = re.compile(r"@(['\"])\s*\Z")


@dataclass(frozen=True, slots=True)
class Script:
    """One operation ready to send.

    ``sha256`` is the hex digest of ``text`` in UTF-8; ``packed`` is base64 of its gzip.
    """

    text: str
    sha256: str
    packed: str


class OperationEntry(Enum):
    """How an operation is entered; every one that changes the host goes through the fence (I16)."""

    READ = "ConvertTo-SafeJson (Invoke-Operation $Request)"
    LOCK = "Invoke-KeyedOperation $Request"  # of the lock itself: looks at its ticket in the guard
    CHANGE = "Invoke-ChangeOperation $Request"  # once a key, and only for the holder of the lock


def minify(text: str) -> str:
    """Drop what costs bytes and means nothing: full-line comments, indentation, blank lines.

    Lines of here-strings stay as they are. Comments behind code stay too: telling them from a
    ``#`` in a string takes a parser, and the lint keeps block comments on lines of their own.
    """
    kept: list[str] = []
    closing: str | None = None  # inside a here-string: the text that ends it
    in_comment = False
    for line in text.splitlines():
        code = line.strip()
        if closing is not None:
            kept.append(line)
            closing = None if line.startswith(closing) else closing
        elif in_comment or code.startswith("<#"):
            in_comment = not code.endswith("#>")
        elif code and not code.startswith("#"):
            kept.append(code)
            if opened := _HERE_STRING_START.search(code):
                closing = f"{opened[1]}@"
    return "\n".join(kept) + "\n"


def bootstrap() -> str:
    """Return the constant script of every command line, minified."""
    return minify(_read(_FOLDER / "core" / "bootstrap.ps1"))


@cache
def operations() -> tuple[str, ...]:
    """Return the names of all operations, sorted."""
    return tuple(
        sorted(
            path.stem for path in _FOLDER.glob("*/*.ps1") if _OPERATION_NAME.fullmatch(path.stem)
        )
    )


def reads_only(operation: str) -> bool:
    """Tell whether the operation changes nothing; such a one takes no key."""
    return operation.partition("-")[0] in _READING_VERBS


def entry(operation: str) -> OperationEntry:
    """Return how an operation is entered; a verb that nobody knows is that of a change."""
    if reads_only(operation):
        return OperationEntry.READ
    return OperationEntry.LOCK if operation in _OF_THE_LOCK else OperationEntry.CHANGE


def under_lock(operation: str) -> bool:
    """Tell whether the operation is only for the holder of the host lock, unless it just checks."""
    return entry(operation) is OperationEntry.CHANGE


@cache
def script(operation: str) -> Script:
    """Return the packed script of an operation; raises `ConfigError` for an unknown name."""
    if operation not in operations():
        raise ConfigError(
            f"host operation {operation!r} does not exist; known are {', '.join(operations())}"
        )
    return pack(assemble(source(operation), entry(operation)))


def source(operation: str) -> str:
    """Return the readable text of an operation, without the functions that travel with it."""
    return _read(_place(operation))


def area(operation: str) -> str:
    """Return the area of an operation: ``updates`` for ``Get-UpdateSnapshot``."""
    return _place(operation).parent.name


def assemble(text: str, way: OperationEntry = OperationEntry.READ) -> str:
    """Put the text of an operation and the functions that it needs together."""
    body = f"function Invoke-OperationScript {{\n{minify(text)}}}\n"
    return f"param ($Request)\n{_functions_for(body + way.value)}{body}{way.value}\n"


def pack(text: str) -> Script:
    """Hash and compress a script text; the same text always gives the same bytes."""
    raw = text.encode("utf-8")
    packed = base64.b64encode(gzip.compress(raw, compresslevel=9, mtime=0)).decode("ascii")
    return Script(text=text, sha256=hashlib.sha256(raw).hexdigest(), packed=packed)


@cache
def library() -> dict[str, str]:
    """Return the functions that any operation may call, minified, by name in the order of files."""
    return {
        name: _FUNCTIONS_OF.sub(lambda found: " ".join(_closure(found[1], _parts())), body)
        for name, body in _parts().items()
    }


def _functions_for(text: str) -> str:
    """Return the functions named in the text or in one another, in the order of their files."""
    known = library()
    return "".join(known[name] for name in _closure(text, known))


def _closure(text: str, known: dict[str, str]) -> list[str]:
    """Return the names of the functions that a text needs, directly or through others."""
    needed: set[str] = set()
    pending = [text]
    while pending:
        named = set(_COMMAND_WORD.findall(pending.pop())) & known.keys()
        pending.extend(known[name] for name in named - needed)
        needed |= named
    return [name for name in known if name in needed]


@cache
def _parts() -> dict[str, str]:
    """Read the functions of all files that are no operation and not the bootstrap."""
    texts = [
        _read(path)
        for path in sorted(_FOLDER.glob("*/*.ps1"))
        if not _OPERATION_NAME.fullmatch(path.stem) and path.stem != "bootstrap"
    ]
    return {found[1]: minify(found[0]) for text in texts for found in _FUNCTION.finditer(text)}


def _place(operation: str) -> Path:
    return next(_FOLDER.glob(f"*/{operation}.ps1"))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
