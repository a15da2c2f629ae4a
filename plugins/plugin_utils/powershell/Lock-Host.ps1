#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Takes the host lock, or renews it when owner and run hold it already. Class Locked when another
#   holds it and is not provably dead (other boot, or heartbeat beyond its ttl and no installer).
#   Result: state (acquired, renewed, taken-over), lock, previous (the dead lock), reason.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 200)]
    [string]
    $Owner,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 200)]
    [string]
    $Run,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 400)]
    [string]
    $Purpose,

    [ValidateRange(1, 86400)]
    [int]
    $TtlSeconds = 900
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Use-LockGuard {
    $now = ConvertTo-IsoDate (Get-Date)
    $lock = [ordered] @{
        owner = $Owner
        run = $Run
        purpose = $Purpose
        acquired = $now
        renewed = $now
        boot_id = Get-BootId
        ttl_seconds = $TtlSeconds
    }
    $state = 'acquired'
    $reason = $null
    $previous = Read-HostLock
    if (Test-LockHolder $previous $Owner $Run) {
        $state = 'renewed'
        $lock['acquired'] = $previous['acquired']
        $previous = $null
    } elseif ($previous) {
        $state = 'taken-over'
        $reason = Get-StaleReason $previous
        if (-not $reason) {
            Stop-Locked $previous
        }
    }
    Write-HostLock $lock -New:($state -eq 'acquired')
    [ordered] @{state = $state; lock = Read-HostLock; previous = $previous; reason = $reason }
}
