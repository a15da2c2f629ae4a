# SPDX-License-Identifier: GPL-3.0-or-later
# What every part of the facts uses: isolation of failures, registry, services, environment.

function Add-Fact {
    # Runs one part. Its failure makes the fact null and says why; the other parts go on.
    param ($Facts, [string]$Name, [scriptblock]$Read, [switch]$List, [string]$Source = $Name)
    try {
        if ($List) {
            $Facts[$Name] = @(& $Read | Where-Object { $null -ne $_ })
        } else {
            $Facts[$Name] = & $Read
        }
    } catch {
        $Facts[$Name] = $null
        Add-PartError $Source $_
    }
}

function Assert-NativeProcess {
    # Windows shows a 32-bit process other keys and files under the same names: read, and wrong.
    if ($env:PROCESSOR_ARCHITECTURE -eq 'x86') {
        throw 'a 32-bit process cannot see the 64-bit keys and files'
    }
}

function Test-RegistryKey {
    param ([string]$Path)
    Test-Path -LiteralPath $Path -ErrorAction Stop
}

function Get-RegistryValue {
    # Null where the key or the value does not exist; refused access is an error. Not Get-ItemProperty:
    # it reads every value of the key and fails on a damaged one that nobody asked for.
    param ([string]$Path, [string]$Name)
    try {
        $key = Get-Item -LiteralPath $Path -Force -ErrorAction Stop
    } catch [System.Management.Automation.ItemNotFoundException] {
        return $null
    }
    # The comma keeps a MultiString with one entry an array.
    , $key.GetValue($Name)
}

function Get-RegistryText {
    param ([string]$Path, [string]$Name)
    $value = Get-RegistryValue $Path $Name
    if ($null -ne $value) {
        $text = ([string]$value).Split([char]0)[0].Trim()
        if ($text) { $text }
    }
}

function Get-RegistryNumber {
    # A DWord as the unsigned number that it is.
    param ([string]$Path, [string]$Name)
    $value = Get-RegistryValue $Path $Name
    if ($null -ne $value) {
        $number = [long]$value
        if ($number -lt 0) { $number += 4294967296 }
        $number
    }
}

function Get-RegistryPart {
    # A value that a version is put together from: without it there is no version.
    param ([string]$Path, [string]$Name)
    $part = Get-RegistryText $Path $Name
    if (-not $part) { throw "$Path has no value $Name" }
    $part
}

function Get-RegistrySubKey {
    # Names of the keys below one key; none where it does not exist.
    param ([string]$Path)
    try {
        Get-ChildItem -LiteralPath $Path -ErrorAction Stop | ForEach-Object { $_.PSChildName }
    } catch [System.Management.Automation.ItemNotFoundException] {
        return
    }
}

function Expand-Environment {
    # %NAME% by the process's environment, whatever the case of NAME; unknown names stay.
    param ([string]$Text)
    if ($Text.IndexOf('%') -lt 0) { return $Text }
    [regex]::Replace($Text, '%([^%]+)%', {
            param ($match)
            $variable = Get-Item -LiteralPath ('Env:' + $match.Groups[1].Value) -ErrorAction SilentlyContinue
            if ($null -ne $variable) { $variable.Value } else { $match.Value }
        })
}

function Get-SortedText {
    # Ordinal without case, so that every culture and every engine sorts alike.
    param ([string[]]$Text)
    [Array]::Sort($Text, [StringComparer]::OrdinalIgnoreCase)
    $Text
}

function Get-StartType {
    param ([string]$Service)
    $path = "HKLM:\SYSTEM\CurrentControlSet\Services\$Service"
    switch (Get-RegistryValue $path 'Start') {
        0 { 'Boot' }
        1 { 'System' }
        2 { if ((Get-RegistryValue $path 'DelayedAutostart') -eq 1) { 'AutomaticDelayed' } else { 'Automatic' } }
        3 { 'Manual' }
        4 { 'Disabled' }
    }
}
