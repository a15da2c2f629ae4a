# SPDX-License-Identifier: GPL-3.0-or-later
# Functions that travel with the operations. The loader sends only those that an operation needs.
# Rule for the loader: each function starts and ends in column 1. Nothing stands outside functions.

# --- for operation scripts ---------------------------------------------------------------------

# Records why a part of the result is null. -ErrorRecord: an error record, or a sentence.
function Add-PartError {
    param (
        [Parameter(Mandatory = $true)]
        [string]
        $Source,

        [Parameter(Mandatory = $true)]
        $ErrorRecord
    )
    [void] $script:PartErrors.Add((ConvertTo-ErrorEntry $Source $ErrorRecord))
}

# Runs one part. Failure: null, and an entry in errors[]. -List: always an array, also an empty one.
# The odd parameter names keep the caller's variables visible inside its script block.
function Invoke-Part {
    param (
        [Parameter(Mandatory = $true, Position = 0)]
        [Alias('Name')]
        [string]
        $PartName__,

        [Parameter(Mandatory = $true, Position = 1)]
        [Alias('Script')]
        [scriptblock]
        $PartScript__,

        [Alias('List')]
        [switch]
        $PartList__
    )
    foreach ($once__ in 1) {
        try {
            if ($PartList__) {
                return , @(& $PartScript__)
            }
            return & $PartScript__
        } catch {
            Add-PartError $PartName__ $_
            return $null
        }
    }
    # Reached only when the part left with a stray "break".
    Add-PartError $PartName__ 'the part ended before it had a result'
}

# The path that .NET file classes understand: the identity on Windows, a folder in the rehearsal.
function Resolve-NativePath {
    param (
        [Parameter(Mandatory = $true)]
        [string]
        $Path
    )
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}

# A date (local, UTC or ISO text) as ISO-8601 UTC text with seven decimals; null stays null.
function ConvertTo-IsoDate {
    param ($Value)
    if ($null -eq $Value) {
        return $null
    }
    if ($Value -isnot [datetime]) {
        $culture = [Globalization.CultureInfo]::InvariantCulture
        $style = [Globalization.DateTimeStyles]::RoundtripKind
        $Value = [datetime]::Parse([string] $Value, $culture, $style)
    }
    $Value.ToUniversalTime().ToString('o')
}

# Ends the operation with a failure of a named class: RequestInvalid, ScriptFailed or Locked.
function Stop-Operation {
    param (
        [string] $Class,
        [string] $Id,
        [string] $Message,
        $Details
    )
    $exception = New-Object InvalidOperationException($Message)
    $exception.Data['class'] = $Class
    $exception.Data['id'] = $Id
    $exception.Data['details'] = $Details
    throw $exception
}

# --- reply -------------------------------------------------------------------------------------

function ConvertTo-ErrorEntry {
    param ($Source, $ErrorRecord)
    if ($ErrorRecord -isnot [Management.Automation.ErrorRecord]) {
        return [ordered] @{source = $Source; class = 'Unavailable'; id = ''; message = [string] $ErrorRecord }
    }
    $exception = $ErrorRecord.Exception
    while ($exception -is [Management.Automation.MethodInvocationException] -and $exception.InnerException) {
        $exception = $exception.InnerException
    }
    [ordered] @{
        source = $Source
        class = $exception.GetType().FullName
        id = $ErrorRecord.FullyQualifiedErrorId
        message = $exception.Message
    }
}

# The entry for what ended the operation: its class is one of the protocol, not a .NET type.
function ConvertTo-FailureEntry {
    param ($ErrorRecord)
    $entry = ConvertTo-ErrorEntry 'operation' $ErrorRecord
    $data = $ErrorRecord.Exception.Data
    if ($data -and $data.Contains('class')) {
        $entry['class'] = $data['class']
        $entry['id'] = $data['id']
        $entry['details'] = $data['details']
        return $entry
    }
    $entry['exception'] = $entry['class']
    $entry['class'] = 'ScriptFailed'
    # A parameter that the operation does not know, lacks or cannot convert is the caller's mistake.
    if ($ErrorRecord.FullyQualifiedErrorId -like '*,Invoke-OperationScript') {
        $entry['class'] = 'RequestInvalid'
    }
    if ($ErrorRecord.InvocationInfo) {
        $line = ([string] $ErrorRecord.InvocationInfo.Line).Trim()
        $line = $line.Substring(0, [Math]::Min(160, $line.Length))
        $entry['at'] = 'line {0}: {1}' -f $ErrorRecord.InvocationInfo.ScriptLineNumber, $line
    }
    $entry
}

