#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Renews the heartbeat of the lock of the ticket, also after a reboot. Class Locked when it is lost:
#   another holds it, or nobody does.
# .RESULT
#   state (renewed), lock.
# .FAILS
#   Locked: HostLocked, LockLost, LockNotHeld. ScriptFailed: LockBusy.
[CmdletBinding()]
param ()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Use-LockGuard {
    $lock = Assert-LockTicket $script:LockTicket
    $lock['renewed'] = ConvertTo-IsoDate (Get-Date)
    $lock['boot_id'] = Get-BootId
    Write-HostLock $lock
    [ordered]@{ state = 'renewed'; lock = Read-HostLock }
}
