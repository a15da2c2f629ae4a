#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   How much of a package is on the host. Changes nothing.
# .RESULT
#   state (absent, partial, complete, damaged), bytes, sha256 (of these bytes), path, free_bytes.
# .FAILS
#   RequestInvalid: PackageHash, PackageName, PackageSize. ScriptFailed: PackageBusy.
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
    $Size
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-PackageRequest $Package $Sha256 $Size
$result = Get-PackageCondition $Package $Sha256 $Size
$result['free_bytes'] = Invoke-Part -Name 'free_bytes' { Get-PackageFreeByte }
$result
