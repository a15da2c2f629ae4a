# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the message text out of PowerShell's CLIXML error stream, bounded and without entities."""

from __future__ import annotations

import re
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ...base.sanitize import clean_text

_BLOCK = re.compile(rb"#< CLIXML\s*(<Objs.*?(?:</Objs>|\Z))", re.DOTALL)
_ERROR_LINE = re.compile(r'<S S="Error">([^<]{0,4000})')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TEXT_TAG = "{http://schemas.microsoft.com/powershell/2004/04}S"
_CAP_BYTES = 256 * 1024
_CAP_CHARS = 2_000


def error_text(stderr: bytes) -> str:
    """Return the error messages on stderr as one cleaned line; "" when there is none.

    Progress, warnings and other records in CLIXML are no errors. Text that is not CLIXML counts
    as it is (ansible-core decodes some of it itself). Never raises.
    """
    head = stderr[:_CAP_BYTES]
    plain = _BLOCK.sub(b"", head).decode("utf-8", "replace").strip()
    messages = [_messages(found[1]) for found in _BLOCK.finditer(head)]
    text = " ".join(part for part in (plain, *messages) if part)
    cleaned = clean_text(" ".join(text.split()))
    return cleaned if len(cleaned) <= _CAP_CHARS else cleaned[:_CAP_CHARS] + " ..."


def _messages(block: bytes) -> str:
    try:
        root = fromstring(block)
        lines = [node.text or "" for node in root.iter(_TEXT_TAG) if node.get("S") == "Error"]
    except (ParseError, DefusedXmlException, ValueError):
        # Cut off or hostile: take the texts that are readable, without any XML semantics.
        lines = _ERROR_LINE.findall(block.decode("utf-8", "replace"))
    return "".join(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), line) for line in lines)
