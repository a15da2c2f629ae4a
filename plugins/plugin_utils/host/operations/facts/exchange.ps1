# SPDX-License-Identifier: GPL-3.0-or-later
# Exchange itself: where it is, which version, roles, DAG, installed updates.

function Get-ServiceInstallPath {
    # The install path by the image path of a service, which no registry cleaner touches.
    foreach ($service in 'MSExchangeADTopology', 'MSExchangeServiceHost', 'MSExchangeTransport', 'MSExchangeEdgeCredential') {
        $image = Get-RegistryText "HKLM:\SYSTEM\CurrentControlSet\Services\$service" 'ImagePath'
        if (-not $image) { continue }
        $image = (Expand-Environment $image) -replace '^\\\?\?\\', ''
        if ($image -match '^\s*"([^"]+)"' -or $image -match '^\s*(.+?\.exe)(\s|$)') {
            if ($matches[1] -match '^(.*\\)Bin\\[^\\]+$') {
                return [ordered]@{ service = $service; install_path = $matches[1] }
            }
        }
    }
}

function Get-SetupKey {
    foreach ($version in 'v15', 'v14') {
        if (Get-RegistryText "HKLM:\SOFTWARE\Microsoft\ExchangeServer\$version\Setup" 'MsiInstallPath') {
            return $version
        }
    }
}

function Get-RegistryVersion {
    param ([string]$Setup)
    $parts = foreach ($name in 'MsiProductMajor', 'MsiProductMinor', 'MsiBuildMajor', 'MsiBuildMinor') {
        $part = Get-RegistryNumber $Setup $name
        if ($null -eq $part) { throw "$Setup has no value $name" }
        $part
    }
    $parts -join '.'
}

