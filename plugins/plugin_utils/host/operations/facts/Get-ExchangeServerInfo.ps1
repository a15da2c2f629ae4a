#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Everything that assess wants to know about a server, in one command. Changes nothing.
# .RESULT
#   the facts; contract: facts/facts.schema.json, meaning of each: docs/facts.md.
[CmdletBinding()]
param ()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Add-SoftwareFact {
    # Exchange, its services and updates; later parts need the install path and the IIS log folders.
    param ($Facts, $Context)
    Add-Fact $Facts 'exchange' { Get-ExchangeFact }
    if ($Facts['exchange']) {
        $Context['install_path'] = $Facts['exchange']['install_path']
    } else {
        Add-PartError 'logs.exchange' 'the install path is not known'
    }
    $table = @{}
    Add-Fact $table 'services' { Get-ServiceTable }
    foreach ($name in 'dag', 'services', 'antimalware') { $Facts[$name] = $null }
    if ($table['services']) {
        Add-Fact $Facts 'dag' { Get-DagFact $table['services'] }
        Add-Fact $Facts 'services' { Get-ServiceFact $table['services'] } -List
        Add-Fact $Facts 'antimalware' { Get-AntimalwareFact $table['services'] } -List
    } else {
        foreach ($name in 'dag', 'antimalware') { Add-PartError $name 'the services could not be read' }
    }
    Add-Fact $Facts 'updates' { Get-UpdateFact } -List
}

function Add-WebFact {
    param ($Facts, $Context)
    Add-Fact $Facts 'iis' { Get-IisFact $Context }
    Add-Fact $Facts 'url_rewrite' { Get-UrlRewriteFact $Context }
    try {
        $Context['iis_logs'] = Get-IisLogFolder $Context
    } catch {
        Add-PartError 'logs.iis' $_
    }
}

$facts = [ordered]@{}
$context = @{ install_path = $null; iis_logs = @{} }
Add-Fact $facts 'computer' { Get-ComputerFact }
Add-Fact $facts 'os' { Get-SystemFact }
Add-Fact $facts 'powershell' { Get-EngineFact }
Add-Fact $facts 'dotnet' { Get-FrameworkFact }
Add-Fact $facts 'session' { Get-SessionFact }
Add-SoftwareFact $facts $context
Add-WebFact $facts $context
Add-Fact $facts 'pending_reboot' { Get-PendingRebootFact } -List
Add-Fact $facts 'disks' { Get-DiskFact $context } -List
Add-Fact $facts 'logs' { Get-LogFact $context } -List
Add-Fact $facts 'event_logs' { Get-EventLogFact } -List
Add-Fact $facts 'clock' { [ordered]@{ utc = ConvertTo-IsoDate (Get-Date) } }
Add-Fact $facts 'environment' { [ordered]@{ system_drive = $env:SystemDrive; program_data = $env:ProgramData } }
$facts
