# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that may be a folder of a case: what leads elsewhere, or cannot be seen, is none (I6)."""

from __future__ import annotations

import re

from .errors import ConfigError

_MOST = 200  # characters; every file system takes them with an ending behind
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,199}")


def case_name(text: str, what: str) -> str:
    """Return ``text`` where it may name a folder; ``what`` says in the message what it names.

    :raises ConfigError: it is empty, too long, ``.`` or ``..``, or has a separator or a character
        that cannot be shown.
    """
    if (
        text in ("", ".", "..")
        or text.casefold().endswith((".json", ".jsonl"))
        or len(text) > _MOST
        or _unfit(text)
    ):
        raise ConfigError(
            f"{what} {text[:_MOST]!r} cannot name a folder of the case; use 1 to {_MOST} characters "
            f"that can be shown, without / and \\, and neither . nor .. alone; rename the {what}"
        )
    return text


def run_name(text: str) -> str:
    """Return the name of a run, which stands in messages and on hosts too (I4).

    :raises ConfigError: it is no name, or has characters that would have to be quoted somewhere.
    """
    if not _RUN.fullmatch(text):
        raise ConfigError(
            f"run: {text!r} cannot name a folder of the case; use up to 200 letters, digits "
            "and . _ : @ + -, beginning with a letter or digit"
        )
    return text


def _unfit(text: str) -> bool:
    return not text.isprintable() or any(separator in text for separator in "/\\")
