#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Releases the lock of the ticket; no lock at all is fine. Class Locked when another has it.
# .RESULT
#   state (released, free), lock (the one that was released).
# .FAILS
#   Locked: HostLocked, LockLost, LockNotHeld. ScriptFailed: LockBusy.
[CmdletBinding()]
param ()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Use-LockGuard {
    if (-not (Read-HostLock)) {
        return [ordered]@{ state = 'free'; lock = $null }
    }
    $lock = Assert-LockTicket $script:LockTicket
    [IO.File]::Delete((Resolve-NativePath (Join-Path (Get-StateFolder) 'host.lock')))
    [ordered]@{ state = 'released'; lock = $lock }
}
