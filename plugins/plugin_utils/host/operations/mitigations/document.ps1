# SPDX-License-Identifier: GPL-3.0-or-later
# Configuration files as text that is changed in place, so that everything else stays byte for byte.
# Latin-1 makes one character of each byte: whatever the encoding (UTF-8 with or without mark, a
# code page), bytes that are not touched come back. What we write is ASCII.

function Get-ByteText {
    param ([byte[]]$Bytes)
    [Text.Encoding]::GetEncoding(28591).GetString($Bytes)
}

function Get-TextByte {
    param ([string]$Text)
    , [Text.Encoding]::GetEncoding(28591).GetBytes($Text)
}

function Get-ByteHash {
    param ([byte[]]$Bytes)
    # The CSP class works under the FIPS policy, SHA256Managed does not.
    $algorithm = New-Object Security.Cryptography.SHA256CryptoServiceProvider
    ([BitConverter]::ToString($algorithm.ComputeHash($Bytes)) -replace '-').ToLowerInvariant()
}

function Get-TextHash {
    # Null for a file that does not exist.
    param ($Text)
    if ($null -ne $Text) { Get-ByteHash (Get-TextByte $Text) }
}

function Read-ConfigText {
    # Null where the file does not exist.
    param ([string]$Path)
    try {
        $stream = [IO.File]::Open((Resolve-NativePath $Path), 'Open', 'Read', 'ReadWrite, Delete')
    } catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] {
        return $null
    }
    try {
        if ($stream.Length -gt (Get-XmlLimit)) {
            Stop-Operation 'RequestInvalid' 'ConfigurationUnreadable' "${Path}: larger than $(Get-XmlLimit) bytes"
        }
        $memory = New-Object IO.MemoryStream
        $stream.CopyTo($memory)
    } finally {
        $stream.Dispose()
    }
    Get-ByteText $memory.ToArray()
}

function Write-ConfigText {
    # Null deletes the file.
    param ([string]$Path, $Text)
    if ($null -eq $Text) {
        [IO.File]::Delete((Resolve-NativePath $Path))
    } else {
        Write-ByteDurably $Path (Get-TextByte $Text)
    }
}

function Get-MarkupToken {
    # Comments, processing instructions, CDATA and tags of text that an XML parser has accepted.
    param ([string]$Text)
    $pattern = '<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[[\s\S]*?\]\]>|' +
    '<(?<close>/?)(?<name>[^ \t\r\n/>"''=<!?]+)(?:[^"''>]|"[^"]*"|''[^'']*'')*?(?<empty>/?)>'
    [regex]::Matches($Text, $pattern)
}

function Get-MarkupElement {
    # The elements in document order: where each one's tags start and end, its parent and children.
    param ([string]$Text)
    $elements = New-Object Collections.ArrayList
    $open = New-Object Collections.Stack
    foreach ($token in Get-MarkupToken $Text) {
        if (-not $token.Groups['name'].Success) { continue }
        $end = $token.Index + $token.Length
        if ($token.Groups['close'].Length) {
            if ($open.Count) {
                $element = $open.Pop()
                $element['close_start'] = $token.Index
                $element['end'] = $end
            }
            continue
        }
        $element = @{
            name = $token.Groups['name'].Value
            local = $token.Groups['name'].Value.Split(':')[-1]
            start = $token.Index
            open_end = $end
            close_start = $end
            end = $end
            empty = $token.Groups['empty'].Length -gt 0
            children = @()
            index = $elements.Count
        }
        if ($open.Count) { $open.Peek()['children'] += $element }
        [void]$elements.Add($element)
        if (-not $element['empty']) { $open.Push($element) }
    }
    , $elements
}

function ConvertTo-ConfigDocument {
    # Text, its parsed root, and both lists of elements: the n-th element is the n-th node.
    param ([string]$Text, [string]$Path)
    try {
        $document = New-Object Xml.XmlDocument
        $document.XmlResolver = $null
        $stream = New-Object IO.MemoryStream(, (Get-TextByte $Text))
        $document.Load([Xml.XmlReader]::Create($stream, (New-XmlReaderSetting)))
    } catch {
        Stop-Operation 'RequestInvalid' 'ConfigurationUnreadable' "${Path}: $($_.Exception.GetBaseException().Message)"
    }
    $root = $document.get_DocumentElement()
    $nodes = @(foreach ($node in $root.SelectNodes('descendant-or-self::*')) { $node })
    $elements = Get-MarkupElement $Text
    $same = $nodes.Count -eq $elements.Count
    for ($index = 0; $same -and $index -lt $nodes.Count; $index++) {
        $same = Test-SameText $nodes[$index].get_Name() $elements[$index]['name']
    }
    if (-not $same) {
        Stop-Operation 'RequestInvalid' 'ConfigurationUnreadable' "${Path}: its encoding cannot be edited in place; save it as UTF-8"
    }
    @{
        text = $Text
        path = $Path
        root = $root
        nodes = $nodes
        elements = $elements
    }
}

function Find-MarkupChild {
    # The children of an element with a local name, in document order.
    param ($Element, [string]$Name)
    foreach ($child in $Element['children']) {
        if (Test-SameText $child['local'] $Name) { $child }
    }
}

function Find-MarkupPath {
    # All elements at a/b/c below the root.
    param ($Document, [string]$Path)
    $found = @($Document['elements'][0])
    foreach ($name in $Path.Split('/')) {
        $found = @(foreach ($element in $found) { Find-MarkupChild $element $name })
    }
    $found
}
