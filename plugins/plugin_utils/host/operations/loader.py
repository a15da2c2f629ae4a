# SPDX-License-Identifier: GPL-3.0-or-later
"""The host scripts as they travel: prelude functions plus one operation, minified and packed.

An operation is one file ``Verb-Noun.ps1`` in the folder of its area, if long with parts beside it
(``# include: facts/iis.ps1``). What is sent is::

    param ($Request)
    <the functions of prelude.ps1 and prelude/ that the operation needs, directly or through others>
    function Invoke-OperationScript {
    <the file>
    }
    ConvertTo-SafeJson (Invoke-Operation $Request)     # or Invoke-KeyedOperation $Request
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...base.errors import ConfigError

_FOLDER = Path(__file__).parent
_PRELUDE = ("prelude", "keyed", "lock", "reply", "state")
_READING_VERBS = frozenset({"Find", "Get", "Test"})
_OPERATION_NAME = re.compile(r"[A-Z][A-Za-z]+-[A-Z][A-Za-z0-9]+")
_FUNCTION = re.compile(
    r"^function ([A-Z][A-Za-z]+-[A-Za-z]+) \{\n.*?^\}\n", re.MULTILINE | re.DOTALL
)
_COMMAND_WORD = re.compile(r"[A-Z][A-Za-z]+-[A-Za-z]+")
# A line of its own in an operation: the text of that file of this folder stands there.
_INCLUDE = re.compile(r"^# include: ([a-z]+(?:/[a-z-]+)*\.ps1)$", re.MULTILINE)
_HERE_STRING_START = re.compile(r"@(['\"])\s*\Z")


@dataclass(frozen=True, slots=True)
class Script:
    """One operation ready to send.

    ``sha256`` is the hex digest of ``text`` in UTF-8; ``packed`` is base64 of its gzip.
    """

    text: str
    sha256: str
    packed: str


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
    return minify(_read("core/bootstrap"))


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


@cache
def script(operation: str) -> Script:
    """Return the packed script of an operation; raises `ConfigError` for an unknown name."""
    if operation not in operations():
        raise ConfigError(
            f"host operation {operation!r} does not exist; known are {', '.join(operations())}"
        )
    return pack(assemble(source(operation), keyed=not reads_only(operation)))


def source(operation: str) -> str:
    """Return the readable text of an operation, ``# include: folder/part.ps1`` lines expanded."""
    return _INCLUDE.sub(
        lambda found: _read(found[1].removesuffix(".ps1")), _read(_place(operation))
    )


def assemble(text: str, *, keyed: bool = False) -> str:
    """Put the text of an operation and the prelude functions that it needs together."""
    entry = "Invoke-KeyedOperation $Request"
    if not keyed:
        entry = "ConvertTo-SafeJson (Invoke-Operation $Request)"
    body = f"function Invoke-OperationScript {{\n{minify(text)}}}\n"
    return f"param ($Request)\n{_functions_for(body + entry)}{body}{entry}\n"


def pack(text: str) -> Script:
    """Hash and compress a script text; the same text always gives the same bytes."""
    raw = text.encode("utf-8")
    packed = base64.b64encode(gzip.compress(raw, compresslevel=9, mtime=0)).decode("ascii")
    return Script(text=text, sha256=hashlib.sha256(raw).hexdigest(), packed=packed)


def _functions_for(text: str) -> str:
    """Return the prelude functions named in the text or in one another, in file order."""
    library = _prelude()
    wanted: set[str] = set()
    pending = [text]
    while pending:
        named = set(_COMMAND_WORD.findall(pending.pop())) & library.keys()
        pending.extend(library[name] for name in named - wanted)
        wanted |= named
    return "".join(body for name, body in library.items() if name in wanted)


@cache
def _prelude() -> dict[str, str]:
    text = "".join(map(_read, (f"core/{part}" for part in _PRELUDE)))
    return {found[1]: minify(found[0]) for found in _FUNCTION.finditer(text)}


def _place(operation: str) -> str:
    """Return the path of an operation's script, without its ending."""
    found = next(_FOLDER.glob(f"*/{operation}.ps1"))
    return found.relative_to(_FOLDER).with_suffix("").as_posix()


@cache
def _read(name: str) -> str:
    text = (_FOLDER / f"{name}.ps1").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda line: (_FOLDER / line[1]).read_text(encoding="utf-8"), text)
