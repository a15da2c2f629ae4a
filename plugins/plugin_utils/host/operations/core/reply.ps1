# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the operation and puts its reply together.

function ConvertTo-FailureEntry {
    # The entry for what ended the operation: its class is one of the protocol, not a .NET type.
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
    $binding = $ErrorRecord.Exception -is [Management.Automation.ParameterBindingException]
    if ($binding -and $ErrorRecord.FullyQualifiedErrorId -like '*,Invoke-OperationScript') {
        $entry['class'] = 'RequestInvalid'
    }
    if ($ErrorRecord.InvocationInfo) {
        $line = ([string]$ErrorRecord.InvocationInfo.Line).Trim()
        $line = $line.Substring(0, [Math]::Min(160, $line.Length))
        $entry['at'] = 'line {0}: {1}' -f $ErrorRecord.InvocationInfo.ScriptLineNumber, $line
    }
    $entry
}

function Get-BootId {
    # What tells this boot from another: "boot:<BootId>;system:<start of process 4>", each part only
    # where it can be read (no WMI: setup stops it). Unlike a boot time it does not wobble with the clock.
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
    [ordered]@{
        name = $name
        clock = ConvertTo-IsoDate (Get-Date)
        boot_id = Get-BootId
        powershell = [string]$PSVersionTable.PSVersion
        language_mode = [string]$ExecutionContext.SessionState.LanguageMode
        process_id = $PID
    }
}

function ConvertTo-Splat {
    # The request's parameters as a splat: ttl_seconds -> TtlSeconds. PowerShell 7 reads ISO dates in
    # JSON as dates; they become text again, so that every version hands over the same.
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

function Invoke-Operation {
    # Runs the operation; returns its reply, also when it failed. Only the last object counts.
    # -Ahead: gets the parameters before the operation does, and throws when it must not run.
    param ($Request, [scriptblock]$Ahead)
    Set-StrictMode -Version 2.0
    $ErrorActionPreference = 'Stop'
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $script:PartErrors = New-Object Collections.ArrayList
    $stamp = Get-HostStamp
    $result = $null
    $failure = [ordered]@{
        source = 'operation'
        class = 'ScriptFailed'
        id = 'NoResult'
        message = 'the operation ended without a result'
    }
    foreach ($once in 1) {
        try {
            $splat = ConvertTo-Splat $Request.parameters
            if ($Ahead) {
                & $Ahead $splat
            }
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
    [ordered]@{
        schema = 1
        operation = $Request.operation
        status = $status
        replayed = $false
        key = $Request.key
        collected_at = $Stamp.clock
        host = $Stamp
        script_sha256 = $Request.sha256
        duration_ms = [int]$Watch.ElapsedMilliseconds
        result = $Result
        errors = $script:PartErrors
    }
}
