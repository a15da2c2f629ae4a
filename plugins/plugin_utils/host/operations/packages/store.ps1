# SPDX-License-Identifier: GPL-3.0-or-later
# Packages on the host: %ProgramData%\ExchangeRemediation\packages\<sha256>\<file name>. While one
# arrives it is called <file name>.partial (pushed) or <file name>.incoming (pulled).

function Assert-PackageRequest {
    param ([string]$Package, [string]$Sha256, [long]$Size)
    if ($Package -cnotmatch '\A[A-Za-z0-9][A-Za-z0-9._-]{0,119}\z') {
        Stop-Operation 'RequestInvalid' 'PackageName' "the package's name '$Package' is not a plain file name"
    }
    if ($Sha256 -cnotmatch '\A[0-9a-f]{64}\z') {
        Stop-Operation 'RequestInvalid' 'PackageHash' "the package's SHA-256 '$Sha256' is not 64 hex digits"
    }
    if ($Size -lt 1 -or $Size -gt 16GB) {
        Stop-Operation 'RequestInvalid' 'PackageSize' "the package's size $Size is not between 1 byte and 16 GB"
    }
}

function Get-PackageFolder {
    # Null when it does not exist and -Create is not given.
    param ([string]$Sha256, [switch]$Create)
    Get-StateFolder 'packages', $Sha256 -Create:$Create
}

function Get-PlainFile {
    param ([string]$Path)
    $item = Get-Item -LiteralPath $Path -Force
    if ($item.PSIsContainer -or ($item.Attributes -band [IO.FileAttributes]::ReparsePoint)) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path is not a plain file. Look at it, keep it as evidence, move it away and run again"
    }
    $item
}

function Open-PackageFile {
    # A stream, or null where the file does not exist. Anti-malware opens new files for a moment: that is waited for.
    param ([string]$Path, [string]$Mode, [string]$Access, [string]$Share)
    if (Test-Path -LiteralPath $Path) {
        [void](Get-PlainFile $Path)
    } elseif ($Mode -eq 'Open') {
        return $null
    }
    for ($try = 1; ; $try++) {
        try {
            return [IO.File]::Open((Resolve-NativePath $Path), $Mode, $Access, $Share)
        } catch {
            if ($try -ge 50) {
                Stop-Operation 'ScriptFailed' 'PackageBusy' "$Path cannot be opened for 5 s; another command or the anti-malware has it open: $($_.Exception.Message)"
            }
            Start-Sleep -Milliseconds 100
        }
    }
}

function Get-StreamHash {
    param ($Stream)
    # The CSP class works under the FIPS policy, SHA256Managed does not.
    $algorithm = New-Object Security.Cryptography.SHA256CryptoServiceProvider
    $Stream.Position = 0
    ([BitConverter]::ToString($algorithm.ComputeHash($Stream)) -replace '-').ToLowerInvariant()
}

function Measure-PackageFile {
    # How many bytes of a file are there, and their hash; null where it does not exist.
    param ([string]$Path)
    $stream = Open-PackageFile $Path 'Open' 'Read' 'Read'
    if (-not $stream) {
        return $null
    }
    try {
        [ordered]@{ bytes = $stream.Length; sha256 = Get-StreamHash $stream }
    } finally {
        $stream.Dispose()
    }
}

function Get-PackageCondition {
    # state: absent, partial, complete, or damaged (under its final name lie other bytes).
    param ([string]$Package, [string]$Sha256, [long]$Size)
    $condition = [ordered]@{ state = 'absent'; bytes = [long]0; sha256 = $null; path = $null }
    $folder = Get-PackageFolder $Sha256
    if (-not $folder) {
        return $condition
    }
    $path = Join-Path $folder $Package
    $found = Measure-PackageFile $path
    $condition['state'] = 'damaged'
    if ($found -and $found['bytes'] -eq $Size -and (Test-SameText $found['sha256'] $Sha256)) {
        $condition['state'] = 'complete'
    } elseif (-not $found) {
        $path = "$path.partial"
        $found = Measure-PackageFile $path
        $condition['state'] = 'partial'
        if (-not $found) {
            $condition['state'] = 'absent'
            return $condition
        }
    }
    $condition['bytes'] = $found['bytes']
    $condition['sha256'] = $found['sha256']
    $condition['path'] = $path
    $condition
}

function Move-DamagedPackage {
    # Other bytes under a package's final name are kept as evidence, but not under that name.
    param ([string]$Path)
    $target = Resolve-NativePath $Path
    if ([IO.File]::Exists($target)) {
        [IO.File]::Delete("$target.damaged")
        [IO.File]::Move($target, "$target.damaged")
    }
}

function Complete-Package {
    # Gives a file whose hash was just found right its final name. Its folder is closed to others.
    param ([string]$Temporary, [string]$Path)
    Move-DamagedPackage $Path
    $target = Resolve-NativePath $Path
    for ($try = 1; ; $try++) {
        try {
            [IO.File]::Move((Resolve-NativePath $Temporary), $target)
            return
        } catch {
            if ($try -ge 50) {
                throw
            }
            Start-Sleep -Milliseconds 100
        }
    }
}

function Get-PackageFreeByte {
    (Get-PSDrive -Name $env:ProgramData.Substring(0, 1) -PSProvider FileSystem).Free
}

function Assert-PackageSpace {
    param ([long]$Size)
    $free = $null
    try {
        $free = Get-PackageFreeByte
    } catch {
        $null = $_
    }
    # The installer unpacks it beside; the pre-check of the update asks for that room.
    if ($null -ne $free -and $free -lt $Size + 512MB) {
        Stop-Operation 'ScriptFailed' 'DiskFull' "the drive of $env:ProgramData has $free bytes free, the package needs $Size and 512 MB are kept; make room and run again"
    }
}
