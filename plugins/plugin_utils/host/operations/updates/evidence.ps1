# SPDX-License-Identifier: GPL-3.0-or-later
# What tells a whole update from a half one, and an Exchange that serves from one that is taken out.

function Get-ProductVersion {
    # Four numbers without leading zeros, as Windows compares them; null for anything else.
    param ([string]$Text)
    $Text = $Text.Trim()
    if ($Text -match '\A\d{1,5}(\.\d{1,5}){3}\z') {
        ($Text.Split('.') | ForEach-Object { [int]$_ }) -join '.'
    }
}

function Get-VersionFact {
    # No source lists the files that an update replaces. So all programs and libraries of this product
    # in Bin count: how many are of which version, the first names of each, and a digest over all.
    param ($Exchange)
    if (-not $Exchange -or -not $Exchange['install_path']) { throw 'the install path is not known' }
    $own = if ($Exchange['exsetup']) { Get-ProductVersion $Exchange['exsetup']['file_version'] }
    if (-not $own) { throw 'the version of ExSetup.exe is not known' }
    $product = (@($own.Split('.') | Select-Object -First 2) -join '.') + '.'
    $found = @{}
    $items = @(Get-ChildItem -LiteralPath ($Exchange['install_path'].TrimEnd('\') + '\Bin') -Force |
            Where-Object { -not $_.PSIsContainer -and $_.Name -match '\.(dll|exe)\z' })
    # Exchange has some 1,500 there; a folder that was filled up must not hold us (I5).
    foreach ($item in @($items | Select-Object -First 5000)) {
        $version = Get-ProductVersion ([string]$item.VersionInfo.FileVersion)
        if ($version -and $version.StartsWith($product, [StringComparison]::Ordinal)) {
            $found[$item.Name.ToLowerInvariant()] = $version
        }
    }
    ConvertTo-VersionFact $found ($items.Count -gt 5000)
}

function ConvertTo-VersionFact {
    param ($Found, [bool]$Truncated)
    $names = @(Get-SortedText @($Found.get_Keys()))
    $lines = New-Object Text.StringBuilder
    $groups = @{}
    foreach ($name in $names) {
        $version = $Found[$name]
        [void]$lines.Append($name).Append('|').Append($version).Append("`n")
        if (-not $groups.ContainsKey($version)) { $groups[$version] = New-Object Collections.ArrayList }
        [void]$groups[$version].Add($name)
    }
    $versions = @(Get-SortedText @($groups.get_Keys()))
    [ordered]@{
        files = $names.Count
        sha256 = Get-ByteHash ([Text.Encoding]::UTF8.GetBytes($lines.ToString()))
        truncated = $Truncated -or $versions.Count -gt 30
        versions = @(foreach ($version in @($versions | Select-Object -First 30)) {
                [ordered]@{ version = $version; files = $groups[$version].Count; names = @($groups[$version] | Select-Object -First 5) }
            })
    }
}

function Get-ComponentRow {
    # What requesters have said about components on this server, in its registry ("1:<state>:<ticks>").
    # What stands in Active Directory only is not seen. [MEM] the numbers of the states.
    param ($Exchange)
    if (-not $Exchange -or -not $Exchange['registry_key']) { throw 'the setup key of Exchange is not known' }
    $states = @{ '0' = 'Inactive'; '1' = 'Active'; '2' = 'Draining' }
    $root = "HKLM:\SOFTWARE\Microsoft\ExchangeServer\$($Exchange['registry_key'])\ServerComponentStates"
    foreach ($component in Get-SortedText @(Get-RegistrySubKey $root)) {
        $key = Get-Item -LiteralPath "$root\$component" -Force
        foreach ($requester in Get-SortedText @($key.GetValueNames())) {
            $row = [ordered]@{ component = $component; requester = $requester; state = $null; changed = $null }
            if (([string]$key.GetValue($requester)) -match '\A1:([012]):([1-9]\d{17})\z') {
                $row['state'] = $states[$matches[1]]
                $row['changed'] = ConvertTo-IsoDate (New-Object DateTime ([long]$matches[2]), ([DateTimeKind]::Utc))
            }
            $row
        }
    }
}
