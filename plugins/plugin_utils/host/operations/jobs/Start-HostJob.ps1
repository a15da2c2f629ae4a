#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Starts a program as a durable job: a SYSTEM task that outlives the connection, the controller and
#   restarts. Right before the launch the runner hashes the file while nobody can write it. A job of
#   this name with the same order is that job, not a second launch; another order is refused. Class
#   Locked when the host lock is not held, or while another job is at work.
# .RESULT
#   changed, before, after (states as Get-HostJob shows them).
# .FAILS
#   Locked: JobActive. RequestInvalid: DeadlineUtc, File, FileMissing, ImageUnsupported, Job,
#   JobConflict, Kind, Sha256. ScriptFailed: JobDamaged, TaskRefused.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Job,

    # proxylogon-objects: Test-ProxyLogon.ps1 is asked for its objects by a launcher of ours
    [ValidateSet('process', 'proxylogon-objects')]
    [string]
    $Kind = 'process',

    # .exe is started, .msi and .msp by msiexec, .ps1 by powershell.exe, of an .iso its setup.exe
    [Parameter(Mandatory = $true)]
    [ValidateLength(4, 1000)]
    [string]
    $File,

    # {output} in one of them is the folder "output" of the job
    [string[]]
    $Arguments = @(),

    [Parameter(Mandatory = $true)]
    [string]
    $Sha256,

    # on the clock of the host
    [Parameter(Mandatory = $true)]
    [string]
    $DeadlineUtc,

    [string[]]
    $ProgressPaths = @(),

    [ValidateRange(60, 86400)]
    [int]
    $ProgressTimeoutSeconds = 1800,

    [ValidateRange(0, 16777216)]
    [int]
    $OutputCapBytes = 1048576,

    [bool]
    $RelaunchAfterReboot = $false,

    # below the priority of what the server is there for
    [bool]
    $LowPriority = $false,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-JobName $Job
$order = [ordered]@{
    schema = 1
    job = $Job
    kind = $Kind
    file = $File
    arguments = @($Arguments)
    sha256 = $Sha256.ToLowerInvariant()
    deadline_utc = $DeadlineUtc
    progress_paths = @($ProgressPaths)
    progress_timeout_seconds = $ProgressTimeoutSeconds
    output_cap_bytes = $OutputCapBytes
    relaunch_after_reboot = $RelaunchAfterReboot
    low_priority = $LowPriority
}
Assert-JobOrder $order
$before = Get-KnownJob $order
if ($before -and $before['state'] -ne 'staged') {
    return [ordered]@{ changed = $false; before = $before; after = $before }
}
if (-not (Test-Path -LiteralPath $File)) {
    Stop-Operation 'RequestInvalid' 'FileMissing' "the file $File does not exist"
}
if (Test-JobImage $File) {
    Assert-ImageSupport
}
if ($Check) {
    Assert-NoActiveJob $Job
    $after = [ordered]@{ job = $Job; state = 'staged' }
} else {
    # Guarded: of two orders at the same time one sees the other.
    $after = Use-LockGuard {
        Assert-NoActiveJob $Job
        Start-StagedJob $order $before
    }
}
[ordered]@{ changed = $true; before = $before; after = $after }
