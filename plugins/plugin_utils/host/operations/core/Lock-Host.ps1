#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Takes the host lock, or renews it when owner and run hold it already. Class Locked when another
#   holds it and is not provably dead (other boot, or heartbeat beyond its ttl and no installer). Two
#   may take it from a holder of whom that is not proven, and never while a job, an installer or
#   another change is at work: the same controller after ten minutes without heartbeat, and whoever
#   gives the reason of the operator (takeover), which the lock then shows.
# .RESULT
#   state (acquired, renewed, taken-over), lock, previous (the other lock), reason.
# .FAILS
#   Locked: HostLocked, InstallerRunning, JobActive, OperationRunning. ScriptFailed: JobDamaged,
#   LockBusy.
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
    $TtlSeconds = 900,

    [ValidateLength(0, 200)]
    [string]
    $Controller = '',

    [ValidateLength(0, 400)]
    [string]
    $Takeover = ''
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-TakeoverReason {
    # "operator", "controller", or null: this lock may not be taken. Heartbeats come every five minutes.
    param ($Lock)
    $reason = $null
    if ($Takeover) {
        $reason = 'operator'
    } elseif ($Controller -and $Lock['controller'] -ceq $Controller -and (Get-LockSilence $Lock) -gt 600) {
        $reason = 'controller'
    }
    if ($reason) {
        Assert-Idle
        $running = Find-RunningOperation
        if ($running) {
            Stop-Operation 'Locked' 'OperationRunning' "a change is carried out since $($running['started']) in process $($running['process_id']); wait for its end" $Lock
        }
    }
    $reason
}

Use-LockGuard {
    $now = ConvertTo-IsoDate (Get-Date)
    $lock = [ordered]@{
        owner = $Owner
        run = $Run
        purpose = $Purpose
        acquired = $now
        renewed = $now
        boot_id = Get-BootId
        ttl_seconds = $TtlSeconds
        controller = if ($Controller) { $Controller }
        takeover = $null
    }
    $state = 'acquired'
    $reason = $null
    $previous = Read-HostLock
    if (Test-LockHolder $previous $Owner $Run) {
        $state = 'renewed'
        $lock['acquired'] = $previous['acquired']
        $lock['takeover'] = $previous['takeover']
        $previous = $null
    } elseif ($previous) {
        $state = 'taken-over'
        $reason = Get-StaleReason $previous
        if (-not $reason) {
            $reason = Get-TakeoverReason $previous
        }
        if (-not $reason) {
            Stop-Locked $previous
        }
        if ($reason -eq 'operator') {
            $lock['takeover'] = "from '{0}' (run {1}) at {2}: {3}" -f $previous['owner'], $previous['run'], $now, $Takeover
        }
    }
    Write-HostLock $lock -New:($state -eq 'acquired')
    [ordered]@{ state = $state; lock = Read-HostLock; previous = $previous; reason = $reason }
}