# What tells this boot from another: "boot:<BootId>;system:<start of process 4>", each part only
# where it can be read (no WMI: setup stops it). Unlike a boot time it does not wobble with the clock.
function Get-BootId {
    $parts = @()
    $reason = 'neither BootId nor the start of the System process can be read'
    try {
        $key = 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters'
        $parts += 'boot:{0}' -f (Get-ItemProperty -LiteralPath $key -Name BootId).BootId
    } catch {
        $reason = $_
    }
    try {
        $system = Get-Process -Id 4
        if ($system.ProcessName -eq 'System' -and $system.StartTime) {
            $parts += 'system:{0}' -f (ConvertTo-IsoDate $system.StartTime)
        }
    } catch {
        $null = $_
    }
    if ($parts.Count -eq 0) {
        Add-PartError 'host.boot_id' $reason
        return $null
    }
    $parts -join ';'
}

function Get-HostStamp {
    $name = $env:COMPUTERNAME
    if (-not $name) {
        $name = [Environment]::MachineName
    }
    [ordered] @{
        name = $name
        clock = ConvertTo-IsoDate (Get-Date)
        boot_id = Get-BootId
        powershell = [string] $PSVersionTable.PSVersion
        language_mode = [string] $ExecutionContext.SessionState.LanguageMode
        process_id = $PID
    }
}

# The request's parameters as a splat: ttl_seconds -> TtlSeconds. PowerShell 7 reads ISO dates in
# JSON as dates; they become text again, so that every version hands over the same.
function ConvertTo-Splat {
    param ($Parameters)
    $splat = @{}
    if ($null -eq $Parameters) {
        return $splat
    }
    foreach ($property in @($Parameters.PSObject.Properties)) {
        $value = $property.Value
        if ($value -is [datetime]) {
            $value = ConvertTo-IsoDate $value
        }
        $splat[($property.Name -replace '_')] = $value
    }
    $splat
}

# Runs the operation; returns its reply, also when it failed. Only the last object counts.
function Invoke-Operation {
    param ($Request)
    Set-StrictMode -Version 2.0
    $ErrorActionPreference = 'Stop'
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $script:PartErrors = New-Object Collections.ArrayList
    $stamp = Get-HostStamp
    $result = $null
    $failure = [ordered] @{
        source = 'operation'; class = 'ScriptFailed'; id = 'NoResult'
        message = 'the operation ended without a result'
    }
    foreach ($once in 1) {
        try {
            $splat = ConvertTo-Splat $Request.parameters
            $output = @(Invoke-OperationScript @splat)
            if ($output.Count -gt 0) {
                $result = $output[-1]
                $failure = $null
            }
            if ($output.Count -gt 1) {
                Add-PartError 'operation' ('{0} stray output objects were ignored' -f ($output.Count - 1))
            }
        } catch {
            $failure = ConvertTo-FailureEntry $_
        }
    }
    New-Reply $Request $stamp $result $failure $watch
}

function New-Reply {
    param ($Request, $Stamp, $Result, $Failure, $Watch)
    $status = 'ok'
    if ($Failure) {
        $status = 'error'
        $Result = $null
        $script:PartErrors.Insert(0, $Failure)
    }
    [ordered] @{
        schema = 1
        operation = $Request.operation
        status = $status
        replayed = $false
        key = $Request.key
        collected_at = $Stamp.clock
        host = $Stamp
        script_sha256 = $Request.sha256
        duration_ms = [int] $Watch.ElapsedMilliseconds
        result = $Result
        errors = $script:PartErrors
    }
}

