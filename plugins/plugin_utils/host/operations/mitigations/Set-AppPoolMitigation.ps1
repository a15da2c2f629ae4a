#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Puts application pools into a state: autoStart, startMode, stopped or started. The prior state goes
#   into the undo record first, attribute by attribute.
# .RESULT
#   changed, before, after (rows of name, state, auto_start, start_mode), not_applicable, undo,
#   undo_record.
# .FAILS
#   RequestInvalid: ConfigurationUnreadable, IisMissing. ScriptFailed: PoolNotInState,
#   UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[a-z0-9][a-z0-9-]{0,63}\z')]
    [string]
    $Mitigation,

    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 50)]
    [object[]]
    $Pools,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-PoolPlan {
    # What each pool that exists is and shall be; an attribute with the right effect stays as it is.
    param ($State, $Pools)
    foreach ($pool in $Pools) {
        $now = Find-Pool $State $pool.name
        if (-not $now) { continue }
        $wanted = [ordered]@{
            name = $now['name']
            state = $pool.state
            auto_start = [bool]$pool.auto_start
            start_mode = [string]$pool.start_mode
            auto_start_text = $now['auto_start_text']
            start_mode_text = $now['start_mode_text']
        }
        if ($now['auto_start'] -ne $wanted['auto_start']) { $wanted['auto_start_text'] = ([string]$wanted['auto_start']).ToLowerInvariant() }
        if ($now['start_mode'] -ne $wanted['start_mode']) { $wanted['start_mode_text'] = $wanted['start_mode'] }
        @{ now = $now; wanted = $wanted; changes = -not (Test-PoolState $now $wanted) }
    }
}

function Save-PoolUndo {
    param ([string]$Mitigation, $Plan)
    $record = Read-UndoRecord $Mitigation
    if (-not $record) { $record = New-UndoRecord $Mitigation }
    $others = @(Read-OtherRecord $Mitigation)
    $news = $false
    foreach ($row in $Plan) {
        $prior = [ordered]@{}
        foreach ($name in 'name', 'state', 'auto_start', 'start_mode', 'auto_start_text', 'start_mode_text') { $prior[$name] = $row['now'][$name] }
        if (Add-UndoEntry $record $others 'pools' $prior $row['changes']) { $news = $true }
    }
    if ($news) { Write-UndoRecord $record }
}

$state = Get-PoolState
$plan = @(Get-PoolPlan $state $Pools)
$changing = @($plan | Where-Object { $_['changes'] } | ForEach-Object { $_['wanted'] })
if (-not $Check) {
    Save-PoolUndo $Mitigation $plan
    if ($changing) {
        Set-PoolState $state $changing
        $state = Get-PoolState
    }
}
$after = @(foreach ($row in $plan) { if ($Check) { $row['wanted'] } else { Find-Pool $state $row['wanted']['name'] } })
$record = Read-UndoRecord $Mitigation
[ordered]@{
    changed = $changing.Count -gt 0
    before = @(foreach ($row in $plan) { Select-PoolState $row['now'] })
    after = @(foreach ($row in $after) { Select-PoolState $row })
    not_applicable = @(foreach ($pool in $Pools) { if (-not (Find-Pool $state $pool.name)) { $pool.name } })
    undo = Get-UndoId $record
    undo_record = $record
}
