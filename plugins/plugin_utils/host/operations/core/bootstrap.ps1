# SPDX-License-Identifier: GPL-3.0-or-later
# The constant part of every command (-EncodedCommand), so each character costs 2.67 bytes on the
# wire and counts against the 8,191 of cmd.exe: everything that can travel packed is in prelude.ps1.
# Up to the language check only cmdlets, operators and core types: it must work in Constrained
# Language Mode. $input works under winrm (stdin) and psrp (pipeline); [Console]::In only under winrm.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$q = $r = $e = $null
$c = 'RequestInvalid'
# The loop catches a stray "break" of an operation, which would else end the command without a reply.
foreach ($once in 1) {
    try {
        $q = @($input) -join '' | ConvertFrom-Json
        if ($q.protocol -ne 1) {
            throw "no request of protocol 1 arrived on stdin; protocol '$($q.protocol)' did"
        }
        $c = 'LanguageMode'
        $m = "$($ExecutionContext.SessionState.LanguageMode)"
        if ($m -ne 'FullLanguage') {
            throw "PowerShell runs in $m; what arrives over WinRM cannot be allowed by signature or hash: exempt the account (AppLocker) or the server (WDAC)"
        }
        $c = 'ScriptIntegrity'
        $i = New-Object IO.MemoryStream(, [Convert]::FromBase64String($q.script))
        $b = New-Object IO.MemoryStream
        (New-Object IO.Compression.GZipStream($i, [IO.Compression.CompressionMode]'Decompress')).CopyTo($b)
        $b = $b.ToArray()
        # The CSP class works under the FIPS policy, SHA256Managed does not.
        $h = [BitConverter]::ToString((New-Object Security.Cryptography.SHA256CryptoServiceProvider).ComputeHash($b)) -replace '-'
        if ($h -ne $q.sha256) {
            throw "the script that arrived has SHA-256 $h, sent was $($q.sha256)"
        }
        $c = 'ScriptFailed'
        $r = @(& ([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($b))) $q)[-1]
    } catch {
        $e = $_
    }
}
if (!$r) {
    # Whatever failed here failed outside the operation; its own failures come framed by the prelude.
    $t = 'the script ended without a reply'
    if ($e) {
        $t = "$($e.Exception.Message)"
    }
    $r = @{
        schema = 1
        operation = "$($q.operation)"
        status = 'error'
        host = @{
            name = "$env:COMPUTERNAME"
            clock = (Get-Date).ToUniversalTime().ToString('o')
            powershell = "$($PSVersionTable.PSVersion)"
            language_mode = "$($ExecutionContext.SessionState.LanguageMode)"
            process_id = $PID
        }
        errors = @(@{ source = 'bootstrap'; class = $c; id = "$($e.FullyQualifiedErrorId)"; message = $t })
    } | ConvertTo-Json -Compress -Depth 5
    $r = $r -replace '[^\x20-\x7e]', '?'
}
# The line break first: noise without one of its own must not share the frame's line.
"`n{`"exchange_remediation`":1,`"operation_id`":`"$($q.operation_id)`",`"nonce`":`"$($q.nonce)`",`"reply`":$r,`"end`":`"$($q.nonce)`"}"
