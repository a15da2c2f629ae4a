# SPDX-License-Identifier: GPL-3.0-or-later
"""Spelling and finding of Windows paths: case-insensitive, back slashes, implied parents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

# The same few thousand names and times are asked for again and again, at every command.
_KNOWN = 1 << 14
_HIVES = {
    "hkey_local_machine": "HKLM",
    "hklm": "HKLM",
    "hkey_current_user": "HKCU",
    "hkcu": "HKCU",
    "hkey_users": "HKU",
    "hku": "HKU",
}


@lru_cache(_KNOWN)
def registry_path(path: str) -> str:
    r"""Return ``HKLM:\A\B\`` or ``HKEY_LOCAL_MACHINE\A\B`` as ``HKLM\A\B``."""
    hive, _, rest = path.replace("/", "\\").strip("\\").partition("\\")
    hive = _HIVES.get(hive.rstrip(":").lower(), hive)
    return f"{hive}\\{rest}" if rest else hive


@lru_cache(_KNOWN)
def file_path(path: str) -> str:
    """One spelling of a Windows path: back slashes, none repeated, none at the end."""
    text = re.sub(r"(?<!^)\\{2,}", r"\\", path.replace("/", "\\"))
    return text if text.endswith(":\\") else text.rstrip("\\")


@lru_cache(_KNOWN)
def parse_time(text: str) -> datetime:
    """Read an ISO-8601 UTC time of the document (``...Z``) as an aware datetime."""
    return datetime.fromisoformat(text).astimezone(UTC)


def format_time(moment: datetime) -> str:
    """Return the document's form of a time: ``2021-03-05T10:00:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class Tree:
    """A tree of back-slash paths: spelled names and children, found case-insensitively."""

    spelled: dict[str, str] = field(default_factory=dict)
    children: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, path: str) -> None:
        """Make ``path`` and every parent of it known."""
        while path.lower() not in self.spelled:
            key = path.lower()
            self.spelled[key] = path
            self.children.setdefault(key, {})
            parent, separator, name = path.rpartition("\\")
            if not separator:
                return
            self.children.setdefault(parent.lower(), {})[name.lower()] = name
            path = parent

    def remove(self, path: str) -> list[str]:
        """Forget ``path`` and all below it; answers their keys."""
        key = path.lower()
        gone = [known for known in self.spelled if known == key or known.startswith(key + "\\")]
        for known in gone:
            del self.spelled[known]
            self.children.pop(known, None)
        parent, _, name = key.rpartition("\\")
        self.children.get(parent, {}).pop(name, None)
        return gone
