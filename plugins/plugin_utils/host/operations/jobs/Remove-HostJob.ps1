#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Removes what a job left on the host: its task and its folder. Class Locked while it is at work (an
#   installer is never ended), or when the host lock is not held.
# .RESULT
#   changed, before, after (states).
# .FAILS
#   Locked: JobActive. RequestInvalid: Job. ScriptFailed: JobDamaged, TaskRefused.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Job,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-JobName $Job
$absent = [ordered]@{ job = $Job; state = 'absent' }
$folder = Get-JobFolder $Job
if (-not $folder) {
    return [ordered]@{ changed = $false; before = $absent; after = $absent }
}
$before = Get-JobView $folder
if ($before -and $before['state'] -ne 'staged' -and (Test-JobActive $before)) {
    Stop-Operation 'Locked' 'JobActive' "job '$Job' is at work (state $($before['state']), program $($before['pid'])); it is not ended. Wait for it" $before
}
if (-not $Check) {
    if (-not (Unregister-JobTask $Job)) {
        Stop-Operation 'ScriptFailed' 'TaskRefused' "the Task Scheduler still has the task of job '$Job'; its folder stays"
    }
    Remove-JobFolder $folder
}
[ordered]@{ changed = $true; before = $before; after = $absent }
