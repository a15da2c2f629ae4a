# SPDX-License-Identifier: GPL-3.0-or-later
# Judges host scripts on the engine's own syntax tree (style of this project: Windows PowerShell 3.0).
# stdin: JSON list of {name, kind: operation | part | bootstrap, text};
# stdout: JSON list of {name, findings: [{rule, line, text}], tokens: [text, ...]}.
$ErrorActionPreference = 'Stop'
$rules = Get-Content -LiteralPath (Join-Path $PSScriptRoot 'lint_rules.json') -Raw | ConvertFrom-Json -AsHashtable
$verbs = @(Get-Verb | ForEach-Object { $_.Verb })
$script:findings = $null

function Add-Finding($Rule, $Extent, $Why) {
    $text = ($Extent.Text -split "`n")[0].Trim()
    $script:findings.Add([ordered] @{rule = $Rule; line = $Extent.StartLineNumber; text = "$text - $Why" })
}

function Test-Head($Ast, $Text, $Tokens) {
    $whole = $Ast.Extent
    if (($Text -split "`n")[0] -cne '#Requires -Version 3.0') { Add-Finding 'head' $whole 'first line is #Requires -Version 3.0' }
    if (-not $Ast.ParamBlock) { Add-Finding 'head' $whole 'param () block missing' }
    elseif (-not ($Ast.ParamBlock.Attributes | Where-Object { $_.TypeName.Name -eq 'CmdletBinding' })) {
        Add-Finding 'head' $Ast.ParamBlock.Extent '[CmdletBinding()] missing'
    }
    $wanted = @('Set-StrictMode -Version 2.0', "`$ErrorActionPreference = 'Stop'", "`$ProgressPreference = 'SilentlyContinue'")
    $first = @($Ast.EndBlock.Statements | Where-Object { $_ -isnot [System.Management.Automation.Language.FunctionDefinitionAst] } | Select-Object -First 3 | ForEach-Object { $_.Extent.Text })
    if (($first -join "`n") -cne ($wanted -join "`n")) { Add-Finding 'head' $whole "statements begin with: $($wanted -join '; ')" }
    if (-not ($Tokens | Where-Object { $_.Kind -eq 'Comment' -and $_.Text -cmatch '\.SYNOPSIS' })) { Add-Finding 'head' $whole '.SYNOPSIS comment missing' }
}

function Test-Token($Tokens) {
    $previous = $null
    foreach ($token in $Tokens) {
        $kind = [string] $token.Kind
        if ($rules.tokens.ContainsKey($kind)) { Add-Finding 'syntax' $token.Extent $rules.tokens[$kind] }
        if ($kind -eq 'Pipe' -and $previous -and $previous.Kind -eq 'NewLine') { Add-Finding 'syntax' $token.Extent 'a line cannot start with | before 7.0' }
        if ($kind -in 'StringExpandable', 'HereStringExpandable' -and $token.Text -cmatch '(?<!`)(``)*`[ue]') { Add-Finding 'syntax' $token.Extent 'the escapes `u{} and `e are of 6.0' }
        if ($kind -eq 'Number' -and $token.Text -match '^0b|(?<!0x[0-9a-f]*)(u|y|s|n|us|uy|ul)$') { Add-Finding 'syntax' $token.Extent 'number suffixes and 0b are of 6.2 and 7.0' }
        if ($kind -in 'StringLiteral', 'StringExpandable' -and $token.Extent.StartLineNumber -ne $token.Extent.EndLineNumber) {
            Add-Finding 'minify' $token.Extent 'a string over several lines must be a here-string'
        }
        if ($kind -eq 'Comment' -and $token.Text.StartsWith('<#')) { Add-Finding 'minify' $token.Extent 'use # comments' }
        if ($token.Text -cmatch '[^\x00-\x7f]') { Add-Finding 'ascii' $token.Extent 'scripts are ASCII: 3.0-5.1 read a file without BOM in the code page' }
        $previous = $token
    }
}

function Test-Command($Ast, $Local) {
    $name = $Ast.GetCommandName()
    if (-not $name) { return }
    if ($rules.commands.ContainsKey($name)) { Add-Finding 'command' $Ast.Extent $rules.commands[$name]; return }
    foreach ($pattern in $rules.command_patterns.Keys) {
        if ($name -like $pattern) { Add-Finding 'command' $Ast.Extent $rules.command_patterns[$pattern]; return }
    }
    if ($name -in '%', '?' -or ($name -notmatch '^[A-Za-z]+-[A-Za-z]+$' -and (Get-Alias -Name $name -ErrorAction SilentlyContinue))) {
        Add-Finding 'alias' $Ast.Extent 'write the command out'
        return
    }
    if ($name -notmatch '^[A-Za-z]+-[A-Za-z]+$' -and $name -notin $Local) { Add-Finding 'native' $Ast.Extent 'programs print localised text and cannot be simulated' }
    Test-Parameter $Ast $name
}

