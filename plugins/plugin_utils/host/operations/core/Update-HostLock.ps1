#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Renews the heartbeat of a lock that owner and run hold, also after a reboot. Class Locked when it
#   is lost: another holds it, or nobody does.
# .RESULT
#   state (renewed), lock.
# .FAILS
#   Locked: HostLocked, LockLost. ScriptFailed: LockBusy.
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
        Stop-Operation 'Locked' 'LockLost' "'$Owner' (run $Run) holds no lock; somebody released it. Stop, look at the host, acquire again"
    }
    if (-not (Test-LockHolder $lock $Owner $Run)) {
        Stop-Locked $lock
    }
    $lock['renewed'] = ConvertTo-IsoDate (Get-Date)
    $lock['boot_id'] = Get-BootId
    Write-HostLock $lock
    [ordered]@{ state = 'renewed'; lock = Read-HostLock }
}
