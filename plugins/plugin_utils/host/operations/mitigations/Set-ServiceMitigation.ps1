#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Stops and disables services (or whatever state is given), the health manager before the others,
#   with the services that depend on them. The prior states go into the undo record first.
# .RESULT
#   changed, before, after (rows of name, status, start_type), not_applicable, undo, undo_record.
# .FAILS
#   ScriptFailed: ServiceNotInState, UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[a-z0-9][a-z0-9-]{0,63}\z')]
    [string]
    $Mitigation,

    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 50)]
    [object[]]
    $Services,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-ServicePlan {
    # Rows of the services that exist, in the order of acting: now and wanted. Dependents come along
    # only to be stopped.
    param ($Services)
    $plan = @()
    $asked = @(foreach ($service in $Services) { $service.name })
    foreach ($service in @(Select-ByRank $Services { param ($row) $row.name })) {
        $now = Get-ServiceState $service.name
        if (-not $now) { continue }
        $wanted = [ordered]@{ name = $now['name']; status = $service.status; start_type = $service.start_type; delayed = $now['delayed'] }
        if ($wanted['status'] -eq 'Stopped') {
            foreach ($dependent in Get-Service -Name $now['name'] -DependentServices) {
                $state = Get-ServiceState $dependent.ServiceName
                $known = $asked + @(foreach ($row in $plan) { $row['now']['name'] })
                if (-not (Test-Running $state['status']) -or $known -contains $state['name']) { continue }
                $plan += @{ now = $state; wanted = [ordered]@{ name = $state['name']; status = 'Stopped'; start_type = $state['start_type']; delayed = $state['delayed'] } }
            }
        }
        $plan += @{ now = $now; wanted = $wanted }
    }
    , $plan
}

function Select-ServiceState {
    param ($Row)
    [ordered]@{ name = $Row['name']; status = $Row['status']; start_type = $Row['start_type'] }
}

function Save-ServiceUndo {
    # Writes the record when there is something new to remember.
    param ([string]$Mitigation, $Plan)
    $record = Read-UndoRecord $Mitigation
    if (-not $record) { $record = New-UndoRecord $Mitigation }
    $others = @(Read-OtherRecord $Mitigation)
    $news = $false
    foreach ($row in $Plan) {
        if (Add-UndoEntry $record $others 'services' $row['now'] $row['changes']) { $news = $true }
    }
    if ($news) { Write-UndoRecord $record }
}

$plan = Get-ServicePlan $Services
foreach ($row in $plan) { $row['changes'] = -not (Test-ServiceState $row['now'] $row['wanted']) }
$changing = @($plan | Where-Object { $_['changes'] })
if (-not $Check) {
    Save-ServiceUndo $Mitigation $plan
    foreach ($row in $changing) {
        try {
            Set-ServiceState $row['now']['name'] $row['wanted']
        } catch {
            Add-PartError "services.$($row['now']['name'])" $_
        }
    }
}
$after = @(foreach ($row in $plan) { if ($Check) { $row['wanted'] } else { Get-ServiceState $row['now']['name'] } })
$record = Read-UndoRecord $Mitigation
$result = [ordered]@{
    changed = $changing.Count -gt 0
    before = @(foreach ($row in $plan) { Select-ServiceState $row['now'] })
    after = @(foreach ($row in $after) { Select-ServiceState $row })
    not_applicable = @(foreach ($service in $Services) { if (-not (Get-ServiceState $service.name)) { $service.name } })
    undo = Get-UndoId $record
    undo_record = $record
}
$failed = @(for ($index = 0; $index -lt $plan.Count; $index++) {
        if (-not (Test-ServiceState $after[$index] $plan[$index]['wanted'])) { $after[$index]['name'] }
    })
if ($failed) { Stop-Operation 'ScriptFailed' 'ServiceNotInState' "not in the wanted state: $($failed -join ', ')" $result }
$result