function Test-Parameter($Ast, $Name) {
    $given = @($Ast.CommandElements | Where-Object { $_ -is [System.Management.Automation.Language.CommandParameterAst] } | ForEach-Object { $_.ParameterName })
    foreach ($parameter in $given) {
        foreach ($key in "$Name -$parameter", "* -$parameter") {
            if ($rules.parameters.ContainsKey($key)) { Add-Finding 'parameter' $Ast.Extent $rules.parameters[$key] }
        }
    }
    $positional = @($Ast.CommandElements | Where-Object { $_ -isnot [System.Management.Automation.Language.CommandParameterAst] }).Count - 1
    if ($Name -eq 'Join-Path' -and $positional -gt 2) { Add-Finding 'parameter' $Ast.Extent 'Join-Path takes two parts before 6.0' }
    $inPipe = $Ast.Parent -is [System.Management.Automation.Language.PipelineAst] -and $Ast.Parent.PipelineElements[0] -ne $Ast
    $splat = @($Ast.CommandElements | Where-Object { $_ -is [System.Management.Automation.Language.VariableExpressionAst] -and $_.Splatted }).Count
    if ($Name -in $rules.literal_path -and $given -notcontains 'LiteralPath' -and -not $inPipe -and -not $splat) {
        Add-Finding 'literal-path' $Ast.Extent '-LiteralPath: brackets in names are wildcards otherwise'
    }
    if ($Name -eq 'Get-Content' -and -not ($given | Where-Object { $_ -in 'TotalCount', 'Tail' })) {
        Add-Finding 'whole-file' $Ast.Extent 'reads a whole file line by line; use -TotalCount, -Tail or [IO.File]'
    }
}

function Test-Member($Ast) {
    $member = [string] $Ast.Member
    $call = $Ast -is [System.Management.Automation.Language.InvokeMemberExpressionAst]
    if ($call -and $Ast.Static -and $rules.static_members.ContainsKey($member)) { Add-Finding 'member' $Ast.Extent $rules.static_members[$member] }
    if ($call -and $member -eq 'Split' -and $Ast.Arguments -and ([string] $Ast.Arguments[0].Value).Length -gt 1) {
        Add-Finding 'member' $Ast.Extent 'the .NET Framework splits at each of the characters'
    }
    if ($call -and -not $Ast.Static) {
        $key = "$member/$(@($Ast.Arguments).Count)"
        if ($rules.methods.ContainsKey($member)) { Add-Finding 'member' $Ast.Extent $rules.methods[$member] }
        elseif ($Ast.Arguments -and $rules.methods.ContainsKey($key)) { Add-Finding 'member' $Ast.Extent $rules.methods[$key] }
    }
}

function Test-Localised($Ast) {
    $sides = @($Ast.Left, $Ast.Right) | Where-Object { $_ -is [System.Management.Automation.Language.MemberExpressionAst] }
    foreach ($side in $sides) {
        if ([string] $side.Member -in $rules.localised) { Add-Finding 'localised' $Ast.Extent 'this text is in the language of the server; compare ids, SIDs or types' }
    }
}

function Test-Jump($Ast) {
    $parent = $Ast.Parent
    while ($parent) {
        if ($parent -is [System.Management.Automation.Language.LoopStatementAst] -or $parent -is [System.Management.Automation.Language.SwitchStatementAst]) { return }
        if ($parent -is [System.Management.Automation.Language.ScriptBlockAst]) { break }
        $parent = $parent.Parent
    }
    Add-Finding 'jump' $Ast.Extent 'outside a loop it leaves the callers too, up to the end of the command'
}

function Test-Function($Ast) {
    $lines = $Ast.Extent.EndLineNumber - $Ast.Extent.StartLineNumber + 1
    if ($lines -gt 40) { Add-Finding 'length' $Ast.Extent "the function has $lines lines, 40 are allowed" }
    if ($Ast.Name -cnotmatch '^[A-Z][A-Za-z]+-[A-Z][A-Za-z0-9]+$' -or ($Ast.Name -split '-')[0] -notin $verbs) { Add-Finding 'verb' $Ast.Extent 'functions are Verb-Noun with an approved verb' }
}

function Test-Gap($First, $Second) {
    # A type stands right before what it is for, or in a line of its own above it.
    $line = $First.EndLineNumber -eq $Second.StartLineNumber
    if ($line -and $Second.StartColumnNumber -gt $First.EndColumnNumber) { Add-Finding 'cast' $Second $rules.style.cast }
}

