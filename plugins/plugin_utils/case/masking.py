# SPDX-License-Identifier: GPL-3.0-or-later
"""Take secrets out of what is about to be kept, and make it writable as canonical JSON (I8).

Where secrets could come from: parameters of an operation (a source address with a password in it),
and results, which a host chooses: whoever logs on with Basic authentication has told the host the
password, and a hostile host can send it back. What is given as secret is masked wherever it stands,
in keys too, and so is the password part of every address.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..base.sanitize import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "********"
# Masking a shorter text would make holes everywhere and protect nothing.
SHORTEST_SECRET = 4
_SAFE_INTEGER = 1 << 53  # RFC 8785 numbers are doubles; larger integers are kept as text
_ADDRESS = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)@")


def writable(value: Any, secrets: Iterable[str]) -> Any:
    """Return a JSON value without the secrets, that every RFC 8785 writer takes.

    Whatever a host sends can be written: a record of a change that has been made must not fail.
    """
    # Longest first: a secret that is part of another one would leave the rest of it.
    known = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
    return _writable(value, known)


def _writable(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return _text(value, secrets)
    if isinstance(value, Mapping):
        return {_text(str(k), secrets): _writable(v, secrets) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_writable(item, secrets) for item in value]
    return value if _is_plain(value) else _text(str(value), secrets)


def _is_plain(value: Any) -> bool:
    """Whether a value that holds no other one can be written as it is."""
    if isinstance(value, int):  # True and False too
        return abs(value) < _SAFE_INTEGER
    return value is None or (isinstance(value, float) and math.isfinite(value))


def _text(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return clean_text(_ADDRESS.sub(rf"\1:{MASK}@", text))
