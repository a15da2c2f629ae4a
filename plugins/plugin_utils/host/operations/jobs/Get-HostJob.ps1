#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   What a job does now. Changes nothing, starts no program, small reply: made to be asked often.
# .RESULT
#   the state (job, state, reason, boot_id, attempt, times, exit_code, program_running ...); state
#   absent when there is no such job. output: base64 of the captured bytes that were asked for.
# .FAILS
#   RequestInvalid: Job. ScriptFailed: JobDamaged.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Job,

    [ValidateRange(0, 2147483647)]
    [int]
    $OutputOffset = 0,

    [ValidateRange(0, 262144)]
    [int]
    $OutputLimit = 0
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Read-JobOutput {
    param ([string]$Folder)
    try {
        $stream = [IO.File]::Open((Resolve-NativePath (Join-Path $Folder 'output.log')), 'Open', 'Read', 'ReadWrite, Delete')
    } catch [IO.FileNotFoundException] {
        return ''
    }
    try {
        [void]$stream.Seek($OutputOffset, 'Begin')
        $buffer = New-Object byte[] $OutputLimit
        $count = $stream.Read($buffer, 0, $OutputLimit)
        [Convert]::ToBase64String($buffer, 0, $count)
    } finally {
        $stream.Dispose()
    }
}

Assert-JobName $Job
$folder = Get-JobFolder $Job
$view = $null
if ($folder) {
    $view = Get-JobView $folder
}
if (-not $view) {
    return [ordered]@{ job = $Job; state = 'absent' }
}
if ($OutputLimit -gt 0) {
    $view['output'] = Read-JobOutput $folder
}
$view
