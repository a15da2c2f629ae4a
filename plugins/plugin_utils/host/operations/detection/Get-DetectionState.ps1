#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   What is there before a detection tool is started: scanners at work, and the logs that it would go
#   on with. Changes nothing.
# .RESULT
#   scanners (name, id, started; of MSERT and MRT), msert_log, msert_old_log (source, name, size,
#   sha256, modified; null where there is none), clock.
[CmdletBinding()]
param ()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-Scanner {
    foreach ($process in @(Get-Process -Name 'msert', 'mrt' -ErrorAction SilentlyContinue)) {
        $row = [ordered]@{ name = $process.ProcessName; id = $process.Id; started = $null }
        try {
            $row['started'] = ConvertTo-IsoDate $process.StartTime
        } catch {
            Add-PartError 'scanners' $_
        }
        $row
    }
}

$paths = Get-DetectionPath
[ordered]@{
    scanners = Invoke-Part -Name 'scanners' -List { Get-Scanner }
    msert_log = Invoke-Part -Name 'msert_log' { Get-DetectionLog 'msert_log' $paths['msert_log'] }
    msert_old_log = Invoke-Part -Name 'msert_old_log' { Get-DetectionLog 'msert_old_log' $paths['msert_old_log'] }
    clock = ConvertTo-IsoDate (Get-Date)
}
