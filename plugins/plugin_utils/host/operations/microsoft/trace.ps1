# SPDX-License-Identifier: GPL-3.0-or-later
# What a script of Microsoft writes: registry, log, folder.

function Get-PatchState {
    Assert-NativeProcess
    $path = 'HKLM:\SOFTWARE\MSERTBootstrap\PatchState'
    $state = [ordered]@{ key = $path -replace '^HKLM:', 'HKLM'; exists = $false; values = @() }
    if (-not (Test-RegistryKey $path)) {
        return $state
    }
    $state['exists'] = $true
    $key = Get-Item -LiteralPath $path -Force
    $names = @($key.GetValueNames())
    if ($names.Count -gt 200) {
        throw "$($names.Count) values are more than EOMT writes"
    }
    $state['values'] = @(
        foreach ($name in @(Get-SortedText $names)) {
            $value = $key.GetValue($name)
            $text = $null
            if ($value -is [string]) {
                $text = $value.Substring(0, [Math]::Min(4000, $value.Length))
            }
            [ordered]@{ name = $name; text = $text }
        }
    )
    $state
}

function Get-ToolLog {
    # The end of the log since a byte, at most 256 KB of it, as it is: the tool may be writing.
    param ([string]$Path, [long]$From)
    $log = [ordered]@{
        path = $Path
        exists = $false
        size = 0
        from = 0
        encoding = $null
        data = ''
        truncated = $false
    }
    if (-not (Test-Path -LiteralPath $Path)) {
        return $log
    }
    $log['exists'] = $true
    $stream = [IO.File]::Open((Resolve-NativePath $Path), 'Open', 'Read', 'ReadWrite, Delete')
    try {
        $size = $stream.Length
        $head = Read-Block $stream 0 ([Math]::Min(3, $size))
        $log['size'] = $size
        $log['encoding'] = Get-LogEncoding $head
        # Shorter than before: it was begun anew, so all of it is new.
        $start = if ($From -le $size) { $From } else { 0 }
        if ($size - $start -gt 262144) {
            $log['truncated'] = $true
            $start = $size - 262144
            if ($log['encoding'] -eq 'utf-16') {
                $start += $start % 2
            }
        }
        $log['from'] = $start
        $log['data'] = [Convert]::ToBase64String((Read-Block $stream $start ($size - $start)))
    } finally {
        $stream.Dispose()
    }
    $log
}

function Get-LogEncoding {
    param ([byte[]]$Head)
    $mark = [BitConverter]::ToString($Head)
    if ($mark -like 'FF-FE*') {
        'utf-16'
    } elseif ($mark -eq 'EF-BB-BF') {
        'utf-8'
    } else {
        'ansi'
    }
}

function Read-Block {
    param ([IO.Stream]$Stream, [long]$Offset, [int]$Count)
    $bytes = New-Object byte[] $Count
    [void]$Stream.Seek($Offset, 'Begin')
    $have = 0
    while ($have -lt $Count) {
        $read = $Stream.Read($bytes, $have, $Count - $have)
        if ($read -le 0) {
            throw 'the file became shorter while it was read'
        }
        $have += $read
    }
    # The comma keeps an empty or short array an array of bytes.
    , $bytes
}

function Get-ToolDownload {
    param ([string]$Folder)
    if (-not (Test-Path -LiteralPath $Folder)) {
        return
    }
    $sizes = @{}
    foreach ($item in Get-ChildItem -LiteralPath $Folder -Force) {
        if (-not $item.PSIsContainer -and $item.Extension -match '\A\.(exe|msi|ps1)\z') {
            $sizes[$item.Name] = $item.Length
        }
    }
    if ($sizes.Count -gt 200) {
        throw "$($sizes.Count) programs are more than the tools download"
    }
    foreach ($name in @(Get-SortedText @($sizes.Keys))) {
        [ordered]@{ name = $name; size = $sizes[$name] }
    }
}

function Get-ToolFile {
    param ([string]$Path)
    if (-not (Test-Path -LiteralPath $Path)) {
        return $null
    }
    if ((Get-Item -LiteralPath $Path -Force).PSIsContainer) {
        throw "$Path is a folder"
    }
    $stream = [IO.File]::Open((Resolve-NativePath $Path), 'Open', 'Read', 'Read')
    try {
        # The CSP class works under the FIPS policy.
        $bytes = (New-Object Security.Cryptography.SHA256CryptoServiceProvider).ComputeHash($stream)
        [ordered]@{ path = $Path; size = $stream.Length; sha256 = ([BitConverter]::ToString($bytes) -replace '-').ToLowerInvariant() }
    } finally {
        $stream.Dispose()
    }
}
