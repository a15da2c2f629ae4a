#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Releases the lock that owner and run hold; no lock at all is fine. Class Locked when another holds
#   it.
# .RESULT
#   state (released, free), lock (the one that was released).
# .FAILS
#   Locked: HostLocked. ScriptFailed: LockBusy.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 200)]
    [string]
    $Owner,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 200)]
    [string]
    $Run
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Use-LockGuard {
    $lock = Read-HostLock
    if (-not $lock) {
        return [ordered]@{ state = 'free'; lock = $null }
    }
    if (-not (Test-LockHolder $lock $Owner $Run)) {
        Stop-Locked $lock
    }
    [IO.File]::Delete((Resolve-NativePath (Join-Path (Get-StateFolder) 'host.lock')))
    [ordered]@{ state = 'released'; lock = $lock }
}
