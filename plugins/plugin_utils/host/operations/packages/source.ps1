# SPDX-License-Identifier: GPL-3.0-or-later
# Where a host fetches a package from.

function Assert-PackageSource {
    param ([string]$Source)
    # A server's name and a share: no device (\\?\, \\.\), no pipe, no step upwards.
    $share = '\A\\\\[A-Za-z0-9][A-Za-z0-9.-]*\\[^\\/:*?"<>|]+\\[^/:*?"<>|]+\z'
    $web = '\Ahttps://[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?/[!-~]+\z'
    if (($Source -cnotmatch $share -and $Source -cnotmatch $web) -or $Source -match '[\\/]\.\.?([\\/]|\z)' -or $Source -match '\A\\\\[^\\]+\\pipe\\') {
        Stop-Operation 'RequestInvalid' 'PackageSource' "the source '$Source' is neither \\server\share\file nor https://server/file"
    }
}

function Open-PackageSource {
    param ([string]$Source, [long]$Size)
    if ($Source -notlike 'https:*') {
        return [IO.File]::Open($Source, 'Open', 'Read', 'Read')
    }
    # 3072 is TLS 1.2, which the frameworks below PowerShell 3.0 to 5.1 do not offer by themselves.
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor 3072
    if ([Net.ServicePointManager]::ServerCertificateValidationCallback) {
        Stop-Operation 'ScriptFailed' 'SourceRefused' 'something in this process replaced the verification of certificates'
    }
    $request = [Net.WebRequest]::Create($Source)
    $request.AllowAutoRedirect = $false
    $request.Proxy = $null
    $request.Timeout = 60000
    $request.ReadWriteTimeout = 60000
    $response = $request.GetResponse()
    $status = [int]$response.StatusCode
    if ($status -ne 200) {
        $response.Close()
        Stop-Operation 'ScriptFailed' 'SourceRefused' "$Source answered with status $status; only 200 is taken, redirects are not followed. Give the final address"
    }
    if ($response.ContentLength -ge 0 -and $response.ContentLength -ne $Size) {
        $length = $response.ContentLength
        $response.Close()
        Stop-Operation 'ScriptFailed' 'PackageDamaged' "$Source has $length bytes, the package has $Size; another file lies there"
    }
    $response.GetResponseStream()
}

function Get-RootMessage {
    # The reason under .NET's and PowerShell's wrapping.
    param ($ErrorRecord)
    $exception = $ErrorRecord.Exception
    while ($exception.InnerException) {
        $exception = $exception.InnerException
    }
    $exception.Message
}

function Copy-PackageByte {
    # Copies at most $Size bytes and one more, which shows that there are too many.
    param ($From, $To, [string]$Source, [long]$Size, [int]$DeadlineSeconds)
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $buffer = New-Object byte[] 1048576
    [long]$count = 0
    while (($read = $From.Read($buffer, 0, $buffer.Length)) -gt 0) {
        $count += $read
        if ($count -gt $Size) {
            Stop-Operation 'ScriptFailed' 'PackageDamaged' "$Source has more than the package's $Size bytes; another file lies there"
        }
        if ($watch.Elapsed.TotalSeconds -gt $DeadlineSeconds) {
            Stop-Operation 'ScriptFailed' 'SourceSlow' "$Source gave $count of $Size bytes in $DeadlineSeconds s; use a nearer source, or push the package"
        }
        $To.Write($buffer, 0, $read)
    }
    $To.Flush($true)
}

function Receive-PackageSource {
    # Leaves the verified bytes at $Path, or nothing.
    param ([string]$Source, [string]$Path, [long]$Size, [string]$Sha256, [int]$DeadlineSeconds)
    $from = $to = $null
    $good = $false
    try {
        try {
            $from = Open-PackageSource $Source $Size
        } catch {
            if ($_.Exception.Data.Contains('class')) {
                throw
            }
            $cure = 'WinRM passes no credentials on, so a share must be readable without; https needs a certificate that this server trusts; or push the package'
            Stop-Operation 'ScriptFailed' 'SourceUnreadable' "$Source cannot be read: $(Get-RootMessage $_). $cure"
        }
        $to = Open-PackageFile $Path 'Create' 'ReadWrite' 'None'
        Copy-PackageByte $from $to $Source $Size $DeadlineSeconds
        $actual = Get-StreamHash $to
        if ($to.Length -ne $Size -or -not (Test-SameText $actual $Sha256)) {
            Stop-Operation 'ScriptFailed' 'PackageDamaged' "$Source gave $($to.Length) bytes with SHA-256 $actual, wanted are $Size with $Sha256; they were discarded"
        }
        $good = $true
    } finally {
        foreach ($stream in $from, $to) {
            if ($stream) {
                $stream.Dispose()
            }
        }
        if ($to -and -not $good) {
            [IO.File]::Delete((Resolve-NativePath $Path))
        }
    }
}
