# SPDX-License-Identifier: GPL-3.0-or-later
# Undo of files: the prior bytes while nobody else has changed the file, else our entries only.

function Add-FileUndo {
    # Notes what the file was before our first change, and what it is after this one.
    param ($Record, $Others, [string]$File, $Prior, $Edit)
    $before = Get-TextHash $Prior
    $after = Get-TextHash $Edit['text']
    $entry = Get-RecordEntry $Record 'files' $File
    if (-not $entry) {
        $entry = New-FileUndo $Record $Others $File $Prior $Edit
        $Record['files'] += $entry
    } elseif ($entry['applied_sha256'] -ne $after) {
        # Somebody changed the file in between: its prior bytes would undo that as well.
        if ($entry['applied_sha256'] -ne $before) { $entry['exact'] = $false }
    }
    $entry['applied_sha256'] = $after
    $entry['containers'] = @(@($entry['containers']) + $Edit['made'] | Select-Object -Unique)
    foreach ($name in $Edit['names']) {
        $known = $entry['names'] | Where-Object { $_['collection'] -eq $name['collection'] -and $_['name'] -eq $name['name'] }
        if (-not $known) { $entry['names'] += $name }
    }
}

function New-FileUndo {
    # base: the file before any of our mitigations, also where another one came first.
    param ($Record, $Others, [string]$File, $Prior, $Edit)
    $mitigation = $Record['mitigation']
    $base = $Prior
    $containers = @()
    $other = Get-OtherEntry $Others 'files' $File
    if ($other) {
        $base = Read-UndoCopy $other['mitigation'] $other['entry']['base_sha256']
        $containers = $other['entry']['containers']
    }
    Save-UndoCopy $mitigation $Prior
    Save-UndoCopy $mitigation $base
    [ordered]@{
        file = $File
        prior_sha256 = Get-TextHash $Prior
        base_sha256 = Get-TextHash $base
        applied_sha256 = $null
        exact = $true
        names = @()
        originals = @($Edit['originals'])
        containers = @($containers)
    }
}

function Get-UndoneText {
    # What the file becomes; null: it goes away.
    param ($Record, $Entry, $Current)
    $hash = Get-TextHash $Current
    if ($null -eq $Current -or $hash -eq $Entry['prior_sha256']) { return $Current }
    if ($Entry['exact'] -and $hash -eq $Entry['applied_sha256']) {
        return Read-UndoCopy $Record['mitigation'] $Entry['prior_sha256']
    }
    $prior = Read-UndoCopy $Record['mitigation'] $Entry['prior_sha256']
    $text = Remove-OwnEntry $Current $Entry $prior
    $base = Read-UndoCopy $Record['mitigation'] $Entry['base_sha256']
    if ($null -eq $base) {
        $root = (Get-MarkupElement $text)[0]
        $inner = $text.Substring($root['open_end'], $root['close_start'] - $root['open_end'])
        if (-not $inner.Trim(" `t`r`n".ToCharArray())) { return $null }
    } elseif (Test-SameText (Get-Skeleton $text) (Get-Skeleton $base)) {
        return $base
    }
    $text
}

function Get-OwnName {
    # The names that we wrote or took away in one list.
    param ($Entry, [string]$Path)
    foreach ($list in 'names', 'originals') {
        foreach ($item in $Entry[$list]) { if ($item['collection'] -eq $Path) { $item['name'] } }
    }
}

function Remove-OwnEntry {
    # Takes our entries out of a file that somebody else has changed; what stood under the same names
    # before comes back, in place where the names are the same ones in the same order.
    param ([string]$Text, $Entry, $Prior)
    $collections = Get-RewriteCollection
    foreach ($path in @($collections.Keys)[2, 1, 0]) {
        $kind = $collections[$path]
        $names = @(Get-OwnName $Entry $path)
        $before = @()
        if ($null -ne $Prior) {
            $rows = Get-CollectionRow (ConvertTo-ConfigDocument $Prior $Entry['file']) $path $kind
            $before = @($rows | Where-Object { $names -contains $_['name'] } | ForEach-Object {
                    @{ name = $_['name']; text = $Prior.Substring($_['element']['start'], $_['element']['end'] - $_['element']['start']); used = $false }
                })
        }
        $rows = Get-CollectionRow (ConvertTo-ConfigDocument $Text $Entry['file']) $path $kind
        $inPlace = (@($before | ForEach-Object { $_['name'] }) -join "`n") -eq (@($rows | Where-Object { $names -contains $_['name'] } | ForEach-Object { $_['name'] }) -join "`n")
        for ($index = $rows.Count - 1; $index -ge 0; $index--) {
            if ($names -notcontains $rows[$index]['name']) { continue }
            $same = $before | Where-Object { $_['name'] -eq $rows[$index]['name'] -and -not $_['used'] } | Select-Object -Last 1
            if ($same -and $inPlace) {
                $same['used'] = $true
                $Text = Set-MarkupElement $Text $rows[$index]['element'] @($same['text'])
            } else {
                $Text = Remove-MarkupElement $Text $rows[$index]['element']
            }
        }
        $missing = @($before | Where-Object { -not $_['used'] } | ForEach-Object { $_['text'] })
        if ($missing) { $Text = (Add-MarkupBlock $Text $path $missing)['text'] }
    }
    Remove-EmptyContainer $Text @($Entry['containers'])
}
