# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock and the state of keyed operations, as their scripts answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..jobs.files import assert_idle, assert_none_active
from ..registry import operation
from . import lock, state

if TYPE_CHECKING:
    from ..context import Context
    from ..registry import Given, Result


@operation("Get-HostLock")
def get_lock(context: Context, _: Given) -> Result:
    """Tell who holds the lock."""
    return lock.get(context.world)


@operation("Lock-Host")
def acquire(context: Context, given: Given) -> Result:
    """Take the lock, renew it, or take it over."""
    quiet = lock.Quiet(assert_none_active, assert_idle)
    return lock.acquire(context.world, lock.LockClaim(**given), quiet)


@operation("Update-HostLock")
def renew(context: Context, _: Given) -> Result:
    """Renew the heartbeat."""
    return lock.renew(context.world, context.lock)


@operation("Unlock-Host")
def release(context: Context, _: Given) -> Result:
    """Release the lock."""
    return lock.release(context.world, context.lock)


@operation("Get-OperationStatus")
def status(context: Context, given: Given) -> Result:
    """Tell what became of keyed operations."""
    return state.operation_status(context.world, given["keys"])
