#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Deletes the record about the URL Rewrite module once the product that it names is gone; refused
#   with ModulePresent before, for then nobody would know any more whose the module is.
# .RESULT
#   changed.
# .FAILS
#   RequestInvalid: ModulePresent. ScriptFailed: UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 10)]
    [string[]]
    $Words,

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$record = Read-ModuleRecord
if ($record) {
    $presence = Get-ModulePresence @($record['product_code']) $Words
    $installed = @($presence['products'] | ForEach-Object { $_['product_code'] })
    if ($installed -contains $record['product_code']) {
        Stop-Operation 'RequestInvalid' 'ModulePresent' "the product $($record['product_code']) is still installed; its record stays" $presence
    }
    if (-not $Check) {
        $folder = Get-StateFolder 'modules'
        [IO.File]::Delete((Resolve-NativePath (Join-Path $folder 'url-rewrite.json')))
    }
}
[ordered]@{ changed = [bool]$record }
