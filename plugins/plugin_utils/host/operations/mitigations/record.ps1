# SPDX-License-Identifier: GPL-3.0-or-later
# Undo records: %ProgramData%\ExchangeRemediation\undo\<mitigation>.json and copies of files beside it.
# A record holds what was there before the first change and lives until it has been restored.
# Copies stay on the server: a web.config may hold keys. The record itself holds hashes and our rules.

function ConvertTo-Table {
    # JSON objects as ordered tables; dates become text again.
    param ($Value)
    if ($Value -is [Management.Automation.PSCustomObject]) {
        $table = [ordered]@{}
        foreach ($property in $Value.PSObject.Properties) { $table[$property.Name] = ConvertTo-Table $property.Value }
        return $table
    }
    if ($Value -is [array]) { return , @(foreach ($item in $Value) { ConvertTo-Table $item }) }
    if ($Value -is [datetime]) { return ConvertTo-IsoDate $Value }
    $Value
}

function Read-UndoFile {
    param ([string]$Path)
    $text = Read-StateFile $Path
    if ($null -eq $text) { return $null }
    $record = $null
    try {
        $record = ConvertTo-Table ($text | ConvertFrom-Json)
    } catch {
        $null = $_
    }
    if (-not $record -or $record['schema'] -ne 1) {
        Stop-Operation 'ScriptFailed' 'UndoRecordUnreadable' "$Path is damaged; restore by the copy in the case folder and delete it"
    }
    $record
}

function Read-UndoRecord {
    # Null when nothing of this mitigation is to be undone.
    param ([string]$Mitigation)
    $folder = Get-StateFolder 'undo'
    if ($folder) { Read-UndoFile (Join-Path $folder "$Mitigation.json") }
}

function Read-OtherRecord {
    # The records of other mitigations: what they changed may be the same service or file.
    param ([string]$Mitigation)
    $folder = Get-StateFolder 'undo'
    if (-not $folder) { return }
    foreach ($file in Get-ChildItem -LiteralPath $folder) {
        if ($file.Extension -eq '.json' -and $file.BaseName -ne $Mitigation) { Read-UndoFile (Join-Path $folder $file.Name) }
    }
}

function New-UndoRecord {
    param ([string]$Mitigation)
    $now = ConvertTo-IsoDate (Get-Date)
    [ordered]@{
        schema = 1
        mitigation = $Mitigation
        created = $now
        updated = $now
        files = @()
        services = @()
        pools = @()
    }
}

function Write-UndoRecord {
    param ($Record)
    $Record['updated'] = ConvertTo-IsoDate (Get-Date)
    $folder = Get-StateFolder 'undo' -Create
    Write-FileDurably (Join-Path $folder ($Record['mitigation'] + '.json')) (ConvertTo-SafeJson $Record)
}

function Remove-UndoRecord {
    # The record first: copies without a record do no harm.
    param ($Record)
    $folder = Get-StateFolder 'undo'
    [IO.File]::Delete((Resolve-NativePath (Join-Path $folder ($Record['mitigation'] + '.json'))))
    foreach ($entry in $Record['files']) {
        foreach ($hash in $entry['prior_sha256'], $entry['base_sha256']) {
            if ($hash) { [IO.File]::Delete((Resolve-NativePath (Get-CopyPath $Record['mitigation'] $hash))) }
        }
    }
}

function Get-CopyPath {
    param ([string]$Mitigation, [string]$Hash)
    Join-Path (Get-StateFolder 'undo' -Create) "$Mitigation.$Hash.bak"
}

function Save-UndoCopy {
    # The bytes of a file under their own hash.
    param ([string]$Mitigation, $Text)
    if ($null -eq $Text) { return }
    $path = Get-CopyPath $Mitigation (Get-TextHash $Text)
    if (-not (Test-Path -LiteralPath $path)) { Write-ByteDurably $path (Get-TextByte $Text) -New }
}

function Read-UndoCopy {
    param ([string]$Mitigation, $Hash)
    if (-not $Hash) { return $null }
    $text = Read-ConfigText (Get-CopyPath $Mitigation $Hash)
    if ((Get-TextHash $text) -ne $Hash) {
        Stop-Operation 'ScriptFailed' 'UndoCopyDamaged' "$(Get-CopyPath $Mitigation $Hash) is missing or damaged; the file cannot be restored as it was"
    }
    $text
}

function Get-RecordEntry {
    # The entry of one list (files, services, pools) with this name; null when there is none.
    param ($Record, [string]$List, [string]$Name)
    if (-not $Record) { return $null }
    $member = if ($List -eq 'files') { 'file' } else { 'name' }
    $Record[$List] | Where-Object { $_[$member] -eq $Name } | Select-Object -First 1
}

function Get-OtherEntry {
    # The same in the records of other mitigations, with the mitigation's name.
    param ($Others, [string]$List, [string]$Name)
    foreach ($record in @($Others)) {
        $entry = Get-RecordEntry $record $List $Name
        if ($entry) { return @{ mitigation = $record['mitigation']; entry = $entry } }
    }
}

function Add-UndoEntry {
    # Notes the first prior state of a service or pool. What another mitigation has changed already
    # had its prior state before that. Returns whether the record has to be written.
    param ($Record, $Others, [string]$List, $Prior, [bool]$Changes)
    if (Get-RecordEntry $Record $List $Prior['name']) { return $false }
    $other = Get-OtherEntry $Others $List $Prior['name']
    if ($other) { $Prior = $other['entry'] } elseif (-not $Changes) { return $false }
    $Record[$List] += $Prior
    $true
}

function Get-UndoId {
    param ($Record)
    if ($Record) { $Record['mitigation'] }
}
