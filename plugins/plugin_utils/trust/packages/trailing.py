# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a signed file that is signed, and bytes in it that no signature covers.

Whatever stands outside of the signed part can be changed while the signature stays good; real
malware came that way, behind the signature of programs and behind the end of .msi files.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from . import signed_compound, signed_program, signed_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# What parsers raise over damaged bytes.
MALFORMED = (ValueError, TypeError, LookupError, OverflowError, RecursionError, struct.error)


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A file that can carry a signature."""

    signature: bytes | None  # DER and whatever stands behind it
    content: str  # what its signature must say it is over, as an object identifier
    digest: Callable[[str], bytes]  # of everything that is signed, by the name of an algorithm
    hidden: Callable[[], str | None]
    # What its content must hold besides; and whether osslsigncode of Debian 12 knows files of its kind.
    about: bytes = b""
    second_judge: bool = True


@contextmanager
def signed_file(path: Path, *, script: bool = False) -> Iterator[SignedFile]:
    """Open a program or an installer database, or a ``script`` of PowerShell, which has no mark.

    :raises RefusedError: it is anything else.
    """
    with path.open("rb") as stream:
        if script:
            text = signed_script.SignedScript(stream)
            yield SignedFile(
                text.signature,
                signed_script.CONTENT,
                text.digest,
                lambda: signed_program.behind(text.signature, 1) or text.hidden(),
                about=signed_script.SIP,
                second_judge=False,
            )
            return
        mark = stream.read(8)
        if mark.startswith(signed_program.MARK):
            yield SignedFile(
                signed_program.signature(stream),
                signed_program.CONTENT,
                lambda algorithm: signed_program.digest(stream, algorithm),
                lambda: signed_program.hidden(stream),
            )
        elif mark == signed_compound.MARK:
            file = signed_compound.SignedCompound(stream)
            data = file.stream(signed_compound.SIGNATURE)
            yield SignedFile(
                data,
                signed_compound.CONTENT,
                file.digest,
                lambda: (signed_program.behind(data, 1) if data else None) or file.hidden(),
            )
        else:
            raise RefusedError("it is neither a program nor an installer database")


def hidden_bytes(path: Path) -> str | None:
    """Say what is hidden from the signature; ``None`` when nothing is, or it carries none at all."""
    try:
        with signed_file(path) as file:
            return file.hidden()
    except RefusedError:
        return None
    except (OSError, *MALFORMED):
        return "its headers cannot be read"
