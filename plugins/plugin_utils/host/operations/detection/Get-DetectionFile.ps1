#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   A part of one file of Find-DetectionFile, byte for byte. Changes nothing.
# .RESULT
#   size (of the file now), offset, data (base64; empty at its end).
# .FAILS
#   RequestInvalid: Job, FileMissing.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Job,

    [Parameter(Mandatory = $true)]
    [ValidateSet('job', 'msert_log', 'msert_old_log')]
    [string]
    $Source,

    # as it was listed
    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 1000)]
    [string]
    $Name,

    [ValidateRange(0, 1099511627776)]
    [long]
    $Offset = 0,

    [ValidateRange(1, 262144)]
    [int]
    $Limit = 262144
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-JobName $Job
$path = $null
if ($Source -eq 'job') {
    # Only what the listing gives: no way out of the folder, no stream, no device.
    $folder = Get-JobFolder $Job
    if ($folder -and (Test-Path -LiteralPath "$folder\output")) {
        foreach ($listed in @(Get-DetectionName "$folder\output")) {
            # Not -ceq: it takes names for equal that differ in characters which it ignores.
            if ([string]::Equals($listed, $Name, 'Ordinal')) {
                $path = "$folder\output\$listed"
            }
        }
    }
} else {
    $known = (Get-DetectionPath)[$Source]
    if ([string]::Equals($known, $Name, 'Ordinal') -and (Get-DetectionLog $Source $known)) {
        $path = $known
    }
}
if (-not $path) {
    Stop-Operation 'RequestInvalid' 'FileMissing' "'$Name' is no file of $Source that Find-DetectionFile lists"
}
$stream = [IO.File]::Open((Resolve-NativePath $path), 'Open', 'Read', 'ReadWrite, Delete')
try {
    $size = $stream.Length
    $count = [Math]::Max(0, [Math]::Min($Limit, $size - $Offset))
    [ordered]@{
        size = $size
        offset = $Offset
        data = [Convert]::ToBase64String((Read-Block $stream $Offset $count))
    }
} finally {
    $stream.Dispose()
}
