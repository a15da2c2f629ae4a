#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Restores what the undo record of a mitigation says: files, application pools, services, the health
#   manager last. What another mitigation still needs stays and is listed in kept. The record goes when
#   everything is restored; without a record nothing is done.
# .RESULT
#   changed, before, after (files, pools, services), kept, undo (id of the record, null without).
# .FAILS
#   RequestInvalid: ConfigurationUnreadable, IisMissing. ScriptFailed: PoolNotInState,
#   UndoCopyDamaged, UndoIncomplete, UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[a-z0-9][a-z0-9-]{0,63}\z')]
    [string]
    $Mitigation,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-UndoPlan {
    # Per item: what it is and what it becomes. What others hold is kept.
    param ($Record, $Others)
    $plan = @{
        files = @()
        pools = @()
        services = @()
        kept = @()
        state = $null
    }
    foreach ($entry in $Record['files']) {
        $now = Read-ConfigText $entry['file']
        $plan['files'] += @{ entry = $entry; now = $now; wanted = Get-UndoneText $Record $entry $now }
    }
    if ($Record['pools'].Count) { $plan['state'] = Get-PoolState }
    foreach ($list in 'pools', 'services') {
        foreach ($entry in $Record[$list]) {
            $other = Get-OtherEntry $Others $list $entry['name']
            if ($other) {
                $plan['kept'] += [ordered]@{ kind = $list; name = $entry['name']; by = $other['mitigation'] }
                continue
            }
            $now = if ($list -eq 'pools') { Find-Pool $plan['state'] $entry['name'] } else { Get-ServiceState $entry['name'] }
            if ($now) { $plan[$list] += @{ now = $now; wanted = $entry } }
        }
    }
    $plan['services'] = @(Select-ByRank $plan['services'] { param ($row) $row['wanted']['name'] } -Back)
    $plan
}

function Test-PoolText {
    # The attributes count as well: an attribute that was not there goes away again.
    param ($Now, $Wanted)
    (Test-PoolState $Now $Wanted) -and (Test-SameText $Now['auto_start_text'] $Wanted['auto_start_text']) -and
        (Test-SameText $Now['start_mode_text'] $Wanted['start_mode_text'])
}

function Invoke-Undo {
    # Files, pools, services: Exchange answers again before anything watches it.
    param ($Plan)
    foreach ($row in $Plan['files']) {
        if (-not (Test-SameText $row['now'] $row['wanted'])) { Write-ConfigText $row['entry']['file'] $row['wanted'] }
    }
    $pools = @($Plan['pools'] | Where-Object { -not (Test-PoolText $_['now'] $_['wanted']) } | ForEach-Object { $_['wanted'] })
    if ($pools) { Set-PoolState $Plan['state'] $pools }
    $services = @($Plan['services'] | Where-Object { -not (Test-ServiceState $_['now'] $_['wanted']) } | ForEach-Object { $_['wanted'] })
    # All may start before any does: one may need another.
    foreach ($pass in 'type', 'state') {
        foreach ($wanted in $services) {
            try {
                if ($pass -eq 'state') {
                    Set-ServiceState $wanted['name'] $wanted
                } elseif (Test-Running $wanted['status']) {
                    Set-StartType $wanted['name'] $wanted['start_type'] $wanted['delayed']
                }
            } catch {
                Add-PartError "services.$($wanted['name'])" $_
            }
        }
    }
}

function Select-UndoState {
    # before or after as a result shows it. -Row: now or wanted.
    param ($Plan, [string]$Row)
    [ordered]@{
        files = @(foreach ($one in $Plan['files']) {
                $text = [string]$one[$Row]
                # Whether the URL Rewrite module is needed for it; a comment that looks like it counts, too.
                [ordered]@{ file = $one['entry']['file']; sha256 = Get-TextHash $one[$Row]; rewrite = $text -cmatch '<rewrite[\s/>]' }
            })
        pools = @(foreach ($one in $Plan['pools']) { Select-PoolState $one[$Row] })
        services = @(foreach ($one in $Plan['services']) {
                [ordered]@{ name = $one[$Row]['name']; status = $one[$Row]['status']; start_type = $one[$Row]['start_type'] }
            })
    }
}

function Get-UndoDifference {
    # What is not as it shall be.
    param ($Plan)
    foreach ($one in $Plan['files']) { if (-not (Test-SameText $one['now'] $one['wanted'])) { $one['entry']['file'] } }
    foreach ($one in $Plan['pools']) { if (-not (Test-PoolText $one['now'] $one['wanted'])) { $one['wanted']['name'] } }
    foreach ($one in $Plan['services']) { if (-not (Test-ServiceState $one['now'] $one['wanted'])) { $one['wanted']['name'] } }
}

function Update-UndoPlan {
    # Reads again what is there now; what it shall be stays.
    param ($Plan)
    if ($Plan['state']) { $Plan['state'] = Get-PoolState }
    foreach ($one in $Plan['files']) { $one['now'] = Read-ConfigText $one['entry']['file'] }
    foreach ($one in $Plan['pools']) { $one['now'] = Find-Pool $Plan['state'] $one['wanted']['name'] }
    foreach ($one in $Plan['services']) { $one['now'] = Get-ServiceState $one['wanted']['name'] }
}

$record = Read-UndoRecord $Mitigation
if (-not $record) {
    $nothing = [ordered]@{ files = @(); pools = @(); services = @() }
    return [ordered]@{
        changed = $false
        before = $nothing
        after = $nothing
        kept = @()
        undo = $null
    }
}
$plan = Get-UndoPlan $record @(Read-OtherRecord $Mitigation)
$result = [ordered]@{
    changed = @(Get-UndoDifference $plan).Count -gt 0
    before = Select-UndoState $plan 'now'
    after = $null
    kept = $plan['kept']
    undo = $Mitigation
}
if ($Check) {
    $result['after'] = Select-UndoState $plan 'wanted'
    return $result
}
Invoke-Undo $plan
Update-UndoPlan $plan
$result['after'] = Select-UndoState $plan 'now'
$left = @(Get-UndoDifference $plan)
if ($left) { Stop-Operation 'ScriptFailed' 'UndoIncomplete' "not restored: $($left -join ', '); the record stays, undo again" $result }
Remove-UndoRecord $record
$result
