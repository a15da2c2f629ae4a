# SPDX-License-Identifier: GPL-3.0-or-later
# What an update may change, as it is now, and the record of how it was before the first attempt:
# %ProgramData%\ExchangeRemediation\updates\<update>.json

function Assert-UpdateName {
    param ([string]$Update)
    if ($Update -cnotmatch '\A[a-z0-9][a-z0-9.-]{0,99}\z') {
        Stop-Operation 'RequestInvalid' 'Update' 'update is a short name of lower-case letters, digits, dots and dashes'
    }
}

function Get-ServiceRow {
    $pattern = Get-ServicePattern
    $services = Get-ServiceTable
    foreach ($name in Get-SortedText @($services.get_Keys() -match $pattern)) {
        [ordered]@{
            name = $name
            status = [string]$services[$name].Status
            start_type = Get-StartType $name
            delayed = Get-RegistryNumber "HKLM:\SYSTEM\CurrentControlSet\Services\$name" 'DelayedAutostart'
        }
    }
}

function Get-ApplicationRow {
    param ($Sites)
    foreach ($site in $Sites) {
        foreach ($application in $site['applications']) {
            [ordered]@{ site = $site['name']; path = $application['path']; physical_path = $application['physical_path']; app_pool = $application['app_pool'] }
        }
    }
}

function Get-WebConfigRow {
    # Hash of the web.config of every application, each file once.
    param ($Applications)
    $seen = @{}
    foreach ($row in $Applications) {
        if (-not $row['physical_path']) { continue }
        $path = $row['physical_path'].TrimEnd('\') + '\web.config'
        if ($seen.ContainsKey($path)) { continue }
        $seen[$path] = $true
        $hash = Get-TextHash (Read-ConfigText $path)
        if ($hash) { [ordered]@{ path = $path; sha256 = $hash } }
    }
}

function Get-BinaryRow {
    # Versions of files below the install path; those that are not there are left out.
    param ($Exchange, [string[]]$Binaries)
    if (-not $Exchange -or -not $Exchange['install_path']) { throw 'the install path is not known' }
    foreach ($name in $Binaries) {
        $path = $Exchange['install_path'].TrimEnd('\') + '\' + $name
        if (-not (Test-Path -LiteralPath $path)) { continue }
        $version = [string](Get-Item -LiteralPath $path -Force).VersionInfo.FileVersion
        [ordered]@{ path = $path; file_version = if ($version.Trim()) { $version.Trim() } }
    }
}

function Get-InstallerRow {
    # Windows Update works in TiWorker and wusa; the other names are those that stale locks wait for.
    $names = @('msiexec', 'ExSetup', 'ExSetupUI', 'Setup', 'Exchange*-KB*', 'TiWorker', 'wusa')
    $found = @(Get-Process -Name $names -ErrorAction SilentlyContinue | ForEach-Object { [string]$_.ProcessName })
    foreach ($name in Get-SortedText @($found | Select-Object -Unique)) { [ordered]@{ name = $name } }
}

function Get-ServiceCacheRow {
    # Lists of services that an installation left behind: the next one takes them for the original state.
    $folder = "$env:SystemDrive\ExchangeSetupLogs"
    if (-not (Test-Path -LiteralPath $folder)) { return }
    $names = @(Get-ChildItem -LiteralPath $folder | Where-Object { $_.Name -like 'Service*.xml' } | ForEach-Object { $_.Name })
    foreach ($name in Get-SortedText $names) { [ordered]@{ path = "$folder\$name" } }
}

function Get-UpdateState {
    param ([string[]]$Binaries)
    $state = [ordered]@{}
    Add-Fact $state 'services' { Get-ServiceRow } -List
    $context = @{ install_path = $null; iis_logs = @{} }
    $web = @{}
    Add-Fact $web 'iis' { Get-IisFact $context } -Source 'app_pools'
    foreach ($name in 'app_pools', 'applications', 'web_configs') { $state[$name] = $null }
    if ($web['iis']) {
        $state['app_pools'] = @($web['iis']['app_pools'])
        $state['applications'] = @(Get-ApplicationRow $web['iis']['sites'])
        Add-Fact $state 'web_configs' { Get-WebConfigRow $state['applications'] } -List
    }
    $exchange = @{}
    Add-Fact $exchange 'exchange' { Get-ExchangeFact }
    Add-Fact $state 'binaries' { Get-BinaryRow $exchange['exchange'] $Binaries } -List
    Add-Fact $state 'versions' { Get-VersionFact $exchange['exchange'] }
    Add-Fact $state 'components' { Get-ComponentRow $exchange['exchange'] } -List
    Add-Fact $state 'installers' { Get-InstallerRow } -List
    Add-Fact $state 'service_cache' { Get-ServiceCacheRow } -List
    $state
}

function Read-UpdateRecord {
    # Null where there is none.
    param ([string]$Update)
    $folder = Get-StateFolder 'updates'
    if ($folder) { Read-UndoFile (Join-Path $folder "$Update.json") }
}

function Get-BegunUpdate {
    # Names of the updates that were begun here and not proven.
    $folder = Get-StateFolder 'updates'
    if (-not $folder) { return }
    $names = @(Get-ChildItem -LiteralPath $folder -Force | ForEach-Object { $_.Name })
    Get-SortedText @(@($names -cmatch '\A[a-z0-9][a-z0-9.-]{0,99}\.json\z') -replace '\.json\z')
}
