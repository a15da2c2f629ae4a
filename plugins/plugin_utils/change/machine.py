# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machine a server is, by more than one sign: inventories may name one twice.

A cloned machine keeps the MachineGuid, and gets another name before it can join the same domain;
an account for one name exists once in a domain. So machines are one where name, domain and
MachineGuid are the same, and where a sign could not be read it does not tell them apart (I19).
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from ..host.calls.asking import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..host.transport.reply import Reply

_NAME = 255  # of a host or a domain, as DNS has it
_GUID = 38  # with braces


@dataclass(frozen=True, slots=True)
class MachineIdentity:
    """Texts in lower case; ``None``: not read."""

    name: str | None
    domain: str | None
    guid: str | None

    @classmethod
    def read(cls, result: Any, name: str | None = None) -> MachineIdentity:
        """Read it from facts; ``name``: what the host calls itself where they have none."""
        computer = mapping(mapping(result).get("computer"))
        return cls(
            _text(computer.get("name")) or _text(name),
            _text(computer.get("domain")),
            _text(computer.get("machine_guid"), _GUID),
        )

    @classmethod
    def of(cls, reply: Reply) -> MachineIdentity:
        """Read it from a reply with facts."""
        return cls.read(reply.result, reply.host.name)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> MachineIdentity:
        """Read it as :meth:`to_dict` wrote it."""
        return cls(_text(row.get("name")), _text(row.get("domain")), _text(row.get("guid"), _GUID))

    def to_dict(self) -> dict[str, str | None]:
        """Return it as JSON."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """Return a name for files."""
        return hashlib.sha256(rfc8785.dumps(self.to_dict())).hexdigest()[:32]

    def same(self, other: MachineIdentity) -> bool:
        """Tell whether both are, or may be, one machine; without a name nothing can be told."""
        if self.name is None or other.name is None:
            return False
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return all(one == two or None in (one, two) for one, two in pairs)

    def tells_more(self, other: MachineIdentity) -> bool:
        """Tell whether this has every sign that the other one has, and some more.

        Whoever hides its signs may be anything that it says: it may not pass for one that shows
        them. Nobody but the machine knows its MachineGuid.
        """
        pairs = list(zip(asdict(self).values(), asdict(other).values(), strict=True))
        lacks = any(mine is None and theirs is not None for mine, theirs in pairs)
        return not lacks and any(theirs is None and mine is not None for mine, theirs in pairs)

    def differs(self, other: MachineIdentity) -> bool:
        """Tell whether a sign that both have tells them apart."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return any(one != two for one, two in pairs if None not in (one, two))

    def filled(self, other: MachineIdentity) -> MachineIdentity:
        """Return it with the signs that only the other one has."""
        return MachineIdentity(
            self.name or other.name, self.domain or other.domain, self.guid or other.guid
        )

    def __str__(self) -> str:
        """Return it for people."""
        name = ".".join(part for part in (self.name, self.domain) if part) or "without a name"
        return f"{name} (MachineGuid {self.guid or 'not read'})"


def _text(value: object, most: int = _NAME) -> str | None:
    """What is longer than Windows lets it be, or cannot be shown, was not read."""
    if not isinstance(value, str) or len(value) > most:
        return None
    found = value.strip().rstrip(".").casefold()
    return found if found and len(found) <= most and found.isprintable() else None
