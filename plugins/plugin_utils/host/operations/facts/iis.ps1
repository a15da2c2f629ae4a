# SPDX-License-Identifier: GPL-3.0-or-later
# IIS: sites, applications and pools as configured, and whether they run.

function Get-FolderFact {
    # The folder of the virtual directory "/" of an application.
    param ($Application)
    foreach ($folder in Get-XmlChild $Application 'virtualDirectory') {
        if ((Get-XmlText $folder 'path') -eq '/') { return Expand-Environment (Get-XmlText $folder 'physicalPath' '') }
    }
}

function Get-ApplicationFact {
    param ($Site, [string]$DefaultPool)
    $defaults = Get-XmlChild $Site 'applicationDefaults' | Select-Object -Last 1
    $pool = Get-XmlText $defaults 'applicationPool' $DefaultPool
    foreach ($application in Get-XmlChild $Site 'application') {
        [ordered]@{
            path = Get-XmlText $application 'path' '/'
            physical_path = Get-FolderFact $application
            app_pool = Get-XmlText $application 'applicationPool' $pool
        }
    }
}

function Get-SiteFact {
    param ($Root)
    foreach ($sites in Get-XmlPath $Root 'system.applicationHost/sites') {
        $defaults = Get-XmlChild $sites 'applicationDefaults' | Select-Object -Last 1
        $pool = Get-XmlText $defaults 'applicationPool' 'DefaultAppPool'
        foreach ($site in Get-XmlChild $sites 'site') {
            $applications = @(Get-ApplicationFact $site $pool)
            $rootFolder = $applications | Where-Object { $_['path'] -eq '/' } | Select-Object -First 1
            $id = Get-XmlNumber $site 'id'
            if ($null -eq $id) { throw 'a site has no id' }
            [ordered]@{
                id = $id
                name = Get-XmlText $site 'name' ''
                state = 'Unknown'
                physical_path = if ($rootFolder) { $rootFolder['physical_path'] }
                bindings = @(
                    foreach ($binding in Get-XmlPath $site 'bindings/binding') {
                        [ordered]@{
                            protocol = Get-XmlText $binding 'protocol' ''
                            information = Get-XmlText $binding 'bindingInformation' ''
                            ssl_flags = Get-XmlNumber $binding 'sslFlags'
                        }
                    }
                )
                applications = $applications
            }
        }
    }
}

function Get-PoolFact {
    param ($Root)
    foreach ($pools in Get-XmlPath $Root 'system.applicationHost/applicationPools') {
        $defaults = Get-XmlChild $pools 'applicationPoolDefaults' | Select-Object -Last 1
        $start = Get-XmlFlag $defaults 'autoStart' $true
        $mode = Get-XmlChoice $defaults 'startMode' 'OnDemand', 'AlwaysRunning'
        foreach ($pool in Get-XmlChild $pools 'add') {
            [ordered]@{
                name = Get-XmlText $pool 'name' ''
                state = 'Unknown'
                auto_start = Get-XmlFlag $pool 'autoStart' $start
                start_mode = if ($pool.HasAttribute('startMode')) { Get-XmlChoice $pool 'startMode' 'OnDemand', 'AlwaysRunning' } else { $mode }
            }
        }
    }
}

function Get-AppCmd {
    # The rehearsal answers as a function. Not Get-Command: what it does not find it looks for in every
    # module of the server, which takes its time and writes to the module cache there.
    $tool = 'appcmd.exe'
    if (-not (Test-Path -LiteralPath "Function:\$tool")) { $tool = "$env:windir\System32\inetsrv\$tool" }
    $tool
}

function Invoke-AppCmd {
    # appcmd is in every IIS since 7.0, needs no module, and its XML is not localised.
    param ([string]$Kind)
    $tool = Get-AppCmd
    $lines = & $tool list $Kind /xml
    $text = (@($lines) -join "`n").Trim()
    $document = New-Object Xml.XmlDocument
    $document.XmlResolver = $null
    $document.Load([Xml.XmlReader]::Create((New-Object IO.StringReader $text), (New-XmlReaderSetting)))
    , $document.get_DocumentElement()
}

function Set-RuntimeState {
    # Fills in the state of each row; what the running server does not say stays Unknown, with a reason.
    param ($Rows, [string]$Kind, [string]$Source)
    $states = @{}
    try {
        foreach ($item in Get-XmlChild (Invoke-AppCmd $Kind) $Kind.ToUpperInvariant()) {
            $states[[string](Get-XmlText $item ($Kind.ToUpperInvariant() + '.NAME'))] = Get-XmlText $item 'state'
        }
    } catch {
        Add-PartError $Source $_
        return
    }
    $silent = @()
    foreach ($row in $Rows) {
        $state = $states[$row['name']]
        if ('Started', 'Stopped', 'Starting', 'Stopping' -contains $state) { $row['state'] = $state } else { $silent += $row['name'] }
    }
    if ($silent) { Add-PartError $Source ('no state of ' + ($silent -join ', ')) }
}

function Get-IisFact {
    param ($Context)
    $configuration = Get-ConfigurationOnce $Context
    $fact = [ordered]@{ version = $null; sites = @(); app_pools = @() }
    if ($null -eq $configuration) { return $fact }
    Add-Fact $fact 'version' {
        $path = 'HKLM:\SOFTWARE\Microsoft\InetStp'
        '{0}.{1}' -f (Get-RegistryPart $path 'MajorVersion'), (Get-RegistryPart $path 'MinorVersion')
    } -Source 'iis.version'
    $fact['sites'] = @($configuration['sites'])
    $fact['app_pools'] = @(Get-PoolFact $configuration['root'])
    if ($fact['sites']) { Set-RuntimeState $fact['sites'] 'site' 'iis.sites' }
    if ($fact['app_pools']) { Set-RuntimeState $fact['app_pools'] 'apppool' 'iis.app_pools' }
    $fact
}

function Get-ConfigurationOnce {
    # Read once; who asks again gets the same answer, and the same failure.
    param ($Context)
    if (-not $Context.ContainsKey('configuration')) {
        $Context['configuration'] = $null
        try {
            $Context['configuration'] = Get-IisConfiguration
        } catch {
            $Context['failure'] = $_
        }
    }
    if ($Context.ContainsKey('failure')) { throw $Context['failure'] }
    $Context['configuration']
}
