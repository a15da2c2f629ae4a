# SPDX-License-Identifier: GPL-3.0-or-later
# The URL Rewrite module of IIS: what shows that it is there, what needs it, and our record of it,
# %ProgramData%\ExchangeRemediation\modules\url-rewrite.json, written before we install it.

function Get-LibraryFact {
    # Null where it does not exist.
    param ([string]$Path)
    if (-not (Test-Path -LiteralPath $Path)) { return $null }
    $version = ([string](Get-Item -LiteralPath $Path -Force).VersionInfo.FileVersion).Trim()
    [ordered]@{ path = $Path; file_version = if ($version) { $version } }
}

function Test-Word {
    # All words stand in a text, in any case and culture.
    param ([string]$Text, [string[]]$Words)
    foreach ($word in $Words) {
        if ($Text.IndexOf($word, [StringComparison]::OrdinalIgnoreCase) -lt 0) { return $false }
    }
    $true
}

function Get-ModuleProduct {
    # Products of Windows Installer with one of these codes, or with all words in their name.
    param ([string[]]$Codes, [string[]]$Words)
    $root = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
    foreach ($code in Get-SortedText @(Get-RegistrySubKey $root)) {
        if ($code -notmatch '\A\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}\z') { continue }
        $name = Get-RegistryText "$root\$code" 'DisplayName'
        if ($Codes -notcontains $code -and -not (Test-Word $name $Words)) { continue }
        [ordered]@{
            product_code = $code.ToUpperInvariant()
            name = $name
            version = Get-RegistryText "$root\$code" 'DisplayVersion'
            language = Get-RegistryNumber "$root\$code" 'Language'
            install_source = Get-RegistryText "$root\$code" 'InstallSource'
        }
    }
}

function Get-ModulePresence {
    # Three witnesses: the key that the MSI writes, the library, the product.
    param ([string[]]$Codes, [string[]]$Words)
    Assert-NativeProcess
    $key = 'HKLM:\SOFTWARE\Microsoft\IIS Extensions\URL Rewrite'
    [ordered]@{
        registered = Test-RegistryKey $key
        registry_version = Get-RegistryText $key 'Version'
        library = Get-LibraryFact "$env:windir\System32\inetsrv\rewrite.dll"
        products = @(Get-ModuleProduct $Codes $Words)
    }
}

function Test-ModulePresence {
    # True when any witness says that it is there.
    param ($Presence)
    [bool]($Presence['registered'] -or $Presence['library'] -or @($Presence['products']).Count)
}

function Get-RewriteUse {
    # The files with a <rewrite> section: without the module IIS answers 500.19 where they count.
    # Null when one of them cannot be read.
    param ($Context)
    $configuration = Get-ConfigurationOnce $Context
    if ($null -eq $configuration) { return , @() }
    $roots = @{}
    $roots[$configuration['file']] = $configuration['root']
    $whole = $true
    foreach ($place in Get-WebConfigPlace $configuration['root']) {
        if ($roots.ContainsKey($place['file'])) { continue }
        $roots[$place['file']] = $null
        try {
            $roots[$place['file']] = Read-XmlFile $place['file']
        } catch {
            Add-PartError 'uses' ('{0}: {1}' -f $place['file'], $_.Exception.GetBaseException().Message)
            $whole = $false
        }
    }
    if (-not $whole) { return $null }
    , @(Get-SortedText @($roots.get_Keys() | Where-Object { Test-RewriteSection $roots[$_] }))
}

function Test-RewriteSection {
    # Here, or in a location of this file.
    param ($Root)
    $holders = @($Root) + @(Get-XmlChild $Root 'location')
    [bool]@($holders | ForEach-Object { Get-XmlPath $_ 'system.webServer/rewrite' }).Count
}

function Get-InstallLanguage {
    # The language in which Windows was installed, else that of its system locale.
    $path = 'HKLM:\SYSTEM\CurrentControlSet\Control\Nls\Language'
    $code = Get-RegistryText $path 'InstallLanguage'
    if (-not $code) { $code = Get-RegistryText $path 'Default' }
    if ($code) { [Globalization.CultureInfo]::GetCultureInfo([Convert]::ToInt32($code, 16)).Name }
}

function Read-ModuleRecord {
    # Null where there is none.
    $folder = Get-StateFolder 'modules'
    if ($folder) { Read-UndoFile (Join-Path $folder 'url-rewrite.json') }
}
