# SPDX-License-Identifier: GPL-3.0-or-later
# Application pools: how they are configured, whether they run, and both as recorded again.

function Get-PoolState {
    # All pools: state, effective autoStart and startMode, and the attributes as they stand (null: none).
    # Text and node of the file come along for the change.
    Assert-NativeProcess
    $path = Get-ApplicationHostPath
    $text = Read-ConfigText $path
    if ($null -eq $text) { Stop-Operation 'RequestInvalid' 'IisMissing' "IIS is not installed: $path does not exist" }
    $document = ConvertTo-ConfigDocument $text $path
    $rows = @(Get-PoolFact $document['root'])
    if ($rows) { Set-RuntimeState $rows 'apppool' 'iis.app_pools' }
    $elements = @(Find-MarkupPath $document 'system.applicationHost/applicationPools/add')
    for ($index = 0; $index -lt $rows.Count; $index++) {
        $node = $document['nodes'][$elements[$index]['index']]
        $rows[$index]['auto_start_text'] = Get-XmlText $node 'autoStart'
        $rows[$index]['start_mode_text'] = Get-XmlText $node 'startMode'
    }
    @{ path = $path; document = $document; rows = $rows; elements = $elements }
}

function Find-Pool {
    # The row of a pool, null where there is none; -Element: where it stands in the text.
    param ($Pools, [string]$Name, [switch]$Element)
    for ($index = 0; $index -lt $Pools['rows'].Count; $index++) {
        if ($Pools['rows'][$index]['name'] -eq $Name) {
            if ($Element) { return $Pools['elements'][$index] }
            return $Pools['rows'][$index]
        }
    }
}

function Set-TagAttribute {
    # A start tag with another value of an attribute; null takes the attribute away.
    param ([string]$Tag, [string]$Name, $Value)
    $found = [regex]::Match($Tag, "[ \t\r\n]+$Name[ \t\r\n]*=[ \t\r\n]*(?<value>""[^""]*""|'[^']*')")
    if ($null -eq $Value) {
        if ($found.Success) { return $Tag.Remove($found.Index, $found.Length) }
        return $Tag
    }
    if ($found.Success) {
        $old = $found.Groups['value']
        $quote = $old.Value.Substring(0, 1)
        return $Tag.Remove($old.Index, $old.Length).Insert($old.Index, $quote + $Value + $quote)
    }
    $end = [regex]::Match($Tag, '[ \t\r\n]*/?>\z')
    $Tag.Insert($end.Index, (' {0}="{1}"' -f $Name, $Value))
}

function Edit-PoolText {
    # applicationHost.config with the two attributes of a pool as wanted. Written by us and not by appcmd
    # set: that cannot take an attribute away, and the record says which were there.
    param ($Pools, [string]$Text, $Wanted)
    $element = Find-Pool $Pools $Wanted['name'] -Element
    $tag = $Text.Substring($element['start'], $element['open_end'] - $element['start'])
    $tag = Set-TagAttribute $tag 'autoStart' $Wanted['auto_start_text']
    $tag = Set-TagAttribute $tag 'startMode' $Wanted['start_mode_text']
    $Text.Substring(0, $element['start']) + $tag + $Text.Substring($element['open_end'])
}

function Set-PoolConfiguration {
    # Writes what differs; the last pool of the file first, so that the positions hold.
    param ($Pools, $Wanted)
    $text = $Pools['document']['text']
    foreach ($want in @($Wanted | Sort-Object -Property { (Find-Pool $Pools $_['name'] -Element)['start'] } -Descending)) {
        $text = Edit-PoolText $Pools $text $want
    }
    if (-not (Test-SameText $text $Pools['document']['text'])) { Write-ConfigText $Pools['path'] $text }
}

function Invoke-PoolVerb {
    # appcmd start or stop; both return before the pool is there, so the state is read until it is.
    param ([string]$Verb, [string]$Name, [string]$State)
    $tool = Get-AppCmd
    $said = @(& $tool $Verb apppool "/apppool.name:$Name") -join ' '
    $code = $LASTEXITCODE
    for ($try = 1; $try -le 60; $try++) {
        $row = @(@{ name = $Name; state = 'Unknown' })
        Set-RuntimeState $row 'apppool' 'iis.app_pools'
        if ($row[0]['state'] -eq $State) { return }
        if ($code) { break }
        Start-Sleep -Seconds 1
    }
    Stop-Operation 'ScriptFailed' 'PoolNotInState' "the pool $Name did not become $State but is $($row[0]['state']); appcmd said: $said"
}

function Set-PoolState {
    # Configuration first: a pool that may not start by itself stays where appcmd puts it.
    param ($Pools, $Wanted)
    Set-PoolConfiguration $Pools $Wanted
    foreach ($want in $Wanted) {
        $now = (Find-Pool $Pools $want['name'])['state']
        if ($want['state'] -eq 'Stopped' -and $now -ne 'Stopped') { Invoke-PoolVerb 'stop' $want['name'] 'Stopped' }
        if ($want['state'] -eq 'Started' -and $now -ne 'Started') { Invoke-PoolVerb 'start' $want['name'] 'Started' }
    }
}

function Select-PoolState {
    # What a result shows of a pool.
    param ($Row)
    [ordered]@{ name = $Row['name']; state = $Row['state']; auto_start = $Row['auto_start']; start_mode = $Row['start_mode'] }
}

function Test-PoolState {
    # Whether a pool is as wanted; a state that nobody knows is nothing to aim at.
    param ($Now, $Wanted)
    $Now['auto_start'] -eq $Wanted['auto_start'] -and $Now['start_mode'] -eq $Wanted['start_mode'] -and
    ($Now['state'] -eq $Wanted['state'] -or 'Started', 'Stopped' -cnotcontains $Wanted['state'])
}
