# SPDX-License-Identifier: GPL-3.0-or-later
# Runs cases that arrive as JSON lines, each in a fresh runspace of this one process, as psrp would:
# {setup, script, language_mode, environment{}, inputs: [[line, ...], ...]}. Several inputs run at
# the same time. Answers one JSON line: a list of {output: [...], errors: [...]}.
$ErrorActionPreference = 'Stop'
while ($null -ne ($line = [Console]::In.ReadLine())) {
    $case = $line | ConvertFrom-Json -DateKind String
    foreach ($variable in $case.environment.PSObject.Properties) {
        [Environment]::SetEnvironmentVariable($variable.Name, $variable.Value)
    }
    $running = foreach ($lines in $case.inputs) {
        $runspace = [runspacefactory]::CreateRunspace()
        $runspace.Open()
        $shell = [powershell]::Create()
        $shell.Runspace = $runspace
        [void] $shell.AddScript($case.setup).Invoke()
        $shell.Commands.Clear()
        $runspace.SessionStateProxy.LanguageMode = $case.language_mode
        [void] $shell.AddScript($case.script)
        $data = [System.Management.Automation.PSDataCollection[psobject]]::new()
        foreach ($text in $lines) { $data.Add($text) }
        $data.Complete()
        [pscustomobject] @{shell = $shell; runspace = $runspace; handle = $null; data = $data }
    }
    foreach ($one in $running) { $one.handle = $one.shell.BeginInvoke($one.data) }
    $answers = foreach ($one in $running) {
        $output = @()
        $errors = @()
        try {
            $output = @($one.shell.EndInvoke($one.handle) | ForEach-Object { [string] $_ })
        } catch {
            $errors += [string] $_
        }
        $errors += @($one.shell.Streams.Error | ForEach-Object { [string] $_ })
        $one.shell.Dispose()
        $one.runspace.Dispose()
        @{output = $output; errors = $errors }
    }
    [Console]::Out.WriteLine((ConvertTo-Json -Compress -Depth 4 -EscapeHandling EscapeNonAscii -InputObject @($answers)))
}
