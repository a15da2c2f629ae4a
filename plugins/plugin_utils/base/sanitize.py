# SPDX-License-Identifier: GPL-3.0-or-later
"""Make host-derived text inert for terminals and loggers, visibly (I4, CWE-150)."""

from __future__ import annotations

import re
from typing import Any

# C0 and C1 controls (tab and line breaks too: facts are single lines), DEL, soft hyphen, bidi marks
# and overrides, zero-width characters, line and paragraph separators, BOM, interlinear and tag
# characters, noncharacters that XML refuses, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_BYTE, _BMP = 0xFF, 0xFFFF


def clean_text(text: str) -> str:
    r"""Replace every unsafe character by a visible escape: ``\x1b``, ``\u202e``, ``\ud800``."""
    return _UNSAFE.sub(_escape, text)


def is_inert(document: bytes, unpaired: bytes | None = None) -> bool:
    """Tell whether ASCII JSON text certainly holds nothing that `clean` would replace.

    Controls can stand in JSON only as escapes, except DEL. Not inert means look closer.
    ``unpaired`` is the text without its escaped back slashes, when the caller has it already.
    """
    rest = document.replace(b"\\\\", b"") if unpaired is None else unpaired
    harmless = rest.count(b'\\"') + rest.count(b"\\/")
    return rest.isascii() and b"\x7f" not in rest and rest.count(b"\\") == harmless


def clean(value: Any) -> Any:
    """Return a JSON value with all its strings (keys too) cleaned.

    Nesting must have been bounded before (`codec` does), this function recurses.
    """
    if isinstance(value, str):
        return _UNSAFE.sub(_escape, value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code <= _BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"
