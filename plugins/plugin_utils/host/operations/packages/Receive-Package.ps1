#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   The host fetches a package itself, from \\server\share\... or https://...; it becomes complete only
#   if its size and hash are the wanted ones. Over https: the certificate is verified, redirects are
#   refused, no proxy and no credentials are used, and never more than the wanted size is read.
# .RESULT
#   changed, before and after (state, bytes, sha256, path), source.
# .FAILS
#   RequestInvalid: PackageHash, PackageName, PackageSize, PackageSource. ScriptFailed: DiskFull,
#   PackageBusy, PackageDamaged, SourceRefused, SourceSlow, SourceUnreadable.
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
    [string]
    $Source,

    [ValidateRange(1, 86400)]
    [int]
    $DeadlineSeconds = 3600,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-PackageRequest $Package $Sha256 $Size
Assert-PackageSource $Source
$before = Get-PackageCondition $Package $Sha256 $Size
$result = [ordered]@{ changed = $false; before = $before; after = $before; source = $Source }
if ($before['state'] -eq 'complete') {
    return $result
}
$result['changed'] = $true
if ($Check) {
    $result['after'] = [ordered]@{ state = 'complete'; bytes = $Size; sha256 = $Sha256; path = $null }
    return $result
}
Assert-PackageSpace $Size
$path = Join-Path (Get-PackageFolder $Sha256 -Create) $Package
Receive-PackageSource $Source "$path.incoming" $Size $Sha256 $DeadlineSeconds
Complete-Package "$path.incoming" $path
if (Test-Path -LiteralPath "$path.partial") {
    [IO.File]::Delete((Resolve-NativePath "$path.partial"))
}
$result['after'] = Get-PackageCondition $Package $Sha256 $Size
$result
