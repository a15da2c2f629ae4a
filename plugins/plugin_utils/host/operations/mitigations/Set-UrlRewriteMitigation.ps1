#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Makes rules and preconditions stand in one web.config exactly as given, in the given order and
#   before nothing that hides them; takes named entries away. Everything else stays byte for byte.
#   FileSha256 is what the plan saw; another file is refused (StalePlan) when it would be changed.
# .RESULT
#   changed, before, after (file, sha256, rules, preconditions), undo, undo_record.
# .FAILS
#   RequestInvalid: ConfigSource, ConfigurationUnreadable, IisMissing, NameTaken, PlaceMissing,
#   RewriteModuleMissing, RuleInvalid, StalePlan. ScriptFailed: ReadBackDiffers, UndoCopyDamaged,
#   UndoRecordUnreadable.
[CmdletBinding()]
param (
    [Parameter(Mandatory = $true)]
    [ValidatePattern('\A[a-z0-9][a-z0-9-]{0,63}\z')]
    [string]
    $Mitigation,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 260)]
    [string]
    $Site,

    [Parameter(Mandatory = $true)]
    [ValidateLength(1, 260)]
    [string]
    $Path,

    [object[]]
    $Rules = @(),

    [object[]]
    $Preconditions = @(),

    [string[]]
    $Remove = @(),

    [string]
    $FileSha256 = '',

    [bool]
    $Check = $false
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Find-WebConfig {
    # The folder of the site (any case) and path; all folders of the site, for what is inherited.
    param ([string]$Site, [string]$Path)
    $configuration = Get-IisConfiguration
    if ($null -eq $configuration) { Stop-Operation 'RequestInvalid' 'IisMissing' 'IIS is not installed on this host' }
    $places = @(Get-WebConfigPlace $configuration['root'] | Where-Object { $_['site'] -eq $Site })
    $wanted = '/' + $Path.Trim('/')
    $place = $places | Where-Object { $_['path'] -eq $wanted } | Select-Object -First 1
    if (-not $place) {
        $names = @($configuration['sites'] | ForEach-Object { $_['name'] }) -join "', '"
        Stop-Operation 'RequestInvalid' 'PlaceMissing' "site '$Site' has no folder for '$wanted'; the sites are '$names'"
    }
    @{ place = $place; places = $places; configuration = $configuration }
}

function Get-TakenName {
    # A rule of the same name above or below in the same site: IIS then answers 500 there.
    param ($Found, [string[]]$Names)
    $own = $Found['place']
    $result = @{ rules = @(); preconditions = @(); overrides = @() }
    Read-RewriteFile $Found['configuration']['root'] $Found['configuration']['file'] $null '/' $result
    foreach ($place in $Found['places']) {
        if ($place['file'] -eq $own['file']) { continue }
        $text = Read-ConfigText $place['file']
        if ($null -ne $text) {
            Read-RewriteFile (ConvertTo-ConfigDocument $text $place['file'])['root'] $place['file'] $place['site'] $place['path'] $result
        }
    }
    foreach ($rule in $result['rules']) {
        if ($rule['site'] -ne $own['site'] -or $Names -notcontains ($rule['direction'] + ' ' + $rule['name'])) { continue }
        $one, $two = ($own['path'].TrimEnd('/') + '/'), ($rule['path'].TrimEnd('/') + '/')
        if ($one.StartsWith($two, 'OrdinalIgnoreCase') -or $two.StartsWith($one, 'OrdinalIgnoreCase')) { return $rule }
    }
}

function Assert-Editable {
    # What IIS would answer with errors afterwards is refused before.
    param ($Found, $Wanted)
    $names = @(foreach ($kind in 'inbound', 'outbound') { foreach ($want in $Wanted[$kind]) { $kind + ' ' + $want['name'] } })
    if (-not $names) { return }
    if (-not (Test-RegistryKey 'HKLM:\SOFTWARE\Microsoft\IIS Extensions\URL Rewrite')) {
        Stop-Operation 'RequestInvalid' 'RewriteModuleMissing' 'the IIS URL Rewrite module is not installed and IIS would answer every request with HTTP 500.19; install URL Rewrite 2.1 (7.2.1993 or newer), then run again'
    }
    $taken = Get-TakenName $Found $names
    if ($taken) {
        Stop-Operation 'RequestInvalid' 'NameTaken' "a rule '$($taken['name'])' stands in $($taken['file']) for '$($taken['path'])'; IIS refuses a name that it inherits, so remove that rule first"
    }
}

function Get-WantedContent {
    # The request's rules and preconditions by kind, with every default.
    param ($Rules, $Preconditions)
    $wanted = @{ inbound = @(); outbound = @(); precondition = @() }
    foreach ($rule in $Rules) {
        $content = ConvertTo-RuleContent $rule
        if ('inbound', 'outbound' -cnotcontains $content['direction'] -or -not $content['name']) {
            Stop-Operation 'RequestInvalid' 'RuleInvalid' 'a rule needs a name and the direction inbound or outbound'
        }
        $wanted[$content['direction']] += $content
    }
    foreach ($precondition in $Preconditions) { $wanted['precondition'] += ConvertTo-PreconditionContent $precondition }
    $wanted
}

function Save-RewriteUndo {
    param ([string]$Mitigation, [string]$File, $Prior, $Edit)
    $record = Read-UndoRecord $Mitigation
    if (-not $record) { $record = New-UndoRecord $Mitigation }
    Add-FileUndo $record @(Read-OtherRecord $Mitigation) $File $Prior $Edit
    Write-UndoRecord $record
}

$found = Find-WebConfig $Site $Path
$file = $found['place']['file']
$wanted = Get-WantedContent $Rules $Preconditions
Assert-Editable $found $wanted
$prior = Read-ConfigText $file
$start = $prior
if ($null -eq $prior) { $start = "<?xml version=`"1.0`" encoding=`"UTF-8`"?>`r`n<configuration />`r`n" }
$edit = Edit-RewriteText $start $file $wanted $Remove
$changed = -not (Test-SameText $edit['text'] $start)
$before = Get-RewriteContent $prior $file $found['place']['site'] $found['place']['path']
if ($changed -and $FileSha256 -and $before['sha256'] -ne $FileSha256) {
    Stop-Operation 'RequestInvalid' 'StalePlan' "$file has changed since the plan was made (planned on $FileSha256, is $($before['sha256'])); plan again"
}
$after = $prior
if ($changed) { $after = $edit['text'] }
if ($changed -and -not $Check) {
    Save-RewriteUndo $Mitigation $file $prior $edit
    Write-ConfigText $file $edit['text']
    $after = Read-ConfigText $file
    if (-not (Test-SameText $after $edit['text'])) {
        Stop-Operation 'ScriptFailed' 'ReadBackDiffers' "$file does not hold what was written; something else changes it at the same time"
    }
}
$record = Read-UndoRecord $Mitigation
[ordered]@{
    changed = $changed
    before = $before
    after = Get-RewriteContent $after $file $found['place']['site'] $found['place']['path']
    undo = Get-UndoId $record
    undo_record = $record
}
