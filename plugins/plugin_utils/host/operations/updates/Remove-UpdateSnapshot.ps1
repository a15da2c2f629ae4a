#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Deletes the record of the state before an update, once that update is proven.
# .RESULT
#   changed.
# .FAILS
#   RequestInvalid: Update.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [string]
    $Update,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Assert-UpdateName $Update
$folder = Get-StateFolder 'updates'
$path = if ($folder) { Join-Path $folder "$Update.json" }
$changed = [bool]($path -and (Test-Path -LiteralPath $path))
if ($changed -and -not $Check) { [IO.File]::Delete((Resolve-NativePath $path)) }
[ordered]@{ changed = $changed }
