# SPDX-License-Identifier: GPL-3.0-or-later
# The launcher of Test-ProxyLogon.ps1 for its objects: written into the job's folder and run there in a
# process of its own, with the file that the runner has verified and holds open.

function Get-LauncherText {
    # The launcher as a script of its own.
    param ([string]$Folder, [string]$File)
    # The loader puts the names in.
    $text = Join-FunctionText '<functions of Start-ProxyLogonTest>'
    $words = foreach ($word in $File, "$Folder\output") {
        "'" + $word.Replace("'", "''") + "'"
    }
    "${text}Start-ProxyLogonTest $($words -join ' ')`n"
}

function Start-ProxyLogonTest {
    # -Export defines the script's own functions; its object has more than its text, and its text is
    # wanted too. complete.json is written last: without it the test has not come to its end.
    # No strict mode here: scripts of others would run under it.
    param ([string]$File, [string]$Output)
    $ErrorActionPreference = 'Continue'
    $ProgressPreference = 'SilentlyContinue'
    $end = [ordered]@{
        schema = 1
        started = ConvertTo-IsoDate (Get-Date)
        finished = $null
        objects = 0
        report = $false
        errors = @()
    }
    $Error.Clear()
    & $File -Export
    Assert-Exported $File 'Test-ExchangeProxyLogon', 'Write-ProxyLogonReport'
    $found = @(Test-ExchangeProxyLogon -ErrorAction Continue)
    $end['objects'] = $found.Count
    $object = $found
    if ($found.Count -eq 1) {
        $object = $found[0]
    }
    # Six levels reach the last member of every hit; two, the default, cut them to texts.
    $json = ConvertTo-Json -InputObject $object -Depth 6 -Compress
    Write-FileDurably (Join-Path $Output 'object.json') $json
    try {
        $found | Write-ProxyLogonReport -OutPath (Join-Path $Output 'report') -ErrorAction Continue
        $end['report'] = $true
    } finally {
        $end['errors'] = @(Get-LauncherError)
        $end['finished'] = ConvertTo-IsoDate (Get-Date)
        Write-FileDurably (Join-Path $Output 'complete.json') (ConvertTo-SafeJson $end)
    }
}

function Assert-Exported {
    # Another script of the name would end as if it had looked.
    param ([string]$File, [string[]]$Names)
    foreach ($name in $Names) {
        if (-not (Get-Command -Name $name -CommandType Function -ErrorAction SilentlyContinue)) {
            throw "$File does not export $name"
        }
    }
}

function Get-LauncherError {
    # What went wrong so far, also what the script caught. What is no record has no identity.
    foreach ($item in @($Error | Select-Object -First 20)) {
        $identity = ''
        if ($item -is [Management.Automation.ErrorRecord]) {
            $identity = $item.FullyQualifiedErrorId
        }
        [ordered]@{ id = $identity; message = [string]$item }
    }
}
