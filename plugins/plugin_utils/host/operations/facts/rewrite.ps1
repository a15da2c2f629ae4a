# SPDX-License-Identifier: GPL-3.0-or-later
# URL Rewrite: every rule as it stands in a file, with the defaults of the IIS schema filled in.

function Get-ConditionFact {
    # -Short: conditions of a precondition have no match type.
    param ($Parent, [switch]$Short)
    foreach ($condition in Get-XmlChild $Parent 'add') {
        $fact = [ordered]@{ input = Get-XmlText $condition 'input' '' }
        if (-not $Short) { $fact['match_type'] = Get-XmlChoice $condition 'matchType' 'Pattern', 'IsFile', 'IsDirectory' }
        $fact['pattern'] = Get-XmlText $condition 'pattern'
        $fact['ignore_case'] = Get-XmlFlag $condition 'ignoreCase' $true
        $fact['negate'] = Get-XmlFlag $condition 'negate' $false
        $fact
    }
}

function Get-MatchFact {
    param ($Rule)
    $match = Get-XmlChild $Rule 'match' | Select-Object -Last 1
    [ordered]@{
        url = Get-XmlText $match 'url'
        server_variable = Get-XmlText $match 'serverVariable'
        filter_by_tags = Get-XmlText $match 'filterByTags'
        pattern = Get-XmlText $match 'pattern'
        ignore_case = Get-XmlFlag $match 'ignoreCase' $true
        negate = Get-XmlFlag $match 'negate' $false
    }
}

function Get-ActionFact {
    param ($Rule)
    $action = Get-XmlChild $Rule 'action' | Select-Object -Last 1
    [ordered]@{
        type = Get-XmlChoice $action 'type' 'None', 'Rewrite', 'Redirect', 'CustomResponse', 'AbortRequest'
        value = Get-XmlText $action 'value'
        url = Get-XmlText $action 'url'
        status_code = Get-XmlNumber $action 'statusCode'
    }
}

function New-RuleFact {
    param ($Rule, $Place, [string]$Direction, [int]$Order)
    $conditions = Get-XmlChild $Rule 'conditions' | Select-Object -Last 1
    [ordered]@{
        site = $Place['site']
        path = $Place['path']
        file = $Place['file']
        direction = $Direction
        order = $Order
        name = Get-XmlText $Rule 'name' ''
        enabled = Get-XmlFlag $Rule 'enabled' $true
        pattern_syntax = Get-XmlChoice $Rule 'patternSyntax' 'ECMAScript', 'Wildcard', 'ExactMatch'
        stop_processing = Get-XmlFlag $Rule 'stopProcessing' $false
        inherit = $Place['inherit']
        precondition = Get-XmlText $Rule 'preCondition'
        match = Get-MatchFact $Rule
        logical_grouping = Get-XmlChoice $conditions 'logicalGrouping' 'MatchAll', 'MatchAny'
        conditions = @(Get-ConditionFact $conditions)
        action = Get-ActionFact $Rule
    }
}

function New-PreconditionFact {
    param ($Element, $Place)
    [ordered]@{
        site = $Place['site']
        path = $Place['path']
        file = $Place['file']
        name = Get-XmlText $Element 'name' ''
        logical_grouping = Get-XmlChoice $Element 'logicalGrouping' 'MatchAll', 'MatchAny'
        pattern_syntax = Get-XmlChoice $Element 'patternSyntax' 'ECMAScript', 'Wildcard', 'ExactMatch'
        conditions = @(Get-ConditionFact $Element -Short)
    }
}

function Read-RewriteCollection {
    # One collection in document order: clear and remove take away what stands before them, here and above.
    param ($Section, [string]$Direction, $Place, $Found)
    if (Get-XmlText $Section 'configSource') { throw 'configSource: the rules stand in another file' }
    $rows = @()
    foreach ($element in Get-XmlChild $Section 'rule', 'preCondition', 'clear', 'remove') {
        $kind = $element.get_LocalName()
        $name = Get-XmlText $element 'name'
        if ($kind -eq 'clear') { $rows = @() }
        if ($kind -eq 'remove') { $rows = @($rows | Where-Object { $_['name'] -ne $name }) }
        if ('clear', 'remove' -contains $kind) {
            $Found['overrides'] += [ordered]@{
                site = $Place['site']
                path = $Place['path']
                file = $Place['file']
                direction = $Direction
                kind = $kind
                name = $name
            }
        } elseif ($Direction -eq 'precondition') {
            $rows += New-PreconditionFact $element $Place
        } else {
            $rows += New-RuleFact $element $Place $Direction $rows.Count
        }
    }
    for ($order = 0; $order -lt $rows.Count; $order++) {
        if ($rows[$order].Contains('order')) { $rows[$order]['order'] = $order }
    }
    $list = if ($Direction -eq 'precondition') { 'preconditions' } else { 'rules' }
    $Found[$list] += $rows
}

