# SPDX-License-Identifier: GPL-3.0-or-later
# Changes to the text of a configuration file. Taking a block out is the exact reverse of putting it in.

function Get-LineBreak {
    param ([string]$Text)
    if ($Text.IndexOf("`r`n") -ge 0 -or $Text.IndexOf("`n") -lt 0) { return "`r`n" }
    "`n"
}

function Get-LineStart {
    # Where the blanks before a position begin, if nothing but blanks stands before it in its line; else -1.
    param ([string]$Text, [int]$At)
    while ($At -gt 0 -and " `t".IndexOf($Text[$At - 1]) -ge 0) { $At-- }
    if ($At -eq 0 -or $Text[$At - 1] -eq "`n") { return $At }
    -1
}

function Get-Indent {
    param ([string]$Text, [int]$At)
    $start = Get-LineStart $Text $At
    if ($start -lt 0) { return '' }
    $Text.Substring($start, $At - $start)
}

function Get-IndentUnit {
    # How far the file indents the children of its root.
    param ([string]$Text, $Root)
    $unit = ''
    if ($Root['children'].Count) { $unit = Get-Indent $Text $Root['children'][0]['start'] }
    if ($unit) { return $unit }
    '    '
}

function Remove-MarkupElement {
    # Without its line, where it has one of its own.
    param ([string]$Text, $Element)
    $start = Get-LineStart $Text $Element['start']
    if ($start -le 0) {
        $start = $Element['start']
    } else {
        $start--
        if ($start -gt 0 -and $Text[$start - 1] -eq "`r") { $start-- }
    }
    $Text.Remove($start, $Element['end'] - $start)
}

function Set-MarkupElement {
    # Another text in the place of an element; its lines get the element's indentation.
    param ([string]$Text, $Element, [string[]]$Lines)
    $break = (Get-LineBreak $Text) + (Get-Indent $Text $Element['start'])
    $Text.Substring(0, $Element['start']) + ($Lines -join $break) + $Text.Substring($Element['end'])
}

function Get-InsertPosition {
    # -Last: behind what the parent holds; else behind its last clear or remove, which drop what stands before.
    param ([string]$Text, $Parent, [switch]$Last)
    if ($Last) {
        $at = $Parent['close_start']
        while ($at -gt $Parent['open_end'] -and " `t`r`n".IndexOf($Text[$at - 1]) -ge 0) { $at-- }
        return $at
    }
    $at = $Parent['open_end']
    foreach ($child in $Parent['children']) {
        if ('clear', 'remove' -ccontains $child['local']) { $at = $child['end'] }
    }
    $at
}

function Add-MarkupLine {
    # Puts lines into a parent, each in a line of its own, one step further in than the parent.
    param ([string]$Text, $Parent, [string]$Unit, [string[]]$Lines, [switch]$Last)
    $outer = (Get-LineBreak $Text) + (Get-Indent $Text $Parent['start'])
    $content = -join @(foreach ($line in $Lines) { $outer + $Unit + $line })
    if ($Parent['empty']) {
        $tag = $Text.Substring($Parent['start'], $Parent['end'] - $Parent['start'])
        $tag = $tag.Substring(0, $tag.Length - 2).TrimEnd(" `t`r`n".ToCharArray())
        return $Text.Substring(0, $Parent['start']) + $tag + '>' + $content + $outer + '</' + $Parent['name'] + '>' + $Text.Substring($Parent['end'])
    }
    $at = Get-InsertPosition $Text $Parent -Last:$Last
    $tail = $Text.Substring($at)
    if ($tail -cnotmatch '\A[ \t]*\r?\n') {
        $content += $outer
        if ($Text.Substring($at, $Parent['close_start'] - $at).Trim(" `t".ToCharArray())) { $content += $Unit }
    }
    $Text.Substring(0, $at) + $content + $tail
}

function Add-MarkupBlock {
    # Lines into the element at a/b/c; what is missing on the way is made. Returns text and what was made.
    param ([string]$Text, [string]$Path, [string[]]$Lines)
    $parent = (Get-MarkupElement $Text)[0]
    $unit = Get-IndentUnit $Text $parent
    $made = @()
    $walked = @()
    foreach ($name in $Path.Split('/')) {
        $walked += $name
        $next = $null
        if (-not $made) { $next = Find-MarkupChild $parent $name | Select-Object -First 1 }
        if ($next) { $parent = $next } else { $made += $walked -join '/' }
    }
    for ($step = $made.Count - 1; $step -ge 0; $step--) {
        $name = $made[$step].Split('/')[-1]
        $Lines = @("<$name>") + @(foreach ($line in $Lines) { $unit + $line }) + @("</$name>")
    }
    @{ text = Add-MarkupLine $Text $parent $unit $Lines -Last:($made.Count -gt 0); made = $made }
}

function Remove-EmptyContainer {
    # Takes away elements that we made and that hold nothing any more, the innermost first.
    param ([string]$Text, [string[]]$Paths)
    foreach ($path in @($Paths | Sort-Object -Property { $_.Split('/').Count } -Descending)) {
        $document = @{ elements = Get-MarkupElement $Text }
        foreach ($element in @(Find-MarkupPath $document $path)) {
            $tag = $Text.Substring($element['start'], $element['open_end'] - $element['start'])
            $inner = $Text.Substring($element['open_end'], $element['close_start'] - $element['open_end'])
            if ($inner.Trim(" `t`r`n".ToCharArray()) -eq '' -and $tag -cmatch '\A<[^ \t\r\n/>]+[ \t\r\n]*/?>\z') {
                $Text = Remove-MarkupElement $Text $element
                break
            }
        }
    }
    $Text
}

function Get-Skeleton {
    # A file without what means nothing to IIS: blanks between tags, and how an empty element is written.
    param ([string]$Text)
    $builder = New-Object Text.StringBuilder
    $at = 0
    $blank = " `t`r`n".ToCharArray()
    foreach ($token in Get-MarkupToken $Text) {
        [void]$builder.Append($Text.Substring($at, $token.Index - $at).Trim($blank))
        $at = $token.Index + $token.Length
        if ($token.Groups['empty'].Length) {
            [void]$builder.Append($token.Value.Substring(0, $token.Length - 2).TrimEnd($blank)).Append('></').Append($token.Groups['name'].Value).Append('>')
        } else {
            [void]$builder.Append($token.Value)
        }
    }
    $builder.Append($Text.Substring($at).Trim($blank)).ToString()
}
