# SPDX-License-Identifier: GPL-3.0-or-later
# Which rules of a web.config have to change, and the text of the file when they have.

function Get-RewriteCollection {
    # The three lists, in the order in which they are worked on.
    [ordered]@{
        'system.webServer/rewrite/outboundRules/preConditions' = 'precondition'
        'system.webServer/rewrite/outboundRules' = 'outbound'
        'system.webServer/rewrite/rules' = 'inbound'
    }
}

function Assert-OwnSource {
    # A section whose content stands in another file cannot be changed here.
    param ($Document)
    foreach ($path in 'system.webServer', 'system.webServer/rewrite', 'system.webServer/rewrite/rules', 'system.webServer/rewrite/outboundRules') {
        foreach ($element in @(Find-MarkupPath $Document $path)) {
            if ($Document['nodes'][$element['index']].HasAttribute('configSource')) {
                Stop-Operation 'RequestInvalid' 'ConfigSource' "$($Document['path']): $path stands in another file (configSource); put the rules there by hand"
            }
        }
    }
}

function ConvertTo-CollectionContent {
    # Facts of a row without its place, so that it compares with what is wanted.
    param ($Node, [string]$Kind)
    $place = @{ site = $null; path = $null; file = $null; inherit = $true }
    if ($Kind -eq 'precondition') { return ConvertTo-PreconditionContent (New-Object PSObject -Property (New-PreconditionFact $Node $place)) }
    $fact = New-RuleFact $Node $place $Kind 0
    foreach ($part in 'match', 'action') { $fact[$part] = New-Object PSObject -Property $fact[$part] }
    $fact['conditions'] = @(foreach ($condition in $fact['conditions']) { New-Object PSObject -Property $condition })
    ConvertTo-RuleContent (New-Object PSObject -Property $fact)
}

function Get-CollectionRow {
    # The entries of a list in document order. live: no clear or remove behind it takes it away.
    param ($Document, [string]$Path, [string]$Kind)
    $rows = @()
    foreach ($section in @(Find-MarkupPath $Document $Path)) {
        foreach ($element in $section['children']) {
            $local = $element['local']
            if ('rule', 'preCondition', 'clear', 'remove' -cnotcontains $local) { continue }
            $node = $Document['nodes'][$element['index']]
            $name = [string](Get-XmlText $node 'name' '')
            if ('clear', 'remove' -ccontains $local) {
                foreach ($row in $rows) { if ($local -eq 'clear' -or $row['name'] -eq $name) { $row['live'] = $false } }
                continue
            }
            $content = ConvertTo-CollectionContent $node $Kind
            $rows += @{
                element = $element
                name = $name
                content = $content
                json = ConvertTo-SafeJson $content
                live = $true
            }
        }
    }
    , $rows
}

function Test-Shadowed {
    # A foreign rule before the last of ours that ends the processing and lets the request through.
    param ($Rows, [string[]]$Names)
    $seen = $false
    for ($index = $Rows.Count - 1; $index -ge 0; $index--) {
        $row = $Rows[$index]
        if ($Names -contains $row['name']) { $seen = $true; continue }
        $content = $row['content']
        if ($seen -and $row['live'] -and $content['enabled'] -and $content['stop_processing'] -and
            ('AbortRequest', 'CustomResponse', 'Redirect' -cnotcontains $content['action']['type'])) { return $true }
    }
    $false
}

function Test-CollectionShape {
    # Each wanted entry stands there once, counts, in the wanted order, before nothing that hides it.
    param ($Rows, $Wanted, [string[]]$Names, [string]$Kind)
    $ours = @($Rows | Where-Object { $Names -contains $_['name'] })
    if ($ours.Count -ne $Wanted.Count) { return $false }
    foreach ($want in $Wanted) {
        $same = @($ours | Where-Object { $_['name'] -eq $want['name'] })
        if ($same.Count -ne 1 -or -not $same[0]['live']) { return $false }
    }
    if ($Kind -eq 'precondition') { return $true }
    for ($index = 0; $index -lt $ours.Count; $index++) {
        if ($ours[$index]['name'] -ne $Wanted[$index]['name']) { return $false }
    }
    -not (Test-Shadowed $Rows $Names)
}

function Get-EntryLine {
    param ($Content, [string]$Kind, [string]$Unit)
    if ($Kind -eq 'precondition') { ConvertTo-PreconditionLine $Content $Unit } else { ConvertTo-RuleLine $Content $Unit }
}

function Edit-Collection {
    # One list of the file. -State: text, originals (what was there before) and made (new containers).
    param ($State, [string]$File, [string]$Path, [string]$Kind, $Wanted, [string[]]$Names)
    $document = ConvertTo-ConfigDocument $State['text'] $File
    $rows = Get-CollectionRow $document $Path $Kind
    $unit = Get-IndentUnit $State['text'] $document['elements'][0]
    $inPlace = Test-CollectionShape $rows $Wanted $Names $Kind
    for ($index = $rows.Count - 1; $index -ge 0; $index--) {
        $row = $rows[$index]
        if ($Names -notcontains $row['name']) { continue }
        $want = $Wanted | Where-Object { $_['name'] -eq $row['name'] } | Select-Object -First 1
        if ($inPlace -and (Test-SameText (ConvertTo-SafeJson $want) $row['json'])) { continue }
        $element = $row['element']
        $raw = $document['text'].Substring($element['start'], $element['end'] - $element['start'])
        $State['originals'] = @([ordered]@{ collection = $Path; name = $row['name']; text = $raw }) + $State['originals']
        if ($inPlace) {
            $State['text'] = Set-MarkupElement $State['text'] $element @(Get-EntryLine $want $Kind $unit)
        } else {
            $State['text'] = Remove-MarkupElement $State['text'] $element
        }
    }
    if (-not $inPlace -and $Wanted.Count) {
        $block = Add-MarkupBlock $State['text'] $Path @(foreach ($want in $Wanted) { Get-EntryLine $want $Kind $unit })
        $State['text'] = $block['text']
        $State['made'] += $block['made']
    }
}

function Edit-RewriteText {
    # The text with the wanted rules and without the names to remove. -Wanted: lists by kind.
    param ([string]$Text, [string]$File, $Wanted, [string[]]$Remove)
    $state = @{ text = $Text; originals = @(); made = @(); names = @() }
    Assert-OwnSource (ConvertTo-ConfigDocument $Text $File)
    $collections = Get-RewriteCollection
    foreach ($path in $collections.Keys) {
        $kind = $collections[$path]
        $names = @(foreach ($want in $Wanted[$kind]) { $want['name'] }) + $Remove
        foreach ($want in $Wanted[$kind]) { $state['names'] += [ordered]@{ collection = $path; name = $want['name'] } }
        if ($names) { Edit-Collection $state $File $path $kind $Wanted[$kind] $names }
    }
    $state
}

function Get-RewriteContent {
    # What a text says, as in the facts.
    param ($Text, [string]$File, [string]$Site, [string]$Path)
    $found = @{ rules = @(); preconditions = @(); overrides = @() }
    if ($null -ne $Text) {
        Read-RewriteFile (ConvertTo-ConfigDocument $Text $File)['root'] $File $Site $Path $found
    }
    [ordered]@{
        file = $File
        sha256 = Get-TextHash $Text
        rules = $found['rules']
        preconditions = $found['preconditions']
    }
}