function Test-ParameterType($Ast) {
    foreach ($attribute in $Ast.Attributes) {
        if ($attribute -is [System.Management.Automation.Language.TypeConstraintAst]) { Test-Gap $attribute.Extent $Ast.Name.Extent }
    }
}

function Test-Table($Ast) {
    $members = @($Ast.KeyValuePairs)
    if (-not $members) { return }
    if ($Ast.Extent.StartLineNumber -eq $Ast.Extent.EndLineNumber) {
        if ($Ast.Extent.Text -cnotmatch '\A@\{ \S.*\S \}\z') { Add-Finding 'table' $Ast.Extent $rules.style.blank }
        if ($members.Count -gt $rules.style.members_in_one_line) { Add-Finding 'table' $Ast.Extent $rules.style.members }
        return
    }
    $line = $Ast.Extent.StartLineNumber
    foreach ($member in $members) {
        if ($member.Item1.Extent.StartLineNumber -le $line) { Add-Finding 'table' $member.Item1.Extent $rules.style.members }
        $line = $member.Item2.Extent.EndLineNumber
    }
}

function Test-CommentAbove($Tokens) {
    # By tokens, because comments are in no syntax tree.
    for ($at = 2; $at -lt $Tokens.Count; $at++) {
        $above = $Tokens[$at - 2]
        if ($Tokens[$at].Kind -eq 'Function' -and $above.Kind -eq 'Comment' -and $above.Extent.StartLineNumber -eq $Tokens[$at].Extent.StartLineNumber - 1) {
            Add-Finding 'comment' $above.Extent $rules.style.comment
        }
    }
}

function Test-Node($Ast, $Local) {
    $type = $Ast.GetType().Name
    if ($rules.nodes.ContainsKey($type)) { Add-Finding 'syntax' $Ast.Extent $rules.nodes[$type] }
    switch ($type) {
        'CommandAst' { Test-Command $Ast $Local }
        'FunctionDefinitionAst' { Test-Function $Ast }
        { $_ -in 'MemberExpressionAst', 'InvokeMemberExpressionAst' } { Test-Member $Ast }
        'BinaryExpressionAst' { Test-Localised $Ast }
        'HashtableAst' { Test-Table $Ast }
        'ParameterAst' { Test-ParameterType $Ast }
        { $Ast -is [System.Management.Automation.Language.AttributedExpressionAst] } { Test-Gap $Ast.Attribute.Extent $Ast.Child.Extent }
        { $_ -in 'BreakStatementAst', 'ContinueStatementAst' } { Test-Jump $Ast }
        'PipelineAst' { if ($Ast.Background) { Add-Finding 'syntax' $Ast.Extent 'a background pipeline is of 6.0' } }
        { $_ -in 'FileRedirectionAst', 'MergingRedirectionAst' } {
            if ($Ast.FromStream -eq 'Information') { Add-Finding 'syntax' $Ast.Extent 'stream 6 is of 5.0' }
        }
        { $_ -in 'TypeExpressionAst', 'TypeConstraintAst' } {
            if ($rules.types.ContainsKey([string] $Ast.TypeName)) { Add-Finding 'type' $Ast.Extent $rules.types[[string] $Ast.TypeName] }
        }
    }
}

function Test-Script($Case) {
    $script:findings = [System.Collections.Generic.List[object]]::new()
    $tokens = $parseErrors = $null
    $ast = [System.Management.Automation.Language.Parser]::ParseInput($Case.text, [ref] $tokens, [ref] $parseErrors)
    foreach ($one in $parseErrors) { Add-Finding 'parse' $one.Extent $one.Message }
    Test-Token $tokens
    Test-CommentAbove $tokens
    $local = @($ast.FindAll({ $args[0] -is [System.Management.Automation.Language.FunctionDefinitionAst] }, $true) | ForEach-Object { $_.Name })
    foreach ($node in $ast.FindAll({ $true }, $true)) { Test-Node $node $local }
    if ($Case.kind -eq 'operation') { Test-Head $ast $Case.text $tokens }
    $code = @($tokens | Where-Object { $_.Kind -notin 'Comment', 'NewLine', 'EndOfInput' } | ForEach-Object { "$($_.Kind) $($_.Text)" })
    [ordered] @{name = $Case.name; findings = @($script:findings); tokens = $code }
}

$answers = @([Console]::In.ReadToEnd() | ConvertFrom-Json | ForEach-Object { Test-Script $_ })
ConvertTo-Json -InputObject $answers -Depth 5 -Compress -EscapeHandling EscapeNonAscii
