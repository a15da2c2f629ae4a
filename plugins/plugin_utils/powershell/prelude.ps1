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
    $binding = $ErrorRecord.Exception -is [Management.Automation.ParameterBindingException]
    if ($binding -and $ErrorRecord.FullyQualifiedErrorId -like '*,Invoke-OperationScript') {
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
    # One pass for all strings, control characters too: nothing outside strings needs it. Each UTF-16
    # unit becomes its own escape, so that lone surrogates (legal in NTFS names) survive.
    [regex]::Replace($builder.ToString(), '[^\x20-\x7e]', { param ($m) '\u{0:x4}' -f [int] [char] $m.Value })
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
        [void] $Builder.Append('"').Append($Value.Replace('\', '\\').Replace('"', '\"')).Append('"')
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

function Write-JsonString {
    param ($Builder, [string] $Text)
    [void] $Builder.Append('"').Append($Text.Replace('\', '\\').Replace('"', '\"')).Append('"')
}

# --- state on the host: %ProgramData%\ExchangeRemediation --------------------------------------

# Null when it does not exist and -Create is not given. Never returns a folder that somebody else
# could have prepared: %ProgramData% lets every user create folders.
function Get-StateFolder {
    param (
        [string] $Child,
        [switch] $Create
    )
    $folder = $env:ProgramData
    foreach ($name in @('ExchangeRemediation', $Child)) {
        if (-not $name) {
            continue
        }
        $folder = Join-Path $folder $name
        if (-not (Test-Path -LiteralPath $folder)) {
            if (-not $Create) {
                return $null
            }
            New-TrustedFolder $folder
        }
        Assert-TrustedFolder $folder
    }
    $folder
}

# Built beside its place and renamed into it, so that it never stands there with inherited rights.
function New-TrustedFolder {
    param ([string] $Path)
    $leaf = Split-Path $Path -Leaf
    $staging = '{0}.{1}' -f $Path, [guid]::NewGuid().ToString('N')
    [void] (New-Item -Path $staging -ItemType Directory)
    $acl = Get-Acl -LiteralPath $staging
    $acl.SetSecurityDescriptorSddlForm('O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
    Set-Acl -LiteralPath $staging -AclObject $acl
    try {
        Rename-Item -LiteralPath $staging -NewName $leaf
    } catch {
        Remove-Item -LiteralPath $staging
        # Another command may have been faster; the caller judges what stands there now.
        if (-not (Test-Path -LiteralPath $Path)) {
            throw
        }
    }
}

function Assert-TrustedFolder {
    param ([string] $Path)
    $cure = 'Look at what is in it, keep it as evidence, move it away and run again'
    $item = Get-Item -LiteralPath $Path -Force
    if ($item.Attributes -band [IO.FileAttributes]::ReparsePoint) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path is a link to another place. $cure"
    }
    if (-not $item.PSIsContainer) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path is not a folder. $cure"
    }
    $sddl = [string] (Get-Acl -LiteralPath $Path).Sddl
    if ($sddl -notmatch '^O:(BA|SY|S-1-5-18|S-1-5-32-544)(G:|D:|S:|$)') {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path belongs to neither SYSTEM nor Administrators ($sddl). $cure"
    }
    $other = Find-ForeignWriter $sddl
    if ($other) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path can be written by $other. $cure"
    }
}

# The first trustee other than SYSTEM, Administrators and the owner placeholders that an allowing
# entry gives more than reading (SDDL: type;flags;rights;guid;guid;trustee).
function Find-ForeignWriter {
    param ([string] $Sddl)
    $trusted = @('SY', 'BA', 'CO', 'OW', 'S-1-5-18', 'S-1-5-32-544', 'S-1-3-0', 'S-1-3-4')
    $reading = @('FR', 'GR', 'FX', 'FRFX', 'GRGX', '0x1200a9', '0x120089')
    foreach ($found in [regex]::Matches($Sddl, '\((?:A|OA|XA);[^;)]*;([^;)]*);[^;)]*;[^;)]*;([^;)]*)')) {
        $rights, $trustee = $found.Groups[1].Value, $found.Groups[2].Value
        if ($trusted -notcontains $trustee -and $reading -notcontains $rights) {
            return $trustee
        }
    }
}

# All or nothing: new file, flushed to the disk, then renamed. -New: fails where $Path exists.
function Write-FileDurably {
    param (
        [string] $Path,
        [string] $Text,
        [switch] $New
    )
    $target = Resolve-NativePath $Path
    $temporary = '{0}.{1}.tmp' -f $target, [guid]::NewGuid().ToString('N')
    $bytes = [Text.Encoding]::UTF8.GetBytes($Text)
    $stream = New-Object IO.FileStream($temporary, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
    try {
        $stream.Write($bytes, 0, $bytes.Length)
        $stream.Flush($true)
    } finally {
        $stream.Dispose()
    }
    try {
        if (-not $New -and [IO.File]::Exists($target)) {
            [IO.File]::Replace($temporary, $target, [NullString]::Value)
        } else {
            [IO.File]::Move($temporary, $target)
        }
    } catch {
        [IO.File]::Delete($temporary)
        throw
    }
}

# Null when the file does not exist. Bounded: state files are small.
function Read-StateFile {
    param ([string] $Path)
    $file = New-Object IO.FileInfo((Resolve-NativePath $Path))
    if (-not $file.Exists) {
        return $null
    }
    if ($file.Length -gt 4MB) {
        Stop-Operation 'ScriptFailed' 'StateRefused' "$Path has $($file.Length) bytes, more than any state file of ours"
    }
    [IO.File]::ReadAllText($file.FullName, [Text.Encoding]::UTF8)
}

# --- keyed operations: at most one effect per key ----------------------------------------------

function Assert-Key {
    param ($Key)
    if ($Key -isnot [string] -or $Key -notmatch '\A[0-9a-f]{64}\z') {
        Stop-Operation 'RequestInvalid' 'Key' "the key '$Key' is not 64 hex digits"
    }
}

# The stored reply as JSON text; null when there is none.
function Read-StoredReply {
    param ([string] $Folder, [string] $Key)
    $text = Read-StateFile (Join-Path $Folder "$Key.json")
    if ($null -eq $text) {
        return $null
    }
    $readable = $false
    try {
        $stored = $text | ConvertFrom-Json
        $readable = $stored.key -eq $Key -and $text -match '\A[\x20-\x7e]+\z'
    } catch {
        $null = $_
    }
    if (-not $readable) {
        Stop-Operation 'ScriptFailed' 'StoredReplyUnreadable' "the stored reply of $Key is damaged; what the operation did is not known"
    }
    # The first match is the field itself: nothing before it holds text that varies.
    $text -replace '\A(\{"schema":1,"operation":"[\w-]+","status":"\w+","replayed":)false', '$1true'
}

# Who started it; null when nobody did. "running": its process still exists.
function Read-StartedMarker {
    param ([string] $Folder, [string] $Key)
    $text = Read-StateFile (Join-Path $Folder "$Key.started")
    if ($null -eq $text) {
        return $null
    }
    $marker = [ordered] @{started = $null; process_id = $null; running = $false }
    try {
        $stored = $text | ConvertFrom-Json
        $marker['started'] = ConvertTo-IsoDate $stored.started
        $marker['process_id'] = [int] $stored.process_id
        $process = Get-Process -Id $marker['process_id']
        $marker['running'] = (ConvertTo-IsoDate $process.StartTime) -eq (ConvertTo-IsoDate $stored.process_started)
    } catch {
        $null = $_
    }
    $marker
}

# Returns the stored reply, or null after it marked the key as started. Throws when it must not run.
function Start-KeyedOperation {
    param ([string] $Folder, [string] $Key)
    $stored = Read-StoredReply $Folder $Key
    if ($stored) {
        return $stored
    }
    $marker = ConvertTo-SafeJson ([ordered] @{
            started = Get-Date
            process_id = $PID
            process_started = (Get-Process -Id $PID).StartTime
        })
    try {
        Write-FileDurably (Join-Path $Folder "$Key.started") $marker -New
    } catch {
        $earlier = Read-StartedMarker $Folder $Key
        if (-not $earlier) {
            throw
        }
        if ($earlier['running']) {
            Stop-Operation 'ScriptFailed' 'OperationRunning' "it runs since $($earlier['started']) in process $($earlier['process_id']); ask Get-OperationStatus for its end" $earlier
        }
        Stop-Operation 'ScriptFailed' 'OperationInterrupted' "it was started at $($earlier['started']) and its process is gone without a result; find out what it did, then use a new key" $earlier
    }
}

# Stores the reply before it is sent; the marker stays, so no other command can slip in between.
# What was refused changed nothing: it may be asked again with the same key.
function Complete-KeyedOperation {
    param ([string] $Folder, [string] $Key, $Reply)
    $refused = @('Locked', 'RequestInvalid')
    if ($Reply['status'] -eq 'error' -and $refused -contains $Reply['errors'][0]['class']) {
        [IO.File]::Delete((Resolve-NativePath (Join-Path $Folder "$Key.started")))
        return
    }
    Write-FileDurably (Join-Path $Folder "$Key.json") (ConvertTo-SafeJson $Reply) -New
}

# Runs a changing operation; returns the reply as JSON text.
function Invoke-KeyedOperation {
    param ($Request)
    Set-StrictMode -Version 2.0
    $ErrorActionPreference = 'Stop'
    if ($null -eq $Request.key) {
        return ConvertTo-SafeJson (Invoke-Operation $Request)
    }
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $script:PartErrors = New-Object Collections.ArrayList
    try {
        Assert-Key $Request.key
        $folder = Get-StateFolder 'operations' -Create
        $stored = Start-KeyedOperation $folder $Request.key
    } catch {
        $failure = ConvertTo-FailureEntry $_
        return ConvertTo-SafeJson (New-Reply $Request (Get-HostStamp) $null $failure $watch)
    }
    if ($stored) {
        return $stored
    }
    $reply = Invoke-Operation $Request
    try {
        Complete-KeyedOperation $folder $Request.key $reply
    } catch {
        # It acted; the reply must go out although a repetition will not find it.
        Add-PartError 'operation.store' $_
    }
    ConvertTo-SafeJson $reply
}

# --- host lock (one mutator per host across controllers) ---------------------------------------

# Runs the block while no other command can read and change the lock. The handle is exclusive and
# closes with the process, so a crash leaves nothing behind.
function Use-LockGuard {
    param ([scriptblock] $GuardedAction)
    $guard = Resolve-NativePath (Join-Path (Get-StateFolder -Create) 'host.lock.guard')
    $stream = $null
    for ($try = 1; -not $stream; $try++) {
        try {
            $stream = New-Object IO.FileStream($guard, [IO.FileMode]::OpenOrCreate, [IO.FileAccess]::ReadWrite, [IO.FileShare]::None)
        } catch {
            if ($try -ge 50) {
                Stop-Operation 'ScriptFailed' 'LockBusy' "the lock's guard file $guard is in use by another command for 5 s"
            }
            Start-Sleep -Milliseconds 100
        }
    }
    try {
        & $GuardedAction
    } finally {
        $stream.Dispose()
    }
}

# The lock as it stands; null when the host is free. A damaged file is a lock held by nobody known.
function Read-HostLock {
    $folder = Get-StateFolder
    if (-not $folder) {
        return $null
    }
    $path = Join-Path $folder 'host.lock'
    $text = Read-StateFile $path
    if ($null -eq $text) {
        return $null
    }
    $lock = [ordered] @{}
    try {
        $stored = $text | ConvertFrom-Json
        foreach ($name in 'owner', 'run', 'purpose', 'boot_id') {
            $lock[$name] = $stored.$name
        }
        foreach ($name in 'acquired', 'renewed') {
            $lock[$name] = ConvertTo-IsoDate $stored.$name
        }
        $lock['ttl_seconds'] = [int] $stored.ttl_seconds
    } catch {
        $written = ConvertTo-IsoDate ([IO.File]::GetLastWriteTimeUtc((Resolve-NativePath $path)))
        $lock = [ordered] @{
            owner = $null; run = $null; purpose = 'unreadable lock file'; boot_id = $null
            acquired = $written; renewed = $written; ttl_seconds = 3600
        }
    }
    $lock
}

function Write-HostLock {
    param ($Lock, [switch] $New)
    Write-FileDurably (Join-Path (Get-StateFolder -Create) 'host.lock') (ConvertTo-SafeJson $Lock) -New:$New
}

# Two boot identities are of different boots when a part that both have differs.
function Test-OtherBoot {
    param ($One, $Two)
    $parts = @{}
    foreach ($part in ([string] $One) -split ';') {
        $parts[($part -split ':')[0]] = $part
    }
    foreach ($part in ([string] $Two) -split ';') {
        $name = ($part -split ':')[0]
        if ($part -and $parts.ContainsKey($name) -and $parts[$name] -ne $part) {
            return $true
        }
    }
    $false
}

# Setup.exe and the update's own .exe unpack and then call msiexec or ExSetup; any of them counts.
function Test-InstallerRunning {
    $names = @('msiexec', 'ExSetup', 'ExSetupUI', 'Setup', 'Exchange*-KB*')
    @(Get-Process -Name $names -ErrorAction SilentlyContinue).Count -gt 0
}

# Proof that the holder is dead: "boot", or "heartbeat" while no installer runs. Null: it lives.
function Get-StaleReason {
    param ($Lock)
    if (Test-OtherBoot $Lock['boot_id'] (Get-BootId)) {
        return 'boot'
    }
    $renewed = [datetime]::Parse($Lock['renewed'], [Globalization.CultureInfo]::InvariantCulture, [Globalization.DateTimeStyles]::RoundtripKind)
    $age = ((Get-Date).ToUniversalTime() - $renewed.ToUniversalTime()).TotalSeconds
    if ($age -gt $Lock['ttl_seconds'] -and -not (Test-InstallerRunning)) {
        return 'heartbeat'
    }
}

function Test-LockHolder {
    param ($Lock, [string] $Owner, [string] $Run)
    $Lock -and $Lock['owner'] -ceq $Owner -and $Lock['run'] -ceq $Run
}

function Stop-Locked {
    param ($Lock)
    $message = "locked by '{0}' (run {1}) since {2}, last heartbeat {3}, for: {4}" -f $Lock['owner'], $Lock['run'], $Lock['acquired'], $Lock['renewed'], $Lock['purpose']
    Stop-Operation 'Locked' 'HostLocked' $message $Lock
}
