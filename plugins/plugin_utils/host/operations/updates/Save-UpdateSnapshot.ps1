#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Records the state before an update, once: a second attempt finds services disabled by the first one
#   and must not take that for the original state.
# .RESULT
#   changed, record.
# .FAILS
#   RequestInvalid: ConfigurationUnreadable, Update. ScriptFailed: SnapshotIncomplete,
#   UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Update,

    [ValidateCount(0, 100)]
    [string[]]
    $Binaries = @(),

    # kept in a new record as they are: what whoever goes on later has to know
    [ValidateCount(0, 50)]
    [string[]]
    $Notes = @(),

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-UpdateName $Update
$record = Read-UpdateRecord $Update
$changed = -not $record
if ($changed) {
    $record = [ordered]@{
        schema = 1
        update = $Update
        recorded = ConvertTo-IsoDate (Get-Date)
        notes = @($Notes)
        state = Get-UpdateState $Binaries
    }
    if (-not $record['state']['services']) {
        Stop-Operation 'ScriptFailed' 'SnapshotIncomplete' 'the services could not be read, so there is nothing that could be restored'
    }
    if (-not $Check) {
        $folder = Get-StateFolder 'updates' -Create
        Write-FileDurably (Join-Path $folder "$Update.json") (ConvertTo-SafeJson $record)
    }
}
[ordered]@{ changed = $changed; record = $record }
