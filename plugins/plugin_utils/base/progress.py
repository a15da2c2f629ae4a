# SPDX-License-Identifier: GPL-3.0-or-later
"""What a long piece of work reports on its way, to one sink; nothing here shows anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work on one host is. Empty texts and null numbers are not known.

    ``line`` is what an operator reads, with text of the host as it came: who shows it cleans it.
    Without a line only the numbers have changed.
    """

    host: str = ""  # as the inventory names it
    phase: str = ""  # "patch", "upgrade", "mitigate" ...
    step: str = ""  # "deliver", "job kb5000871-15-1-2176-9-1" ...
    done: float | None = None  # of ``total``, in ``unit``
    total: float | None = None
    unit: str = ""  # "bytes" or "seconds"
    line: str = ""
    deadline: str | None = None  # ISO-8601 UTC on the host's clock: when it counts as stuck


Sink: TypeAlias = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Tell nobody."""


def within(sink: Sink, host: str, phase: str) -> Sink:
    """Return a sink that adds the host and phase to what does not know them."""

    def tell(progress: Progress) -> None:
        sink(replace(progress, host=progress.host or host, phase=progress.phase or phase))

    return tell
