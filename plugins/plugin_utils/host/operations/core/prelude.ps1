# SPDX-License-Identifier: GPL-3.0-or-later
# What operation scripts may call, and JSON for their result.
# Rule for the loader, in every file that is no operation: each function starts and ends in
# column 1, nothing stands outside functions, and no other file has a function of that name.

function Add-PartError {
    # Records why a part of the result is null. -ErrorRecord: an error record, or a sentence.
    param (
        [Parameter(Mandatory = $true)]
        [string]
        $Source,

        [Parameter(Mandatory = $true)]
        $ErrorRecord
    )
    [void]$script:PartErrors.Add((ConvertTo-ErrorEntry $Source $ErrorRecord))
}

function Invoke-Part {
    # Runs one part. Failure: null, and an entry in errors[]. -List: always an array, also an empty one.
    # The odd parameter names keep the caller's variables visible inside its script block.
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

function Resolve-NativePath {
    # The path that .NET file classes understand: the identity on Windows, a folder in the rehearsal.
    param (
        [Parameter(Mandatory = $true)]
        [string]
        $Path
    )
    $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
}

function ConvertTo-IsoDate {
    # A date (local, UTC or ISO text) as ISO-8601 UTC text with seven decimals; null stays null.
    param ($Value)
    if ($null -eq $Value) {
        return $null
    }
    if ($Value -isnot [datetime]) {
        $culture = [Globalization.CultureInfo]::InvariantCulture
        $style = [Globalization.DateTimeStyles]::RoundtripKind
        $Value = [datetime]::Parse([string]$Value, $culture, $style)
    }
    $Value.ToUniversalTime().ToString('o')
}

function Test-SameText {
    # Character by character: -ceq takes texts for equal that differ in what the culture ignores (soft
    # hyphen, controls, NUL), so somebody else's change of a file could pass for none.
    param ($One, $Other)
    ($null -eq $One) -eq ($null -eq $Other) -and [string]::Equals([string]$One, [string]$Other)
}

function Stop-Operation {
    # Ends the operation with a failure of a named class: RequestInvalid, ScriptFailed or Locked.
    param (
        [string]$Class,
        [string]$Id,
        [string]$Message,
        $Details
    )
    $exception = New-Object InvalidOperationException($Message)
    $exception.Data['class'] = $Class
    $exception.Data['id'] = $Id
    $exception.Data['details'] = $Details
    throw $exception
}


function ConvertTo-ErrorEntry {
    param ($Source, $ErrorRecord)
    if ($ErrorRecord -isnot [Management.Automation.ErrorRecord]) {
        return [ordered]@{ source = $Source; class = 'Unavailable'; id = ''; message = [string]$ErrorRecord }
    }
    $exception = $ErrorRecord.Exception
    while ($exception -is [Management.Automation.MethodInvocationException] -and $exception.InnerException) {
        $exception = $exception.InnerException
    }
    [ordered]@{
        source = $Source
        class = $exception.GetType().FullName
        id = $ErrorRecord.FullyQualifiedErrorId
        message = $exception.Message
    }
}

function ConvertTo-SafeJson {
    # JSON in pure ASCII. Not ConvertTo-Json: that of 3.0-5.1 writes \/Date()\/, unrolls decorated
    # strings into objects, and follows live objects into their whole graph.
    param ($Value)
    $builder = New-Object Text.StringBuilder
    Write-JsonValue $builder $Value 0
    # One pass for all strings, control characters too: nothing outside strings needs it. Each UTF-16
    # unit becomes its own escape, so that lone surrogates (legal in NTFS names) survive.
    [regex]::Replace($builder.ToString(), '[^\x20-\x7e]', { param ($m) '\u{0:x4}' -f [int][char]$m.Value })
}

function Write-JsonValue {
    # Dates become ISO text, enumerations names, everything unknown its text. A StringBuilder holds
    # JSON that is ready (a stored reply); data never is one.
    param ($Builder, $Value, [int]$Depth)
    if ($Depth -gt 40) {
        throw 'the result is nested more than 40 levels deep'
    }
    if ($null -eq $Value) {
        [void]$Builder.Append('null')
    } elseif ($Value -is [string]) {
        [void]$Builder.Append('"').Append($Value.Replace('\', '\\').Replace('"', '\"')).Append('"')
    } elseif ($Value -is [bool]) {
        [void]$Builder.Append(([string]$Value).ToLowerInvariant())
    } elseif ($Value -is [Text.StringBuilder]) {
        [void]$Builder.Append($Value.ToString())
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
    param ($Builder, $Members, $NameProperty, [int]$Depth)
    [void]$Builder.Append('{')
    $separator = ''
    foreach ($member in $Members) {
        [void]$Builder.Append($separator)
        Write-JsonString $Builder ([string]$member.$NameProperty)
        [void]$Builder.Append(':')
        Write-JsonValue $Builder $member.Value ($Depth + 1)
        $separator = ','
    }
    [void]$Builder.Append('}')
}

function Write-JsonArray {
    param ($Builder, $Items, [int]$Depth)
    [void]$Builder.Append('[')
    $separator = ''
    foreach ($item in $Items) {
        [void]$Builder.Append($separator)
        Write-JsonValue $Builder $item ($Depth + 1)
        $separator = ','
    }
    [void]$Builder.Append(']')
}

function Write-JsonScalar {
    param ($Builder, $Value)
    $culture = [Globalization.CultureInfo]::InvariantCulture
    $code = [int][Type]::GetTypeCode($Value.GetType())
    if ($Value -is [datetime]) {
        Write-JsonString $Builder (ConvertTo-IsoDate $Value)
    } elseif ($Value -is [Enum] -or $code -lt 5 -or $code -gt 15) {
        Write-JsonString $Builder ([string]$Value)
    } elseif ($code -eq 13 -or $code -eq 14) {
        # Single and Double: JSON has no NaN and no infinity.
        if ([double]::IsNaN($Value) -or [double]::IsInfinity($Value)) {
            [void]$Builder.Append('null')
        } else {
            [void]$Builder.Append($Value.ToString('R', $culture))
        }
    } else {
        [void]$Builder.Append($Value.ToString($culture))
    }
}

function Write-JsonString {
    param ($Builder, [string]$Text)
    [void]$Builder.Append('"').Append($Text.Replace('\', '\\').Replace('"', '\"')).Append('"')
}
