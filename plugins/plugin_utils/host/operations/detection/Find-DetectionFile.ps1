#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Every file that a detection tool left: those below the folder "output" of its job, and the logs that
#   such tools write by themselves. Changes nothing.
# .RESULT
#   files (source, name, size, sha256, modified; sha256 null where one could not be read), truncated
#   (there are more than 2,000).
# .FAILS
#   RequestInvalid: Job.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Job
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-JobName $Job
$folder = Get-JobFolder $Job
$names = @()
if ($folder -and (Test-Path -LiteralPath "$folder\output")) {
    $names = @(Get-DetectionName "$folder\output")
}
$result = [ordered]@{ files = @(); truncated = $names.Count -gt 2000 }
$result['files'] = @(
    foreach ($name in @(Get-SortedText @($names | Select-Object -First 2000))) {
        try {
            Get-DetectionEntry 'job' $name "$folder\output\$name"
        } catch {
            Add-PartError "job.$name" $_
            New-DetectionEntry 'job' $name
        }
    }
    $paths = Get-DetectionPath
    foreach ($source in @($paths.Keys)) {
        $found = Invoke-Part -Name $source { Get-DetectionLog $source $paths[$source] }
        if ($found) {
            $found
        }
    }
)
$result