function Read-RewriteContainer {
    # <configuration> or <location>: what stands in its system.webServer/rewrite, and whether its modules
    # take the module away.
    param ($Container, $Place, $Found)
    $there = $true
    foreach ($modules in Get-XmlPath $Container 'system.webServer/modules') {
        foreach ($element in Get-XmlChild $modules 'add', 'clear', 'remove') {
            $kind = $element.get_LocalName()
            if ($kind -eq 'clear' -or (Get-XmlText $element 'name') -eq 'RewriteModule') { $there = $kind -eq 'add' }
        }
    }
    if (-not $there) {
        $Found['unloaded'] += [ordered]@{
            site = $Place['site']
            path = $Place['path']
            file = $Place['file']
        }
    }
    $rewrite = @(Get-XmlPath $Container 'system.webServer/rewrite')
    foreach ($section in $rewrite) {
        if (Get-XmlText $section 'configSource') { throw 'configSource: the rules stand in another file' }
        foreach ($rules in Get-XmlChild $section 'globalRules', 'rules') { Read-RewriteCollection $rules 'inbound' $Place $Found }
        foreach ($rules in Get-XmlChild $section 'outboundRules') {
            Read-RewriteCollection $rules 'outbound' $Place $Found
            foreach ($list in Get-XmlChild $rules 'preConditions') { Read-RewriteCollection $list 'precondition' $Place $Found }
        }
    }
}

function Get-LocationPlace {
    # Where <location path="..."> lies: below the site and path of its file, or below the server.
    param ($Location, $Base)
    $relative = (Get-XmlText $Location 'path' '').Trim('/')
    $place = @{
        site = $Base['site']
        path = $Base['path']
        file = $Base['file']
        inherit = Get-XmlFlag $Location 'inheritInChildApplications' $true
    }
    if ($relative -eq '' -or $relative -eq '.') { return $place }
    if ($null -eq $place['site']) {
        $place['site'], $relative = $relative.Split('/', 2)
    }
    if ($relative) { $place['path'] = $place['path'].TrimEnd('/') + '/' + $relative }
    $place
}

function Read-RewriteFile {
    # All of a file or nothing: half a file would look like a missing rule.
    param ($Root, [string]$File, $Site, [string]$Path, $Result)
    $base = @{ site = $Site; path = $Path; file = $File; inherit = $true }
    $found = @{ rules = @(); preconditions = @(); overrides = @(); unloaded = @() }
    Read-RewriteContainer $Root $base $found
    foreach ($location in Get-XmlChild $Root 'location') {
        Read-RewriteContainer $location (Get-LocationPlace $location $base) $found
    }
    foreach ($list in 'rules', 'preconditions', 'overrides', 'unloaded') { $Result[$list] += $found[$list] }
}

function Get-ModuleState {
    # Whether IIS loads the module: null where its list of modules is not there.
    param ($Root)
    $list = 'system.webServer/globalModules'
    if (-not @(Get-XmlPath $Root $list)) { return $null }
    @(foreach ($module in Get-XmlPath $Root "$list/add") { Get-XmlText $module 'name' }) -contains 'RewriteModule'
}

function Get-WebConfigPlace {
    # Every folder whose web.config counts: site, path, file.
    param ($Root)
    foreach ($site in Get-XmlPath $Root 'system.applicationHost/sites/site') {
        foreach ($application in Get-XmlChild $site 'application') {
            foreach ($folder in Get-XmlChild $application 'virtualDirectory') {
                $physical = Expand-Environment (Get-XmlText $folder 'physicalPath' '')
                $path = (Get-XmlText $application 'path' '').TrimEnd('/') + (Get-XmlText $folder 'path' '')
                if (-not $physical) { continue }
                $path = '/' + $path.Trim('/')
                [ordered]@{ site = Get-XmlText $site 'name' ''; path = $path; file = $physical.TrimEnd('\') + '\web.config' }
            }
        }
    }
}

function Get-UrlRewriteFact {
    param ($Context)
    $path = 'HKLM:\SOFTWARE\Microsoft\IIS Extensions\URL Rewrite'
    $fact = [ordered]@{
        installed = Test-RegistryKey $path
        version = Get-RegistryText $path 'Version'
        rules = @()
        preconditions = @()
        overrides = @()
        loaded = $null
        unloaded = @()
        unread = @()
    }
    $configuration = Get-ConfigurationOnce $Context
    if ($null -eq $configuration) { return $fact }
    Read-RewriteFile $configuration['root'] $configuration['file'] $null '/' $fact
    $fact['loaded'] = Get-ModuleState $configuration['root']
    $roots = @{}
    foreach ($place in Get-WebConfigPlace $configuration['root']) {
        $file = $place['file']
        try {
            if (-not $roots.ContainsKey($file)) { $roots[$file] = Read-XmlFile $file }
            if ($roots[$file]) { Read-RewriteFile $roots[$file] $file $place['site'] $place['path'] $fact }
        } catch {
            $fact['unread'] += $place
            Add-PartError 'url_rewrite.rules' ('{0}: {1}' -f $file, $_.Exception.GetBaseException().Message)
        }
    }
    $fact
}