# JSON in pure ASCII. Not ConvertTo-Json: that of 3.0-5.1 writes \/Date()\/, unrolls decorated
# strings into objects, and follows live objects into their whole graph.
function ConvertTo-SafeJson {
    param ($Value)
    $builder = New-Object Text.StringBuilder
    Write-JsonValue $builder $Value 0
    $builder.ToString()
}

# Dates become ISO text, enumerations names, everything unknown its text. A StringBuilder holds
# JSON that is ready (a stored reply); data never is one.
function Write-JsonValue {
    param ($Builder, $Value, [int] $Depth)
    if ($Depth -gt 40) {
        throw 'the result is nested more than 40 levels deep'
    }
    if ($null -eq $Value) {
        [void] $Builder.Append('null')
    } elseif ($Value -is [string]) {
        Write-JsonString $Builder $Value
    } elseif ($Value -is [bool]) {
        [void] $Builder.Append(([string] $Value).ToLowerInvariant())
    } elseif ($Value -is [Text.StringBuilder]) {
        [void] $Builder.Append($Value.ToString())
    } elseif ($Value -is [Collections.IDictionary]) {
        # GetEnumerator: a key named "Keys" would hide the property.
        Write-JsonObject $Builder $Value.GetEnumerator() 'Key' $Depth
    } elseif ($Value -is [Management.Automation.PSCustomObject]) {
        Write-JsonObject $Builder $Value.PSObject.Properties 'Name' $Depth
    } elseif ($Value -is [Collections.IEnumerable]) {
        Write-JsonArray $Builder $Value $Depth
    } else {
        Write-JsonScalar $Builder $Value
    }
}

function Write-JsonObject {
    param ($Builder, $Members, $NameProperty, [int] $Depth)
    [void] $Builder.Append('{')
    $separator = ''
    foreach ($member in $Members) {
        [void] $Builder.Append($separator)
        Write-JsonString $Builder ([string] $member.$NameProperty)
        [void] $Builder.Append(':')
        Write-JsonValue $Builder $member.Value ($Depth + 1)
        $separator = ','
    }
    [void] $Builder.Append('}')
}

function Write-JsonArray {
    param ($Builder, $Items, [int] $Depth)
    [void] $Builder.Append('[')
    $separator = ''
    foreach ($item in $Items) {
        [void] $Builder.Append($separator)
        Write-JsonValue $Builder $item ($Depth + 1)
        $separator = ','
    }
    [void] $Builder.Append(']')
}

function Write-JsonScalar {
    param ($Builder, $Value)
    $culture = [Globalization.CultureInfo]::InvariantCulture
    $code = [int] [Type]::GetTypeCode($Value.GetType())
    if ($Value -is [datetime]) {
        Write-JsonString $Builder (ConvertTo-IsoDate $Value)
    } elseif ($Value -is [Enum] -or $code -lt 5 -or $code -gt 15) {
        Write-JsonString $Builder ([string] $Value)
    } elseif ($code -eq 13 -or $code -eq 14) {
        # Single and Double: JSON has no NaN and no infinity.
        if ([double]::IsNaN($Value) -or [double]::IsInfinity($Value)) {
            [void] $Builder.Append('null')
        } else {
            [void] $Builder.Append($Value.ToString('R', $culture))
        }
    } else {
        [void] $Builder.Append($Value.ToString($culture))
    }
}

# Lone surrogates survive: each UTF-16 unit outside ASCII becomes its own escape.
function Write-JsonString {
    param ($Builder, [string] $Text)
    $Text = $Text.Replace('\', '\\').Replace('"', '\"')
    if ([regex]::IsMatch($Text, '[^\x20-\x7e]')) {
        $Text = [regex]::Replace($Text, '[^\x20-\x7e]', { param ($m) '\u{0:x4}' -f [int] [char] $m.Value })
    }
    [void] $Builder.Append('"').Append($Text).Append('"')
}
