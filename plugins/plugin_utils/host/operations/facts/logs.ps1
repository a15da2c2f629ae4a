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

function Get-IisLogFolder {
    # iis/<site id> -> folder, by the site's logFile, else siteDefaults, else the schema's default.
    param ($Context)
    $folders = [ordered]@{}
    $configuration = Get-ConfigurationOnce $Context
    if ($null -eq $configuration) { return $folders }
    foreach ($sites in Get-XmlPath $configuration['root'] 'system.applicationHost/sites') {
        $defaults = @(Get-XmlPath $sites 'siteDefaults/logFile')
        $default = '%SystemDrive%\inetpub\logs\LogFiles'
        foreach ($log in $defaults) { $default = Get-XmlText $log 'directory' $default }
        foreach ($site in Get-XmlChild $sites 'site') {
            $folder = $default
            foreach ($log in Get-XmlChild $site 'logFile') { $folder = Get-XmlText $log 'directory' $folder }
            $id = Get-XmlNumber $site 'id'
            $folders["iis/$id"] = (Expand-Environment $folder).TrimEnd('\') + "\W3SVC$id"
        }
    }
    $folders
}

function Measure-LogFolder {
    # Streams the folder: names, sizes and times come with the listing, no file is opened.
    param ([string]$Path, $Fact)
    $folder = New-Object IO.DirectoryInfo (Resolve-NativePath $Path)
    $oldest = $newest = $null
    try {
        foreach ($file in $folder.EnumerateFiles()) {
            if ($file.Extension -ne '.log') { continue }
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
        try {
            Measure-LogFolder $folders[$id] $fact
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
