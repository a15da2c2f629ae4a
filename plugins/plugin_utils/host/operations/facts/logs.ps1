# SPDX-License-Identifier: GPL-3.0-or-later
# How far back the logs reach: folders of Exchange and IIS, Windows event logs.

function Get-LogLimit {
    20000
}

function Get-ExchangeLogFolder {
    # id -> folder, in the spelling of Exchange's setup.
    param ([string]$InstallPath)
    $logging = $InstallPath.TrimEnd('\') + '\Logging'
    $folders = [ordered]@{}
    foreach ($name in 'Autodiscover', 'Eas', 'Ecp', 'Ews', 'Mapi', 'Oab', 'Owa', 'OwaCalendar', 'PowerShell', 'RpcHttp') {
        $folders['httpproxy/' + $name.ToLowerInvariant()] = "$logging\HttpProxy\$name"
    }
    $folders['ecp-server'] = "$logging\ECP\Server"
    $folders['oabgenerator'] = "$logging\OABGeneratorLog"
    $folders
}

function Get-IisCentralLog {
    # (id, folder, whether it is on) of the one log of all sites; nothing where each site has its own. What
    # the schema has where 'enabled' is missing is not known for sure [MEM]: then it is null.
    param ($Log)
    $mode = Get-XmlChoice $Log 'centralLogFileMode' @('Site', 'CentralW3C', 'CentralBinary')
    if ($mode -eq 'Site') { return }
    $id, $name = 'iis/central', 'centralW3CLogFile'
    if ($mode -eq 'CentralBinary') { $id, $name = 'iis/central-binary', 'centralBinaryLogFile' }
    $folder, $enabled = '%SystemDrive%\inetpub\logs\LogFiles', $null
    foreach ($file in Get-XmlChild $Log $name) {
        $folder = Get-XmlText $file 'directory' $folder
        $enabled = Get-XmlFlag $file 'enabled' $enabled
    }
    $id, ((Expand-Environment $folder).TrimEnd('\') + '\W3SVC'), $enabled
}

function Get-IisLogFolder {
    # iis/<site id> -> folder, by the site's logFile, else siteDefaults, else the schema's default; with one
    # log of all sites that alone, since what stands in the old folders is not written any more. Whether
    # each is written goes into the context.
    param ($Context)
    $folders = [ordered]@{}
    $Context['iis_logs_on'] = @{}
    $configuration = Get-ConfigurationOnce $Context
    if ($null -eq $configuration) { return $folders }
    $silent = $false
    foreach ($http in Get-XmlPath $configuration['root'] 'system.webServer/httpLogging') {
        $silent = Get-XmlFlag $http 'dontLog' $false
    }
    foreach ($log in Get-XmlPath $configuration['root'] 'system.applicationHost/log') {
        $id, $folder, $enabled = Get-IisCentralLog $log
        if ($id) {
            $folders[$id] = $folder
            $Context['iis_logs_on'][$id] = if ($silent) { $false } else { $enabled }
            return $folders
        }
    }
    foreach ($sites in Get-XmlPath $configuration['root'] 'system.applicationHost/sites') {
        Add-IisSiteLog $Context $folders $sites $silent
    }
    $folders
}

function Add-IisSiteLog {
    # The logs of the sites of one list.
    param ($Context, $Folders, $Sites, $Silent)
    $defaults = @(Get-XmlPath $Sites 'siteDefaults/logFile')
    $default, $writes = '%SystemDrive%\inetpub\logs\LogFiles', $true
    foreach ($log in $defaults) {
        $default = Get-XmlText $log 'directory' $default
        $writes = Get-XmlFlag $log 'enabled' $writes
    }
    foreach ($site in Get-XmlChild $Sites 'site') {
        $folder, $enabled = $default, $writes
        foreach ($log in Get-XmlChild $site 'logFile') {
            $folder = Get-XmlText $log 'directory' $folder
            $enabled = Get-XmlFlag $log 'enabled' $enabled
        }
        $id = Get-XmlNumber $site 'id'
        $Context['iis_logs_on']["iis/$id"] = $enabled -and -not $Silent
        $Folders["iis/$id"] = (Expand-Environment $folder).TrimEnd('\') + "\W3SVC$id"
    }
}

function Measure-LogFolder {
    # Streams the folder: names, sizes and times come with the listing, no file is opened.
    param ($Path, $Fact, $Extension)
    $folder = New-Object IO.DirectoryInfo (Resolve-NativePath $Path)
    $oldest = $newest = $null
    try {
        foreach ($file in $folder.EnumerateFiles()) {
            if ($file.Extension -ne $Extension) { continue }
            if ($Fact['files'] -ge (Get-LogLimit)) {
                $Fact['truncated'] = $true
                break
            }
            $Fact['files']++
            $Fact['bytes'] += $file.Length
            $time = $file.LastWriteTimeUtc
            if ($null -eq $oldest -or $time -lt $oldest) { $oldest = $time }
            if ($null -eq $newest -or $time -gt $newest) { $newest = $time }
        }
        $Fact['exists'] = $true
    } catch [IO.DirectoryNotFoundException] {
        return
    }
    $Fact['oldest'] = ConvertTo-IsoDate $oldest
    $Fact['newest'] = ConvertTo-IsoDate $newest
}

function Get-LogFact {
    param ($Context)
    $folders = [ordered]@{}
    if ($Context['install_path']) { $folders = Get-ExchangeLogFolder $Context['install_path'] }
    foreach ($id in $Context['iis_logs'].Keys) { $folders[$id] = $Context['iis_logs'][$id] }
    foreach ($id in $folders.Keys) {
        $fact = [ordered]@{
            id = $id
            path = $folders[$id]
            exists = $false
            oldest = $null
            newest = $null
            files = 0
            bytes = [long]0
            truncated = $false
        }
        $extension = '.log'
        if ($id -like 'iis/*') { $fact['enabled'] = $Context['iis_logs_on'][$id] }
        if ($id -eq 'iis/central-binary') { $extension = '.ibl' }
        try {
            Measure-LogFolder $folders[$id] $fact $extension
            $fact
        } catch {
            Add-PartError "logs.$id" $_
        }
    }
}

function Get-EventTime {
    param ([string]$Log, [switch]$Oldest)
    $record = Get-WinEvent -LogName $Log -MaxEvents 1 -Oldest:$Oldest -ErrorAction Stop
    ConvertTo-IsoDate $record.TimeCreated
}

function Get-EventLogFact {
    # A log that does not exist is left out; one that refuses to be read is there, with nulls.
    foreach ($name in 'Application', 'MSExchange Management', 'Security', 'System') {
        $fact = [ordered]@{
            name = $name
            enabled = $null
            oldest = $null
            newest = $null
            records = $null
            max_bytes = $null
        }
        try {
            $log = Get-WinEvent -ListLog $name -ErrorAction Stop
            $fact['enabled'] = [bool]$log.IsEnabled
            if ($null -ne $log.RecordCount) { $fact['records'] = [long]$log.RecordCount }
            $fact['max_bytes'] = [long]$log.MaximumSizeInBytes
            # A disabled log may hold old records; some enabled ones do not tell their number.
            if ($fact['records'] -or ($fact['enabled'] -and $null -eq $fact['records'])) {
                $fact['oldest'] = Get-EventTime $name -Oldest
                $fact['newest'] = Get-EventTime $name
            }
        } catch {
            if ($_.FullyQualifiedErrorId -like 'NoMatchingLogsFound*') { continue }
            Add-PartError "event_logs.$name" $_
        }
        $fact
    }
}
