#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Gives services the start types that the record of an update holds, and starts those that ran and
#   start by themselves. All start types first: a service needs others. One that fails is reported and
#   the others go on.
# .RESULT
#   changed, before, after (rows), wrong (names that are not as recorded).
# .FAILS
#   RequestInvalid: SnapshotMissing, Update. ScriptFailed: UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Update,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-RestorePlan {
    # What ran and starts by itself runs again; what was disabled and stopped is so again (a mitigation);
    # of all others only the start type counts.
    param ($Rows)
    foreach ($row in @(Select-ByRank $Rows { param ($item) $item['name'] } -Back)) {
        $now = Get-ServiceState $row['name']
        if (-not $now) { continue }
        $status = $now['status']
        if ($row['status'] -eq 'Running' -and $row['start_type'] -like 'Automatic*') { $status = 'Running' }
        if ($row['status'] -eq 'Stopped' -and $row['start_type'] -eq 'Disabled') { $status = 'Stopped' }
        $wanted = [ordered]@{ name = $now['name']; status = $status; start_type = $row['start_type']; delayed = $row['delayed'] }
        if (-not (Test-ServiceState $now $wanted)) { @{ now = $now; wanted = $wanted } }
    }
}

function Select-Row {
    param ($Row)
    [ordered]@{ name = $Row['name']; status = $Row['status']; start_type = $Row['start_type'] }
}

function Invoke-Restore {
    param ($Plan)
    foreach ($row in $Plan) {
        try {
            Set-StartType $row['wanted']['name'] $row['wanted']['start_type'] $row['wanted']['delayed']
        } catch {
            Add-PartError "services.$($row['wanted']['name'])" $_
        }
    }
    foreach ($row in $Plan) {
        try {
            Set-ServiceState $row['wanted']['name'] $row['wanted']
        } catch {
            Add-PartError "services.$($row['wanted']['name'])" $_
        }
    }
}

Assert-UpdateName $Update
$record = Read-UpdateRecord $Update
if (-not $record) { Stop-Operation 'RequestInvalid' 'SnapshotMissing' "there is no record of the state before $Update on this host" }
$plan = @(Get-RestorePlan $record['state']['services'])
if (-not $Check) { Invoke-Restore $plan }
$after = @(foreach ($row in $plan) { if ($Check) { $row['wanted'] } else { Get-ServiceState $row['now']['name'] } })
[ordered]@{
    changed = $plan.Count -gt 0
    before = @(foreach ($row in $plan) { Select-Row $row['now'] })
    after = @(foreach ($row in $after) { Select-Row $row })
    wrong = @(for ($index = 0; $index -lt $plan.Count; $index++) {
            if (-not (Test-ServiceState $after[$index] $plan[$index]['wanted'])) { $after[$index]['name'] }
        })
}
