# SPDX-License-Identifier: GPL-3.0-or-later
# A wanted rule or precondition: its full content with IIS's defaults, and its XML.

function Get-RequestMember {
    # A member of an object that came as JSON; the default where it is missing or null.
    param ($Object, [string]$Name, $Default = $null)
    if ($null -eq $Object) { return $Default }
    $property = $Object.PSObject.Properties[$Name]
    if ($null -eq $property -or $null -eq $property.Value) { return $Default }
    , $property.Value
}

function ConvertTo-ConditionContent {
    param ($Conditions, [switch]$Short)
    foreach ($condition in @($Conditions)) {
        if ($null -eq $condition) { continue }
        $content = [ordered]@{ input = Get-RequestMember $condition 'input' '' }
        if (-not $Short) { $content['match_type'] = Get-RequestMember $condition 'match_type' 'Pattern' }
        $content['pattern'] = Get-RequestMember $condition 'pattern'
        $content['ignore_case'] = Get-RequestMember $condition 'ignore_case' $true
        $content['negate'] = Get-RequestMember $condition 'negate' $false
        $content
    }
}

function ConvertTo-RuleContent {
    # From a rule of the request, or from one that was read (facts): what it does, without its place.
    param ($Rule)
    $match = Get-RequestMember $Rule 'match'
    $action = Get-RequestMember $Rule 'action'
    [ordered]@{
        direction = Get-RequestMember $Rule 'direction' 'inbound'
        name = [string](Get-RequestMember $Rule 'name' '')
        enabled = Get-RequestMember $Rule 'enabled' $true
        pattern_syntax = Get-RequestMember $Rule 'pattern_syntax' 'ECMAScript'
        stop_processing = Get-RequestMember $Rule 'stop_processing' $false
        precondition = Get-RequestMember $Rule 'precondition'
        match = [ordered]@{
            url = Get-RequestMember $match 'url'
            server_variable = Get-RequestMember $match 'server_variable'
            filter_by_tags = Get-RequestMember $match 'filter_by_tags'
            pattern = Get-RequestMember $match 'pattern'
            ignore_case = Get-RequestMember $match 'ignore_case' $true
            negate = Get-RequestMember $match 'negate' $false
        }
        logical_grouping = Get-RequestMember $Rule 'logical_grouping' 'MatchAll'
        conditions = @(ConvertTo-ConditionContent (Get-RequestMember $Rule 'conditions'))
        action = [ordered]@{
            type = Get-RequestMember $action 'type' 'None'
            value = Get-RequestMember $action 'value'
            url = Get-RequestMember $action 'url'
            status_code = Get-RequestMember $action 'status_code'
        }
    }
}

function ConvertTo-PreconditionContent {
    param ($Precondition)
    [ordered]@{
        name = [string](Get-RequestMember $Precondition 'name' '')
        logical_grouping = Get-RequestMember $Precondition 'logical_grouping' 'MatchAll'
        pattern_syntax = Get-RequestMember $Precondition 'pattern_syntax' 'ECMAScript'
        conditions = @(ConvertTo-ConditionContent (Get-RequestMember $Precondition 'conditions') -Short)
    }
}

function ConvertTo-XmlAttribute {
    # ' name="value"', in ASCII; nothing for null and for the default.
    param ([string]$Name, $Value, $Default = $null)
    if ($null -eq $Value -or (Test-SameText $Value $Default)) { return '' }
    if ($Value -is [bool]) { $Value = ([string]$Value).ToLowerInvariant() }
    $text = ([string]$Value).Replace('&', '&amp;').Replace('<', '&lt;').Replace('>', '&gt;').Replace('"', '&quot;')
    $text = [regex]::Replace($text, '[\ud800-\udbff][\udc00-\udfff]|[^\x20-\x7e]', {
            param ($found)
            '&#{0};' -f [char]::ConvertToUtf32($found.Value, 0)
        })
    ' {0}="{1}"' -f $Name, $text
}

function ConvertTo-ConditionLine {
    param ($Condition)
    '<add' + (ConvertTo-XmlAttribute 'input' $Condition['input']) +
    (ConvertTo-XmlAttribute 'matchType' $Condition['match_type'] 'Pattern') +
    (ConvertTo-XmlAttribute 'pattern' $Condition['pattern']) +
    (ConvertTo-XmlAttribute 'ignoreCase' $Condition['ignore_case'] $true) +
    (ConvertTo-XmlAttribute 'negate' $Condition['negate'] $false) + ' />'
}

function ConvertTo-MatchLine {
    param ($Match)
    '<match' + (ConvertTo-XmlAttribute 'url' $Match['url']) +
    (ConvertTo-XmlAttribute 'filterByTags' $Match['filter_by_tags']) +
    (ConvertTo-XmlAttribute 'serverVariable' $Match['server_variable']) +
    (ConvertTo-XmlAttribute 'pattern' $Match['pattern']) +
    (ConvertTo-XmlAttribute 'ignoreCase' $Match['ignore_case'] $true) +
    (ConvertTo-XmlAttribute 'negate' $Match['negate'] $false) + ' />'
}

function ConvertTo-RuleLine {
    # The rule as lines, indented by the unit from the second one on.
    param ($Rule, [string]$Unit)
    '<rule' + (ConvertTo-XmlAttribute 'name' $Rule['name']) +
    (ConvertTo-XmlAttribute 'enabled' $Rule['enabled'] $true) +
    (ConvertTo-XmlAttribute 'patternSyntax' $Rule['pattern_syntax'] 'ECMAScript') +
    (ConvertTo-XmlAttribute 'stopProcessing' $Rule['stop_processing'] $false) +
    (ConvertTo-XmlAttribute 'preCondition' $Rule['precondition']) + '>'
    $Unit + (ConvertTo-MatchLine $Rule['match'])
    $grouping = ConvertTo-XmlAttribute 'logicalGrouping' $Rule['logical_grouping'] 'MatchAll'
    if ($Rule['conditions'].Count -or $grouping) {
        $Unit + '<conditions' + $grouping + '>'
        foreach ($condition in $Rule['conditions']) { $Unit + $Unit + (ConvertTo-ConditionLine $condition) }
        $Unit + '</conditions>'
    }
    $action = $Rule['action']
    $Unit + '<action' + (ConvertTo-XmlAttribute 'type' $action['type']) +
    (ConvertTo-XmlAttribute 'value' $action['value']) + (ConvertTo-XmlAttribute 'url' $action['url']) +
    (ConvertTo-XmlAttribute 'statusCode' $action['status_code']) + ' />'
    '</rule>'
}

function ConvertTo-PreconditionLine {
    param ($Precondition, [string]$Unit)
    '<preCondition' + (ConvertTo-XmlAttribute 'name' $Precondition['name']) +
    (ConvertTo-XmlAttribute 'logicalGrouping' $Precondition['logical_grouping'] 'MatchAll') +
    (ConvertTo-XmlAttribute 'patternSyntax' $Precondition['pattern_syntax'] 'ECMAScript') + '>'
    foreach ($condition in $Precondition['conditions']) { $Unit + (ConvertTo-ConditionLine $condition) }
    '</preCondition>'
}
