# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of this controller on one host, by its name in the inventory and by its machine."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ..base.errors import RefusedError
from .controller import state_folder, unusable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def alone(host: str) -> Iterator[None]:
    """Hold the file of a host while it is changed; a process that dies gives it back.

    Raises :class:`RefusedError` while another process of this user is at work on the same host.
    """
    path = state_folder("running") / f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}.lock"
    lock = FileLock(path, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise RefusedError(
            f"another run of this user on this controller is at work on it ({path}). A worker of "
            "Ansible goes on after its ansible-playbook was killed; wait for it, or end it"
        ) from error
    except OSError as error:
        raise unusable(path, error) from error
    try:
        yield
    finally:
        lock.release()
