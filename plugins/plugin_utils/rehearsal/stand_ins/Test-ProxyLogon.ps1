# SPDX-License-Identifier: GPL-3.0-or-later
# A stand-in for Microsoft's Test-ProxyLogon.ps1, for rehearsals and tests: it declares the same
# parameters, and its object, text and files have the form of the real one's, of made-up content. What
# it says stands in stand-in.json beside it. It looks at nothing.
#
# stand-in.json: {"object": {...}, "text": [...], "fail": "export" | "test" | "report" | "",
#                 "errors": [...]}
[CmdletBinding(DefaultParameterSetName = 'AsScript')]
param (
    [Parameter(ParameterSetName = 'AsScript', ValueFromPipeline = $true)]
    [string[]]
    $ComputerName,

    [Parameter(ParameterSetName = 'AsScript')]
    [string]
    $OutPath = "$PSScriptRoot\Test-ProxyLogonLogs",

    [Parameter(ParameterSetName = 'AsScript')]
    [switch]
    $DisplayOnly,

    [Parameter(ParameterSetName = 'AsScript')]
    [switch]
    $CollectFiles,

    [Parameter(ParameterSetName = 'AsModule')]
    [switch]
    $Export
)
begin {
    $global:StandIn = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'stand-in.json') -Raw | ConvertFrom-Json

    function Test-ExchangeProxyLogon {
        [CmdletBinding()]
        param ()
        foreach ($text in @($global:StandIn.errors)) {
            Write-Error $text
        }
        if ($global:StandIn.fail -eq 'test') {
            throw 'the stand-in fails while it looks'
        }
        $global:StandIn.object
    }

    function Write-ProxyLogonReport {
        [CmdletBinding()]
        param (
            [Parameter(ValueFromPipeline = $true)]
            $InputObject,

            [string]
            $OutPath
        )
        begin {
            New-Item $OutPath -ItemType Directory -Force | Out-Null
        }
        process {
            foreach ($line in @($global:StandIn.text)) {
                Write-Host $line
            }
            if ($global:StandIn.fail -eq 'report') {
                throw 'the stand-in fails while it writes'
            }
            $ages = Join-Path $OutPath "$($InputObject.ComputerName)-LogAgeDays.csv"
            if ($InputObject.LogAgeDays) {
                $InputObject.LogAgeDays | Export-Csv -Path $ages
            }
        }
    }
}
process {
    if ($Export) {
        if ($global:StandIn.fail -ne 'export') {
            Set-Item function:global:Test-ExchangeProxyLogon (Get-Command Test-ExchangeProxyLogon)
            Set-Item function:global:Write-ProxyLogonReport (Get-Command Write-ProxyLogonReport)
        }
        return
    }
}
end {
    if (-not $Export) {
        Test-ExchangeProxyLogon | Write-ProxyLogonReport -OutPath $OutPath
    }
}
