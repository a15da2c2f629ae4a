# SPDX-License-Identifier: GPL-3.0-or-later
# Services: those that Exchange is and needs, and the anti-malware products that are known by name.

function Get-ServiceTable {
    # All at once: Get-Service with a name asks for all of them each time. Single services may refuse.
    $table = @{}
    foreach ($service in Get-Service -ErrorAction SilentlyContinue) {
        $table[$service.Name] = $service
    }
    if ($table.Count -eq 0) { throw 'no service could be read' }
    $table
}

function Get-ServicePattern {
    '^(MSExchange.*|MSComplianceAudit|HostControllerService|SearchExchangeTracing|FMS|ADAM_MSExchange|' +
    'W3SVC|WAS|IISADMIN|AppHostSvc|WinRM|ClusSvc|WinMgmt|MpsSvc|RpcEptMapper|EventLog|BITS|pla)$'
}

function Get-ServiceFact {
    # get_Keys(), because a service may be named Keys.
    param ($Services)
    $pattern = Get-ServicePattern
    foreach ($name in Get-SortedText @($Services.get_Keys() -match $pattern)) {
        [ordered]@{
            name = $name
            status = [string]$Services[$name].Status
            start_type = Get-StartType $name
            image_path = Get-RegistryText "HKLM:\SYSTEM\CurrentControlSet\Services\$name" 'ImagePath'
        }
    }
}

function Get-AntimalwareProduct {
    # Service name -> product. A product that is not listed here is not seen.
    [ordered]@{
        WinDefend = 'Microsoft Defender Antivirus'
        Sense = 'Microsoft Defender for Endpoint'
        MsMpSvc = 'Microsoft System Center Endpoint Protection'
        McShield = 'McAfee / Trellix VirusScan'
        mfetp = 'McAfee / Trellix Endpoint Security'
        SepMasterService = 'Symantec Endpoint Protection'
        SAVService = 'Sophos Anti-Virus'
        'Sophos Endpoint Defense Service' = 'Sophos Endpoint Defense'
        ntrtscan = 'Trend Micro OfficeScan / Apex One'
        ds_agent = 'Trend Micro Deep Security'
        ekrn = 'ESET'
        AVP = 'Kaspersky'
        klnagent = 'Kaspersky Network Agent'
        CSFalconService = 'CrowdStrike Falcon'
        SentinelAgent = 'SentinelOne'
        CylanceSvc = 'Cylance'
        CbDefense = 'VMware Carbon Black Cloud'
        CarbonBlack = 'VMware Carbon Black EDR'
        cyserver = 'Palo Alto Cortex XDR'
        xagt = 'FireEye / Trellix Endpoint'
        EPSecurityService = 'Bitdefender Endpoint Security'
        WRSVC = 'Webroot'
        MBAMService = 'Malwarebytes'
        fshoster = 'WithSecure / F-Secure'
        'Elastic Endpoint' = 'Elastic Endpoint'
    }
}

function Get-AntimalwareFact {
    param ($Services)
    $products = Get-AntimalwareProduct
    foreach ($name in Get-SortedText @($products.Keys)) {
        if ($Services.ContainsKey($name)) {
            [ordered]@{
                product = $products[$name]
                service = $name
                status = [string]$Services[$name].Status
                start_type = Get-StartType $name
            }
        }
    }
}
