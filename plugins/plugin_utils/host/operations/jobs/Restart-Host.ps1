#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Restarts Windows after a delay, so that the reply still arrives. Class Locked while an installer or
#   a job is at work, or when the host lock is not held.
# .RESULT
#   changed, scheduled (true: a restart was planned already), boot_id (before it), delay_seconds.
# .FAILS
#   Locked: InstallerRunning, JobActive. ScriptFailed: JobDamaged, RestartRefused.
[CmdletBinding()]
param (
    [ValidateRange(5, 3600)]
    [int]
    $DelaySeconds = 15,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 200)]
    [string]
    $Reason,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Invoke-Shutdown {
    # Exit code of shutdown.exe: 0, or 1190 when a restart is planned already.
    # Under Stop, 3.0-5.1 make an exception of the first line on stderr.
    $ErrorActionPreference = 'Continue'
    $program = "$env:SystemRoot\System32\shutdown.exe"
    # p:4:1 = planned, maintenance of an application.
    $lines = & $program '/r' '/t' "$DelaySeconds" '/d' 'p:4:1' '/c' ($Reason -replace '[^\w .,:/-]', '_') 2>&1
    [ordered]@{ code = $LASTEXITCODE; text = (@($lines | ForEach-Object { [string]$_ }) -join ' ').Trim() }
}

$scheduled = $false
if ($Check) {
    Assert-Idle
} else {
    # Guarded: no job may be started between the look and the order.
    $done = Use-LockGuard {
        Assert-Idle
        Invoke-Shutdown
    }
    $scheduled = $done['code'] -eq 1190
    if ($done['code'] -ne 0 -and -not $scheduled) {
        Stop-Operation 'ScriptFailed' 'RestartRefused' "shutdown.exe ended with exit code $($done['code']): $($done['text'])"
    }
}
[ordered]@{ changed = -not $scheduled; scheduled = $scheduled; boot_id = Get-BootId; delay_seconds = $DelaySeconds }