function Get-ExSetupFact {
    param ([string]$InstallPath)
    if (-not $InstallPath) { throw 'the install path is not known' }
    $path = $InstallPath.TrimEnd('\') + '\Bin\ExSetup.exe'
    $version = (Get-Item -LiteralPath $path -Force -ErrorAction Stop).VersionInfo
    if (-not $version.FileVersion) { throw "$path has no file version" }
    [ordered]@{
        path = $path
        file_version = ([string]$version.FileVersion).Trim()
        product_version = ([string]$version.ProductVersion).Trim()
    }
}

function Get-RoleFact {
    # Role keys of both generations. On 2013 and later the front end is CafeRole: ClientAccessRole is
    # then the part of client access that every Mailbox server has behind it [MEM].
    param ([string]$Root)
    $frontEnd = if ($Root -like '*\v14') { 'ClientAccessRole' } else { 'CafeRole' }
    $roles = @(
        @('Mailbox', 'MailboxRole'), @('ClientAccess', $frontEnd),
        @('HubTransport', 'HubTransportRole'), @('UnifiedMessaging', 'UnifiedMessagingRole'),
        @('Edge', 'EdgeTransportRole'), @('ManagementTools', 'AdminTools')
    )
    $keys = @(Get-RegistrySubKey $Root)
    foreach ($role in $roles) {
        if (@($role | Select-Object -Skip 1 | Where-Object { $keys -contains $_ })) { $role[0] }
    }
}

function Get-ExchangeFact {
    Assert-NativeProcess
    $key = Get-SetupKey
    $fact = [ordered]@{
        installed = $false
        registry_key = $key
        install_path = $null
        service_path = $null
        exsetup = $null
        registry_version = $null
        roles = @()
        services_value = $null
    }
    Add-Fact $fact 'service_path' { Get-ServiceInstallPath } -Source 'exchange.service_path'
    $fact['installed'] = [bool]($key -or $fact['service_path'])
    if (-not $fact['installed']) { return $fact }
    $root = "HKLM:\SOFTWARE\Microsoft\ExchangeServer\$key"
    $folder = if ($key) { Get-RegistryText "$root\Setup" 'MsiInstallPath' } else { $fact['service_path']['install_path'] }
    Add-Fact $fact 'exsetup' { Get-ExSetupFact $folder } -Source 'exchange.exsetup'
    if (-not $key) {
        Add-PartError 'exchange.install_path' 'a service of Exchange, but no setup key'
        return $fact
    }
    $fact['install_path'] = $folder
    Add-Fact $fact 'registry_version' { Get-RegistryVersion "$root\Setup" } -Source 'exchange.registry_version'
    Add-Fact $fact 'roles' { Get-RoleFact $root } -Source 'exchange.roles' -List
    Add-Fact $fact 'services_value' { $null -ne (Get-RegistryValue "$root\Setup" 'Services') } -Source 'exchange.services_value'
    $fact
}

function Get-DagFact {
    # The cluster's name is the DAG's; its hive is there only while the cluster service runs.
    param ($Services)
    $fact = [ordered]@{ name = $null; cluster_service = $null }
    if (-not $Services.ContainsKey('ClusSvc')) { return $fact }
    $fact['cluster_service'] = [ordered]@{ status = [string]$Services['ClusSvc'].Status; start_type = Get-StartType 'ClusSvc' }
    Add-Fact $fact 'name' {
        $name = Get-RegistryText 'HKLM:\Cluster' 'ClusterName'
        if (-not $name) { throw 'the cluster hive is not loaded: the cluster service does not run' }
        $name
    } -Source 'dag.name'
    $fact
}

function New-UpdateFact {
    # Only a date that starts with the year means the same in every language.
    param ([string]$Source, [string]$View, [string]$Name, [string]$Key, [string]$Date)
    $kb = $null
    if ("$Name $Key" -match '\bKB\d{5,9}\b') { $kb = $matches[0].ToUpperInvariant() }
    $installed = $null
    if ($Date -match '^(\d{4})([-/.]?)(\d\d)\2(\d\d)$') { $installed = '{0}-{1}-{2}' -f $matches[1], $matches[3], $matches[4] }
    [ordered]@{
        source = $Source
        view = $View
        name = $Name
        kb = $kb
        installed = $installed
    }
}

function Get-UpdateFact {
    Assert-NativeProcess
    foreach ($view in @(@('64', 'HKLM:\SOFTWARE'), @('32', 'HKLM:\SOFTWARE\WOW6432Node'))) {
        $root = $view[1] + '\Microsoft\Updates'
        foreach ($product in @(Get-RegistrySubKey $root) -like 'Exchange *') {
            Get-ListedUpdate $view[0] "$root\$product"
        }
        Get-TitledUpdate 'uninstall' $view[0] ($view[1] + '\Microsoft\Windows\CurrentVersion\Uninstall') 'InstallDate'
    }
    # Where Windows Installer keeps the patches of a product: the only place of Exchange 2010's rollups.
    $root = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Installer\UserData\S-1-5-18\Products'
    foreach ($product in Get-RegistrySubKey $root) {
        Get-TitledUpdate 'installer-patch' '64' "$root\$product\Patches" 'Installed'
    }
}

function Get-ListedUpdate {
    # Exchange 2013 has its updates one level deeper, below SP1.
    param ([string]$View, [string]$Root)
    foreach ($key in Get-RegistrySubKey $Root) {
        $name = Get-RegistryText "$Root\$key" 'PackageName'
        if ($name -or $key -notmatch '^SP\d$') {
            if (-not $name) { $name = $key }
            New-UpdateFact 'updates-key' $View $name $key (Get-RegistryText "$Root\$key" 'InstalledDate')
        } else {
            Get-ListedUpdate $View "$Root\$key"
        }
    }
}

function Get-TitledUpdate {
    param ([string]$Source, [string]$View, [string]$Root, [string]$Day)
    foreach ($key in Get-RegistrySubKey $Root) {
        $name = Get-RegistryText "$Root\$key" 'DisplayName'
        if ($name -match 'Exchange Server.*\bKB\d{5,9}\b') {
            New-UpdateFact $Source $View $name $key (Get-RegistryText "$Root\$key" $Day)
        }
    }
}
