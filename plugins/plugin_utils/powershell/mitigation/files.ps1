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
        file = $File; prior_sha256 = Get-TextHash $Prior; base_sha256 = Get-TextHash $base
        applied_sha256 = $null; exact = $true; names = @(); originals = @($Edit['originals']); containers = @($containers)
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
    $text = Remove-OwnEntry $Current $Entry
    $base = Read-UndoCopy $Record['mitigation'] $Entry['base_sha256']
    if ($null -eq $base) {
        $root = (Get-MarkupElement $text)[0]
        $inner = $text.Substring($root['open_end'], $root['close_start'] - $root['open_end'])
        if (-not $inner.Trim(" `t`r`n".ToCharArray())) { return $null }
    } elseif ((Get-Skeleton $text) -ceq (Get-Skeleton $base)) {
        return $base
    }
    $text
}

function Remove-OwnEntry {
    # Takes our entries out of a file that somebody else has changed, and puts back what they replaced.
    param ([string]$Text, $Entry)
    $collections = Get-RewriteCollection
    foreach ($path in @($collections.Keys)[2, 1, 0]) {
        $names = @($Entry['names'] | Where-Object { $_['collection'] -eq $path } | ForEach-Object { $_['name'] })
        $document = ConvertTo-ConfigDocument $Text $Entry['file']
        $rows = Get-CollectionRow $document $path $collections[$path]
        for ($index = $rows.Count - 1; $index -ge 0; $index--) {
            if ($names -contains $rows[$index]['name']) { $Text = Remove-MarkupElement $Text $rows[$index]['element'] }
        }
        $originals = @($Entry['originals'] | Where-Object { $_['collection'] -eq $path } | ForEach-Object { $_['text'] })
        if ($originals) { $Text = (Add-MarkupBlock $Text $path $originals)['text'] }
    }
    Remove-EmptyContainer $Text @($Entry['containers'])
}
