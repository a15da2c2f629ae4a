# SPDX-License-Identifier: GPL-3.0-or-later
# IIS configuration files, read as XML without entities, resolver and DTD.
# get_X() and not .X: an attribute called "Name" or "ChildNodes" would hide the property.

function Get-XmlLimit {
    # Exchange's largest configuration files stay below 1 MiB.
    4194304
}

function New-XmlReaderSetting {
    $settings = New-Object Xml.XmlReaderSettings
    $settings.DtdProcessing = 'Prohibit'
    $settings.XmlResolver = $null
    $settings.IgnoreComments = $true
    $settings.MaxCharactersInDocument = Get-XmlLimit
    $settings
}

function Read-XmlFile {
    # The root element; null where the file does not exist.
    param ([string]$Path)
    try {
        $stream = [IO.File]::Open((Resolve-NativePath $Path), 'Open', 'Read', 'ReadWrite')
    } catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException], [Management.Automation.DriveNotFoundException] {
        # A drive that is gone holds no file either.
        return $null
    }
    try {
        if ($stream.Length -gt (Get-XmlLimit)) { throw "larger than $(Get-XmlLimit) bytes" }
        $document = New-Object Xml.XmlDocument
        $document.XmlResolver = $null
        $document.Load([Xml.XmlReader]::Create($stream, (New-XmlReaderSetting)))
    } finally {
        $stream.Close()
    }
    , $document.get_DocumentElement()
}

function Get-XmlChild {
    # The child elements of these names, by local name; nothing below a missing element.
    param ($Element, [string[]]$Name)
    if ($null -eq $Element) { return }
    foreach ($child in $Element.get_ChildNodes()) {
        if ($child -is [Xml.XmlElement] -and ($Name -ccontains $child.get_LocalName())) { $child }
    }
}

function Get-XmlPath {
    # The elements at a/b/c below an element; sections may stand more than once.
    param ($Element, [string]$Path)
    $found = @($Element)
    foreach ($name in $Path.Split('/')) {
        $found = @(foreach ($item in $found) { Get-XmlChild $item $name })
    }
    $found
}

function Get-XmlText {
    param ($Element, [string]$Name, $Default = $null)
    if ($null -ne $Element -and $Element.HasAttribute($Name)) { return $Element.GetAttribute($Name) }
    $Default
}

function Get-XmlFlag {
    param ($Element, [string]$Name, $Default)
    $text = Get-XmlText $Element $Name
    if ($null -eq $text) { return $Default }
    if ($text -eq 'true') { return $true }
    if ($text -eq 'false') { return $false }
    throw "$Name is '$text', neither true nor false"
}

function Get-XmlChoice {
    # One of the schema's names in its own spelling; the first one is the default.
    param ($Element, [string]$Name, [string[]]$Choice)
    $text = Get-XmlText $Element $Name $Choice[0]
    foreach ($item in $Choice) {
        if ($item -eq $text) { return $item }
    }
    throw "$Name is '$text', none of $($Choice -join ', ')"
}

function Get-XmlNumber {
    param ($Element, [string]$Name)
    $text = Get-XmlText $Element $Name
    if ($null -ne $text) { [uint32]::Parse($text, [Globalization.CultureInfo]::InvariantCulture) }
}

function Get-ApplicationHostPath {
    # Shared configuration: redirection.config names another folder.
    $folder = "$env:windir\System32\inetsrv\config"
    $redirection = @(Get-XmlPath (Read-XmlFile "$folder\redirection.config") 'configurationRedirection')[-1]
    if ((Get-XmlFlag $redirection 'enabled' $false)) {
        $folder = (Expand-Environment (Get-XmlText $redirection 'path')).TrimEnd('\')
    }
    "$folder\applicationHost.config"
}

function Get-IisConfiguration {
    # Null where IIS is not installed.
    Assert-NativeProcess
    $path = Get-ApplicationHostPath
    $root = Read-XmlFile $path
    if ($null -eq $root) {
        if (Test-RegistryKey 'HKLM:\SOFTWARE\Microsoft\InetStp') { throw "IIS is installed, but $path does not exist" }
        return $null
    }
    @{ file = $path; root = $root; sites = @(Get-SiteFact $root) }
}
