#Requires -Version 3.0
# SPDX-License-Identifier: GPL-3.0-or-later
# .SYNOPSIS
#   Asks this server's own front end, over the loopback address only: does it cut the connection off
#   (URL Rewrite's AbortRequest), answer with a status, or not answer? Changes nothing.
# .RESULT
#   rows of name, url, outcome (aborted, status, failed), status, error, as_expected.
# .FAILS
#   RequestInvalid: ProbeInvalid.
[CmdletBinding()]
param (
    # name, url (https://localhost/...), cookie (text or null), expect: abort, or status (below 500).
    [Parameter(Mandatory = $true)]
    [ValidateCount(1, 50)]
    [object[]]
    $Probes,

    [ValidateRange(1, 300)]
    [int]
    $TimeoutSeconds = 30
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function New-ProbeRequest {
    # HttpWebRequest and not Invoke-WebRequest: that of 3.0-5.1 drops a Cookie header, follows
    # redirects and may start Internet Explorer's parser. No proxy, no connection that is used again.
    param ($Probe, [int]$TimeoutSeconds)
    $request = [Net.WebRequest]::Create($Probe.url)
    $request.Method = 'GET'
    $request.UserAgent = 'exchange.remediation front-end probe'
    $request.Proxy = $null
    $request.KeepAlive = $false
    $request.AllowAutoRedirect = $false
    $request.Timeout = 1000 * $TimeoutSeconds
    if ($Probe.cookie) { $request.Headers.Add('Cookie', $Probe.cookie) }
    $request
}

function Find-WebException {
    # PowerShell wraps what a method throws.
    param ($Exception)
    while ($Exception -and $Exception -isnot [Net.WebException]) { $Exception = $Exception.InnerException }
    $Exception
}

function Invoke-Probe {
    # An aborted request looks like a connection that the server closed before it answered.
    param ($Probe, [int]$TimeoutSeconds)
    $row = [ordered]@{
        name = $Probe.name
        url = $Probe.url
        outcome = 'failed'
        status = $null
        error = $null
        as_expected = $false
    }
    $response = $null
    try {
        $response = (New-ProbeRequest $Probe $TimeoutSeconds).GetResponse()
    } catch {
        $problem = Find-WebException $_.Exception
        if (-not $problem) { throw }
        $response = $problem.Response
        if (-not $response) {
            $row['error'] = [string]$problem.Status
            if ('ReceiveFailure', 'ConnectionClosed', 'KeepAliveFailure' -ccontains $row['error']) { $row['outcome'] = 'aborted' }
        }
    }
    if ($response) {
        $row['outcome'] = 'status'
        $row['status'] = [int]$response.StatusCode
        $response.Close()
    }
    $row['as_expected'] = ($Probe.expect -eq 'abort' -and $row['outcome'] -eq 'aborted') -or
    ($Probe.expect -eq 'status' -and $row['outcome'] -eq 'status' -and $row['status'] -lt 500)
    $row
}

function Assert-Probe {
    # Only questions to this server itself: the certificate is not checked for them.
    param ($Probe)
    $address = $null
    $valid = [uri]::TryCreate($Probe.url, 'Absolute', [ref]$address) -and $address.IsLoopback -and 'http', 'https' -ccontains $address.Scheme
    if (-not $valid -or 'abort', 'status' -cnotcontains $Probe.expect) {
        Stop-Operation 'RequestInvalid' 'ProbeInvalid' "the probe '$($Probe.name)' needs a URL of https://localhost and expect abort or status; it has '$($Probe.url)' and '$($Probe.expect)'"
    }
}

foreach ($probe in $Probes) { Assert-Probe $probe }
$callback = [Net.ServicePointManager]::ServerCertificateValidationCallback
$protocols = [Net.ServicePointManager]::SecurityProtocol
try {
    # Certificates carry the public names, never localhost. Their check is off for requests that stay
    # on this host and only for those; nothing secret is sent and no answer is trusted.
    [Net.ServicePointManager]::ServerCertificateValidationCallback = {
        param ($Sender, $Certificate, $Chain, $Problems)
        [int]$Problems -eq 0 -or $Sender.RequestUri.IsLoopback
    }
    # TLS 1.2 is not on by default before .NET 4.6; 0 leaves the choice to Windows.
    if ([int]$protocols) { [Net.ServicePointManager]::SecurityProtocol = [int]$protocols -bor 3072 }
    [ordered]@{ probes = @(foreach ($probe in $Probes) { Invoke-Probe $probe $TimeoutSeconds }) }
} finally {
    [Net.ServicePointManager]::ServerCertificateValidationCallback = $callback
    [Net.ServicePointManager]::SecurityProtocol = $protocols
}
