#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Appends one chunk to a package that is pushed; the last one makes it complete if all its bytes have
#   the wanted hash, or discards it. Offset 0 starts afresh.
# .RESULT
#   changed, before and after (state, bytes), path.
# .FAILS
#   RequestInvalid: ChunkDamaged, ChunkPlace, PackageHash, PackageName, PackageSize. ScriptFailed:
#   DiskFull, PackageBusy, PackageDamaged.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Package,

    [Parameter(Mandatory = $true)]
    [string]
    $Sha256,

    [Parameter(Mandatory = $true)]
    [long]
    $Size,

    [Parameter(Mandatory = $true)]
    [long]
    $Offset,

    [Parameter(Mandatory = $true)]
    [string]
    $Data,

    [Parameter(Mandatory = $true)]
    [string]
    $ChunkSha256,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Read-Chunk {
    param ([string]$Data, [string]$ChunkSha256)
    try {
        $bytes = [Convert]::FromBase64String($Data)
    } catch {
        Stop-Operation 'RequestInvalid' 'ChunkDamaged' 'the chunk is not base64'
    }
    $actual = Get-StreamHash (New-Object IO.MemoryStream(, $bytes))
    if (-not (Test-SameText $actual $ChunkSha256)) {
        Stop-Operation 'RequestInvalid' 'ChunkDamaged' "the chunk that arrived has SHA-256 $actual, sent was $ChunkSha256"
    }
    , $bytes
}

function Get-ChunkCondition {
    # Cheap: how many bytes are there, without hashing them for each chunk.
    param ([string]$Folder, [string]$Package, [long]$Size)
    foreach ($state in 'complete', 'partial') {
        $path = Join-Path $Folder $Package
        if ($state -eq 'partial') {
            $path = "$path.partial"
        }
        if (Test-Path -LiteralPath $path) {
            return [ordered]@{ state = $state; bytes = (Get-PlainFile $path).Length }
        }
    }
    [ordered]@{ state = 'absent'; bytes = [long]0 }
}

function Assert-ChunkPlace {
    param ($Before, [long]$Offset, [long]$Length, [long]$Size)
    if ($Offset -lt 0 -or $Length -lt 1 -or $Offset + $Length -gt $Size) {
        Stop-Operation 'RequestInvalid' 'ChunkPlace' "a chunk of $Length bytes at $Offset does not lie in a package of $Size bytes"
    }
    if ($Offset -ne 0 -and $Before['bytes'] -ne $Offset) {
        Stop-Operation 'RequestInvalid' 'ChunkPlace' "the chunk starts at $Offset, on the host are $($Before['bytes']) bytes; ask Get-PackageState and go on from there" $Before
    }
}

function Write-Chunk {
    # Writes the chunk; true when all bytes are there and right, false when some are missing.
    param ([string]$Path, [byte[]]$Bytes, [long]$Offset, [long]$Size, [string]$Sha256)
    $stream = Open-PackageFile $Path 'OpenOrCreate' 'ReadWrite' 'None'
    try {
        # Nobody else has it open now: what was true before the opening is asked again.
        if ($Offset -ne 0 -and $stream.Length -ne $Offset) {
            Stop-Operation 'RequestInvalid' 'ChunkPlace' "the chunk starts at $Offset, on the host are $($stream.Length) bytes; another command wrote at the same time"
        }
        $stream.SetLength($Offset)
        $stream.Position = $Offset
        $stream.Write($Bytes, 0, $Bytes.Length)
        $stream.Flush($true)
        if ($stream.Length -lt $Size) {
            return $false
        }
        $actual = Get-StreamHash $stream
    } finally {
        $stream.Dispose()
    }
    if (-not (Test-SameText $actual $Sha256)) {
        [IO.File]::Delete((Resolve-NativePath $Path))
        Stop-Operation 'ScriptFailed' 'PackageDamaged' "all $Size bytes arrived, but their SHA-256 is $actual, wanted is $Sha256; they were discarded. Verify the package on the controller and push it again"
    }
    $true
}

Assert-PackageRequest $Package $Sha256 $Size
$bytes = Read-Chunk $Data $ChunkSha256
$folder = Get-PackageFolder $Sha256 -Create:(-not $Check)
$before = [ordered]@{ state = 'absent'; bytes = [long]0 }
if ($folder) {
    $before = Get-ChunkCondition $folder $Package $Size
}
$result = [ordered]@{ changed = $false; before = $before; after = $before; path = $null }
if ($before['state'] -eq 'complete') {
    $path = Join-Path $folder $Package
    if ($before['bytes'] -eq $Size -and (Test-SameText (Measure-PackageFile $path)['sha256'] $Sha256)) {
        $result['path'] = $path
        return $result
    }
    $before = [ordered]@{ state = 'damaged'; bytes = [long]0 }
    $result['before'] = $before
}
Assert-ChunkPlace $before $Offset $bytes.Length $Size
$result['changed'] = $true
$end = $Offset + $bytes.Length
$result['after'] = [ordered]@{ state = 'partial'; bytes = $end }
if ($end -eq $Size) {
    $result['after']['state'] = 'complete'
}
if ($Check) {
    return $result
}
if ($Offset -eq 0) {
    Assert-PackageSpace $Size
}
$path = Join-Path $folder $Package
Move-DamagedPackage $path
$result['path'] = "$path.partial"
if (Write-Chunk "$path.partial" $bytes $Offset $Size $Sha256) {
    Complete-Package "$path.partial" $path
    $result['path'] = $path
}
$result['after'] = Get-ChunkCondition $folder $Package $Size
$result
