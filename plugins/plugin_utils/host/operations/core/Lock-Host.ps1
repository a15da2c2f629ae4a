#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Takes the host lock, or renews it when this life of the run holds it already. Class Locked when
#   another holds it, were it another life of the same run, and is not provably dead: other boot,
#   heartbeat beyond its ttl and neither installer nor job, or its own controller has seen that life
#   end (gone). Two may take it from a holder of whom that is not proven, and never while a job or an
#   installer is at work: the same controller after ten minutes without heartbeat, and whoever gives
#   the reason of the operator (takeover), which the lock then shows. Nobody takes it while a change is
#   carried out. Each acquisition has a token above all earlier ones; the ticket goes with each change.
# .RESULT
#   state (acquired, renewed, taken-over), ticket, lock, previous (the other lock), reason (boot,
#   heartbeat, life, controller, operator or null).
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

    # of this life of the run: two processes may have one owner and run
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[0-9a-f]{32}\z')]
    [string]
    $Life,

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
    $Takeover = '',

    # the life that held the lock and has ended, as the controller on which it lived has seen
    [ValidateLength(0, 32)]
    [string]
    $Gone = ''
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-TakeoverReason {
    # Why this lock may be taken, or null: it may not. Heartbeats come every five minutes.
    param ($Lock)
    if ($Gone -and (Test-SameText $Gone $Lock['life']) -and (Test-SameRun $Lock $Owner $Run)) {
        # It goes on with what it began: a job of its own may be at work.
        return 'life'
    }
    $reason = Get-StaleReason $Lock
    if ($reason) {
        Assert-NoActiveJob
        return $reason
    }
    if ($Takeover) {
        $reason = 'operator'
    } elseif ($Controller -and (Test-SameText $Lock['controller'] $Controller) -and (Get-LockSilence $Lock) -gt 600) {
        $reason = 'controller'
    }
    if ($reason) {
        Assert-Idle
    }
    $reason
}

function Assert-NoRunningChange {
    # Whoever held the lock last: what was begun under it must have ended, or two would be at work.
    param ($Lock)
    $running = Find-RunningOperation
    if ($running) {
        Stop-Operation 'Locked' 'OperationRunning' "a change is carried out since $($running['started']) in process $($running['process_id']); wait for its end" $Lock
    }
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
        life = $Life
        token = [long]0
    }
    $state = 'acquired'
    $reason = $null
    $previous = Read-HostLock
    if ((Test-SameRun $previous $Owner $Run) -and (Test-SameText $previous['life'] $Life)) {
        $state = 'renewed'
        foreach ($name in 'acquired', 'takeover', 'token') {
            $lock[$name] = $previous[$name]
        }
        $previous = $null
    } else {
        if ($previous) {
            $state = 'taken-over'
            $reason = Get-TakeoverReason $previous
            if (-not $reason) {
                Stop-Locked $previous
            }
        }
        Assert-NoRunningChange $previous
        if ($reason -eq 'operator') {
            $lock['takeover'] = "from '{0}' (run {1}) at {2}: {3}" -f $previous['owner'], $previous['run'], $now, $Takeover
        }
        $lock['token'] = New-LockToken $previous
        Write-LockHistory $lock
    }
    Write-HostLock $lock -New:($state -eq 'acquired')
    [ordered]@{
        state = $state
        ticket = Get-LockTicket $lock
        lock = Read-HostLock
        previous = $previous
        reason = $reason
    }
}
