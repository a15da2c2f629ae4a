# SPDX-License-Identifier: GPL-3.0-or-later
# What detection tools leave: the folder of a job, and the places that they write to by themselves.

function Get-DetectionPath {
    # source -> path.
    [ordered]@{
        msert_log = "$env:SystemRoot\debug\msert.log"
        msert_old_log = "$env:SystemRoot\debug\msert.old.log"
    }
}

function Get-DetectionName {
    # The names of the files below a folder, until 2,001 files and folders were seen; no link is followed.
    param ([string]$Folder)
    $pending = New-Object Collections.Queue
    $pending.Enqueue('')
    $left = 2001
    while ($pending.Count -gt 0) {
        $below = $pending.Dequeue()
        foreach ($item in @(Get-ChildItem -LiteralPath ($Folder + '\' + $below).TrimEnd('\') -Force)) {
            if ($item.Attributes -band [IO.FileAttributes]::ReparsePoint) {
                continue
            }
            $name = ($below + '\' + $item.Name).TrimStart('\')
            if ($item.PSIsContainer) {
                $pending.Enqueue($name)
            } else {
                $name
            }
            # Folders count too: a tree of empty ones ends as well.
            $left -= 1
            if ($left -le 0) {
                return
            }
        }
    }
}

function New-DetectionEntry {
    # A file of which nothing was read yet.
    param ([string]$Source, [string]$Name)
    [ordered]@{
        source = $Source
        name = $Name
        size = 0
        sha256 = $null
        modified = $null
    }
}

function Get-DetectionEntry {
    # A file as it is now: the tool may still be writing it.
    param ([string]$Source, [string]$Name, [string]$Path)
    $entry = New-DetectionEntry $Source $Name
    $entry['modified'] = ConvertTo-IsoDate (Get-Item -LiteralPath $Path -Force).LastWriteTimeUtc
    $stream = [IO.File]::Open((Resolve-NativePath $Path), 'Open', 'Read', 'ReadWrite, Delete')
    try {
        # The CSP class works under the FIPS policy.
        $bytes = (New-Object Security.Cryptography.SHA256CryptoServiceProvider).ComputeHash($stream)
        $entry['size'] = $stream.Position
        $entry['sha256'] = ([BitConverter]::ToString($bytes) -replace '-').ToLowerInvariant()
    } finally {
        $stream.Dispose()
    }
    $entry
}

function Get-DetectionLog {
    # One of the places as an entry; null where nothing is.
    param ([string]$Source, [string]$Path)
    if (-not (Test-Path -LiteralPath $Path)) {
        return $null
    }
    $item = Get-Item -LiteralPath $Path -Force
    if ($item.PSIsContainer -or ($item.Attributes -band [IO.FileAttributes]::ReparsePoint)) {
        throw "$Path is no plain file"
    }
    Get-DetectionEntry $Source $Path $Path
}
