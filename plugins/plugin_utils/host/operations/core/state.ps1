# SPDX-License-Identifier: GPL-3.0-or-later
# State on the host: %ProgramData%\ExchangeRemediation.

function Get-StateFolder {
    # Null when it does not exist and -Create is not given. Never returns a folder that somebody else
    # could have prepared: %ProgramData% lets every user create folders.
    param (
        [string[]]$Child,
        [switch]$Create
    )
    $folder = $env:ProgramData
    foreach ($name in @('ExchangeRemediation') + $Child) {
        if (-not $name) {
            continue
        }
        $folder = Join-Path $folder $name
        if (-not (Test-Path -LiteralPath $folder)) {
            if (-not $Create) {
                return $null
            }
            New-TrustedFolder $folder
        }
        Assert-TrustedFolder $folder
    }
    $folder
}

function New-TrustedFolder {
    # Built beside its place and renamed into it, so that it never stands there with inherited rights.
    param ([string]$Path)
    $leaf = Split-Path $Path -Leaf
    $staging = '{0}.{1}' -f $Path, [guid]::NewGuid().ToString('N')
    [void](New-Item -Path $staging -ItemType Directory)
    $acl = Get-Acl -LiteralPath $staging
    $acl.SetSecurityDescriptorSddlForm('O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
    Set-Acl -LiteralPath $staging -AclObject $acl
    try {
        Rename-Item -LiteralPath $staging -NewName $leaf
    } catch {
        Remove-Item -LiteralPath $staging
        # Another command may have been faster; the caller judges what stands there now.
        if (-not (Test-Path -LiteralPath $Path)) {
            throw
        }
    }
}

function Assert-TrustedFolder {
    param ([string]$Path)
    $cure = 'Look at what is in it, keep it as evidence, move it away and run again'
    $item = Get-Item -LiteralPath $Path -Force
    if ($item.Attributes -band [IO.FileAttributes]::ReparsePoint) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path is a link to another place. $cure"
    }
    if (-not $item.PSIsContainer) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path is not a folder. $cure"
    }
    $sddl = [string](Get-Acl -LiteralPath $Path).Sddl
    # A missing access list gives everybody everything.
    if ($sddl -notmatch '^O:(BA|SY|S-1-5-18|S-1-5-32-544)(G:|D:|S:|$)' -or $sddl -match 'NO_ACCESS_CONTROL') {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path belongs to neither SYSTEM nor Administrators ($sddl). $cure"
    }
    $other = Find-ForeignWriter $sddl
    if ($other) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path can be written by $other. $cure"
    }
}

function Find-ForeignWriter {
    # The first trustee other than SYSTEM, Administrators and the owner placeholders that an allowing
    # entry gives more than reading (SDDL: type;flags;rights;guid;guid;trustee).
    param ([string]$Sddl)
    $trusted = @('SY', 'BA', 'CO', 'OW', 'S-1-5-18', 'S-1-5-32-544', 'S-1-3-0', 'S-1-3-4')
    $reading = @('FR', 'GR', 'FX', 'FRFX', 'GRGX', '0x1200a9', '0x120089')
    foreach ($found in [regex]::Matches($Sddl, '\((?:A|OA|XA);[^;)]*;([^;)]*);[^;)]*;[^;)]*;([^;)]*)')) {
        $rights, $trustee = $found.Groups[1].Value, $found.Groups[2].Value
        if ($trusted -notcontains $trustee -and $reading -notcontains $rights) {
            return $trustee
        }
    }
}

function Write-FileDurably {
    # A text file of ours, all or nothing.
    param (
        [string]$Path,
        [string]$Text,
        [switch]$New
    )
    Write-ByteDurably $Path ([Text.Encoding]::UTF8.GetBytes($Text)) -New:$New
}

function Write-ByteDurably {
    # All or nothing: new file, flushed to the disk, then renamed. -New: fails where $Path exists.
    param (
        [string]$Path,
        [byte[]]$Bytes,
        [switch]$New
    )
    $target = Resolve-NativePath $Path
    $temporary = '{0}.{1}.tmp' -f $target, [guid]::NewGuid().ToString('N')
    $stream = [IO.File]::Open($temporary, 'CreateNew', 'Write', 'None')
    try {
        $stream.Write($Bytes, 0, $Bytes.Length)
        $stream.Flush($true)
    } catch {
        $stream.Dispose()
        [IO.File]::Delete($temporary)
        throw
    }
    $stream.Dispose()
    for ($try = 1; $try -le 10; $try++) {
        try {
            if (-not $New -and [IO.File]::Exists($target)) {
                [IO.File]::Replace($temporary, $target, [NullString]::Value)
            } else {
                [IO.File]::Move($temporary, $target)
            }
            return
        } catch {
            # Anti-malware and backup open new files for a moment.
            if ($try -eq 10 -or ($New -and [IO.File]::Exists($target))) {
                [IO.File]::Delete($temporary)
                throw
            }
            Start-Sleep -Milliseconds 100
        }
    }
}

function Read-StateFile {
    # Null when the file does not exist. Bounded: state files are small.
    param ([string]$Path)
    try {
        # Shared, so that reading never stops the command that replaces the file.
        $stream = [IO.File]::Open((Resolve-NativePath $Path), 'Open', 'Read', 'ReadWrite, Delete')
    } catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] {
        return $null
    }
    try {
        if ($stream.Length -gt 4MB) {
            Stop-Operation 'ScriptFailed' 'StateRefused' "$Path has $($stream.Length) bytes, more than any state file of ours"
        }
        (New-Object IO.StreamReader($stream, [Text.Encoding]::UTF8)).ReadToEnd()
    } finally {
        $stream.Dispose()
    }
}
