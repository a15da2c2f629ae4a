# SPDX-License-Identifier: GPL-3.0-or-later
"""Make host-derived text inert for terminals and loggers, visibly (I4, CWE-150)."""

from __future__ import annotations

import re
from typing import Any

# C0 and C1 controls (tab and line breaks too: facts are single lines), DEL, soft hyphen, bidi marks
# and overrides, zero-width characters, line and paragraph separators, BOM, interlinear and tag
# characters, noncharacters that XML refuses, lone surrogates.
_RANGES = (
    (0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F),
    (0x2028, 0x202E), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB),
    (0xFFFE, 0xFFFF), (0xE0000, 0xE007F),
)  # fmt: skip
_UNSAFE = re.compile(f"[{''.join(f'{chr(first)}-{chr(last)}' for first, last in _RANGES)}]")
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
_BYTE, _BMP = 0xFF, 0xFFFF


def clean_text(text: str) -> str:
    r"""Replace every unsafe character by a visible escape: ``\x1b``, ``\u202e``, ``\ud800``."""
    # Whole text of unsafe characters would else be as many small objects: 16 MB become a gigabyte.
    return text.translate(_ESCAPES) if _UNSAFE.search(text) else text


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
        return clean_text(value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def _escape(code: int) -> str:
    character = chr(code)
    if character in _SHORT:
        return _SHORT[character]
    if code <= _BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"


_ESCAPES = {code: _escape(code) for first, last in _RANGES for code in range(first, last + 1)}
