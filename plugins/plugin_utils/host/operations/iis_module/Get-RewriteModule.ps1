#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   The URL Rewrite module of IIS: whether it is there, what it would need, what needs it, and whether
#   we installed it. Changes nothing.
# .RESULT
#   iis (version, configuration, shared; null: no IIS), presence (registered, registry_version,
#   library, products), ucrt (path, file_version), language, uses (files with a <rewrite> section),
#   exchange_needs_it (its service for emergency mitigations is there, which writes rules itself),
#   record (what was noted before we installed it; null: nothing).
# .FAILS
#   ScriptFailed: UndoRecordUnreadable.
[CmdletBinding()]
param (
    # ProductCodes that are the module whatever they are called
    [ValidateCount(0, 100)]
    [string[]]
    $ProductCodes = @(),

    # All of them stand in the name of any other product that is the module
    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 10)]
    [string[]]
    $Words
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-WebServerFact {
    param ($Context)
    $configuration = Get-ConfigurationOnce $Context
    if ($null -eq $configuration) { return $null }
    $key = 'HKLM:\SOFTWARE\Microsoft\InetStp'
    [ordered]@{
        version = '{0}.{1}' -f (Get-RegistryPart $key 'MajorVersion'), (Get-RegistryPart $key 'MinorVersion')
        configuration = $configuration['file']
        shared = $configuration['file'] -ne "$env:windir\System32\inetsrv\config\applicationHost.config"
    }
}

$context = @{}
$result = [ordered]@{}
Add-Fact $result 'iis' { Get-WebServerFact $context }
Add-Fact $result 'presence' { Get-ModulePresence $ProductCodes $Words }
Add-Fact $result 'ucrt' { Assert-NativeProcess; Get-LibraryFact "$env:windir\System32\ucrtbase.dll" }
Add-Fact $result 'language' { Get-InstallLanguage }
Add-Fact $result 'uses' { Get-RewriteUse $context }
# Cumulative updates that bring this service want the module at setup, and every later one does.
Add-Fact $result 'exchange_needs_it' { Test-RegistryKey 'HKLM:\SYSTEM\CurrentControlSet\Services\MSExchangeMitigation' }
$result['record'] = Read-ModuleRecord
$result
